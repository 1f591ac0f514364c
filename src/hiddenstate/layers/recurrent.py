"""A recurrent layer from any cell, with what a plain recurrent layer lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hiddenstate.cells import Cell
from hiddenstate.errors import InvalidArgument, Unsupported, nearest
from hiddenstate.layers import operators
from hiddenstate.layers.cell_module import CellModule, Options, checked_flag, checked_rate, checked_size
from hiddenstate.layers.operators import Inputs
from hiddenstate.layers.stream import Stream

State = tuple[Tensor, ...]


class Trace(NamedTuple):
    """A run with what was kept of every step: for each name, a tensor [T, B, directions x width] a layer."""

    output: Tensor
    state: State
    kept: dict[str, tuple[Tensor, ...]]


class Recurrent(CellModule):
    """Layers of any cell over a batch of sequences.

    `cell` is a name of CELLS, a Cell, or a path to a cell's file. x is [T, B, F] ([B, T, F] with batch_first,
    [T, F] for one sequence), the output as wide as the cell's output (twice that when bidirectional), and a
    state is a tuple with one tensor [layers x directions, B, width] for each of the cell's states.
    Parameters are named as in torch, and dropout does the same. first_state is "zeros" (what the cell
    declares), "random" (drawn once with `seed`, the same for every sequence) or "learned".
    With checkpoint_every=k training keeps the states of every k-th step, and makes the rest again.

    Raises InvalidArgument for values that cannot be, Unsupported for combinations that are not offered.

    >>> layer = Recurrent("lstm", 3, 4, num_layers=2)
    >>> output, (h, c) = layer(torch.zeros(5, 2, 3), lengths=[5, 0])
    >>> output.shape, c.shape, output[:, 1].abs().sum().item()
    (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]), 0.0)
    """

    def __init__(
        self,
        cell: str | Cell,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        proj_size: int = 0,
        batch_first: bool = False,
        bias: bool = True,
        first_state: str = "zeros",
        activation: str | dict[str, str] | None = None,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        layer_norm: bool = False,
        seed: int = 0,
        checkpoint_every: int | None = None,
        backend: str = "auto",
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        checked_size("input_size", input_size)
        checked_size("num_layers", num_layers)
        if checked_rate("dropout", dropout) and num_layers == 1:
            raise Unsupported(
                f"dropout={dropout} acts between layers, and num_layers=1 leaves none; use more layers, "
                "recurrent_dropout or zoneout, or torch.nn.Dropout on the output"
            )
        options = Options(
            proj_size, bias, activation, recurrent_dropout, zoneout, layer_norm, first_state, seed, backend
        )
        super().__init__(cell, hidden_size, options)
        if checkpoint_every is not None:
            checked_size("checkpoint_every", checkpoint_every)
        self.checkpoint_every = checkpoint_every
        self.input_size, self.num_layers, self.dropout = input_size, num_layers, float(dropout)
        self.bidirectional = checked_flag("bidirectional", bidirectional)
        self.batch_first = checked_flag("batch_first", batch_first)
        self.directions = ("", "_reverse") if bidirectional else ("",)
        above = self.output_width * len(self.directions)
        inputs = {
            f"_l{layer}{direction}": above if layer else input_size
            for layer in range(num_layers)
            for direction in self.directions
        }
        self.add_parameters(inputs, {"device": device, "dtype": dtype})

    def forward(self, x: Tensor, state: State | None = None, *, lengths: Any = None) -> tuple[Tensor, State]:
        """Run the layers over x and return (output, state).

        `lengths` [B], a tensor or a list in any order, ends each sequence on its own: what stands behind its
        end is never read, gives zeros, and leaves the state alone; 0 is a length. `state` continues a run.
        """
        output, last, _ = self.run(self._time_first(x), self._batched(state, x), lengths)
        return self._like(output, x), last if x.dim() == 3 else tuple(value.squeeze(1) for value in last)

    def trace(
        self, x: Tensor, state: State | None = None, *, lengths: Any = None, keep: Sequence[str] = ()
    ) -> Trace:
        """Run the layers and keep named values of every step: states, gates, anything the equations name.

        `keep` names them; left out, it is every name. Values in the padding are zero.

        >>> Recurrent("lstm", 3, 4).trace(torch.zeros(5, 2, 3), keep=("c", "f")).kept["f"][0].shape
        torch.Size([5, 2, 4])
        """
        names = tuple(name for name, _ in self.cell.assignments)
        for name in (keep,) if isinstance(keep, str) else keep:
            if name not in names:
                raise InvalidArgument(
                    f"{self.cell.name} computes nothing named {name!r}; {nearest(name, names)}"
                )
        chosen = ((keep,) if isinstance(keep, str) else tuple(dict.fromkeys(keep))) or names
        output, last, kept = self.run(self._time_first(x), self._batched(state, x), lengths, chosen)
        values = {name: tuple(self._like(value, x) for value in rows) for name, rows in kept.items()}
        last = last if x.dim() == 3 else tuple(value.squeeze(1) for value in last)
        return Trace(self._like(output, x), last, values)

    def run(
        self, x: Tensor, state: State | None = None, lengths: Any = None, keep: tuple[str, ...] = ()
    ) -> tuple[Tensor, State, dict[str, list[Tensor]]]:
        """Run over x [T, B, F], whatever batch_first says: the output, the last state, and what was kept."""
        self.checked_input(x, self.input_size)
        lengths = checked_lengths(lengths, x)
        first = self.first_rows(x.shape[1]) if state is None else state
        words = self._key, " ".join(self.names), " ".join(keep)
        every = self.checkpoint_every or 0
        plans = [operators.plan_of(*words, bool(way), self.backend, every) for way in self.directions]
        last: list[list[Tensor]] = []
        kept: dict[str, list[Tensor]] = {name: [] for name in keep}
        for layer in range(self.num_layers):
            parts = []
            for direction, plan in zip(self.directions, plans, strict=True):
                states = [rows[len(last)] for rows in first]
                parameters = self.parameters_of(f"_l{layer}{direction}")
                inputs = Inputs(x, states, parameters, self.draw_masks(x), lengths)
                parts.append(operators.unroll(plan, inputs))
                last.append(parts[-1][1 : 1 + len(first)])
            for k, name in enumerate(keep, 1 + len(first)):
                kept[name].append(_beside([part[k] for part in parts]))
            x = _beside([part[0] for part in parts])
            if self.dropout and layer + 1 < self.num_layers:
                x = torch.dropout(x, self.dropout, self.training)
        return x, tuple(_stacked(rows) for rows in zip(*last, strict=True)), kept

    def initial_state(self, batch: int | None = None) -> State:
        """The first state of B sequences, [layers x directions, B, width] for each state, or of one."""
        rows = self.first_rows(1 if batch is None else checked_size("batch", batch, 0))
        return rows if batch is not None else tuple(value.squeeze(1) for value in rows)

    def step(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """One step x [B, F] (or [F]) from a state to (output [B, width], the next state).

        Raises Unsupported where the layer also reads the sequence backwards.
        """
        self.refuse_backwards("step()")
        self.refuse_single_steps("step()")
        if not isinstance(x, Tensor) or x.dim() not in (1, 2):
            raise InvalidArgument(f"expected one step x as [F] or [B, F], came {_shape_of(x)}")
        rows = x.unsqueeze(0) if x.dim() == 1 else x
        given = None
        if state is not None:
            sets = (len(self.suffixes),)
            given = self.checked_state(state, sets if x.dim() == 1 else (*sets, len(rows)), x)
            given = tuple(value.unsqueeze(1) for value in given) if x.dim() == 1 else given
        output, last, _ = self.run(rows.unsqueeze(0), given)
        if x.dim() == 1:
            return output[0, 0], tuple(value.squeeze(1) for value in last)
        return output[0], last

    def stream(self, batch: int | None = None) -> Stream:
        """A running sequence, or B of them, that is fed piece by piece; see `Stream`."""
        self.refuse_backwards("stream()")
        return Stream(self, None if batch is None else checked_size("batch", batch))

    def joint_weight(self, layer: int = 0, reverse: bool = False) -> Tensor:
        """The matrix [F + fed back, gates x H] that the input joined to the previous output goes through."""
        return self.joint(self._suffix(layer, reverse))[0]

    def joint_bias(self, layer: int = 0, reverse: bool = False) -> Tensor:
        """The bias [gates x H] that belongs to `joint_weight`."""
        return self.joint(self._suffix(layer, reverse))[1]

    @property
    def weight_joint(self) -> Tensor:
        """The joint matrix of a single layer: 110 x 10 for 100 inputs and 10 units.

        cat(x, previous output) @ weight_joint + bias_joint is what the activations are applied to.
        """
        self._refuse_several("weight_joint", "joint_weight")
        return self.joint_weight()

    @property
    def bias_joint(self) -> Tensor:
        """The bias that belongs to `weight_joint`."""
        self._refuse_several("bias_joint", "joint_bias")
        return self.joint_bias()

    def refuse_backwards(self, what: str) -> None:
        """Raise Unsupported where the layer also reads the sequence from its end."""
        if self.bidirectional:
            raise Unsupported(
                f"{what} goes forward only, and this layer is bidirectional: it reads each sequence from its "
                "end as well; use bidirectional=False, or run whole sequences"
            )

    def _refuse_several(self, what: str, instead: str) -> None:
        if len(self.suffixes) > 1:
            raise Unsupported(
                f"{what} is that of a single layer, and this one has {len(self.suffixes)} sets of weights; "
                f"use {instead}(layer, reverse)"
            )

    def _suffix(self, layer: int, reverse: bool) -> str:
        suffix = f"_l{layer}{'_reverse' if reverse else ''}"
        if suffix not in self.suffixes:
            sets = ", ".join(name[1:] for name in self.suffixes)
            raise InvalidArgument(f"there is no set of weights {suffix[1:]!r}; this layer has {sets}")
        return suffix

    def _time_first(self, x: Tensor) -> Tensor:
        if not isinstance(x, Tensor) or x.dim() not in (2, 3):
            order = "[B, T, F]" if self.batch_first else "[T, B, F]"
            raise InvalidArgument(f"expected x as {order}, or [T, F] for one sequence, came {_shape_of(x)}")
        if x.dim() == 2:
            return x.unsqueeze(1)
        return x.transpose(0, 1) if self.batch_first else x

    def _batched(self, state: State | None, x: Tensor) -> State | None:
        if state is None:
            return None
        sets = (len(self.suffixes),)
        if x.dim() == 2:
            return tuple(value.unsqueeze(1) for value in self.checked_state(state, sets, x))
        return self.checked_state(state, (*sets, x.shape[0 if self.batch_first else 1]), x)

    def _like(self, value: Tensor, x: Tensor) -> Tensor:
        """A [T, B, width] value laid out as the caller's x was."""
        if x.dim() == 2:
            return value.squeeze(1)
        return value.transpose(0, 1) if self.batch_first else value

    def extra_repr(self) -> str:
        """What differs from the defaults."""
        shown = [repr(self.cell.name), str(self.input_size), str(self.hidden_size)]
        plain: dict[str, Any] = {
            "num_layers": 1,
            "bidirectional": False,
            "dropout": 0.0,
            "batch_first": False,
        }
        plain["checkpoint_every"] = None
        shown += [
            f"{name}={getattr(self, name)!r}" for name, usual in plain.items() if getattr(self, name) != usual
        ]
        return ", ".join([*shown, *self.options.shown()])


def _stacked(rows: Sequence[Tensor]) -> Tensor:
    return rows[0].unsqueeze(0) if len(rows) == 1 else torch.stack(list(rows))


def _beside(rows: Sequence[Tensor]) -> Tensor:
    return rows[0] if len(rows) == 1 else torch.cat(list(rows), -1)


def _shape_of(x: Any) -> str:
    return str(list(x.shape)) if isinstance(x, Tensor) else type(x).__name__


def checked_lengths(lengths: Any, x: Tensor) -> Tensor | None:
    """Lengths as a tensor [B] beside x [T, B, F], or InvalidArgument; their values are checked when read."""
    if lengths is None:
        return None
    if not isinstance(lengths, Tensor):
        try:
            lengths = torch.as_tensor(lengths)
        except (TypeError, ValueError) as error:
            raise InvalidArgument(f"expected lengths as a list or tensor of whole numbers; {error}") from None
        lengths = lengths.long() if lengths.numel() == 0 else lengths
    if lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool:
        raise InvalidArgument(f"expected lengths as whole numbers, came {lengths.dtype}; use lengths.long()")
    if tuple(lengths.shape) != (x.shape[1],):
        raise InvalidArgument(
            f"expected one length for each of {x.shape[1]} sequences, came {list(lengths.shape)}"
        )
    return lengths.to(x.device)
