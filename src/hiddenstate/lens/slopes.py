"""WHAT WOULD A SMALL CHANGE DO? What inputs hold of a state, by derivatives: Jacobians, and along a path.

Both go back from a moment through the derivatives that are derived from the cell's equations, in float64.
Letters: T steps up to the moment, F features, W width of the state, S derivatives at once, P points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.infer import Inside, Stack
from hiddenstate.lens.occlusion import Held, best_of, ended
from hiddenstate.lens.passes import Pass

NUMBERS = 1 << 24  # held at once on the way back
TOLERANCE = 0.01  # by which attributions may miss the difference that they add up to
MOST_POINTS = 2048
PLACES, WEIGHTS = (np.polynomial.legendre.leggauss(8) + np.array([[1.0], [0.0]])) / 2  # on a line from 0 to 1


def jacobians(inside: Inside, x: np.ndarray, ends: Sequence[int], moments: Sequence[int]) -> list[Held]:
    """The Frobenius norm of the derivative of the state after each moment by each part of x [T, F].

    `ends` says after which step each part ends, `moments` after which parts to look. `effect` is the norm of
    the derivative of the predicted answer's score.
    """
    runs, found = _Runs(inside, x[:, None].astype(np.float64)), []
    for moment in moments:
        T = ends[moment]
        run = runs.until(T)
        W, F = run.output.shape[-1], x.shape[1]
        squares = np.zeros(T)
        together = max(1, NUMBERS // (T * max(W, F)))
        for first in range(0, W, together):
            rows = np.eye(W)[first : first + together, None]
            squares += _derivatives(run, _of_state(inside.stack, T, rows), T, len(rows), F)
        effect, best = None, None
        if inside.head is not None:
            scores, lengths = inside.head.scores(run.output[:T], np.array([T]))[0], np.array([T])
            best = best_of(scores)
            slopes = inside.head.slopes(run.output[:T], lengths, np.eye(len(scores))[[best]][None])
            effect = np.sqrt(_summed(_derivatives(run, dict(enumerate(slopes)), T, 1, F), ends[: moment + 1]))
        found.append(Held(np.sqrt(_summed(squares, ends[: moment + 1])), effect, best))
    return found


@dataclass(frozen=True)
class Completeness:
    """How many points a way was measured at, and by which part of it attributions miss the difference: each
    the most of all moments."""

    points: int
    missed: float

    @property
    def holds(self) -> bool:
        """Whether attributions add up to the difference, within 1 %."""
        return self.missed <= TOLERANCE


def integrated(
    inside: Inside, x: np.ndarray, baseline: np.ndarray, ends: Sequence[int], moments: Sequence[int]
) -> tuple[list[Held], Completeness]:
    """The derivative by each part of x [T, F], integrated along the straight line from a baseline [F].

    Of the state h the scalar (h(x) - h(baseline)) . d / (d . d) is taken, d the whole difference, so that
    attributions add up to 1; those of the score to the score's difference. The pieces of the line over which
    they add up worst are halved, until they do within 1 % over the whole line, or MOST_POINTS are taken.
    """
    ways = [_Way(inside, x, baseline, ends, moment) for moment in moments]
    for way in ways:
        way.walk()
    return [way.held() for way in ways], Completeness(
        max(way.points for way in ways), max(way.missed for way in ways)
    )


class _Way:
    """The straight line from the baseline to x up to one moment: place 0 to place 1."""

    def __init__(
        self, inside: Inside, x: np.ndarray, baseline: np.ndarray, ends: Sequence[int], moment: int
    ) -> None:
        self.inside, self.ends, self.T = inside, ends[: moment + 1], ends[moment]
        self.start = np.broadcast_to(baseline.astype(np.float64), (self.T, x.shape[1]))
        self.away = x[: self.T] - self.start
        both, lengths = self._run(np.array([0.0, 1.0])), np.full(2, self.T)
        self.before, after = ended(inside.stack, both.output, lengths)
        difference = after - self.before
        size = float(difference @ difference)
        self.along = difference / size if size else difference
        self.wanted = np.array([1.0 if size else 0.0])  # what attributions add up to
        self.points, self.answer = 0, None
        if inside.head is not None:
            scores = inside.head.scores(both.output, lengths)
            self.best = best_of(scores[1])
            self.answer = np.eye(len(scores[1]))[self.best]
            self.wanted = np.append(self.wanted, scores[1, self.best] - scores[0, self.best])

    def walk(self) -> None:
        """Integrate: `found` [1 or 2, T] of the state, and of the score."""
        pieces = np.array([[0.0, 0.5], [0.5, 1.0]])
        found, misses = self._over(pieces)
        while not self._holds(found, misses) and self.points < MOST_POINTS:
            # halve those that miss most, of the state or of the score
            badness = (np.abs(misses) / np.maximum(np.abs(misses).sum(0), 1e-300)).max(1)
            worst = badness >= badness.max() / 4
            middles = pieces[worst].mean(1)
            halves = np.stack([np.append(pieces[worst, 0], middles), np.append(middles, pieces[worst, 1])], 1)
            more, more_misses = self._over(halves)
            pieces = np.concatenate([pieces[~worst], halves])
            found = np.concatenate([found[~worst], more])
            misses = np.concatenate([misses[~worst], more_misses])
        self.found = found.sum(0)
        self.missed = float((np.abs(misses.sum(0)) / self._whole).max())

    @property
    def _whole(self) -> np.ndarray:
        """What attributions add up to, or 1 where that is nothing."""
        return np.where(self.wanted, np.abs(self.wanted), 1.0)

    def _holds(self, found: np.ndarray, misses: np.ndarray) -> bool:
        """Whether attributions add up to the difference, and no error hides behind one of the other sign."""
        sizes = np.maximum(np.abs(found.sum(0)).sum(1), self._whole)
        adds_up = (np.abs(misses.sum(0)) <= TOLERANCE * self._whole).all()
        return bool(adds_up and (np.abs(misses).sum(0) <= TOLERANCE * sizes).all())

    def _over(self, pieces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Attributions over each piece [N, 2] of the way, [N, kinds, T], and what they miss, [N, kinds]."""
        width = pieces[:, 1] - pieces[:, 0]
        places = np.concatenate([pieces, pieces[:, :1] + width[:, None] * PLACES], 1)  # with both ends
        weights = np.concatenate([np.zeros_like(pieces), width[:, None] * WEIGHTS], 1)
        whose = np.repeat(np.arange(len(pieces)), places.shape[1])
        found = np.zeros((len(pieces), len(self.wanted), self.T))
        values = np.zeros((places.size, len(self.wanted)))
        numbers = self.T * (self.away.shape[1] + (3 + len(self.wanted)) * len(self.along))
        together = max(1, NUMBERS // numbers)
        for first in range(0, places.size, together):
            rows = slice(first, first + together)
            self._add(places.ravel()[rows], weights.ravel()[rows], whose[rows], found, values[rows])
        self.points += len(pieces) * len(PLACES)
        at_ends = values.reshape(len(pieces), -1, len(self.wanted))[:, :2]
        return found, found.sum(2) - (at_ends[:, 1] - at_ends[:, 0])

    def _add(
        self,
        places: np.ndarray,
        weights: np.ndarray,
        whose: np.ndarray,
        found: np.ndarray,
        values: np.ndarray,
    ) -> None:
        """Go back from some places: to `found` what they add to each piece, to `values` what is there."""
        run, lengths, B = self._run(places), np.full(len(places), self.T), len(places)
        state = np.zeros((len(self.wanted), B, len(self.along)))
        state[0] = weights[:, None] * self.along
        values[:, 0] = (ended(self.inside.stack, run.output, lengths) - self.before) @ self.along
        seeds = _of_state(self.inside.stack, self.T, state)
        if self.inside.head is not None:
            values[:, 1] = self.inside.head.scores(run.output, lengths)[:, self.best]
            slopes = self.inside.head.slopes(run.output, lengths, weights[:, None] * self.answer)
            for step, slope in enumerate(slopes):
                of_score = np.stack([np.zeros_like(slope), slope])
                seeds[step] = seeds[step] + of_score if step in seeds else of_score

        def take(step: int, dx: np.ndarray) -> None:
            np.add.at(found[:, :, step], whose, (dx * self.away[step]).sum(2).T)

        run.back(seeds, take=take)

    def _run(self, places: np.ndarray) -> Pass:
        return Pass(self.inside.stack, self.start[:, None] + self.away[:, None] * places[:, None])

    def held(self) -> Held:
        """What each part holds."""
        amount = _summed(self.found[0], self.ends)
        if self.inside.head is None:
            return Held(amount)
        return Held(amount, _summed(self.found[1], self.ends), self.best)


class _Runs:
    """Passes over the beginnings of x: one for all of them, or one for each that is read backwards too."""

    def __init__(self, inside: Inside, x: np.ndarray) -> None:
        self.stack, self.x = inside.stack, x
        self.whole = None if inside.stack.bidirectional else Pass(inside.stack, x)

    def until(self, T: int) -> Pass:
        return self.whole if self.whole is not None else Pass(self.stack, self.x[:T])


def _of_state(stack: Stack, T: int, wanted: np.ndarray) -> dict[int, np.ndarray]:
    """Derivatives by the state after T steps [S, B, W], as seeds of the outputs in which it stands."""
    if not stack.bidirectional:
        return {T - 1: wanted}
    ahead, back, half = wanted.copy(), wanted.copy(), wanted.shape[-1] // 2
    ahead[..., half:], back[..., :half] = 0.0, 0.0
    return {0: ahead + back} if T == 1 else {T - 1: ahead, 0: back}


def _derivatives(run: Pass, seeds: dict[int, np.ndarray], T: int, rows: int, F: int) -> np.ndarray:
    """The sum of squares of the derivatives by each of T steps of the input."""
    found = np.zeros((T, rows, 1, F))

    def take(step: int, dx: np.ndarray) -> None:
        found[step] += dx  # of both directions, before they are squared

    run.back(seeds, take=take)
    return np.asarray((found**2).sum((1, 2, 3)))


def _summed(values: np.ndarray, ends: Sequence[int]) -> np.ndarray:
    """The sums of values [T] over parts that end after so many steps."""
    return np.add.reduceat(values, [0, *ends[:-1]])
