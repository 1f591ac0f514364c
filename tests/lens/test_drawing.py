"""Pictures hold the numbers they are of, nothing in them touches, and grey tells them apart."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import combinations, pairwise

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from matplotlib.text import Text

from hiddenstate.errors import InvalidArgument
from hiddenstate.lens import Named, View, drawing, palette
from hiddenstate.lens.drawing import Curve, Scale
from hiddenstate.lens.drawing.circles import level
from hiddenstate.lens.drawing.lines import spread

FORTY = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "an",
    "extraordinarily",
    "lazy",
    "dog",
    "while",
    "internationalisation",
    "committees",
    "debate",
    "whether",
    "$5",
    "or",
    "10",
    "%",
    "of",
    "all",
    "the",
    "sleeping",
    "hounds",
    "in",
    "town",
    "would",
    "notice",
    "such",
    "an",
    "event",
    "at",
    "half",
    "past",
    "nine",
    "on",
    "a",
    "rainy",
    "monday",
    "evening",
]
ARABIC = ["كم", "الساعة", "الآن", "في", "لندن"]


def shares(steps: int, keep: float = 0.8) -> np.ndarray:
    """A state that keeps so much of what it had, and takes the rest from the newest input."""
    found = np.zeros((steps, steps))
    for step in range(steps):
        found[step, : step + 1] = (1 - keep) * keep ** np.arange(step, -1, -1)
    return found


class Shown(View):
    """A view that draws itself as a test says."""

    def draw(self, figure: Figure) -> None:
        type(self).way(self, figure)


def sheet(way: object, title: str = "", **arrays: Named) -> Figure:
    kind = type("Kind", (Shown,), {"way": staticmethod(way)})
    return kind(title, arrays).plot()


def remembered(words: list[str]) -> Figure:
    """The picture of a memory: circles above, a heat map below."""

    def way(view: View, figure: Figure) -> None:
        array = view.arrays["share"]
        width, height = drawing.circles_size(len(words))
        below = drawing.heat_map_height(len(words))
        figure.set_size_inches(width, height + below + 0.4)
        drawing.entitle(figure, view.title)
        one, two = figure.subfigures(2, 1, height_ratios=[height, below])
        drawing.circles(one.add_subplot(), array.values, words)
        drawing.heat_map(two.add_subplot(), array)

    named = Named(
        shares(len(words)), ("step", "input"), {"step": words, "input": words}, "share of the state"
    )
    return sheet(way, "Memory of “" + " ".join(words) + "”", share=named)


def written(figure: Figure) -> Iterator[Text]:
    """All texts that are drawn: not the ticks beyond an axis's ends."""
    beyond = set()
    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not low <= tick.get_loc() <= high or not axes.axison:
                    beyond |= {tick.label1, tick.label2}
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip() and text not in beyond:
            yield text


def touching(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes overlap by more than a dot."""
    boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in written(figure)]
    return [(one, other) for (one, a), (other, b) in combinations(boxes, 2) if a.overlaps(b)]


def outside(figure: Figure) -> list[str]:
    frame = figure.bbox.padded(1)
    boxes = [(text.get_text(), text.get_window_extent()) for text in written(figure)]
    return [
        name
        for name, box in boxes
        if not (frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1)
    ]


@pytest.mark.parametrize("words", [FORTY, FORTY[:11], ["hi"], ARABIC, ["什么", "is", "时候"]], ids=len)
def test_nothing_touches_and_nothing_is_cut(words: list[str]) -> None:
    figure = remembered(words)
    assert touching(figure) == []
    assert outside(figure) == []


def test_each_part_of_a_circle_has_its_share_of_the_area() -> None:
    figure = remembered(FORTY[:6])
    axes = figure.subfigs[0].axes[0]
    found, expected = [], shares(6)
    for part in axes.patches:
        if isinstance(part, Rectangle):
            found.append(part)
    radius = next(part.radius for part in axes.patches if isinstance(part, Circle))
    centres = [part.center for part in axes.patches if isinstance(part, Circle)][::2]
    for part in found:
        step = min(range(6), key=lambda k: abs(centres[k][0] - (part.get_x() + part.get_width() / 2)))
        colours = [palette.colour(place) for place in range(6)]
        from matplotlib.colors import to_hex

        place = colours.index(to_hex(part.get_facecolor()))
        heights = (np.array([part.get_y(), part.get_y() + part.get_height()]) - centres[step][1]) / radius
        # the area of the unit circle below a height, by counting chords
        chords = np.linspace(-1, 1, 200_001)
        areas = np.interp(heights, chords, np.cumsum(2 * np.sqrt(1 - chords**2)) * 1e-5 / np.pi)
        assert areas[1] - areas[0] == pytest.approx(expected[step, place], abs=2e-4)
    assert len(found) == 6 * 7 // 2


def test_the_level_of_a_share_is_where_its_area_ends() -> None:
    heights = level(np.linspace(0, 1, 11))
    np.testing.assert_allclose(heights, -heights[::-1], atol=1e-9)
    area = (np.arccos(-heights) + heights * np.sqrt(1 - heights**2)) / np.pi
    np.testing.assert_allclose(area, np.linspace(0, 1, 11), atol=1e-6)


def test_neighbours_differ_in_grey_and_letters_can_be_read() -> None:
    light = [palette.brightness(colour) for colour in palette.INPUTS]
    assert min(abs(one - other) for one, other in pairwise([*light, light[0]])) > 0.3
    for colour in palette.INPUTS:
        ink = palette.brightness(palette.ink_on(colour))
        assert abs(ink - palette.brightness(colour)) > 0.45
        assert palette.brightness(palette.as_text(colour)) <= 0.38
    assert len({style[1:] for style in palette.STYLES}) == len(palette.STYLES)


@pytest.mark.parametrize("signed", [False, True])
def test_shades_become_steadily_darker_or_lighter(signed: bool) -> None:
    made = palette.shades(signed)(np.linspace(0, 1, 101))[:, :3]
    grey = made @ [0.299, 0.587, 0.114]
    steps = np.diff(grey) if signed else -np.diff(grey)
    assert steps.min() > 0
    assert abs(grey[0] - grey[-1]) > 0.75


def test_circles_refuse_what_is_no_share() -> None:
    axes = Figure().add_subplot()
    for wrong in (-np.eye(2), np.eye(2) * 1.1, np.full((2, 2), np.nan)):
        with pytest.raises(InvalidArgument, match="sum to 1 at most"):
            drawing.circles(axes, wrong, ["a", "b"])
    with pytest.raises(InvalidArgument, match="1 to 40 words"):
        drawing.circles(axes, np.eye(41), ["a"] * 41)
    with pytest.raises(InvalidArgument, match=r"came 3 words and \[2, 2\]"):
        drawing.circles(axes, np.eye(2), ["a"] * 3)


def test_a_long_heat_map_is_binned_to_means_and_says_so() -> None:
    values = np.random.default_rng(0).random((3, 10_000))
    values[0, :25] = np.nan
    values[1, :24] = np.nan
    labels = {"unit": range(3), "step": range(10_000)}

    def way(view: View, figure: Figure) -> None:
        drawing.heat_map(figure.add_subplot(), view.arrays["x"])

    figure = sheet(way, x=Named(values, ("unit", "step"), labels, "value of h"))
    axes, bar = figure.axes
    drawn = axes.collections[0].get_array()
    assert drawn.shape == (3, 400)
    np.testing.assert_allclose(drawn[2], values[2].reshape(400, 25).mean(1))
    assert drawn.mask[0, 0]
    assert not drawn.mask[1:].any()
    assert drawn[1, 0] == pytest.approx(values[1, 24])
    assert axes.get_xlabel() == "step (a shade is the mean of 25)"
    assert bar.get_ylabel() == "value of h\ncrossed out: not a number"
    shown = [label.get_text() for label in axes.get_xticklabels() if label.get_visible()]
    assert shown == [str(each) for each in range(0, 10_000, 1000)]
    assert touching(figure) == []


def test_a_heat_map_on_a_log_scale_crosses_zeros_out() -> None:
    axes = Figure().add_subplot()
    named = Named(
        np.array([[0.0, 1e-3, 10.0]]), ("layer", "step"), {"layer": ["a"], "step": range(3)}, "norm"
    )
    drawing.heat_map(axes, named, Scale(log=True))
    mesh = axes.collections[0]
    assert np.ma.getmaskarray(mesh.get_array()).tolist() == [[True, False, False]]
    assert (mesh.norm.vmin, mesh.norm.vmax) == (1e-3, 10.0)
    signed = Figure().add_subplot()
    drawing.heat_map(signed, named, Scale(low=-2.0, high=1.0, signed=True))
    assert (signed.collections[0].norm.vmin, signed.collections[0].norm.vmax) == (-2.0, 2.0)


def ends(figure: Figure, names: list[str]) -> dict[str, float]:
    return {
        text.get_text(): text.get_window_extent().y0 for text in written(figure) if text.get_text() in names
    }


def test_curves_are_named_at_their_ends_in_order_and_apart() -> None:
    x = np.arange(1, 31)
    names = ["rnn", "gru", "lstm", "lstm, forget bias 1", "rnn relu"]
    last = [1e-6, 1.0, 1.01, 1.02, 0.9]

    def way(view: View, figure: Figure) -> None:
        curves = [Curve(name, x, np.geomspace(2, end, 30)) for name, end in zip(names, last, strict=True)]
        drawing.lines(figure.add_subplot(), curves, "distance", "||dLoss/dh_t||", log=True)

    figure = sheet(way)
    heights = ends(figure, names)
    assert sorted(names, key=heights.get) == ["rnn", "rnn relu", "gru", "lstm", "lstm, forget bias 1"]
    assert touching(figure) == []
    assert outside(figure) == []
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("distance", "||dLoss/dh_t||")
    assert len({line.get_linestyle() + str(line.get_marker()) for line in axes.lines[:5]}) == 5
    assert "10⁻³" in [label.get_text() for label in axes.get_yticklabels()]


def test_zeros_on_a_log_scale_stand_at_the_lower_edge() -> None:
    axes = Figure().add_subplot()
    drawing.lines(axes, [Curve("a", [1, 2, 3], np.array([1e-3, 0.0, np.nan]))], log=True)
    edge, line = axes.lines[:2]
    assert edge.get_xdata().tolist() == [2.0]
    assert edge.get_ydata().tolist() == [axes.get_ylim()[0]]
    assert axes.get_ylim()[0] == pytest.approx(1e-4)
    np.testing.assert_array_equal(line.get_ydata(), [1e-3, np.nan, np.nan])


def test_a_short_log_axis_has_more_than_one_label() -> None:
    for low, wanted in ((0.3, ["2·10⁻¹", "5·10⁻¹", "2"]), (1e-4, [])):
        axes = Figure().add_subplot()
        drawing.lines(axes, [Curve("a", [1, 2], np.array([low, 3.0]))], log=True)
        axes.set_ylim(low / 2, 4.0)
        minor = axes.yaxis.get_minor_formatter()
        ticks = [place * 10.0**power for power in range(-5, 1) for place in range(2, 10)]
        inside = [tick for tick in ticks if low / 2 <= tick <= 4.0]
        assert [label for tick in inside if (label := minor(tick, None))] == wanted


def test_curves_that_do_not_fit_are_told() -> None:
    axes = Figure().add_subplot()
    with pytest.raises(InvalidArgument, match="at least one curve"):
        drawing.lines(axes, [])
    with pytest.raises(InvalidArgument, match=r"'a' has arrays of different lengths: \[2, 3\]"):
        drawing.lines(axes, [Curve("a", [1, 2], np.ones(3))])


def test_names_are_spread_within_their_limits() -> None:
    heights = np.array([0.0, 0.1, 9.95, 10.0])
    placed = spread(heights, 1.0, 0.0, 10.0)
    assert placed.tolist() == [0.0, 1.0, 9.0, 10.0]
    crowded = spread(np.zeros(5), 3.0, 0.0, 10.0)
    assert np.diff(crowded).min() >= 3.0 - 1e-9


def test_a_path_names_forty_words_that_do_not_touch() -> None:
    points = np.cumsum(np.random.default_rng(1).normal(size=(40, 2)), 0)
    classes = [("time", "weather", "alarm", "joke")[place // 10] for place in range(40)]

    def way(view: View, figure: Figure) -> None:
        figure.set_size_inches(8, 6)
        drawing.path(figure.add_subplot(), points, classes, FORTY, ("PC 1 (41 % of variance)", "PC 2 (22 %)"))

    figure = sheet(way)
    assert touching(figure) == []
    assert outside(figure) == []
    axes = figure.axes[0]
    numbered = {text.get_text() for text in axes.texts}
    assert {"1 the", "40 evening"} <= numbered
    assert len(numbered) >= 30
    marks = [line for line in axes.lines if line.get_marker() not in ("None", None, "")]
    assert len({line.get_marker() for line in marks}) == 4
    np.testing.assert_array_equal(marks[1].get_xydata(), points[10:20])


def test_a_path_refuses_what_does_not_fit() -> None:
    axes = Figure().add_subplot()
    with pytest.raises(InvalidArgument, match=r"came \[2, 3\], 2 and 2"):
        drawing.path(axes, np.ones((2, 3)), ["a", "b"], ["x", "y"])
    with pytest.raises(InvalidArgument, match="came NaN"):
        drawing.path(axes, np.full((1, 2), np.nan), ["a"], ["x"])


def test_words_that_no_font_has_are_numbers_and_the_foot_says_why() -> None:
    figure = remembered(["\U000f0000", "is"])
    texts = [text.get_text() for text in written(figure)]
    assert texts.count("#1") == 3
    assert "private or unassigned letters" in figure.get_supxlabel()
    assert figure.get_suptitle() == "Memory of “[1 private or unassigned letter] is”"


def test_a_title_that_is_cut_closes_its_quotes() -> None:
    figure = View(f'Gradient of demo: "{"my dog and my cat " * 30}"', {}).plot()
    assert figure.get_suptitle().endswith('…"')
    assert View('Of "my dog"', {}).plot().get_suptitle() == 'Of "my dog"'


def test_the_same_view_gives_the_same_bytes() -> None:
    named = Named(np.eye(2), ("a", "b"), {"a": ["$x$", "y"], "b": [1, 2]})
    view = View("t", {"x": named})
    assert view.svg() == view.svg()
    assert view.png() == view.png()
    assert view.png().startswith(b"\x89PNG")
    assert re.search(rb"<(image|text)\b[^>]*http", view.svg()) is None
    saved = io.BytesIO(view.svg()).getvalue()
    assert b"<date>" not in saved
    texts = [label.get_text() for label in view.plot().axes[0].get_yticklabels()]
    assert texts == ["$x$", "y"], "a dollar is a dollar"


def test_titles_of_neighbours_are_broken_before_they_meet() -> None:
    words = "a title that is rather too long for the half of a figure that it is written over"

    def way(view: View, figure: Figure) -> None:
        for axes in figure.subplots(1, 2):
            axes.plot([1, 2])
            axes.set_title(words, loc="left")

    figure = sheet(way)
    assert [axes.get_title("left").replace("\n", " ") for axes in figure.axes] == [words] * 2
    assert touching(figure) == []
    assert outside(figure) == []


def test_a_notebook_shows_it_without_pyplot() -> None:
    view = View("t", {"x": Named(np.ones(3), ("a",), {"a": range(3)})})
    assert view.plot()._repr_png_().startswith(b"\x89PNG")
