"""Every script that the machine has a font for is drawn; what it has none for is said, never an empty box."""

from __future__ import annotations

import io
import unicodedata

import numpy as np
import pytest
from matplotlib import font_manager, rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator

from hiddenstate import fonts


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with the fonts that come with matplotlib, and no others."""
    own = [entry for entry in font_manager.fontManager.ttflist if "mpl-data" in entry.fname]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    fonts._search.cache_clear()
    yield
    fonts._search.cache_clear()


def ink(text: str, **kind: object) -> np.ndarray:
    """The dots of a text that is drawn in black on white, as 0 to 1."""
    figure = Figure(figsize=(4, 0.6), dpi=100)
    FigureCanvasAgg(figure)
    figure.text(0.05, 0.3, text, size=20, parse_math=False, **kind)
    fonts.settle(figure)
    written = io.BytesIO()
    figure.savefig(written, format="raw")
    dots = np.frombuffer(written.getvalue(), np.uint8).reshape(-1, 400, 4)
    return 1 - dots[..., :3].mean(-1) / 255


def cropped(dots: np.ndarray) -> np.ndarray:
    """Only where there is ink."""
    rows, columns = (np.flatnonzero(dots.sum(axis) > 0.5) for axis in (1, 0))
    return dots[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def differ(one: np.ndarray, other: np.ndarray) -> float:
    """How much of the ink is not the other's; 1 where the sizes differ."""
    return abs(one - other).sum() / one.sum() if one.shape == other.shape else 1.0


def test_what_no_font_has_is_named_in_words() -> None:
    assert fonts.lacking("什么时候, what 什么?") == "什么时候"
    assert fonts.stand_in("什么时候 is it") == "[4 Han] is it"
    assert fonts.stand_in("हिन्दी") == "[6 Devanagari]"
    assert fonts.stand_in("👩\u200d👧 ok") == "[2 symbols] ok"
    assert fonts.stand_in("什么 时候 is 什 हि") == "[4 Han] is [1 Han] [2 Devanagari]"
    assert fonts.sentence("什么कa"[:3]) == (
        "No font here has 什 么 (Han): install e.g. Noto Sans CJK; क (Devanagari): install e.g. "
        "Noto Sans Devanagari."
    )
    assert fonts.sentence("") == fonts.footnote("") == ""
    assert "has 一 二 三 四 五 六 七 八 and 2 more (Han)" in fonts.sentence("一二三四五六七八九十")


def test_what_a_font_has_stays_as_it_is() -> None:
    for text in (
        "what time",
        "كم الساعة",
        "שלום",
        "Привет",
        "café Ω",
        "a\u200db",
        "\u202eab",
        "a\u3000b\ufe0f",
    ):
        assert (fonts.lacking(text), fonts.stand_in(text)) == ("", text)


def test_a_note_stands_at_the_foot_and_the_figure_grows() -> None:
    figure = Figure(figsize=(4, 2), layout="constrained")
    figure.add_subplot().set_title("什么")
    fonts.settle(figure)
    assert figure.axes[0].get_title() == "[2 Han]"
    assert figure.get_supxlabel().replace("\n", " ") == (
        "No font here has the letters of Han: a number or [..] stands for them. Install e.g. Noto Sans CJK."
    )
    assert figure.get_figheight() == pytest.approx(2 + 0.16 * 2)
    fonts.settle(figure)
    assert figure.get_figheight() == pytest.approx(2 + 0.16 * 2), "said once"


def test_arabic_is_shaped_and_in_order() -> None:
    """In the font's own glyphs of each position, laid out by hand from right to left."""
    word, letters = "بيت", ("\ufe91", "\ufef4", "\ufe96")  # beh initial, yeh medial, teh final
    assert [unicodedata.normalize("NFKC", each) for each in letters] == list(word)
    # the presentation forms carry their shape; between marks of left-to-right they keep the order written
    by_hand = cropped(ink("\u202d" + "".join(reversed(letters)) + "\u202c"))
    assert by_hand.sum() > 50
    assert differ(cropped(ink(word)), by_hand) < 0.02
    assert differ(cropped(ink("\u200c".join(word))), by_hand) > 0.2, "letters that are not joined"
    assert differ(cropped(ink(word[::-1])), by_hand) > 0.2


def test_a_number_in_an_arabic_sentence_stands_left_of_what_it_follows() -> None:
    drawn = ink("ا 1")
    columns = np.flatnonzero(drawn.sum(0) > 0.5)
    gap = np.flatnonzero(np.diff(columns) > 3)
    assert len(gap) == 1
    one = ink("1")
    left = drawn[:, columns[0] : columns[gap[0]] + 1]
    shape = one[:, np.flatnonzero(one.sum(0) > 0.5)[0] :][:, : left.shape[1]]
    assert abs(left - shape).sum() < 1.0


@pytest.mark.parametrize(
    "text",
    [
        "हिन्दी",
        "日本語 ไทย ខ្មែរ",
        "👩\u200d👧🇩🇪",
        "\U000fffff",
        "\u0301",
        "\x00\x1b[2J",
        "a\tb",
        "\u0600\u115f\u3164",
    ],
)
def test_nothing_is_drawn_as_an_empty_box(text: str) -> None:
    """matplotlib would warn of a glyph that is missing, and every warning is an error here."""
    assert ink(text).sum() >= 0


def test_half_of_a_pair_is_shown_as_unreadable() -> None:
    assert fonts.stand_in("a\ud800b") == "a\ufffdb"


def test_families_that_matplotlib_is_set_to_are_asked_first() -> None:
    mathematical = "\U0001d4d0"
    fonts.lacking(mathematical)
    with rc_context({"font.family": ["sans-serif", "STIXGeneral"]}):
        assert fonts.families(mathematical) == ["sans-serif", "STIXGeneral"]
        assert fonts.lacking(mathematical) == ""


def test_a_family_is_taken_only_where_its_face_has_the_letter() -> None:
    mathematical = "\U0001d4d0"  # a bold script A, which DejaVu lacks and STIX has
    chosen = fonts.families(f"is {mathematical}")
    assert chosen[1:] == ["STIXGeneral"]
    assert fonts.lacking(mathematical) == ""


def test_names_of_ticks_are_drawn_too() -> None:
    figure = Figure(figsize=(4, 2), dpi=60, layout="constrained")
    FigureCanvasAgg(figure)
    one, other = figure.subplots(1, 2)
    one.set_xticks([0, 1], ["什么", "time"])
    other.yaxis.set_major_locator(FixedLocator([0, 1]))
    other.yaxis.set_major_formatter(FixedFormatter(["हि", "it"]))
    fonts.settle(figure)
    figure.savefig(io.BytesIO(), format="raw")  # a letter that is missing would be a warning
    assert [tick.get_text() for tick in one.get_xticklabels()] == ["[2 Han]", "time"]
    assert [tick.get_text() for tick in other.get_yticklabels()] == ["[2 Devanagari]", "it"]
