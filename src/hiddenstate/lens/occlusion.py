"""WHAT CHANGES WITHOUT IT? The state after some inputs, beside the states it has without each one of them.

What is left out is left out: the stack really reads the sequence without it, one step shorter. All that is
read so far, and all that is read without one part of it, are rows of a batch which goes on together.
Letters: n steps, F features, B rows: first the whole, then what is read without part 0, 1, ...; W width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hiddenstate.errors import InvalidArgument
from hiddenstate.infer import Inside, Stack
from hiddenstate.lens.passes import refuse_infinite

AT_ONCE = 64  # steps of one call: bounds the memory that a long part takes
NUMBERS = 1 << 24  # of a batch that is read anew, the most at once


@dataclass(frozen=True)
class Held:
    """What each part still holds after the last of them: `amount` [parts] of the state.

    Of a model with a head also `effect` [parts] on the score of the answer `predicted`.
    """

    amount: np.ndarray
    effect: np.ndarray | None = None
    predicted: int | None = None


def first_output(stack: Stack) -> np.ndarray:
    """What a stack puts out before it has read anything, [W]: its first state, or zeros if that is none."""
    names = [state.name for state in stack.cell.states]
    if stack.cell.output not in names:
        return np.zeros(stack.output_width, stack.dtype)
    rows = stack.initial_state(1)[names.index(stack.cell.output)]
    return np.concatenate(rows[-2 if stack.bidirectional else -1 :, 0])


def ended(stack: Stack, output: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The states [B, W] of sequences that were read whole: of a direction that reads backwards, its last."""
    rows = np.arange(output.shape[1])
    found = np.where(lengths[:, None] > 0, output[lengths - 1, rows], first_output(stack))
    if stack.bidirectional:
        half = output.shape[-1] // 2
        found[:, half:] = np.where(lengths[:, None] > 0, output[0], first_output(stack))[:, half:]
    return found


def occlusion(inside: Inside) -> Forwards | Anew:
    """Begin a sequence: feed it part by part, and have after each what every part holds."""
    return Anew(inside) if inside.stack.bidirectional else Forwards(inside)


class Forwards:
    """A stack that reads forwards: a part more costs a step of each row."""

    def __init__(self, inside: Inside) -> None:
        self.stack = inside.stack
        self.steps = 0
        self._states = self.stack.initial_state(1)
        self._output = first_output(self.stack)[None]
        self._heard = None if inside.head is None else inside.head.begun(1)

    def feed(self, x: np.ndarray) -> Held:
        """Take a part of one or more steps [n, F].

        Raises InvalidArgument where a state is not finite.
        """
        # until now, the whole is also what will have been read without this part
        states, output = [rows[:, :1] for rows in self._states], self._output[:1]
        heard = None if self._heard is None else self._heard.rows([0])
        for start in range(0, len(x), AT_ONCE):
            piece = x[start : start + AT_ONCE]
            batch = np.ascontiguousarray(
                np.broadcast_to(piece[:, None], (len(piece), len(self._output), x.shape[1]))
            )
            outputs, self._states = self.stack.run(batch, self._states)
            refuse_infinite(outputs, "the state", self.steps)
            self.steps += len(piece)
            self._output = outputs[-1]
            if self._heard is not None:
                self._heard = self._heard.feed(outputs)
        self._states = tuple(np.concatenate(pair, 1) for pair in zip(self._states, states, strict=True))
        self._output = np.concatenate([self._output, output])
        if self._heard is None or heard is None:
            return held(self._output)
        self._heard = self._heard.beside(heard)
        return held(self._output, self._heard.scores())


class Anew:
    """A stack that also reads backwards: each beginning is read anew, and without each of its parts."""

    def __init__(self, inside: Inside) -> None:
        self.stack, self.head = inside.stack, inside.head
        self._x = np.zeros((0, self.stack.input_size), self.stack.dtype)
        self._ends = [0]

    @property
    def steps(self) -> int:
        """How many steps were fed."""
        return len(self._x)

    def feed(self, x: np.ndarray) -> Held:
        """Take a part of one or more steps [n, F].

        Raises InvalidArgument where a state is not finite.
        """
        self._x = np.concatenate([self._x, x])
        self._ends.append(len(self._x))
        T, rows = len(self._x), len(self._ends)
        together = max(1, NUMBERS // (T * (self.stack.input_size + self.stack.output_width)))
        states, scores = zip(
            *(self._read(range(start, min(start + together, rows))) for start in range(0, rows, together)),
            strict=True,
        )
        return held(np.concatenate(states), None if self.head is None else np.concatenate(scores))

    def _read(self, rows: range) -> tuple[np.ndarray, np.ndarray | None]:
        """The states and the scores of some rows: the whole, and what is left without part 0, 1, ..."""
        T = len(self._x)
        batch = np.zeros((T, len(rows), self._x.shape[1]), self._x.dtype)
        lengths = np.full(len(rows), T)
        for place, row in enumerate(rows):
            first, last = (0, 0) if row == 0 else self._ends[row - 1 : row + 1]
            lengths[place] = T - (last - first)
            batch[: lengths[place], place] = np.delete(self._x, slice(first, last), 0)
        output, _ = self.stack.run(batch, lengths=lengths)
        refuse_infinite(output, "the state")
        scores = None if self.head is None else self.head.scores(output, lengths)
        return ended(self.stack, output, lengths), scores


def held(states: np.ndarray, scores: np.ndarray | None = None) -> Held:
    """What each part holds, from states [B, W] and scores [B, K] of the whole and of it without a part."""
    states = states.astype(np.float64)
    amount = np.linalg.norm(states[1:] - states[0], axis=1)
    if scores is None:
        return Held(amount)
    best = best_of(scores[0])
    return Held(amount, scores[0, best].astype(np.float64) - scores[1:, best].astype(np.float64), best)


def best_of(scores: np.ndarray) -> int:
    """The answer with the highest of the scores [K]; raises InvalidArgument where one is no number."""
    if not np.isfinite(scores).all():
        raise InvalidArgument(
            "the scores of the answers are not finite, so nothing can be said of what they hold: the weights "
            "of the head hold NaN or infinity; train again with a smaller learning rate"
        )
    return int(scores.argmax())
