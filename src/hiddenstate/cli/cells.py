"""hiddenstate cells: what can compute one step, and what follows from its equations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from textwrap import dedent
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import options, screen

if TYPE_CHECKING:
    from rich.console import Console

    from hiddenstate.cells import Cell

Sizes = Mapping[str, int]


def cells(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME_OR_PATH]",
            show_default=False,
            autocompletion=options.cell_names,
            help="One cell of the table, or your own in a .toml or .json file; none: the whole table.",
        ),
    ] = None,
    inputs: Annotated[int, typer.Option(metavar="N", min=1, help="Features that go in.")] = 100,
    hidden: Annotated[int, typer.Option(metavar="N", min=1, help="Hidden units.")] = 10,
    projected: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Units of a projection or output.  [default: as hidden]"),
    ] = None,
    activation: options.Activation = None,
    latex: Annotated[bool, typer.Option("--latex", help="The equations as LaTeX.")] = False,
    derivatives: Annotated[
        bool, typer.Option("--derivatives", help="The derivative of each equation.")
    ] = False,
    json: options.Json = False,
) -> None:
    """List the recurrent cells, or show all about one.

    hiddenstate cells lstm --inputs 100 --hidden 10 --derivatives
    """
    from hiddenstate.cells import CELLS, resolve
    from hiddenstate.errors import InvalidArgument

    sizes = {"F": inputs, "H": hidden, "P": projected or hidden}
    if name is None:
        if latex or derivatives or activation is not None:
            raise InvalidArgument(
                "--latex, --derivatives and --activation show one cell; name it, as in: cells lstm --latex"
            )
        found: dict[str, Any] = {"cells": [_row(cell, sizes) for cell in CELLS.values()], "sizes": sizes}
        _show_table(screen.console(for_program=json), found)
    else:
        cell = resolve(name).with_activations(activation)
        found = description(cell, sizes)
        _show(screen.console(for_program=json), found, latex=latex, derivatives=derivatives)
    if json:
        screen.emit(found)


def _row(cell: Cell, sizes: Sizes) -> dict[str, Any]:
    return {
        "name": cell.name,
        "title": cell.title,
        "states": [state.name for state in cell.states],
        "gates": [label for label in next(iter(cell.labels.values()), ()) if label],
        "parameters": cell.parameter_count(sizes["F"], sizes["H"], sizes["P"]),
    }


def description(cell: Cell, sizes: Sizes) -> dict[str, Any]:
    """Say all that follows from a cell's equations at these sizes, as plain values."""
    from hiddenstate.cells.equation import text
    from hiddenstate.derive.latex import latex

    shapes = cell.parameter_shapes(sizes["F"], sizes["H"], sizes["P"])
    changed = bool(cell.activations)
    written = [f"{symbol} = {text(root)}" for symbol, root in cell.assignments]
    return {
        **_row(cell, sizes),
        "sizes": dict(sizes),
        "paper": cell.paper,
        "note": cell.note,
        "equations": written if changed else dedent(cell.equations).strip().splitlines(),
        "activations": {**cell.slots, **cell.activations},
        "output": cell.output,
        "first_values": {state.name: f"{state.initial:g}" for state in cell.states},
        "shapes": {parameter: list(shape) for parameter, shape in shapes.items()},
        "weight_joint": _joint(cell, shapes),
        "latex": latex(cell),
        "derivatives": derivatives_of(cell),
    }


def _joint(cell: Cell, shapes: Mapping[str, tuple[int, ...]]) -> list[int] | None:
    """Give the shape of the one matrix for x joined to what is fed back; None where the cell has none."""
    from hiddenstate.derive.joint import joined_blocks
    from hiddenstate.errors import Unsupported

    try:
        given, back = joined_blocks(cell)
    except Unsupported:
        return None
    rows, features = shapes[given.weight]
    return [features + shapes[back.weight][1], rows]


def derivatives_of(cell: Cell) -> list[dict[str, Any]]:
    """Give the derivative of every equation by each thing on its right-hand side, matrix products whole.

    Things with the same derivative stand in one row.

    >>> from hiddenstate.cells import CELLS
    >>> derivatives_of(CELLS["rnn"])
    [{'of': 'h', 'by': ['W x', "R h'"], 'is': '1 - h * h'}]
    """
    from hiddenstate.cells.equation import node, substitute, text, walk
    from hiddenstate.derive.gradient import derivative

    rows = []
    for symbol, root in cell.assignments:
        inside = {part for n in walk(root) if n.op == "matmul" for part in n.args}
        parts = [
            n for n in walk(root) if n.op in ("matmul", "symbol", "previous", "vector") and n not in inside
        ]
        same: dict[Any, list[str]] = {}
        for part in parts:
            # the equation's own value stands for itself, as it does on the tape
            whole = substitute(derivative(root, part), {root: node("symbol", name=symbol)})
            same.setdefault(whole, []).append(text(part))
        rows += [{"of": symbol, "by": by, "is": text(whole)} for whole, by in same.items()]
    return rows


def _show_table(on: Console, found: Mapping[str, Any]) -> None:
    rows = [
        (
            row["name"],
            row["title"],
            " ".join(row["states"]),
            " ".join(row["gates"]) or "-",
            f"{row['parameters']:,}",
        )
        for row in found["cells"]
    ]
    screen.table(on, ("name", "title", "states", "gates", "parameters"), rows, right=("parameters",))
    sizes = found["sizes"]
    screen.say(on)
    screen.say(
        on,
        f"Parameters for {sizes['F']} inputs and {sizes['H']} hidden units. One cell: "
        "hiddenstate cells lstm. Yours: a .toml or .json file in place of the name.",
    )


def _show(on: Console, found: Mapping[str, Any], *, latex: bool, derivatives: bool) -> None:
    screen.say(on, f"{found['title'] or found['name']}  ({found['name']})")
    for words in ("paper", "note"):
        if found[words]:
            screen.say(on, found[words])
    _block(on, "Equations", found["equations"])
    if derivatives:
        written = [f"d {row['of']} / d {', '.join(row['by'])} = {row['is']}" for row in found["derivatives"]]
        _block(on, "Derivatives, elementwise; a matrix product counts as one thing", written)
    if latex:
        _block(on, "LaTeX", found["latex"].splitlines())
    _block(
        on,
        "States",
        [f"{name}, first {value}" for name, value in found["first_values"].items()]
        + [f"{found['output']} is the output"],
    )
    if found["activations"]:
        slots = "  ".join(f"{slot}: {name}" for slot, name in found["activations"].items())
        _block(on, "Activations", [slots])
    sizes = found["sizes"]
    projected = f", P = {sizes['P']}" if sizes["P"] != sizes["H"] else ""
    width = max(map(len, found["shapes"]))
    shapes = [
        f"{name:<{width}}  {' x '.join(map(str, shape)):>10}  {math.prod(shape):>9,}"
        for name, shape in found["shapes"].items()
    ]
    shapes.append(f"{'in all':<{width}}  {'':>10}  {found['parameters']:>9,}")
    _block(on, f"Parameters for F = {sizes['F']} inputs, H = {sizes['H']} hidden units{projected}", shapes)
    if found["weight_joint"]:
        into, out = found["weight_joint"]
        screen.say(on, f"Input joined to what is fed back, one matrix (.weight_joint): {into} x {out}")


def _block(on: Console, title: str, rows: list[str]) -> None:
    """Print a title and indented rows, each in one piece so that it can be copied."""
    screen.say(on)
    screen.say(on, title)
    for row in rows:
        screen.line(on, f"  {row}")
