"""The picture of what is remembered: circles filled with the colours of words, and shares as shades."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hiddenstate.lens.drawing import Scale, circles, circles_size, entitle, heat_map, heat_map_height, shown
from hiddenstate.lens.palette import INPUTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hiddenstate.lens.memory_view import MemoryView

MOST_CIRCLES = 40
BESIDE = 12  # inputs of which two maps have room side by side


def draw(view: MemoryView, figure: Figure) -> None:
    """Draw a circle a step where there are 40 at most, and below them the share of each input as shades."""
    share, answer = view.arrays["share"], view.arrays.get("answer_share")
    maps = [share] if answer is None else [share, answer]
    rows, columns = share.values.shape
    beside = len(maps) if columns <= BESIDE else 1
    round_ones = rows == columns <= MOST_CIRCLES
    wide, tall = circles_size(rows) if round_ones else (8.0, 0.0)
    heights = [tall] * round_ones + [heat_map_height(rows) + 0.3] * (len(maps) // beside)
    figure.set_size_inches(max(wide, 8.0), sum(heights) + 0.6)
    grid = figure.add_gridspec(len(heights), beside, height_ratios=heights)
    if round_ones:
        circles(figure.add_subplot(grid[0, :]), view.filling, view.words, _of_circles(view))
    for place, array in enumerate(maps):
        row, column = divmod(place, beside)
        axes = figure.add_subplot(grid[row + round_ones, column])
        title = _of_map(view, place)
        if columns > BESIDE:
            title += "; beyond the bar's end is not told apart"
        if place == 0 and columns > MOST_CIRCLES:
            title = f"More than {MOST_CIRCLES} words: maps alone. {title}"
        axes.set_title(title, fontsize=9, loc="left")
        signed = view.signed if array is answer else view.facts["measure"] == "integrated"
        heat_map(axes, array, _scale(array.values, signed))
        _leave_empty(axes, view.unread)
        if array is answer:
            _name_answers(axes, view)
    entitle(figure, view.title)


def _scale(values: np.ndarray, signed: bool) -> Scale:
    """The first words hold nearly all, and would leave the rest pale: of more words the later rows decide.

    What may be below zero has the colours of that where nothing is: a colour means the same in all pictures.
    """
    rows, columns = values.shape
    judged = values if columns <= BESIDE else values[rows // 4 :]
    most = float(np.nanmax(np.abs(judged), initial=0.0)) or 1.0
    if signed:
        return Scale(low=-most, high=most, signed=True)
    return Scale(low=0.0, high=most)


def _leave_empty(axes: Axes, unread: np.ndarray) -> None:
    """What is not read yet has no shade, not that of zero."""
    for row, number in enumerate(unread.sum(1).tolist()):
        if number:
            right = unread.shape[1] + 0.5
            axes.fill_between([right - number, right], row + 0.5, row + 1.5, color="white", linewidth=0)


def _name_answers(axes: Axes, view: MemoryView) -> None:
    """Write each new answer behind its row, where there is room."""
    answers, room = view.facts["answers"], view.unread.sum(1).tolist()
    for row, (answer, number) in enumerate(zip(answers, room, strict=True)):
        if number >= max(1, len(room) // 3) and answer not in answers[max(0, row - 1) : row]:
            left = len(view.words) - number + 0.5 + 0.02 * len(view.words)
            text = axes.text(left, row + 1, shown([answer])[0], size=8, va="center", color="#333333")
            text.set_in_layout(False)


def _of_circles(view: MemoryView) -> str:
    stand = "Bands stand from below in reading order"
    stand += f"; colours repeat after {len(INPUTS)} words." if len(view.words) > len(INPUTS) else "."
    if np.nanmin(view.arrays["share"].values, initial=0.0) < 0:
        area = (
            "A circle is the state after its word, a colour's area the size of that number's share, unsigned"
        )
    else:
        area = (
            "Each circle is the state after its word; a colour's area is the share of the word of that number"
        )
    return f"{area}. {stand}"


def _of_map(view: MemoryView, place: int) -> str:
    if place == 0:
        return f"Share of the hidden state ({view.facts['measure']})"
    return f"Share in the answer then given, at the end “{shown([view.facts['answer']])[0]}”"
