"""Layers and directions of a cell upon one another, forwards only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hiddenstate import native
from hiddenstate.cells import Cell
from hiddenstate.cells.equation import node
from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.infer.compiled import PackedLayer, core_stream
from hiddenstate.infer.one_layer import run_layer
from hiddenstate.infer.stream import Stream

States = tuple[np.ndarray, ...]


def stack_shapes(
    cell: Cell,
    input_size: int,
    hidden_size: int,
    *,
    num_layers: int = 1,
    bidirectional: bool = False,
    proj_size: int = 0,
    bias: bool = True,
) -> dict[str, tuple[int, ...]]:
    """Name and shape of every parameter of a stack, as torch names them: weight_ih_l0, bias_hh_l1_reverse.

    >>> from hiddenstate.cells import CELLS
    >>> stack_shapes(CELLS["gru"], 3, 2, num_layers=2)["weight_ih_l1"]
    (6, 2)
    """
    directions = ("", "_reverse") if bidirectional else ("",)
    above = _output_width(cell, hidden_size, proj_size or hidden_size) * len(directions)
    return {
        f"{name}_l{layer}{direction}": shape
        for layer in range(num_layers)
        for direction in directions
        for name, shape in cell.parameter_shapes(
            above if layer else input_size, hidden_size, proj_size or hidden_size, bias
        ).items()
    }


def _output_width(cell: Cell, H: int, P: int) -> int:
    return {"H": H, "P": P}[cell.width_of(node("symbol", name=cell.output))]


class Stack:
    """A trained stack of layers without torch: what `layers.Recurrent` computes in evaluation.

    `cell` has its activations, normalisation and masks already (masks read as their mean); `parameters` are
    arrays of one floating type with the names and shapes of `stack_shapes`, biases all or none, and first_h
    and the like [layers x directions, width] where the first states are not those that the cell declares.
    Raises InvalidArgument where they do not fit.

    >>> from hiddenstate.cells import CELLS
    >>> shapes = stack_shapes(CELLS["lstm"], 3, 4)
    >>> stack = Stack(CELLS["lstm"], 3, 4, {name: np.zeros(shape, "f4") for name, shape in shapes.items()})
    >>> output, (h, c) = stack.run(np.zeros((5, 2, 3), "f4"), lengths=[5, 0])
    >>> output.shape, c.shape
    ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        parameters: Mapping[str, np.ndarray],
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        proj_size: int = 0,
    ) -> None:
        self.cell, self.input_size = cell, input_size
        self.num_layers, self.bidirectional = num_layers, bidirectional
        self._units = {"H": hidden_size, "P": proj_size or hidden_size}
        directions = ("", "_reverse") if bidirectional else ("",)
        self.suffixes = tuple(
            tuple(f"_l{layer}{direction}" for direction in directions) for layer in range(num_layers)
        )
        biases = {matrix.bias for matrix in cell.matrices if matrix.bias}
        shapes = stack_shapes(
            cell,
            input_size,
            hidden_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            proj_size=proj_size,
            bias=any(f"{name}_l0" in parameters for name in biases),
        )
        firsts = {
            f"first_{state.name}": (num_layers * len(directions), self._units[state.width])
            for state in cell.states
        }
        shapes |= {name: shape for name, shape in firsts.items() if name in parameters}
        self.dtype = _checked_parameters(parameters, shapes)
        names = tuple(cell.parameter_shapes(1, 1))
        self._sets = {
            suffix: {name: parameters[name + suffix] for name in names if name + suffix in parameters}
            for pair in self.suffixes
            for suffix in pair
        }
        self._firsts = tuple(parameters.get(f"first_{state.name}") for state in cell.states)

    def parameters_of(self, suffix: str) -> Mapping[str, np.ndarray]:
        """The parameters of one layer and direction, named as the cell names them; `suffixes` lists [layer]
        [direction]."""
        return self._sets[suffix]

    @property
    def output_width(self) -> int:
        """The width of the output, both directions together."""
        return _output_width(self.cell, self._units["H"], self._units["P"]) * (2 if self.bidirectional else 1)

    def initial_state(self, batch: int) -> States:
        """The first state of B sequences: [layers x directions, B, width] for each of the cell's states."""
        sets = len(self._sets)
        rows = []
        for state, given in zip(self.cell.states, self._firsts, strict=True):
            value = np.full((sets, batch, self._units[state.width]), state.initial, dtype=self.dtype)
            if given is not None:
                value[:] = given[:, None]
            rows.append(value)
        return tuple(rows)

    def run(
        self, x: np.ndarray, states: Sequence[np.ndarray] | None = None, lengths: Any = None
    ) -> tuple[np.ndarray, States]:
        """Run x [T, B, F] and give (output [T, B, width], last states), as `layers.Recurrent` does.

        `lengths` [B] end each sequence on its own; `states` continue a run. Raises InvalidArgument for arrays
        of another shape or type.
        """
        self.check_input(x)
        ends = _checked_lengths(lengths, x)
        first = self.initial_state(x.shape[1]) if states is None else self.checked_states(states, x.shape[1])
        last: list[States] = []
        for pair in self.suffixes:
            parts = []
            for reverse, suffix in enumerate(pair):
                begin = [rows[len(last)] for rows in first]
                output, end = run_layer(self.cell, self._sets[suffix], x, begin, ends, bool(reverse))
                parts.append(output)
                last.append(end)
            x = parts[0] if len(parts) == 1 else np.concatenate(parts, -1)
        return x, tuple(np.stack(rows) for rows in zip(*last, strict=True))

    def stream(self, batch: int | None = None) -> Stream:
        """A running sequence, or B of them, that is fed piece by piece; see `Stream`.

        Raises Unsupported where the stack also reads backwards.
        """
        if self.bidirectional:
            raise Unsupported(
                "stream() goes forward only, and this stack is bidirectional: it reads each sequence from "
                "its end as well; run whole sequences"
            )
        return Stream(self, batch)

    def core_stream(self, first: States) -> Any:
        """The core's running stream from a state of B sequences; None where the core does not serve."""
        if self.dtype != np.float32 or not native.available():
            return None
        sets = [_contiguous(self._sets[suffix]) for suffix, *_ in self.suffixes]
        begins = [[np.ascontiguousarray(rows[layer]) for rows in first] for layer in range(self.num_layers)]
        width = self.output_width
        packed = [
            PackedLayer(
                width if layer else self.input_size,
                {name: array.ctypes.data for name, array in sets[layer].items()},
                [rows.ctypes.data for rows in begins[layer]],
            )
            for layer in range(self.num_layers)
        ]
        return core_stream(self.cell, first[0].shape[1], self._units, packed)

    def check_input(self, x: Any) -> None:
        """Raise InvalidArgument where x is not an array [T, B, F] that the parameters can be applied to."""
        if not isinstance(x, np.ndarray) or x.ndim != 3 or x.shape[-1] != self.input_size:
            came = list(x.shape) if isinstance(x, np.ndarray) else type(x).__name__
            raise InvalidArgument(f"expected x as an array [T, B, {self.input_size}], came {came}")
        if x.dtype != self.dtype:
            raise InvalidArgument(
                f"x is {x.dtype}, the parameters are {self.dtype}; use x.astype('{self.dtype}')"
            )

    def checked_states(self, states: Sequence[np.ndarray], batch: int) -> States:
        """States as the caller gave them, or InvalidArgument."""
        names = ", ".join(state.name for state in self.cell.states)
        if len(states) != len(self.cell.states):
            raise InvalidArgument(
                f"expected the states ({names}) of {self.cell.name}, came {len(states)} arrays"
            )
        for state, value in zip(self.cell.states, states, strict=True):
            expected = (len(self._sets), batch, self._units[state.width])
            if value.shape != expected or value.dtype != self.dtype:
                raise InvalidArgument(
                    f"expected state {state.name!r} as {self.dtype} {list(expected)}, came {value.dtype} "
                    f"{list(value.shape)}"
                )
        return tuple(states)


def _contiguous(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _checked_parameters(
    parameters: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]
) -> np.dtype[Any]:
    """The one floating type of the parameters; raises InvalidArgument unless they are exactly of `shapes`."""
    for name in sorted(shapes.keys() ^ parameters.keys()):
        came = "it is missing" if name in shapes else "it came too"
        raise InvalidArgument(f"expected the parameters {', '.join(shapes)}; {name!r}: {came}")
    types = {array.dtype for array in parameters.values()}
    if len(types) != 1 or next(iter(types)).kind != "f":
        raise InvalidArgument(
            f"expected parameters of one floating type, came {', '.join(sorted(map(str, types)))}; "
            "convert them with astype"
        )
    for name, shape in shapes.items():
        if parameters[name].shape != shape:
            raise InvalidArgument(f"expected {name!r} as {list(shape)}, came {list(parameters[name].shape)}")
    return next(iter(types))


def _checked_lengths(lengths: Any, x: np.ndarray) -> np.ndarray | None:
    """Lengths [B] within 0..T, None where every sequence is as long as x; raises InvalidArgument."""
    if lengths is None:
        return None
    T, B = x.shape[:2]
    ends = np.asarray(lengths, dtype=None if len(lengths) else np.int64)
    if ends.shape != (B,) or ends.dtype.kind not in "iu":
        raise InvalidArgument(
            f"expected a whole number as the length of each of {B} sequences, came {ends.dtype} "
            f"{list(ends.shape)}"
        )
    if B and not 0 <= ends.min() <= ends.max() <= T:
        raise InvalidArgument(
            f"expected lengths between 0 and the {T} steps of x, came {ends.min()} to {ends.max()}"
        )
    return None if not B or ends.min() == T else ends.astype(np.int64)
