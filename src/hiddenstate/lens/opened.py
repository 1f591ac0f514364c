"""What can be looked into: the folder of a run, a torch layer, or a model that is laid open already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate import tasks
from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.infer import Inside, Stack


def opened(subject: Any) -> Inside:
    """Lay open a run (by its path), a `layers.Recurrent`, an `infer.Stack` or an `infer.Inside`.

    Raises Unsupported for what has no recurrent layer, RunError where a run is damaged.
    """
    if isinstance(subject, Inside):
        return subject
    if isinstance(subject, Stack):
        return Inside(subject)
    if isinstance(subject, str | Path):
        return tasks.inside(subject)
    if hasattr(subject, "state_dict") and hasattr(subject, "num_layers") and hasattr(subject, "cell"):
        return Inside(_stack_of(subject))
    raise Unsupported(
        f"expected the path of a run or a recurrent layer, came {type(subject).__name__}, in which no "
        "recurrent layer can be looked into; give model.recurrent, or whatever the layer is called there"
    )


def _stack_of(layer: Any) -> Stack:
    """A copy of a torch layer as it stands in evaluation, without touching the layer."""
    arrays = {
        name: value.detach().cpu().double().numpy().copy() for name, value in layer.state_dict().items()
    }
    return Stack(
        layer.cell,
        layer.input_size,
        layer.hidden_size,
        arrays,
        num_layers=layer.num_layers,
        bidirectional=layer.bidirectional,
        proj_size=layer.options.proj_size,
    )


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
