"""HOW DOES IT LOOK ON PAPER? Accuracy and time above, the gradient before and after training below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hiddenstate.lens import palette
from hiddenstate.lens.drawing import Curve, lines
from hiddenstate.lens.drawing.sheet import entitle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hiddenstate.lens.recall.view import CompareView

LOWEST, HIGHEST = 1e-12, 1e4  # shares of the gradient between which curves are drawn


def draw(view: CompareView, figure: Figure) -> None:
    """Draw all panels of the comparison."""
    networks = view.arrays["accuracy"].labels["network"]
    figure.set_size_inches(9.5, 6.4 + 0.16 * max(0, len(networks) - 6))
    entitle(figure, view.title)
    (recall, time), (before, after) = figure.subplots(2, 2, width_ratios=(1.0, 1.0))
    _accuracy(recall, view)
    _time(time, view)
    _gradient(before, view, "before", named=False)
    _gradient(after, view, "after", named=True)
    low, high = _limits(view)
    for axes in (before, after):
        axes.set_ylim(low, high)


def _accuracy(axes: Axes, view: CompareView) -> None:
    array, every = view.arrays["accuracy"], view.arrays.get("accuracy_by_seed")
    delays = np.array(array.labels["delay"], np.float64)
    curves = []
    for place, (name, row) in enumerate(zip(array.labels["network"], array.values, strict=True)):
        band = () if every is None else _range(100 * every.values[place])
        curves.append(Curve(str(name), delays, 100 * row, *band))
    lines(axes, curves, "delay [steps]", "recalled [%]")
    axes.axhline(100 * view.facts["chance"], color="#4d4d4d", linestyle=":", linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks(delays, [f"{delay:g}" for delay in delays])
    axes.minorticks_off()
    axes.set_ylim(-3, 103)
    shown = "" if every is None else f", median and range of {every.values.shape[1]} seeds"
    axes.set_title(f"The symbol is recalled{shown}", fontsize=9, loc="left")


def _range(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the most over the seeds (the first axis), NaN where all diverged."""
    known = np.isfinite(values)
    low, high = (np.where(known, values, edge) for edge in (np.inf, -np.inf))
    gone = ~known.any(0)
    return np.where(gone, np.nan, low.min(0)), np.where(gone, np.nan, high.max(0))


def _time(axes: Axes, view: CompareView) -> None:
    array = view.arrays["milliseconds"]
    names, times = [str(name) for name in array.labels["network"]], array.values
    for place, value in enumerate(times):
        shade = palette.STYLES[place % len(palette.STYLES)][0]
        axes.barh(place, value, color=shade, height=0.62)
        axes.annotate(
            f"{value:.3g}", (value, place), xytext=(4, 0), textcoords="offset points", va="center", size=8
        )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15 * float(times.max()))
    axes.set_xlabel("one training step at the longest delay [ms]")
    axes.set_title("Time of a step", fontsize=9, loc="left")
    axes.spines[["top", "right"]].set_visible(False)


def _gradient(axes: Axes, view: CompareView, when: str, named: bool) -> None:
    array = view.arrays[f"gradient_{when}"]
    distances = np.array(array.labels["distance"], np.float64)
    curves = [
        Curve(str(name) if named else "", distances, row)
        for name, row in zip(array.labels["network"], array.values, strict=True)
    ]
    lines(axes, curves, "steps before the end", "gradient, share of that at the end", log=True)
    axes.set_title(f"Gradient {when} training, delay {distances[-1]:g}", fontsize=9, loc="left")


def _limits(view: CompareView) -> tuple[float, float]:
    """The same for both panels: all curves, or as much of them as tells who vanishes and who explodes."""
    values = np.concatenate([view.arrays[f"gradient_{when}"].values.ravel() for when in ("before", "after")])
    known = values[np.isfinite(values) & (values > 0)]
    low, high = (float(edge(known)) if known.size else 1.0 for edge in (np.min, np.max))
    return max(LOWEST, 10 ** np.floor(np.log10(low))), min(HIGHEST, 10 ** np.ceil(np.log10(high) + 0.1))
