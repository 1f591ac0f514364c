"""Pictures say what they say in any script, as far as the machine has a font for it."""

from __future__ import annotations

import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure

from hiddenstate import pictures


def drawn(title: str) -> tuple[bytes, list[str]]:
    """The picture of a title, and the fonts it is set in."""
    figure = Figure(figsize=(3, 1))
    axes = figure.add_subplot()
    axes.set_title(title)
    return pictures.png(figure), list(axes.title.get_fontfamily())


def test_letters_that_the_usual_font_lacks_are_taken_from_another() -> None:
    usual = font_manager.get_font(font_manager.findfont(font_manager.FontProperties())).get_charmap()
    other = font_manager.get_font(font_manager.findfont("STIXGeneral")).get_charmap()
    lacking = [chr(code) for code in sorted(other.keys() - usual.keys()) if 0x1D400 < code < 0x1D800]
    assert lacking
    with_it, fonts = drawn(f"is {lacking[0]}")
    assert fonts == [*drawn("is")[1], "STIXGeneral"]
    assert with_it not in (drawn("is")[0], drawn(f"is {lacking[1]}")[0])


@pytest.mark.parametrize("title", ["हिन्दी", "日本語 ไทย ខ្មែរ", "👩\u200d👧🇩🇪", "\U000fffff", "\u0301"])
def test_what_no_font_has_is_drawn_all_the_same(title: str) -> None:
    """Every warning would be an error here."""
    assert drawn(title)[0].startswith(b"\x89PNG")
