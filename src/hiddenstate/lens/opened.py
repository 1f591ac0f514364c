"""What can be looked into: the folder of a run, a torch layer, or a model that is laid open already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate import tasks
from hiddenstate.cells import CELLS, Cell
from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.infer import Inside, Stack

# what torch calls its layers: the cell, and its activation where it is another
_MODES: dict[str, tuple[str, str | None]] = {
    "LSTM": ("lstm", None),
    "GRU": ("gru", None),
    "RNN_TANH": ("rnn", None),
    "RNN_RELU": ("rnn", "relu"),
}


def opened(subject: Any) -> Inside:
    """Lay open a run (by its path), a recurrent layer or what holds one, a `Stack` or an `Inside`.

    Layers are ours (`Recurrent`, `RecurrentCell`, `RNN`, `LSTM`, `GRU`) and torch.nn's RNN, LSTM and GRU; of
    another module the one recurrent layer in it. Raises Unsupported for what has none or several, RunError
    where a run is damaged.
    """
    if isinstance(subject, Inside):
        return subject
    if isinstance(subject, Stack):
        return Inside(subject)
    if isinstance(subject, str | Path):
        return tasks.inside(subject)
    if hasattr(subject, "named_modules"):
        return Inside(_stack_of(_layer_in(subject)))
    raise Unsupported(
        f"expected the path of a run or a recurrent layer, came {type(subject).__name__}, in which no "
        "recurrent layer can be looked into"
    )


def _layer_in(module: Any) -> Any:
    """The module itself where it is a recurrent layer, or the only one in it."""
    if _is_layer(module):
        return module
    found = {name: each for name, each in module.named_modules() if _is_layer(each)}
    if len(found) == 1:
        return next(iter(found.values()))
    said = type(module).__name__
    if not found:
        raise Unsupported(
            f"{said} has no recurrent layer that can be looked into: Recurrent, RecurrentCell, RNN, LSTM, GRU"
        )
    raise Unsupported(f"{said} has several recurrent layers; give one of them: {', '.join(found)}")


def _is_layer(module: Any) -> bool:
    own = isinstance(getattr(module, "cell", None), Cell) and hasattr(module, "options")
    return own or (getattr(module, "mode", None) in _MODES and hasattr(module, "all_weights"))


def _stack_of(layer: Any) -> Stack:
    """A copy of a torch layer as it stands in evaluation, without touching the layer."""
    arrays = {
        name: value.detach().cpu().double().numpy().copy() for name, value in layer.state_dict().items()
    }
    if not hasattr(layer, "num_layers"):  # of single steps: its parameters are named without a layer
        arrays = {
            name if name.startswith("first_") else f"{name}_l0": value for name, value in arrays.items()
        }
    return Stack(
        _cell_of(layer),
        layer.input_size,
        layer.hidden_size,
        arrays,
        num_layers=getattr(layer, "num_layers", 1),
        bidirectional=getattr(layer, "bidirectional", False),
        proj_size=layer.options.proj_size if hasattr(layer, "options") else layer.proj_size,
    )


def _cell_of(layer: Any) -> Cell:
    """The cell of a layer; torch's own are told by their modes."""
    if hasattr(layer, "options"):
        cell: Cell = layer.cell
        return cell
    name, activation = _MODES[layer.mode]
    return CELLS["lstm_projected" if layer.proj_size else name].with_activations(activation)


@dataclass(frozen=True)
class Sequence:
    """What is read: a name for each step, and their vectors x [T, F]."""

    names: tuple[str, ...]
    x: np.ndarray


def sequence_of(inside: Inside, given: Any) -> Sequence:
    """A text, or the vectors [T, F] themselves (steps are then named by their number).

    Raises InvalidArgument where there is nothing to read, or where it does not fit.
    """
    F = inside.stack.input_size
    if isinstance(given, str):
        if inside.read is None:
            raise InvalidArgument(f"this layer reads vectors, not texts: give x as an array [T, {F}]")
        names, x = inside.read(given)
        if not names:
            raise InvalidArgument(f"there is no word to read in {given!r}; give a text with at least one")
        return Sequence(names, x)
    x = given.detach().cpu().numpy() if hasattr(given, "detach") else np.asarray(given)
    if x.ndim != 2 or x.shape[1] != F or x.dtype.kind not in "fiu":
        raise InvalidArgument(f"expected numbers x [T, {F}] or a text, came {x.dtype} {list(x.shape)}")
    if not len(x):
        raise InvalidArgument(f"there is no step to read: x is [0, {F}]; give at least one")
    return Sequence(tuple(str(step) for step in range(len(x))), x)
