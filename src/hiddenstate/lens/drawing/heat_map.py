"""Values as shades: steps by inputs, units by steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hiddenstate.errors import InvalidArgument
from hiddenstate.lens import palette
from hiddenstate.lens.drawing.words import number, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from hiddenstate.lens.view import Named

MOST = 400  # shades across or down; more are binned
MOST_WORDS = 60  # ticks with a word each; more are thinned to about a dozen


def height(rows: int) -> float:
    """Return the inches in which each of so many rows, up to 60, can have its word."""
    return 1.2 + max(1.6, 0.15 * min(rows, MOST_WORDS))


@dataclass(frozen=True)
class Scale:
    """How values become shades, from `low` to `high`: `signed` about zero, or `log` by powers of ten.

    Limits that are None are the data's.
    """

    low: float | None = None
    high: float | None = None
    signed: bool = False
    log: bool = False


def heat_map(axes: Axes, array: Named, scale: Scale | None = None, bar: bool = True) -> None:
    """Draw an array of two axes, the first down and the second across, with a bar of shades and its unit.

    More than 400 places are binned to the mean of each bin, which the axis says. What is not finite, and what
    a logarithm cannot show, is crossed out. Raises InvalidArgument for an array that has not two axes.
    """
    if array.values.ndim != 2:
        raise InvalidArgument(f"a heat map has two axes; came {list(array.axes)}.")
    scale = scale or Scale()
    values = array.values.astype(np.float64)
    values, down = _binned(values, 0)
    values, across = _binned(values, 1)
    values = np.ma.masked_invalid(values)
    if scale.log:
        values = np.ma.masked_less_equal(values, 0)
    if np.ma.getmaskarray(values).any():
        axes.patch.set_hatch("xxxx")
        axes.patch.set_edgecolor("#999999")
    image = axes.pcolormesh(
        np.arange(values.shape[1] + 1) * across + 0.5,
        np.arange(values.shape[0] + 1) * down + 0.5,
        values,
        cmap=palette.shades(scale.signed),
        norm=_norm(values, scale),
        edgecolors="face",  # no seams between shades in an SVG
        linewidth=0.3,
        rasterized=values.size > 4000,  # in an SVG one picture rather than a path a shade
    )
    height, width = array.values.shape
    axes.set_xlim(0.5, width + 0.5)
    axes.set_ylim(height + 0.5, 0.5)
    _ticks(axes.xaxis, array.labels[array.axes[1]])
    _ticks(axes.yaxis, array.labels[array.axes[0]])
    axes.set_xlabel(_named(array.axes[1], across))
    axes.set_ylabel(_named(array.axes[0], down))
    if bar:
        figure: Any = axes.get_figure()
        drawn = figure.colorbar(image, ax=axes, pad=0.01, fraction=0.05, aspect=25)
        crossed = "zero or not a number" if scale.log else "not a number"
        note = f"\ncrossed out: {crossed}" if np.ma.getmaskarray(values).any() else ""
        drawn.set_label((array.unit or "value") + note)
        drawn.outline.set_linewidth(0.5)
        if scale.log:
            drawn.ax.yaxis.set_major_formatter(lambda value, _: number(value))
            drawn.ax.yaxis.set_minor_formatter(lambda value, _: "")


def _norm(values: Any, scale: Scale) -> Any:
    from matplotlib.colors import LogNorm, Normalize

    finite = values.compressed()
    low = scale.low if scale.low is not None else (finite.min() if finite.size else 0.0)
    high = scale.high if scale.high is not None else (finite.max() if finite.size else 1.0)
    if scale.signed:
        most = max(abs(low), abs(high)) or 1.0
        return Normalize(-most, most)
    if scale.log:
        low, high = (low, high) if low > 0 else (high / 1e6 if high > 0 else 1e-6, high or 1.0)
        return LogNorm(low, high if high > low else low * 10)
    if scale.low is None and low >= 0:
        low = 0.0  # white is nothing
    return Normalize(low, high if high > low else low + 1.0)


def _binned(values: np.ndarray, axis: int) -> tuple[np.ndarray, int]:
    """Return the mean of bins along an axis, and how many places are in each (the last may have fewer)."""
    length = values.shape[axis]
    every = -(-length // MOST)
    if every == 1:
        return values, 1
    starts = np.arange(0, length, every)
    known = np.isfinite(values)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts, axis=axis)
    counts = np.add.reduceat(known.astype(np.float64), starts, axis=axis)
    means = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means, every


def _named(axis: str, every: int) -> str:
    return axis if every == 1 else f"{axis} (a shade is the mean of {every})"


def _ticks(axis: Axis, labels: Sequence[Any]) -> None:
    """Write a word at each place, or numbers at some."""
    from matplotlib.axis import XAxis

    count = len(labels)
    if count <= MOST_WORDS:
        places = list(range(count))
    else:
        every = next(step for step in _steps() if count / step <= 12)
        places = list(range(0, count, every))
        numbers = [place for place in range(count) if _round(labels[place], every)]
        places = numbers if 2 <= len(numbers) <= 13 else places
    words = shown([labels[place] for place in places])
    written = any(isinstance(label, str) for label in labels)  # numbers are thinned, never turned
    turned = isinstance(axis, XAxis) and written and (sum(map(len, words)) + len(words) > 70)
    axis.set_ticks([place + 1 for place in places], words, parse_math=False)
    axis.set_tick_params(labelsize=8, length=2, labelrotation=90 if turned else 0)


def _round(label: Any, every: int) -> bool:
    return isinstance(label, int) and label % every == 0


def _steps() -> Any:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10
