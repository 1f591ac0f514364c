"""A sequence that arrives bit by bit, read without torch: the state is carried from piece to piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hiddenstate.errors import InvalidArgument

if TYPE_CHECKING:
    from hiddenstate.infer.stack import Stack


class Stream:
    """A stack with the state of a running sequence; make one with `stack.stream()`.

    `batch` None: one sequence, fed a step [F] or several [n, F]. Else B sequences, fed a step [B, F] or
    several [n, B, F]. `layers.Stream` is the same in torch.
    """

    def __init__(self, stack: Stack, batch: int | None = None) -> None:
        self.stack, self.batch = stack, batch
        self.reset()

    def reset(self) -> None:
        """Begin a new sequence."""
        self.states = self.stack.initial_state(1 if self.batch is None else self.batch)
        self.steps = 0

    def feed(self, x: np.ndarray) -> np.ndarray:
        """Take one step or several, and give the output of each.

        Raises InvalidArgument where x does not have the shape that the stream expects.
        """
        rows = 1 if self.batch is None else 2
        if not isinstance(x, np.ndarray) or x.ndim not in (rows, rows + 1):
            wanted = "[F] or [n, F]" if self.batch is None else f"[{self.batch}, F] or [n, {self.batch}, F]"
            came: Any = list(x.shape) if isinstance(x, np.ndarray) else type(x).__name__
            raise InvalidArgument(f"expected x as {wanted}, came {came}")
        steps = x[None] if x.ndim == rows else x
        steps = steps[:, None] if self.batch is None else steps
        output, self.states = self.stack.run(steps, self.states)
        self.steps += len(steps)
        output = output[:, 0] if self.batch is None else output
        return output[0] if x.ndim == rows else output
