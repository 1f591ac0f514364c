"""HOW DOES IT LOOK? Pictures as PNG bytes, drawn without a screen and readable without colour."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hiddenstate import fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, PALE = "#1b4965", "#8a8a8a"  # a dark and a middle grey when printed


def curves(entries: Sequence[Mapping[str, Any]], metric: str) -> bytes:
    """Draw loss and metric over the epochs from a run's log, the best epoch marked."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 5.5), dpi=120, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    epochs = [entry["epoch"] for entry in entries]
    style = {"marker": "o", "markersize": 3.5} if len(entries) <= 40 else {}
    above.plot(epochs, [entry["loss"] for entry in entries], color=INK, label="training", **style)
    if all(entry["validation"].get("loss") is not None for entry in entries):
        held_out = [entry["validation"]["loss"] for entry in entries]
        above.plot(epochs, held_out, color=PALE, linestyle="--", label="validation", **style)
    above.set_ylabel("loss")
    above.legend(frameon=False)

    values = [entry["validation"][metric] for entry in entries]
    below.plot(epochs, values, color=INK, **style)
    _mark_best(below, epochs, values)
    below.margins(y=0.1)  # room for the star
    below.set_ylabel(f"validation {metric.replace('_', ' ')}")
    below.set_xlabel("epoch")
    below.set_xlim(0.5, max(epochs) + 0.5)
    below.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return png(figure)


def png(figure: Figure) -> bytes:
    """Render a figure."""
    return _saved(figure, "png")


def svg(figure: Figure) -> bytes:
    """Render a figure in lines; letters become outlines, so that it needs no font and asks for none.

    The same figure gives the same bytes: no date, no random names.
    """
    return _saved(figure, "svg")


def _saved(figure: Figure, form: str) -> bytes:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    fonts.settle(figure)
    buffer = io.BytesIO()
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "hiddenstate"}):
        figure.savefig(buffer, format=form, metadata={"Date": None} if form == "svg" else None)
    return buffer.getvalue()


def _mark_best(axes: Axes, epochs: Sequence[int], values: Sequence[float]) -> None:
    best = max(range(len(values)), key=lambda index: values[index])
    axes.axvline(epochs[best], color=PALE, linestyle=":", zorder=0)
    axes.plot(epochs[best], values[best], marker="*", markersize=13, color="black", linestyle="none")
    text = f"best: {values[best]:.4f} in epoch {epochs[best]}"
    axes.set_title(text, loc="right", fontsize=10)
