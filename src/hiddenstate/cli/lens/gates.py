"""hiddenstate lens gates RUN TEXT: what do the gates do, and how long does each unit remember?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import options, screen
from hiddenstate.cli.lens import drawn, output
from hiddenstate.errors import InvalidArgument

if TYPE_CHECKING:
    from rich.console import Console

    from hiddenstate.lens.gating import GatesView

MOST_WORDS = 30  # with a line of numbers each
Layer = Annotated[int | None, typer.Option(metavar="N", help="One layer, counted from 0.")]
Direction = Annotated[str | None, typer.Option(metavar="WAY", help="forward or backward.")]


def gates(
    run: options.RunFolder,
    text: output.Words,
    layer: Layer = None,
    direction: Direction = None,
    data: options.DataName = None,
    units: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Tell of so many units that remember longest.  [default: 5]"),
    ] = None,
    unit: Annotated[
        list[int] | None, typer.Option(metavar="U", min=0, help="Instead, of this unit; may be repeated.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Every step of a text of over 500, not means of neighbours.")
    ] = False,
    csv: output.Csv = None,
    png: output.Png = None,
    svg: output.Svg = None,
    html: output.Html = None,
    overwrite: output.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Show what the gates do, and how long each unit remembers.

    hiddenstate lens gates runs/assistant "what time is it?"

    hiddenstate lens gates runs/assistant "what time is it?" --png gates.png --json
    """
    from hiddenstate import lens

    asked = output.checked(output.Asked(csv, png, svg, html, overwrite, json))
    if unit and units is not None:
        raise InvalidArgument("--units says how many units, and --unit which: give one of the two.")
    told = unit or (5 if units is None else units)
    view = lens.gates(run, text, layer=layer, direction=direction, data=data, units=told, whole=whole)
    output.deliver(view, asked, lambda on: show(on, view))


def show(on: Console, view: GatesView) -> None:
    """Draw the means over the units, saturation, and the units that remember longest."""
    drawn.opening(on, view)
    if "read" in view.facts:
        screen.say(on, f"Of it {view.facts['read']}.")
    first = view.arrays[(*view.facts["gates"], *view.facts["states"])[0]]
    places = list(product(*(range(size) for size in first.values.shape[:2])))
    for layer, way in places:
        if len(places) > 1:
            labels = first.labels
            screen.say(on, f"Layer {labels['layer'][layer]}, {labels['direction'][way]}")
        _means(on, view, (layer, way))
        _longest(on, view, (layer, way))
        screen.say(on)
    _saturation(on, view.facts)
    _spans(on, view.facts)
    drawn.closing(on, view)


def _means(on: Console, view: GatesView, place: tuple[int, int]) -> None:
    """Show the mean of each gate over the units, and how large the states are, step by step."""
    import numpy as np

    from hiddenstate.lens.view import Named

    gates, states = view.facts["gates"], view.facts["states"]
    steps = view.arrays[states[0]].labels["step"]
    means = {name: np.abs(view.arrays[name].values[place]).mean(-1) for name in (*gates, *states)}
    if len(steps) <= MOST_WORDS:
        screen.say(on, "Word by word the mean of each gate over the units, and the mean size of each state:")
        columns = ("word", *gates, *(f"|{name}|" for name in states))
        rows = [(step, *(f"{means[name][i]:.2f}" for name in means)) for i, step in enumerate(steps)]
        screen.table(on, columns, rows, right=columns[1:])
        return
    for names, kind, high in ((gates, "gate", 1.0), (states, "state", None)):
        if names:
            values = np.stack([means[name] for name in names])
            across = "word" if view.facts["steps_in_a_bin"] == 1 else "bin"
            labels = {kind: names, across: steps}
            drawn.shades(on, Named(values, (kind, across), labels, "mean size over the units"), 0.0, high)


def _longest(on: Console, view: GatesView, place: tuple[int, int]) -> None:
    """Draw the gate that lets the units remember, for those that remember longest."""
    import numpy as np

    from hiddenstate.lens.view import Named

    if view.facts["span"] is None:
        return
    state = view.facts["span"]["state"]
    letters = set(re.findall(r"\w+", view.facts["carried"][state]))
    name = next((gate for gate in view.facts["gates"] if gate in letters), state)
    spans = view.arrays[f"{state}.span"].values[place]
    units = np.argsort(-spans, kind="stable")[: len(view.facts["units"])].tolist()
    which = " that remember longest" if len(units) > 1 else " that remembers longest"
    if view.facts["units_chosen"] == "asked for":
        units, which = sorted({each["unit"] for each in view.facts["units"]}), ""
    values = view.arrays[name].values[place][:, units].T
    steps = view.arrays[name].labels["step"]
    screen.say(on)
    screen.say(on, f"{name} of {len(units)} unit{'s' * (len(units) != 1)}{which}:")
    every = view.facts["steps_in_a_bin"]
    across = "word" if every == 1 else "bin"
    limits = (0.0, 1.0) if name in view.facts["gates"] else (None, None)
    drawn.shades(on, Named(values, ("unit", across), {"unit": units, across: steps}), *limits)
    if every > 1:
        screen.say(on, f"A bin is the mean of {every} steps.")


def _saturation(on: Console, facts: Mapping[str, Any]) -> None:
    screen.say(on, screen.printable(f"Counted over {facts['counted_over']}:"))
    if facts["gates"]:
        rows = [
            (name, screen.percent(each["left"]), screen.percent(each["right"]))
            for name, each in facts["saturated"].items()
        ]
        columns = ("gate", "shut (< 0.1)", "open (> 0.9)")
        screen.table(on, columns, rows, right=columns[1:])
    else:
        screen.say(on, f"The {facts['cell']} has no gate: no value in it lies in 0..1 by its equation.")


def _spans(on: Console, facts: Mapping[str, Any]) -> None:
    screen.say(on)
    if facts["span"] is None:
        note = facts["note"]
        screen.say(on, note[0].upper() + note[1:] + ".")
        return
    span, state = facts["span"], facts["span"]["state"]
    at = ", ".join(f"{name} {_steps(span[name])}" for name in ("shortest", "median", "longest"))
    endless = f"; {span['without_end']} units without end" if span["without_end"] else ""
    factor = facts["carried"][state]
    screen.say(on, f"Memory span of {state} by its factor {factor}, in steps: {at}{endless}.")
    if not facts["units"]:
        return
    several = len({(each["layer"], each["direction"]) for each in facts["units"]}) > 1
    rows: list[tuple[str, ...]] = [
        (
            f"{each['unit']}",
            f"{each['layer']} {each['direction']}",
            _steps(each["span"]),
            _words(each["cleared_by"], "factor"),
            _words(each["written_by"], "change"),
        )
        for each in facts["units"]
    ]
    columns: tuple[str, ...] = (
        "unit",
        "layer",
        "span",
        f"forgets most at ({factor})",
        f"changes most at ({state})",
    )
    if not several:
        columns, rows = columns[:1] + columns[2:], [row[:1] + row[2:] for row in rows]
    screen.say(on)
    screen.table(on, columns, rows, right=("span",))


def _steps(span: float | None) -> str:
    return "no end" if span is None else f"{span:.1f}"


def _words(found: Sequence[Mapping[str, Any]], what: str) -> str:
    sign = "+" if what == "change" else ""
    return "; ".join(f"{each['word']} {each[what]:{sign}.2f}" for each in found)
