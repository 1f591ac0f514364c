"""A sequence that arrives bit by bit: the state is carried from one piece to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor

from hiddenstate.errors import InvalidArgument

if TYPE_CHECKING:
    from hiddenstate.layers.recurrent import Recurrent

Nested = TypeVar("Nested")


def detached(state: Nested) -> Nested:
    """The same state, cut off from its past: no gradient flows further back.

    Truncated back-propagation through time carries `detached(state)` from piece to piece of a sequence.
    """
    if isinstance(state, Tensor):
        return state.detach()  # type: ignore[return-value]
    if isinstance(state, tuple | list):
        return type(state)(detached(part) for part in state)
    raise InvalidArgument(f"expected a state (a tensor or a tuple of them), came {type(state).__name__}")


class Stream:
    """A layer with the state of a running sequence; make one with `layer.stream()`.

    `batch` None: one sequence, fed a step [F] or several [n, F]. Else B sequences, fed a step [B, F] or
    several [n, B, F]. Gradients do not flow from one feed to the one before.

    >>> import torch
    >>> from hiddenstate.layers import Recurrent
    >>> stream = Recurrent("gru", 3, 2).eval().stream()
    >>> stream.feed(torch.zeros(5, 3)).shape, stream.feed(torch.zeros(3)).shape
    (torch.Size([5, 2]), torch.Size([2]))
    """

    def __init__(self, layer: Recurrent, batch: int | None = None) -> None:
        self.layer, self.batch = layer, batch
        self.reset()

    def reset(self) -> None:
        """Begin a new sequence."""
        self.state = detached(self.layer.initial_state(1 if self.batch is None else self.batch))
        self.steps = 0

    def feed(self, x: Tensor) -> Tensor:
        """Take one step or several, and give the output of each.

        Raises InvalidArgument where x does not have the shape that the stream expects.
        """
        self.layer.refuse_single_steps("a stream")
        rows = 1 if self.batch is None else 2
        wanted = "[F] or [n, F]" if self.batch is None else f"[{self.batch}, F] or [n, {self.batch}, F]"
        single = isinstance(x, Tensor) and x.dim() == rows
        if not isinstance(x, Tensor) or x.dim() not in (rows, rows + 1):
            came: Any = list(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise InvalidArgument(f"expected x as {wanted}, came {came}")
        steps = x.unsqueeze(0) if single else x
        steps = steps.unsqueeze(1) if self.batch is None else steps
        output, state = self.layer.run(steps, self.state)[:2]
        self.state, self.steps = detached(state), self.steps + len(steps)
        output = output.squeeze(1) if self.batch is None else output
        return output[0] if single else output
