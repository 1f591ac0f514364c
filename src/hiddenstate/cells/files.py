"""A user's own cell in a user's own file: TOML or JSON with a Cell's fields. Reading executes nothing."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from hiddenstate.cells.cell import Cell
from hiddenstate.errors import InvalidArgument, nearest


def load(path: str | Path) -> Cell:
    """Read a cell from a .toml or .json file.

    Raises InvalidArgument where the file is missing, is not TOML or JSON, or breaks a law of cells.
    """
    path = Path(path)
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"expected a cell file at {path}; {error}") from None
    kind = "JSON" if path.suffix == ".json" else "TOML"
    try:
        values = json.loads(source) if kind == "JSON" else tomllib.loads(source)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{path} is not valid {kind}: {error}") from None
    if not isinstance(values, dict):
        raise InvalidArgument(f"{path} holds a {type(values).__name__}; expected the fields of a cell")
    values.setdefault("name", path.stem)
    return Cell.from_dict(values)


def resolve(cell: str | Path | Cell) -> Cell:
    """Find a cell by its name in the table, by a path to its file, or take the Cell that is given.

    Raises InvalidArgument for an unknown name, and where the file holds no cell (see `load`).

    >>> resolve("gru").title
    'Gated recurrent unit, reset after the product'
    """
    from hiddenstate.cells import CELLS

    if isinstance(cell, Cell):
        return cell
    if isinstance(cell, str) and cell in CELLS:
        return CELLS[cell]
    if isinstance(cell, str | Path) and Path(cell).suffix in (".toml", ".json"):
        return load(cell)
    raise InvalidArgument(
        f"unknown cell {cell!r}: {nearest(str(cell), CELLS)} (or a path to a .toml or .json file)"
    )
