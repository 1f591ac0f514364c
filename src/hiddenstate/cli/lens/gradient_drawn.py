"""What the gradient's way back looks like in a terminal: curves of signs, and numbers by distance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hiddenstate.cli import screen
from hiddenstate.cli.lens import drawn

if TYPE_CHECKING:
    from rich.console import Console

    from hiddenstate.lens.gradient_view import GradientView

TALL, WIDEST = 12, 76  # lines and columns of the curves
ROWS = 10  # of the table by distance


def show(on: Console, view: GradientView) -> None:
    """Print verdict, curves, numbers, the reasons and how to read it."""
    drawn.opening(on, view)
    for sentence in view.facts.get("left_out", ()):
        screen.say(on, screen.printable(f"Left out: {sentence}."))
        screen.say(on)
    several = "factor" not in view.facts
    ways = {name.removeprefix("last ") if several else name: array for name, array in view.ways_back.items()}
    shown = {name: array.values[_place(view, name)] for name, array in ways.items()}
    first = next(iter(shown))
    what = ", all states together" if len(ways[first].labels["state"]) > 1 else ""
    screen.say(on, f"Norm of the gradient{what}, from {view.facts['from']}:")
    if len(view.arrays["sequences"].values) == 1:
        _table_by_distance(on, view, shown)
        return
    if several:
        plot(on, {name: values[1] for name, values in shown.items()})
        _table_of_networks(on, view)
    else:
        plot(on, {first: shown[first][1]}, shown[first])
        _table_by_distance(on, view, shown)
        if sum(row["origin"] == first for row in view.facts["ways"]) > 1:
            _table_of_ways(on, view, first)
    _say_thresholds(on, view)
    screen.say(on)
    for sentence in view.facts["why"]:
        begin = sentence[:1] if several else sentence[:1].upper()
        screen.say(on, screen.printable(f"Why? {begin}{sentence[1:]}"))
    drawn.closing(on, view)


def _say_thresholds(on: Console, view: GradientView) -> None:
    limits = view.facts["thresholds"]
    if limits["vanishing_factor_below"] is not None:
        screen.say(on)
        screen.say(
            on,
            f"Called vanishing: less than {100 * limits['vanishing_below']:g} % left, which is a factor "
            f"below {limits['vanishing_factor_below']:.3g} a step; exploding: more than "
            f"{limits['exploding_above']:g} times, above {limits['exploding_factor_above']:.3g} a step.",
        )


def _place(view: GradientView, name: str) -> tuple[int, int, int]:
    """The layer and direction whose verdict is given, all states together."""
    where = view.facts["main"].get(name) or next(iter(view.facts["main"].values()))
    layer, _, direction = where.removeprefix("layer ").partition(", ")
    return int(layer), int(direction == "backward"), -1


def plot(on: Console, curves: Mapping[str, np.ndarray], band: np.ndarray | None = None) -> None:
    """Draw curves [T] by distance on a logarithmic scale, a letter each; of one alone its band [3, T] too."""
    rich = "utf" in (on.encoding or "").lower()
    values = np.concatenate([*curves.values(), *([] if band is None else list(band))])
    finite = values[np.isfinite(values) & (values > 0)]
    if not finite.size:
        screen.say(on, "There is no value above zero to draw.")
        return
    scale = _Scale(math.log10(finite.min()), math.log10(finite.max()))
    marks = scale.marks()
    wide = max(map(len, marks.values()))
    length = max(map(len, curves.values()))
    columns = _columns(length, min(on.width, WIDEST) - wide - 3)
    grid = [[" "] * (max(columns) + 1) for _ in range(TALL)]
    upright = "│" if rich else "|"
    for distance, column in enumerate(columns):
        if band is not None and np.isfinite(band[:, distance]).all() and band[2, distance] > 0:
            for row in range(scale.row(band[2, distance]), scale.row(band[0, distance]) + 1):
                grid[row][column] = upright
    for number, curve in enumerate(curves.values()):
        sign = ("●" if rich else "o") if len(curves) == 1 else drawn.LETTERS[number]
        for column in set(columns):
            part = curve[[distance for distance, at in enumerate(columns[: len(curve)]) if at == column]]
            part = part[np.isfinite(part) & (part > 0)]
            if part.size:
                row = scale.row(float(np.median(part)))
                grid[row][column] = sign if grid[row][column] in (" ", upright) else "*"
    corner, across = ("└", "─") if rich else ("+", "-")
    for row, signs in enumerate(grid):
        screen.line(on, f"{marks.get(row, '').rjust(wide)} {upright}{''.join(signs).rstrip()}")
    screen.line(on, f"{' ' * wide} {corner}{across * len(grid[0])}")
    last = f"{length - 1:,}"
    ends = f"0{last.rjust(len(grid[0]) - 1)}" if length > 1 else "0"
    screen.line(on, f"{' ' * (wide + 2)}{ends}")
    screen.line(on, f"{' ' * (wide + 2)}{'steps back from the end'[: on.width - wide - 2]}")
    if len(curves) > 1:
        legend = "  ".join(f"{drawn.LETTERS[k]} {name}" for k, name in enumerate(curves))
        screen.say(on, f"{legend}  * several")


@dataclass(frozen=True)
class _Scale:
    """Which row a value stands in: between powers of ten, the largest at the top."""

    bottom: float
    top: float

    def row(self, value: float) -> int:
        span = self.top - self.bottom
        height = (math.log10(value) - self.bottom) / span if value > 0 and span > 0 else float(value > 0)
        return TALL - 1 - round(min(max(height, 0.0), 1.0) * (TALL - 1))

    def marks(self) -> dict[int, str]:
        """What is written beside the first, the middle and the last row."""
        if self.top == self.bottom:
            return {0: _number(10**self.top)}
        rows = (0, TALL // 2, TALL - 1)
        powers = [self.top + (self.bottom - self.top) * row / (TALL - 1) for row in rows]
        return {row: _number(10.0**power) for row, power in zip(rows, powers, strict=True)}


def _columns(length: int, room: int) -> list[int]:
    """The column of each distance: a few apart where there is room, else several in one."""
    apart = min(4, max(1, (room - 1) // max(1, length - 1)))
    if (length - 1) * apart < room:
        return [distance * apart for distance in range(length)]
    return np.round(np.linspace(0, room - 1, length)).astype(int).tolist()


def _table_by_distance(on: Console, view: GradientView, shown: Mapping[str, np.ndarray]) -> None:
    words: list[str] = (view.facts.get("words") or [])[::-1]
    length = view.arrays["sequences"].values.size
    distances = range(length) if words and length <= 40 else _chosen(length)
    counts = view.arrays["sequences"].values
    alone = view.facts["sequences"] == 1
    columns = ["back", *(["word"] if words else []), *([] if alone else ["n"])]
    columns += [part for name in shown for part in ([f"from {name}"] if alone else [name, "10-90 %"])]
    rows: list[Sequence[object]] = []
    for distance in distances:
        cells: list[object] = [distance, *([words[distance]] if words else [])]
        cells += [] if alone else [int(counts[distance])]
        for values in shown.values():
            low, middle, high = values[:, distance]
            cells += [_number(middle)] if alone else [_number(middle), f"{_number(low)} {_number(high)}"]
        rows.append(cells)
    screen.say(on)
    screen.table(on, columns, rows, right=[name for name in columns if name != "word"])
    if not alone:
        screen.say(on, "n: sequences that are as long. Medians, and 10 and 90 % quantiles.")


def _chosen(length: int) -> list[int]:
    """About ten distances, close together near the end: 0 1 2 5 10 20 50 ... and the last."""
    if length <= ROWS + 2:
        return list(range(length))
    found = [0, *(step * 10**power for power in range(9) for step in (1, 2, 5))]
    return [each for each in found if each < length - 1] + [length - 1]


def _table_of_networks(on: Console, view: GradientView) -> None:
    rows, shown = [], []
    for number, (name, where) in enumerate(view.facts["main"].items()):
        found = next(row for row in reversed(view.facts["ways"]) if _is(row, name, where))
        rows.append((f"{drawn.LETTERS[number]} {name}", *_figures(found)))
        shown.append(found)
    screen.say(on)
    columns = ("network", "a step", "half-life", "left", "verdict")
    screen.table(on, columns, rows, right=columns[1:4])
    span = max(row["span"] for row in view.facts["ways"])
    screen.say(on, f"Left: what is left of the gradient {span:,} steps back.")
    _say_unsteady(on, shown)


def _is(row: Mapping[str, Any], network: str, where: str) -> bool:
    return row["network"] == network and f"layer {row['layer']}, {row['direction']}" == where


def _table_of_ways(on: Console, view: GradientView, origin: str) -> None:
    found = [row for row in view.facts["ways"] if row["origin"] == origin]
    layers, directions = ({row[name] for row in found} for name in ("layer", "direction"))
    rows = []
    for row in found:
        place = [f"layer {row['layer']}"] if len(layers) > 1 else []
        place += [row["direction"]] if len(directions) > 1 else []
        rows.append((" ".join([*place, row["state"]]), *_figures(row)))
    screen.say(on)
    columns = ("state", "a step", "half-life", "left", "verdict")
    screen.table(on, columns, rows, right=columns[1:4])
    screen.say(on, f"Left: what is left of the gradient {found[0]['span']:,} steps back, from {origin}.")
    _say_unsteady(on, found)


def _say_unsteady(on: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    if not all(row["steady"] for row in rows):
        screen.say(on, "No half-life (-) where it does not change steadily: its median step leads elsewhere.")


def _figures(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    factor = "-" if row["factor"] is None else f"x {row['factor']:.4g}"
    half = "-" if row["half_life"] is None else f"{row['half_life']:,.3g}"
    arrives = "-" if row["arrives"] is None else _number(row["arrives"])
    return factor, half, arrives, row["verdict"]


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.2g}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.0e}"
