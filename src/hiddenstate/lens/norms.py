"""The norm of a gradient at every step, layer, direction and state, by its distance from where it set out.

Letters: T steps, B sequences of N in all, F features, W width of the output, S derivatives taken back at
once, L layers, D directions, C states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.infer import Head, Stack
from hiddenstate.lens.passes import Pass, Seeds

DIRECTIONS = 4  # random ones, of which the root mean square is taken
HELD = 2**24  # numbers that are held at once of a few kinds: 128 MiB

Begin = Callable[[Pass, np.ndarray], Seeds]


@dataclass(frozen=True)
class Norms:
    """Norms [L, D, C, T, N] by distance to the end that each direction reads last; NaN past a beginning.

    `states` names C; where a cell has several, the last is all of them `together`.
    """

    values: np.ndarray
    states: tuple[str, ...]


def norms_back(stack: Stack, sequences: Sequence[np.ndarray], begin: Begin) -> Norms:
    """Go back through sequences [T, F] from where `begin(pass, which)` sets out, a few of them at a time.

    `begin` gives the seeds of a pass over the sequences numbered `which` [B]; norms of several derivatives of
    one sequence are their root mean square. Raises InvalidArgument where a number is not finite.
    """
    states = [state.name for state in stack.cell.states]
    longest, directions = max(map(len, sequences)), 2 if stack.bidirectional else 1
    values = np.full((stack.num_layers, directions, len(states), longest, len(sequences)), np.nan)
    for which in _batches(stack, [len(x) for x in sequences]):
        lengths = np.array([len(sequences[each]) for each in which])
        x = np.zeros((lengths.max(), len(which), stack.input_size))
        for column, each in enumerate(which):
            x[: lengths[column], column] = sequences[each]
        run = Pass(stack, x, lengths)
        found = np.zeros((*values.shape[:3], lengths.max(), len(which)))

        def watch(layer: int, direction: int, step: int, seen: object, into=found, ends=lengths) -> None:  # type: ignore[no-untyped-def]
            distance = np.full(len(ends), step) if direction else ends - 1 - step
            here = distance >= 0
            for place, name in enumerate(states):
                into[layer, direction, place, distance[here], here.nonzero()[0]] += _size(seen[name])[here]  # type: ignore[index]

        run.back(begin(run, which), watched=states, watch=watch)
        found[np.isnan(found)] = np.inf  # infinity times zero, past what a number can hold
        found[..., np.arange(lengths.max())[:, None] >= lengths] = np.nan
        values[:, :, :, : lengths.max(), which] = found
    if len(states) > 1:
        values = np.concatenate([values, _together(values)], 2)
        states.append("together")
    return Norms(values, tuple(states))


def from_last(stack: Stack, count: int, seed: int) -> Begin:
    """Set out from the last output of each direction alone, along random unit vectors."""
    directions = 2 if stack.bidirectional else 1
    width = stack.output_width // directions
    drawn = np.random.default_rng(seed).normal(size=(DIRECTIONS, count, directions, width))
    drawn /= np.linalg.norm(drawn, axis=-1, keepdims=True)

    def begin(run: Pass, which: np.ndarray) -> Seeds:
        seeds: dict[int, np.ndarray] = {}
        for direction in range(directions):
            ends = np.zeros_like(run.lengths) if direction else run.lengths - 1
            part = slice(direction * width, (direction + 1) * width)
            for step in np.unique(ends).tolist():
                seed = seeds.setdefault(step, np.zeros((DIRECTIONS, len(which), stack.output_width)))
                here = np.flatnonzero(ends == step)
                seed[:, here, part] = drawn[:, which[here], direction]
        return seeds

    return begin


def from_loss(head: Head, answers: np.ndarray) -> Begin:
    """Set out from the cross-entropy of a head's scores, of each sequence; `answers` [N] are its places."""

    def begin(run: Pass, which: np.ndarray) -> Seeds:
        scores = head.scores(run.output, run.lengths)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        shares[np.arange(len(which)), answers[which]] -= 1
        slopes = head.slopes(run.output, run.lengths, shares[None])
        return dict(enumerate(slopes))

    return begin


def _batches(stack: Stack, lengths: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield the places of sequences of about one length, as many as are to be held at once."""
    order = np.argsort(lengths, kind="stable")[::-1]
    while order.size:
        wide = max(1, lengths[order[0]] * max(stack.output_width, stack.input_size) * 4)
        count = max(1, HELD // wide)
        yield order[:count]
        order = order[count:]


def _size(found: np.ndarray) -> np.ndarray:
    """The root mean square over S of the norms of [S, B, width]; extreme numbers keep their digits."""
    largest = np.abs(found).max((0, 2), initial=0.0)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    with np.errstate(all="ignore"):
        squares = ((found / scale[:, None]) ** 2).sum(2).mean(0)
        return np.asarray(scale * np.sqrt(squares))


def _together(values: np.ndarray) -> np.ndarray:
    largest = values.max(2, keepdims=True)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    with np.errstate(all="ignore"):
        return np.asarray(scale * np.sqrt(((values / scale) ** 2).sum(2, keepdims=True)))
