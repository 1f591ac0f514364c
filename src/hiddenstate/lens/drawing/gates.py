"""The picture of gates: heat maps of gates and states, then saturation and memory spans of the units."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from hiddenstate.lens.drawing.heat_map import Scale, heat_map
from hiddenstate.lens.drawing.lines import Curve, lines
from hiddenstate.lens.drawing.saturation import Gate, saturation
from hiddenstate.lens.drawing.sheet import entitle
from hiddenstate.lens.view import Named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hiddenstate.lens.gating import GatesView

WIDE, TALL, BELOW = 14.0, 2.9, 3.4  # inches: of the sheet at most, of a heat map, of what is below
LETTER = 0.075  # inches
MOST = 4  # layers and directions that are drawn


def draw(view: GatesView, figure: Figure) -> None:
    """Draw heat maps above, of each layer and direction, and below what is counted over many steps."""
    gates, names = view.facts["gates"], [*view.facts["gates"], *view.facts["states"]]
    first = view.arrays[names[0]]
    count = len(first.labels["step"])
    places = list(product(range(first.values.shape[0]), range(first.values.shape[1])))
    # of many layers the last ones: they are what is answered from
    drawn = places[-MOST:]
    wide = _wide(count)
    columns = max(1, min(len(names), int(WIDE / wide)))
    rows = -(-len(names) // columns) * len(drawn)
    below = bool(gates) or view.facts["span"] is not None
    parts = len(drawn) * bool(gates) + (view.facts["span"] is not None)
    figure.set_size_inches(max(7.5, columns * wide, 3.2 * parts), TALL * rows + BELOW * below + 0.5)
    entitle(figure, view.title)
    sheets: Any = figure.subfigures(2, 1, height_ratios=[TALL * rows, BELOW]) if below else [figure, None]
    above, under = sheets
    grid = above.subplots(rows, columns, squeeze=False)
    spots = iter(grid.flat)
    for place in drawn:
        for number, name in enumerate(names):
            axes = next(spots)
            bar = name not in gates or name == gates[-1]
            _map(axes, view, name, place, bar)
            title = f"{name}: {'gate' if name in gates else 'state'}{_where(view, place, len(places))}"
            axes.set_title(title, fontsize=9, loc="left")
            if number % columns:
                axes.set_ylabel("")
        for _ in range(-len(names) % columns):
            next(spots).set_axis_off()
    if under is not None:
        _below(view, under.subplots(1, parts, squeeze=False)[0], drawn, len(places))


def _wide(steps: int) -> float:
    """Inches of a heat map of so many steps."""
    return min(10.0, max(2.2, 1.2 + 0.17 * min(steps, 60)))


def _where(view: GatesView, place: tuple[int, int], count: int) -> str:
    if count == 1:
        return ""
    labels = next(iter(view.arrays.values())).labels
    return f", layer {labels['layer'][place[0]]} {labels['direction'][place[1]]}"


def _map(axes: Any, view: GatesView, name: str, place: tuple[int, int], bar: bool) -> None:
    array = view.arrays[name]
    values, units = array.values[place].T, list(array.labels["unit"])
    spans = _spans(view, place)
    down = "unit"
    if spans is not None and len(spans) == len(units):
        order = np.argsort(-spans, kind="stable")
        values, units, down = values[order], [str(units[i]) for i in order], "unit, longest span on top"
    steps = [str(step) if view.facts["steps_in_a_bin"] > 1 else step for step in array.labels["step"]]
    across = "word" if any(isinstance(step, str) for step in steps) else "step"
    if view.facts["steps_in_a_bin"] > 1:
        across = f"steps, the mean of {view.facts['steps_in_a_bin']}"
    scale, unit = Scale(0.0, 1.0), array.unit
    if unit == "state":
        # a few units may be far larger than all others, which would be one shade
        most, larger = (float(np.quantile(np.abs(values), share)) for share in (0.99, 1.0))
        cut = 0 < most < 0.7 * larger
        scale = Scale(-most, most, signed=True) if cut else Scale(signed=True)
        unit = "state (1 % lies beyond)" if cut else unit
    heat_map(axes, Named(values, (down, across), {down: units, across: steps}, unit), scale, bar)
    room = (_wide(len(steps)) - 1.0) / len(steps)
    if across == "word" and max(len(str(step)) + 1.5 for step in steps) * LETTER > room:
        axes.tick_params(axis="x", labelrotation=90)


def _spans(view: GatesView, place: tuple[int, int]) -> np.ndarray | None:
    if view.facts["span"] is None:
        return None
    return np.asarray(view.arrays[f"{view.facts['span']['state']}.span"].values[place])


def _below(view: GatesView, spots: Any, drawn: list[tuple[int, int]], count: int) -> None:
    left = iter(spots)
    if view.facts["gates"]:
        for place in drawn:
            axes = next(left)
            gates = [
                Gate(name, *(view.arrays[f"{name}.{side}"].values[place] for side in ("left", "right")))
                for name in view.facts["gates"]
            ]
            saturation(axes, gates)
            axes.set_title(f"saturated{_where(view, place, count)}", fontsize=9, loc="left")
    if view.facts["span"] is not None:
        axes, state = next(left), view.facts["span"]["state"]
        curves = list(_curves(view, drawn, count))
        ends = [curve.y[np.isfinite(curve.y) & (curve.y > 0)] for curve in curves]
        known = np.concatenate(ends)
        log = bool(known.size) and known.max() > 20 * known.min()
        lines(axes, curves, "unit, by its span", "memory span, steps", log=log)
        if not log:
            axes.set_ylim(0, 1.1 * max([*known, 1e-9]))
        title = f"how long {state} lasts, by its factor {view.facts['carried'][state]}"
        axes.set_title(title, fontsize=9, loc="left")


def _curves(view: GatesView, drawn: list[tuple[int, int]], count: int) -> Iterator[Curve]:
    for place in drawn:
        spans = _spans(view, place)
        if spans is not None:
            ranked = np.sort(spans)[::-1]
            endless = int(np.isinf(spans).sum())
            name = _where(view, place, count).removeprefix(", ")
            name += f" ({endless} without end)" if endless else ""
            yield Curve(name, np.arange(1, len(spans) + 1), np.where(np.isfinite(ranked), ranked, np.nan))
