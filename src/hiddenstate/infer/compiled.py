"""Cells as the compiled core has them."""

from __future__ import annotations

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
