"""A sequence that arrives bit by bit, read without torch: the state is carried from piece to piece."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from hiddenstate.errors import InvalidArgument, Unsupported

if TYPE_CHECKING:
    from hiddenstate.infer.stack import Stack

_FLOAT32 = np.dtype(np.float32)


class Stream:
    """A stack with the state of a running sequence; make one with `stack.stream()`.

    `batch` None: one sequence, fed a step [F] or several [n, F]. Else B sequences, fed a step [B, F] or
    several [n, B, F]. However a sequence is cut, the numbers are those of one run of the stack.
    `layers.Stream` is the same in torch.
    """

    def __init__(self, stack: Stack, batch: int | None = None) -> None:
        self.stack, self.batch = stack, batch
        self._rows = 1 if batch is None else batch
        self.reset()

    def reset(self) -> None:
        """Begin a new sequence, with the weights that the stack has now."""
        first = self.stack.initial_state(self._rows)
        self._core = self.stack.core_stream(first)
        self._states, self._count = first, 0
        self._step: tuple[int, ...] | None = None  # the shape of a step that the core takes as it is
        if self._core is not None:
            shape = () if self.batch is None else (self.batch,)
            self._step = (*shape, self.stack.input_size)
            self._feed = self._core.feed_arrays
            self._empty = partial(np.empty, (*shape, self.stack.output_width), _FLOAT32)

    def feed(self, x: np.ndarray) -> np.ndarray:
        """Take one step or several, and give the output of each.

        Raises InvalidArgument where x does not have the shape or the type that the stream expects.
        """
        # one step that the core takes as it is, for which every test here counts
        if type(x) is np.ndarray and x.shape == self._step and x.dtype is _FLOAT32 and x.flags.c_contiguous:
            output: np.ndarray = self._empty()
            self._feed(x, 1, output)
            return output
        return self._feed_any(x)

    def _feed_any(self, x: np.ndarray) -> np.ndarray:
        rows = 1 if self.batch is None else 2
        fits = isinstance(x, np.ndarray) and x.ndim in (rows, rows + 1)
        if not fits or (self.batch is not None and x.shape[-2] != self.batch):
            wanted = "[F] or [n, F]" if self.batch is None else f"[{self.batch}, F] or [n, {self.batch}, F]"
            came: Any = list(x.shape) if isinstance(x, np.ndarray) else type(x).__name__
            raise InvalidArgument(f"expected x as {wanted}, came {came}")
        steps = x[None] if x.ndim == rows else x
        steps = steps[:, None] if self.batch is None else steps
        self.stack.check_input(steps)
        if self._core is None:
            output, self._states = self.stack.run(steps, self._states)
            self._count += len(steps)
        else:
            output = np.empty((*steps.shape[:2], self.stack.output_width), _FLOAT32)
            self._feed(np.ascontiguousarray(steps, _FLOAT32), len(steps), output)
        output = output[:, 0] if self.batch is None else output
        return output[0] if x.ndim == rows else output

    @property
    def steps(self) -> int:
        """How many steps were fed since the sequence began."""
        return self._count if self._core is None else self._core.steps()

    @property
    def states(self) -> tuple[np.ndarray, ...]:
        """A copy of the states, [layers, B, width] for each of the cell's; give some to go on from there."""
        found = tuple(value.copy() for value in self._states)
        if self._core is not None:
            for number, value in enumerate(found):
                for layer, rows in enumerate(value):
                    self._core.state(layer, number, rows.ctypes.data)
        return found

    @states.setter
    def states(self, states: Sequence[np.ndarray]) -> None:
        self._states = tuple(value.copy() for value in self.stack.checked_states(states, self._rows))
        if self._core is not None:
            for number, value in enumerate(self._states):
                for layer, rows in enumerate(np.ascontiguousarray(value)):
                    self._core.set_state(layer, number, rows.ctypes.data)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise Unsupported(
            "a running stream cannot be copied or pickled; make another with stack.stream() and give it this "
            "one's states: other.states = stream.states"
        )
