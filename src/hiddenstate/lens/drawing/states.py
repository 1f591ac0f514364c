"""The picture of states: their way through two dimensions, and below it the spans found in the data."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hiddenstate import fonts
from hiddenstate.lens.drawing.path import path
from hiddenstate.lens.drawing.sheet import entitle, fit
from hiddenstate.lens.drawing.words import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.text import Text

    from hiddenstate.lens.trajectory import StatesView

TALL, ROW = 4.8, 0.22  # inches of the way, and of a line of text
SIDE, MIDDLE, LABEL = 34, 28, 22  # cells: of the words on either side, of the span, of the label


def draw(view: StatesView, figure: Figure) -> None:
    """Draw the way, where it lies among the last states of other texts, and the spans found."""
    near, beside = view.facts.get("nearest", []), "ends" in view.arrays
    below = ROW * (len(near) + 2) if near else 0.0
    figure.set_size_inches(11.0 if beside else 8.0, TALL + below)
    entitle(figure, view.title)
    above: Any = figure
    if near:
        parts: Any = figure.subfigures(2, 1, height_ratios=[TALL, below])
        above = parts[0]
        _lines(parts[1], view, near)
    spots = above.subplots(1, 1 + beside, squeeze=False, width_ratios=[1, 1.6] if beside else None)[0]
    points = view.arrays["position"].values
    if beside:
        spots[0].plot(*view.arrays["ends"].values.T, ".", color="#b0b0b0", markersize=3)
        spots[0].plot(*points.T, color="black", linewidth=1.2)
        spots[0].plot(*points[-1:].T, "o", color="black", markersize=4)
        spots[0].set_title("where it lies: grey are the ends of other texts", fontsize=9, loc="left")
        spots[0].grid(alpha=0.3, linewidth=0.5)
        spots[0].spines[["top", "right"]].set_visible(False)
    explained = view.arrays["explained"].values
    first, second = (
        f"{each} direction, {100 * share:.0f} % of all difference"
        for each, share in zip(("first", "second"), explained, strict=True)
    )
    words, places = view.facts["words"], view.facts["places"]
    path(spots[-1], points, _answers(view), words, (first, second), places)
    if "share" in view.arrays:
        spots[-1].get_legend().set_title("answer if it ended here")
    else:
        spots[-1].get_legend().remove()
    if beside:
        spots[0].set_xlabel("first direction")
        spots[0].set_ylabel("second direction")
        spots[-1].set_title("the way itself, closer", fontsize=9, loc="left")


def _answers(view: StatesView) -> Sequence[str]:
    if "share" not in view.arrays:
        return ["state"] * len(view.facts["words"])
    share = view.arrays["share"]
    return [str(share.labels["answer"][best]) for best in share.values.argmax(-1)]


def _lines(figure: SubFigure, view: StatesView, near: Sequence[Mapping[str, Any]]) -> None:
    """Write the spans below one another, each between the words around it."""
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(len(near) + 1.2, -0.8)
    span = view.facts["span"]
    said = f"closest ({span['distance']}) to the state after words {span['words']}: {' '.join(span['text'])}"
    axes.text(0, 0, _written(said, 110), size=9, va="center")
    for row, each in enumerate(near, 1):
        parts = [_cut(each["before"], SIDE, left=True), _cut(each["span"], MIDDLE), _cut(each["after"], SIDE)]
        if _right_to_left("".join(each["span"])):
            parts.reverse()
        axes.text(0.05, row, f"{each['distance']:.3f}", size=8, va="baseline", ha="right")
        before: Any = {"va": "baseline", "size": 8}
        axes.text(0.36, row, parts[0], ha="right", color="#555555", **before)
        middle = axes.text(0.37, row, parts[1], ha="left", weight="bold", **before)
        after = axes.text(0.37, row, parts[2], ha="left", color="#555555", **before)
        fit(axes, partial(_beside, axes, middle, after))
        axes.text(1.0, row, _written(each["label"], LABEL), ha="right", **before)


def _beside(axes: Axes, one: Text, other: Text) -> None:
    """Move a text right of another."""
    end = one.get_window_extent().x1 + 6
    other.set_x(axes.transData.inverted().transform((end, 0.0))[0])


def _written(text: str, longest: int) -> str:
    # letters that no font has are replaced when the picture is done, by how many they are
    return text if fonts.lacking(text) else shown([text], longest)[0]


def _cut(words: Sequence[str], cells: int, left: bool = False) -> str:
    """Join words as far as they fit, from the right end where they stand on the left."""
    text, kept, used = " ".join(words), "", 0
    for letter in reversed(text) if left else text:
        used += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if used > cells:
            kept = f"…{kept}" if left else f"{kept}…"
            break
        kept = letter + kept if left else kept + letter
    return _written(kept, 2 * cells)


def _right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)
