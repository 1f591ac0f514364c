"""Curves with the band between their quantiles, each named at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hiddenstate.errors import InvalidArgument
from hiddenstate.lens import palette
from hiddenstate.lens.drawing.sheet import fit
from hiddenstate.lens.drawing.words import number, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKED = 30  # points; a longer curve has markers at some of them
KEY = 22  # points of the piece of line before a name


@dataclass(frozen=True, eq=False)
class Curve:
    """One curve [N]: its name, places x, values y, and a lower and an upper quantile where there are any."""

    name: str
    x: Sequence[float] | np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def lines(
    axes: Axes, curves: Sequence[Curve], across: str = "step", down: str = "", log: bool = False
) -> None:
    """Draw curves over `across`, in colours and dashes of their own, each named at its right end.

    On a log scale values of zero are drawn as triangles at the lower edge. What is not finite is a gap.
    Raises InvalidArgument where there is no curve, or a curve's arrays are not of one length.
    """
    if not curves:
        raise InvalidArgument("lines are drawn for at least one curve; came none.")
    for curve in curves:
        lengths = {len(part) for part in (curve.x, curve.y, curve.low, curve.high) if part is not None}
        if len(lengths) > 1:
            raise InvalidArgument(
                f"the curve {curve.name!r} has arrays of different lengths: {sorted(lengths)}."
            )
    floor = _floor(curves) if log else None
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: number(value))
        axes.yaxis.set_minor_formatter(lambda value, _: _minor(axes, value))
    for place, curve in enumerate(curves):
        _draw(axes, curve, palette.STYLES[place % len(palette.STYLES)], floor)
    if floor is not None:
        axes.set_ylim(bottom=floor)
    axes.margins(x=0.02)
    axes.set_xlabel(across)
    axes.set_ylabel(down)
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    _whole_numbers(axes, curves)
    if any(curve.name for curve in curves):
        _name(axes, curves)


def _minor(axes: Axes, value: float) -> str:
    """What is written between powers of ten: 2 and 5 times them, where the axis spans under two decades."""
    low, high = axes.get_ylim()
    first = value / 10.0 ** np.floor(np.log10(value) + 1e-9)
    named = high < 100 * low and min(abs(first - 2), abs(first - 5)) < 1e-6
    return number(value) if named else ""


def _draw(axes: Axes, curve: Curve, style: tuple[str, Any, str], floor: float | None) -> None:
    shade, dashes, marker = style
    x, y = np.asarray(curve.x, np.float64), np.asarray(curve.y, np.float64)
    every = max(1, len(x) // 12) if len(x) > MARKED else 1
    marked: dict[str, Any] = {"marker": marker, "markersize": 3.5, "markevery": every}
    if floor is not None:
        zero = y <= 0
        if zero.any():
            at_edge = np.full(int(zero.sum()), floor)
            (below,) = axes.plot(x[zero], at_edge, "v", color=shade, markersize=5, clip_on=False)
            below.set_in_layout(False)
        y = np.where(zero, np.nan, y)
    axes.plot(x, y, color=shade, linestyle=dashes, linewidth=1.6, **marked)
    if curve.low is not None and curve.high is not None:
        low, high = (np.asarray(part, np.float64) for part in (curve.low, curve.high))
        if floor is not None:
            low, high = np.maximum(low, floor), np.maximum(high, floor)
        axes.fill_between(x, low, high, color=shade, alpha=0.18, linewidth=0)


def _floor(curves: Sequence[Curve]) -> float:
    """Return the lower edge of a log scale: a power of ten below all that is above zero."""
    parts = [part for curve in curves for part in (curve.y, curve.low) if part is not None]
    values = np.concatenate([np.asarray(part, np.float64).reshape(-1) for part in parts])
    positive = values[np.isfinite(values) & (values > 0)]
    if not positive.size:
        return 1e-12
    zeros = bool((values <= 0).any())
    return float(10.0 ** (np.floor(np.log10(positive.min())) - zeros))


def _whole_numbers(axes: Axes, curves: Sequence[Curve]) -> None:
    from matplotlib.ticker import MaxNLocator

    if all(float(x).is_integer() for curve in curves for x in curve.x):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def _name(axes: Axes, curves: Sequence[Curve]) -> None:
    """Write each curve's name right of its end, behind a piece of its line; names never touch."""
    written = []
    names = shown([curve.name for curve in curves], 28)
    for place, (curve, name) in enumerate(zip(curves, names, strict=True)):
        text = axes.annotate(
            name,
            (1.0, 0.5),
            xycoords="axes fraction",
            xytext=(KEY + 9, 0),
            textcoords="offset points",
            va="center",
            size=8,
            color=palette.as_text(palette.STYLES[place % len(palette.STYLES)][0]),
            annotation_clip=False,
        )
        finite = np.flatnonzero(np.isfinite(curve.y))
        written.append((text, float(curve.y[finite[-1]]) if finite.size else np.nan))
    fit(axes, lambda: _apart(axes, written))


def _apart(axes: Axes, written: Sequence[tuple[Any, float]]) -> None:
    """Put each name at the height of its curve's end, at least its own height from the next."""
    box = axes.get_window_extent()
    bottom, log = axes.get_ylim()[0], axes.get_yscale() == "log"
    left = axes.get_xlim()[0]
    heights = []
    for _, value in written:
        value = bottom if not np.isfinite(value) or (log and value <= 0) else value
        dots = axes.transData.transform((left, value))[1]
        heights.append(min(max(dots, box.y0), box.y1))
    gap = max(text.get_window_extent().height for text, _ in written) * 1.15
    order = np.argsort(heights, kind="stable")
    placed = spread(np.array(heights)[order], gap, box.y0, box.y1)
    for place, dots in zip(order, placed, strict=True):
        height = (dots - box.y0) / box.height
        written[place][0].xy = (1.0, height)
        _key(axes, int(place), height)


def spread(heights: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Return ascending heights moved to stand `gap` apart, between low and high if they fit.

    >>> spread(np.array([0.0, 0.0, 9.0]), 2.0, 0.0, 10.0).tolist()
    [0.0, 2.0, 9.0]
    """
    placed = heights.copy()
    for place in range(1, len(placed)):
        placed[place] = max(placed[place], placed[place - 1] + gap)
    placed[-1] = min(placed[-1], max(high, low + gap * (len(placed) - 1)))
    for place in range(len(placed) - 2, -1, -1):
        placed[place] = min(placed[place], placed[place + 1] - gap)
    return placed


def _key(axes: Axes, place: int, height: float) -> None:
    """Draw a piece of a curve's line before its name, so that grey tells which it is."""
    from matplotlib.lines import Line2D

    figure: Any = axes.get_figure(root=True)
    shade, dashes, marker = palette.STYLES[place % len(palette.STYLES)]
    dots = axes.get_window_extent().width * 72 / figure.dpi  # the width of the axes, in points
    key = Line2D(
        [1 + right / dots for right in (5, 5 + KEY / 2, 5 + KEY)],
        [height] * 3,
        color=shade,
        linestyle=dashes,
        linewidth=1.6,
        marker=marker,
        markersize=3.5,
        markevery=[1],
        transform=axes.transAxes,
        clip_on=False,
    )
    key.set_in_layout(False)
    axes.add_line(key)
