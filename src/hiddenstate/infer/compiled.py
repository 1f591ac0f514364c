"""Cells as the compiled core has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from hiddenstate import native
from hiddenstate.cells import Cell
from hiddenstate.derive.encoded import encoded


@cache
def core_cell(cell: Cell, keep: tuple[str, ...] = ()) -> Any:
    """The core's own form of a cell, made once; raises Unsupported where the core was not built."""
    core = native.module()
    return core.Cell(*encoded(cell, keep, native.ops(), core.printed()).arguments)


@dataclass(frozen=True)
class PackedLayer:
    """One layer of a running stream, in single precision without gaps: the features F that it reads, the
    addresses of its parameters by name (those that are there), and of its first states [B, width]."""

    features: int
    parameters: Mapping[str, int]
    states: Sequence[int]


def core_stream(cell: Cell, batch: int, units: Mapping[str, int], layers: Sequence[PackedLayer]) -> Any:
    """The core's running stream of B sequences through layers of a cell, its weights copied and packed.

    `units` are the sizes of the cell's width letters. Raises Unsupported where the core was not built.
    """
    stream, core = native.module().Stream(batch), core_cell(cell)
    names = tuple(cell.parameter_shapes(1, 1, 1))
    for layer in layers:
        sizes = (1, batch, layer.features, units["H"], units["P"])
        stream.add(core, sizes, [layer.parameters.get(name, 0) for name in names], list(layer.states))
    return stream
