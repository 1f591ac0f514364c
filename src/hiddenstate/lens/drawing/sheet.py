"""WHAT IS IT DRAWN ON? A sheet whose layout is found first; then what must fit a place is fitted into it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from hiddenstate import fonts, pictures

if TYPE_CHECKING:
    from matplotlib.axis import Axis

    from hiddenstate.lens.view import Named, View

SIZE, DPI = (8.0, 4.5), 150
MOST = 4  # arrays of a view without a picture of its own


class Sheet(Figure):
    """A figure that a notebook shows without pyplot, and that knows what to fit once it has its layout."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.to_fit: list[Callable[[], None]] = []

    def _repr_png_(self) -> bytes:
        return pictures.png(self)


def drawn(view: View) -> Figure:
    """Draw a view on a sheet of its own, whose size it may change, and settle the layout."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    texts = "".join(texts_of(view))
    # in these fonts from the beginning, so that what is measured is what is drawn; a $ is a dollar here
    with rc_context({"font.family": fonts.families(texts), "text.parse_math": False, "font.size": 9}):
        sheet = Sheet(figsize=SIZE, dpi=DPI, layout="constrained")
        FigureCanvasAgg(sheet)
        view.draw(sheet)
        fonts.settle(sheet, replaced=fonts.lacking(texts))
        sheet.draw_without_rendering()
        if _wrap_titles(sheet):
            sheet.draw_without_rendering()
        for fit in sheet.to_fit:
            fit()
        for axes in cast("list[Axes]", sheet.findobj(Axes)):
            _thin(axes)
    sheet.set_layout_engine("none")  # what was fitted stays where it fits
    return sheet


def texts_of(view: View) -> Iterator[str]:
    """Yield the texts of a view that its picture may show."""
    yield view.title
    for array in view.arrays.values():
        for ticks in array.labels.values():
            yield from (tick for tick in ticks if isinstance(tick, str))


def fit(axes: Axes, action: Callable[[], None]) -> None:
    """Do what needs the final layout: once it is there, or at once on a figure that is no sheet of ours."""
    figure = axes.get_figure(root=True)
    if isinstance(figure, Sheet):
        figure.to_fit.append(action)
    elif figure is not None:
        figure.draw_without_rendering()
        action()


def entitle(figure: Figure | SubFigure, title: str) -> None:
    """Write a title over a figure, on two lines at most."""
    from hiddenstate.lens.drawing.words import shown

    letters = int(figure.get_figure(root=True).get_figwidth() * 11)
    words = shown([" ".join(title.split())], 2 * letters - 8)[0] if not fonts.lacking(title) else title
    words += '"' * (words.endswith("…") and words.count('"') % 2)  # a text cut within its quotes
    figure.suptitle("\n".join(textwrap.wrap(words, letters)[:2]), fontsize=11)


def plain(view: View, figure: Figure) -> None:
    """Draw the first arrays of a view, each as what its axes suggest: a curve, or shades."""
    from hiddenstate.lens.drawing.heat_map import heat_map
    from hiddenstate.lens.drawing.lines import Curve, lines

    arrays = [(name, array) for name, array in view.arrays.items() if array.values.size][:MOST]
    entitle(figure, view.title)
    figure.set_size_inches(SIZE[0], max(2.0, 3.2 * len(arrays)))
    for axes, (name, array) in zip(
        figure.subplots(max(1, len(arrays)), squeeze=False).flat, arrays, strict=False
    ):
        flat, where = _flat(array)
        axes.set_title(", ".join([name, *where]), fontsize=9, loc="left")
        if flat.values.ndim == 2:
            heat_map(axes, flat)
        else:
            ticks = list(flat.labels[flat.axes[0]]) if flat.axes else [0]
            numbers = all(not isinstance(tick, str) for tick in ticks)
            places: Any = ticks if numbers else range(1, len(ticks) + 1)
            lines(axes, [Curve("", places, flat.values.reshape(-1))], flat.axes[0] if flat.axes else "")
            axes.set_ylabel(flat.unit)
    if not arrays:
        figure.axes[0].set_axis_off()
        figure.axes[0].text(0.5, 0.5, "There are no numbers.", ha="center", va="center")


def _flat(array: Named) -> tuple[Named, list[str]]:
    """Of an array with more than two axes the first place of each axis before them, and which that is."""
    from hiddenstate.lens.view import Named

    before = max(0, array.values.ndim - 2)
    where = [f"{axis} {array.labels[axis][0]}" for axis in array.axes[:before]]
    labels = {axis: array.labels[axis] for axis in array.axes[before:]}
    return Named(array.values[(0,) * before], array.axes[before:], labels, array.unit), where


def _wrap_titles(sheet: Sheet) -> bool:
    """Break titles of axes that run into the next axes or over the edge; say whether there were any."""
    every = [axes for axes in cast("list[Axes]", sheet.findobj(Axes)) if axes.get_visible()]
    wrapped = False
    for axes in every:
        titles = axes.title, axes._left_title  # type: ignore[attr-defined]
        for title in titles:
            words, own = title.get_text(), title.get_window_extent()
            edges = [other.get_window_extent().x0 for other in every if _right_of(other, axes)]
            room = min([sheet.bbox.x1 - 4, *(edge - 4 for edge in edges)]) - own.x0
            if not words or "\n" in words or own.width <= room:
                continue
            title.set_text("\n".join(textwrap.wrap(words, max(12, int(len(words) * room / own.width) - 1))))
            wrapped = True
    return wrapped


def _right_of(other: Axes, axes: Axes) -> bool:
    """Say whether other axes stand in the same row, further right; the bar of shades is nearer."""
    one, two = axes.get_window_extent(), other.get_window_extent()
    return two.x0 > one.x1 + 40 and two.y1 > one.y0 and two.y0 < one.y1


def _thin(axes: Axes) -> None:
    """Take away tick labels, every second, third, ..., until none touches another."""
    for axis in (axes.xaxis, axes.yaxis):
        labels = [label for label in axis.get_ticklabels() if label.get_visible() and label.get_text()]
        for every in range(2, len(labels)):
            if not _crowded(axis):
                break
            for place, label in enumerate(labels):
                label.set_visible(place % every == 0)


def _crowded(axis: Axis) -> bool:
    extents = [
        label.get_window_extent()
        for label in axis.get_ticklabels()
        if label.get_visible() and label.get_text()
    ]
    return any(one.overlaps(other) for one, other in pairwise(extents))
