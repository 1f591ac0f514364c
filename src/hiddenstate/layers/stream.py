"""A sequence that arrives bit by bit: the state is carried from one piece to the next."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import torch
from torch import Tensor

from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.infer.compiled import PackedLayer, core_stream
from hiddenstate.layers import operators
from hiddenstate.layers.cell_module import checked_features
from hiddenstate.layers.operators import Inputs, Plan

if TYPE_CHECKING:
    from hiddenstate.layers.recurrent import Recurrent, State

Nested = TypeVar("Nested")
_FLOAT32 = torch.float32


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
    several [n, B, F]. However a sequence is cut, the numbers are those of one call of the layer.

    It computes as in evaluation, and no gradient flows through it. Its weights are copies, packed when it is
    made: call reset() after changing those of the layer. Feed it from one thread at a time. On the compiled
    core it computes in float32 inside torch.autocast too.

    Raises Unsupported for a layer that drops at random and is in training: call eval() first.

    >>> from hiddenstate.layers import Recurrent
    >>> stream = Recurrent("gru", 3, 2).stream()
    >>> stream.feed(torch.zeros(5, 3)).shape, stream.feed(torch.zeros(3)).shape, stream.steps
    (torch.Size([5, 2]), torch.Size([2]), 6)
    """

    def __init__(self, layer: Recurrent, batch: int | None = None) -> None:
        self.layer, self.batch = layer, batch
        self.reset()

    def reset(self) -> None:
        """Begin a new sequence, with the weights that the layer has now."""
        layer, self._rows = self.layer, 1 if self.batch is None else self.batch
        _refuse_chance(layer)
        weights = [[value.detach() for value in layer.parameters_of(suffix)] for suffix in layer.suffixes]
        first = detached(layer.initial_state(self._rows))
        self._like = weights[0][0]
        self._source: _Core | _Reference
        self._step: tuple[int, ...] | None = None  # the shape of a step that the core takes as it is
        tensors = [value for row in (*weights, first) for value in row]
        if operators.decided(layer.backend, tensors) == "reference":
            self._source = _Reference(layer, weights, first)
            return
        core = self._source = _Core(layer, weights, first)
        self._like = self._like.new_empty(0)  # what is packed stays as it is, whatever becomes of the layer
        width = layer.output_width
        shape = (width,) if self.batch is None else (self.batch, width)
        if self._rows * layer.input_size > 1:  # a lone number may be lazily negated, and yet contiguous
            self._step = (layer.input_size,) if self.batch is None else (self.batch, layer.input_size)
        self._feed, self._empty = core.stream.feed, partial(torch.empty_like, self._like.new_empty(shape))

    def feed(self, x: Tensor) -> Tensor:
        """Take one step or several, and give the output of each.

        Raises InvalidArgument where x does not have the shape or the type that the stream expects.
        """
        # one step that the core takes as it is: every test here is a tenth of what the step itself costs
        if (
            type(x) is Tensor
            and x.shape == self._step
            and x.dtype is _FLOAT32
            and x.is_contiguous()
            and x.is_cpu
        ):
            output = self._empty()
            self._feed(x.data_ptr(), 1, output.data_ptr())
            return output
        return self._feed_any(x)

    def _feed_any(self, x: Tensor) -> Tensor:
        rows = 1 if self.batch is None else 2
        wanted = "[F] or [n, F]" if self.batch is None else f"[{self.batch}, F] or [n, {self.batch}, F]"
        fits = isinstance(x, Tensor) and x.dim() in (rows, rows + 1)
        if not fits or (self.batch is not None and x.shape[-2] != self.batch):
            came: Any = list(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise InvalidArgument(f"expected x as {wanted}, came {came}")
        checked_features(x, self.layer.input_size, self._like)
        steps = x.detach().reshape(-1 if x.dim() > rows else 1, self._rows, x.shape[-1])
        with torch.no_grad():
            output = self._source.feed(steps)
        output = output.squeeze(1) if self.batch is None else output
        return output if x.dim() > rows else output[0]

    @property
    def steps(self) -> int:
        """How many steps were fed since the sequence began."""
        return self._source.steps()

    @property
    def state(self) -> State:
        """A copy of the state, [layers, B, width] for each of the cell's; give one to go on from there."""
        return self._source.state()

    @state.setter
    def state(self, state: State) -> None:
        sets = (len(self.layer.suffixes), self._rows)
        self._source.set_state(detached(self.layer.checked_state(state, sets, self._like)))

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise Unsupported(
            "a running stream cannot be copied or pickled; make another with layer.stream() and give it this "
            "one's state: other.state = stream.state"
        )


def _refuse_chance(layer: Recurrent) -> None:
    """Raise Unsupported where the layer would draw at random."""
    layer.refuse_single_steps("a stream")
    between = layer.dropout and layer.num_layers > 1
    if layer.training and (between or layer.cell.masks):
        what = "dropout" if between else " and ".join(mask.name for mask in layer.cell.masks)
        raise Unsupported(
            f"a stream computes as in evaluation, and this layer is in training, where it drops at random "
            f"({what}); call eval() first"
        )


class _Core:
    """The compiled core's stream: weights packed once, all layers in one call."""

    def __init__(self, layer: Recurrent, weights: Sequence[Sequence[Tensor]], first: State) -> None:
        held = [[value.contiguous() for value in row] for row in weights]
        begins = [[rows[k].contiguous() for rows in first] for k in range(len(weights))]
        packed = [
            PackedLayer(
                layer.output_width if k else layer.input_size,
                {name: value.data_ptr() for name, value in zip(layer.names, held[k], strict=True)},
                [value.data_ptr() for value in begins[k]],
            )
            for k in range(len(weights))
        ]
        units = {letter: layer.width(letter) for letter in "HP"}
        self.stream = core_stream(layer.cell, first[0].shape[1], units, packed)
        self.steps, self.width = self.stream.steps, layer.output_width
        self.shapes = [value.shape for value in first]

    def feed(self, x: Tensor) -> Tensor:
        x = x.to(_FLOAT32).resolve_neg().contiguous()
        output = x.new_empty((*x.shape[:2], self.width))
        self.stream.feed(x.data_ptr(), len(x), output.data_ptr())
        return output

    def state(self) -> State:
        found = tuple(torch.empty(shape, dtype=_FLOAT32, device="cpu") for shape in self.shapes)
        for number, value in enumerate(found):
            for k, rows in enumerate(value):
                self.stream.state(k, number, rows.data_ptr())
        return found

    def set_state(self, state: State) -> None:
        for number, value in enumerate(state):
            for k, rows in enumerate(value.to(_FLOAT32).contiguous()):
                self.stream.set_state(k, number, rows.data_ptr())


class _Reference:
    """The same by the reference evaluation, on any device and in any precision."""

    def __init__(self, layer: Recurrent, weights: Sequence[Sequence[Tensor]], first: State) -> None:
        self.plan = Plan(operators.key_of(layer.cell), " ".join(layer.names), backend="reference")
        self.weights = [[value.clone() for value in row] for row in weights]
        self.last, self.count = first, 0

    def feed(self, x: Tensor) -> Tensor:
        ends = []
        for k, weights in enumerate(self.weights):
            inputs = Inputs(x, [rows[k] for rows in self.last], weights)
            x, *end = operators.unroll(self.plan, inputs)
            ends.append(end)
        self.last = tuple(torch.stack(rows) for rows in zip(*ends, strict=True))
        self.count += len(x)
        return x

    def steps(self) -> int:
        return self.count

    def state(self) -> State:
        return tuple(value.clone() for value in self.last)

    def set_state(self, state: State) -> None:
        self.last = tuple(value.clone() for value in state)
