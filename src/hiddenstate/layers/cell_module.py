"""What every module made from a cell has: its parameters, its first state, and the teaching view."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import init

from hiddenstate.cells import Cell, State, layer_norm, recurrent_dropout, resolve, zoneout
from hiddenstate.cells.equation import node
from hiddenstate.derive.joint import joined_blocks
from hiddenstate.errors import InvalidArgument, Unsupported, nearest
from hiddenstate.layers import operators

FIRST_STATES = ("zeros", "random", "learned")


@dataclass(frozen=True)
class Options:
    """How a cell is used: what changes its equations, its sizes, and where its state begins.

    proj_size is the width P of cells that have one (0: as wide as H); rates are probabilities; `seed` is that
    of a random first state.
    """

    proj_size: int = 0
    bias: bool = True
    activation: str | dict[str, str] | None = None
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    layer_norm: bool = False
    first_state: str = "zeros"
    seed: int = 0
    backend: str = "auto"

    def shown(self) -> list[str]:
        """The options that differ from the defaults, as they are written in a call."""
        rows = ((field.name, field.default, getattr(self, field.name)) for field in dataclasses.fields(self))
        return [f"{name}={value!r}" for name, usual, value in rows if value != usual]


def checked_size(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least `least`, or InvalidArgument."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidArgument(f"expected {name} to be a whole number of at least {least}, came {value!r}")
    return value


def checked_rate(name: str, value: Any) -> float:
    """A probability below one, or InvalidArgument."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise InvalidArgument(f"expected {name} to be a probability, 0 <= {name} < 1, came {value!r}")
    return float(value)


def checked_flag(name: str, value: Any) -> bool:
    """True or False, or InvalidArgument."""
    if not isinstance(value, bool):
        raise InvalidArgument(f"expected {name} to be True or False, came {value!r}")
    return value


def checked_features(x: Tensor, features: int, like: Tensor) -> None:
    """Raise InvalidArgument where x has other features, or another place or type than the parameters."""
    if x.shape[-1] != features:
        raise InvalidArgument(f"expected x with {features} features (its last axis), came {list(x.shape)}")
    if x.device != like.device:
        raise InvalidArgument(
            f"x is on {x.device}, the parameters on {like.device}; use x.to({str(like.device)!r})"
        )
    if x.dtype != like.dtype and operators.autocast_to(x) is None:
        raise InvalidArgument(
            f"x is {x.dtype}, the parameters are {like.dtype}; use x.to({like.dtype}) or the layer's "
            f".to({x.dtype})"
        )


def _changed(cell: Cell, options: Options) -> Cell:
    """The cell with the activations and regularisation asked for."""
    cell = cell.with_activations(options.activation)
    if checked_flag("layer_norm", options.layer_norm):
        cell = layer_norm(cell)
    if checked_rate("recurrent_dropout", options.recurrent_dropout):
        cell = recurrent_dropout(cell, options.recurrent_dropout)
    if checked_rate("zoneout", options.zoneout):
        cell = zoneout(cell, options.zoneout)
    return cell


class CellModule(torch.nn.Module):
    """A module with the parameters of a cell, one set for each suffix.

    Raises InvalidArgument or Unsupported for what the cell cannot be given.
    """

    def __init__(self, cell: str | Cell, hidden_size: int, options: Options) -> None:
        super().__init__()
        self.cell = _changed(resolve(cell), options)
        self.hidden_size, self.options = checked_size("hidden_size", hidden_size), options
        self.backend = operators.choose_backend(options.backend)
        self.width_back = self._width_back(checked_size("proj_size", options.proj_size, 0))
        checked_flag("bias", options.bias)
        if not isinstance(options.first_state, str) or options.first_state not in FIRST_STATES:
            cure = nearest(str(options.first_state), FIRST_STATES)
            raise InvalidArgument(f"expected a first_state, came {options.first_state!r}; {cure}")
        checked_size("seed", options.seed, 0)
        self._key = operators.key_of(self.cell)

    def add_parameters(self, inputs: dict[str, int], placed: dict[str, Any]) -> None:
        """Make one set of parameters for each suffix, with that many input features, and draw them."""
        self.suffixes = tuple(inputs)
        for suffix, features in inputs.items():
            shapes = self.cell.parameter_shapes(
                features, self.hidden_size, self.width_back, self.options.bias
            )
            for name, shape in shapes.items():
                self.register_parameter(name + suffix, torch.nn.Parameter(torch.empty(shape, **placed)))
        self.names = tuple(shapes)
        self._add_first_state(placed)
        self.reset_parameters()

    def _width_back(self, proj_size: int) -> int:
        widths = {s.width for s in self.cell.states} | {m.width for m in self.cell.matrices}
        if proj_size and "P" not in widths:
            raise Unsupported(
                f"proj_size={proj_size} sets the projected width P, and {self.cell.name} has none; leave it "
                "out, or use a cell that has one, such as lstm_projected, elman_readout or jordan"
            )
        return proj_size or self.hidden_size

    def width(self, letter: str) -> int:
        """How many units a width letter stands for."""
        return {"H": self.hidden_size, "P": self.width_back}[letter]

    @property
    def output_width(self) -> int:
        """The width of what one direction returns."""
        return self.width(self.cell.width_of(node("symbol", name=self.cell.output)))

    def _add_first_state(self, placed: dict[str, Any]) -> None:
        """Buffers (random: drawn once, the same for every sequence) or parameters (learned) named first_*."""
        drawn = torch.Generator().manual_seed(self.options.seed)
        for state in self.cell.states:
            shape = (len(self.suffixes), self.width(state.width))
            if self.options.first_state == "random":
                value = torch.empty(shape, dtype=torch.float64).uniform_(
                    state.low, state.high, generator=drawn
                )
                dtype = placed.get("dtype") or torch.get_default_dtype()
                self.register_buffer(f"first_{state.name}", value.to(placed.get("device"), dtype))
            elif state in self._learned():
                self.register_parameter(
                    f"first_{state.name}", torch.nn.Parameter(torch.empty(shape, **placed))
                )

    def reset_parameters(self) -> None:
        """Draw every parameter anew: uniform in ±1/sqrt(H) as in torch, or as the cell's vectors declare."""
        bound = 1 / math.sqrt(self.hidden_size)
        vectors = {v.name: v for v in (*self.cell.vectors, *self.cell.norm_vectors) if v.low is not None}
        for suffix in self.suffixes:
            for name in self.names:
                row = vectors.get(name)
                low, high = (-bound, bound) if row is None else (row.low, row.high)
                init.uniform_(getattr(self, name + suffix), low, high)  # type: ignore[arg-type]
        for state in self._learned():
            init.constant_(getattr(self, f"first_{state.name}"), state.initial)

    def _learned(self) -> list[State]:
        """The states whose first value is learned: not those that only mean something beside an infinite one,
        which hides them in the first step."""
        if self.options.first_state != "learned":
            return []
        states = self.cell.states
        hidden = any(math.isinf(state.initial) and not state.zoned for state in states)
        return [s for s in states if math.isfinite(s.initial) and (s.zoned or not hidden)]

    def first_rows(self, batch: int) -> tuple[Tensor, ...]:
        """The first value of each state, [sets, B, width]."""
        like, rows = self._parameter(self.names[0] + self.suffixes[0]), []
        for state in self.cell.states:
            shape = (len(self.suffixes), batch, self.width(state.width))
            held = self.options.first_state != "zeros" and getattr(self, f"first_{state.name}", None)
            rows.append(
                held[:, None].expand(shape)
                if isinstance(held, Tensor)
                else like.new_full(shape, state.initial)
            )
        return tuple(rows)

    def parameters_of(self, suffix: str) -> list[Tensor]:
        """One set of parameters, in the order of `names`."""
        return [self._parameter(name + suffix) for name in self.names]

    def _parameter(self, name: str) -> Tensor:
        """A parameter by its name; where it is none of our own any more, as torch's parametrisations have it,
        the attribute."""
        found = self._parameters.get(name)  # an attribute that is a parameter is looked for elsewhere first
        return getattr(self, name) if found is None else found

    def draw_masks(self, x: Tensor) -> list[Tensor]:
        """Fresh random masks for a batch x [T, B, F] in training, else none (read as their mean)."""
        if not self.training:
            return []
        masks = []
        for mask in self.cell.masks:
            rows = x.shape[:2] if mask.per == "step" else x.shape[1:2]
            kept = x.new_empty((*rows, self.width(mask.width))).bernoulli_(1 - mask.rate)
            masks.append(kept / (1 - mask.rate) if mask.scaled else kept)
        return masks

    def refuse_single_steps(self, where: str) -> None:
        """Raise Unsupported where a mask belongs to a whole sequence and only a step is seen."""
        if self.training and any(mask.per == "sequence" for mask in self.cell.masks):
            raise Unsupported(
                f"{where} sees one step at a time, and recurrent_dropout keeps one mask for a whole "
                "sequence; call eval() first, or run the whole sequence in one call"
            )

    def checked_input(self, x: Tensor, features: int) -> None:
        """Raise InvalidArgument where x is not a batch that the parameters can be applied to."""
        checked_features(x, features, self._parameter(self.names[0] + self.suffixes[0]))

    def checked_state(self, state: Any, shape: tuple[int, ...], x: Tensor) -> tuple[Tensor, ...]:
        """A state as the caller gave it, or InvalidArgument; `shape` is what comes before the width."""
        rows = self.cell.states
        wanted = f"a tuple of {len(rows)} tensors ({', '.join(row.name for row in rows)})"
        if not isinstance(state, Sequence) or isinstance(state, str) or len(state) != len(rows):
            came = f"{len(state)} values" if isinstance(state, tuple | list) else type(state).__name__
            raise InvalidArgument(f"expected the state of {self.cell.name} as {wanted}, came {came}")
        for row, value in zip(rows, state, strict=True):
            expected = (*shape, self.width(row.width))
            if not isinstance(value, Tensor) or tuple(value.shape) != expected:
                came = str(list(value.shape)) if isinstance(value, Tensor) else type(value).__name__
                raise InvalidArgument(f"expected state {row.name!r} of shape {list(expected)}, came {came}")
            if (value.dtype, value.device) != (x.dtype, x.device) and operators.autocast_to(x) is None:
                raise InvalidArgument(
                    f"state {row.name!r} is {value.dtype} on {value.device}, x is {x.dtype} on {x.device}; "
                    "use state.to(x)"
                )
        return tuple(state)

    def joint(self, suffix: str) -> tuple[Tensor, Tensor]:
        """The teaching view of one set: a matrix [F + fed back, gates x H] and a bias [gates x H].

        cat(x, previous) @ matrix + bias are the pre-activations. Raises Unsupported where the cell keeps
        the two terms apart.
        """
        given, fed_back = joined_blocks(self.cell)
        values = dict(zip(self.names, self.parameters_of(suffix), strict=True))
        matrix = torch.cat([values[given.weight], values[fed_back.weight]], 1).T
        bias = matrix.new_zeros(matrix.shape[1])
        for row in (given, fed_back):
            if row.bias in values:
                bias = bias + values[row.bias]
        return matrix, bias
