"""What a terminal shows: the numbers, in signs that it has, within its width, with colour or without."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from hiddenstate.cli.lens import drawn
from hiddenstate.lens import Named, View, palette

WORDS = ["what", "time", "internationalisation", "什么时候", "الساعة", "?"]
STYLE = re.compile(r"\x1b\[([0-9;]*)m")


class Screen(io.StringIO):
    """A terminal of a width and an encoding."""

    def __init__(self, width: int = 60, encoding: str = "utf-8", colour: bool = False) -> None:
        super().__init__()
        self._encoding = encoding
        colours = "truecolor" if colour else None
        self.on = Console(
            file=self, width=width, color_system=colours, force_terminal=colour, highlight=False
        )

    @property
    def encoding(self) -> str:
        return self._encoding

    def lines(self) -> list[str]:
        return [STYLE.sub("", line) for line in self.getvalue().splitlines()]


def shares(steps: int) -> np.ndarray:
    kept = np.tril(np.full((steps, steps), 1.0))
    return kept / kept.sum(1, keepdims=True)


def square(values: np.ndarray, labels: list) -> Named:
    return Named(values, ("step", "input"), {"step": labels, "input": labels}, "share of the state")


def test_a_bar_is_as_long_as_its_share() -> None:
    screen = Screen(40)
    drawn.bars(screen.on, ["a", "b", "c"], [0.0, 0.5, 1.0])
    filled = [line.count("█") for line in screen.lines()]
    full = filled[2]
    assert filled == [0, round(full / 2), full]
    assert [line[-7:] for line in screen.lines()] == ["  0.0 %", " 50.0 %", "100.0 %"]
    own = Screen(40)
    drawn.bars(own.on, ["a"], [float("nan")], ["none"])
    assert own.lines()[0].endswith("░ none")


def test_a_state_is_divided_among_its_inputs() -> None:
    screen = Screen(60)
    drawn.stacked(screen.on, ["one", "two", "three", "four"], shares(4) * [[1], [1], [1], [0.5]])
    lines = screen.lines()
    bars = [line.split(maxsplit=2)[2] for line in lines]
    cells = len(bars[0])
    assert [line[0] for line in lines] == ["a", "b", "c", "d"]
    assert bars[0] == "a" * cells
    assert [bars[1].count(letter) for letter in "ab"] == [round(cells / 2), cells - round(cells / 2)]
    assert set(bars[2]) == set("abc")
    assert bars[3].count("·") == cells - round(cells / 2)


def test_colours_are_those_of_the_picture_and_letters_stay() -> None:
    screen = Screen(60, colour=True)
    drawn.stacked(screen.on, ["one", "two"], shares(2))
    styles = STYLE.findall(screen.getvalue())
    for place in (0, 1):
        red, green, blue = (int(palette.colour(place)[start : start + 2], 16) for start in (1, 3, 5))
        assert any(style.endswith(f"48;2;{red};{green};{blue}") for style in styles)
    assert re.fullmatch(r"b two +a +b +", screen.lines()[1])


def test_the_last_of_many_words() -> None:
    screen = Screen(80)
    drawn.stacked(screen.on, [f"w{place}" for place in range(60)], shares(60))
    lines = screen.lines()
    assert lines[0] == "The last 52 of 60 words; what earlier ones hold is left empty."
    assert lines[1].startswith("a w8 ")
    assert lines[-1].startswith("Z w59 ")
    assert len(lines) == 53


def test_larger_values_have_darker_signs() -> None:
    screen = Screen(60)
    drawn.shades(screen.on, square(np.array([[0.0, 0.01], [0.5, 1.0]]), ["a", "b"]))
    head, first, second, last = screen.lines()
    assert head.split() == ["a", "b"]
    assert first == "a " + " " * 6 + "░" * 6
    assert second == "b " + "▓" * 6 + "█" * 6
    assert last == "step down, input across: 0  ░▒▓█ 1 share of the state."


def test_what_is_no_number_is_a_question_mark() -> None:
    screen = Screen(60)
    drawn.shades(screen.on, square(np.array([[np.nan, 1.0], [np.nan, np.nan]]), ["a", "b"]))
    assert screen.lines()[1:3] == ["a ??????██████", "b " + "?" * 12]
    empty = Screen(60)
    drawn.shades(empty.on, square(np.full((1, 1), np.nan), ["a"]))
    assert empty.lines()[0] == "a ??????"


def test_a_long_map_is_binned_and_says_so() -> None:
    screen = Screen(60)
    values = np.zeros((80, 1000))
    values[:, 500:] = 1.0
    named = Named(values, ("unit", "step"), {"unit": range(80), "step": range(1000)}, "value")
    drawn.shades(screen.on, named, 0.0, 1.0)
    lines = screen.lines()
    assert len(lines) == 42
    assert re.fullmatch(r"78 +░█+", lines[39])
    assert lines[-1] == "Each sign is the mean of 2 units by 18 steps."


def test_a_curve_rises_as_its_values_do() -> None:
    screen = Screen(60)
    drawn.curve(screen.on, "accuracy", [0.0, 0.5, 1.0, np.nan], "delay")
    title, *rows, last = screen.lines()
    assert (title, last.strip()) == ("accuracy", "delay 1 to 4")
    columns = [
        "".join(row[2 + 4 * place] if len(row) > 2 + 4 * place else " " for row in rows) for place in range(4)
    ]
    assert columns == ["     ▁", "   ███", "██████", "     ?"]
    assert [row.split()[0] for row in (rows[0], rows[-1])] == ["1", "0"]


def test_the_highest_column_reaches_its_label() -> None:
    screen = Screen(20)
    drawn.curve(screen.on, "share", [0.9, 0.1, *[0.0] * 30], "steps back", first=0)
    _, top, *rows = screen.lines()
    assert top == "0.33 █"  # the mean of the first three, not the 0.9 that has no column
    assert "steps back 0 to 31, each column the mean of 3" in " ".join(" ".join(rows).split())


def test_powers_of_ten_rise_by_equal_steps() -> None:
    screen = Screen(40)
    drawn.curve(screen.on, "norm", 10.0 ** np.arange(-6, 1), log=True)
    rows = screen.lines()[1:-1]
    heights = [
        sum(len(row) > 6 + 4 * place and row[6 + 4 * place] != " " for row in rows) for place in range(7)
    ]
    assert heights == [1, 1, 2, 3, 4, 5, 6]
    none = Screen(40)
    drawn.curve(none.on, "norm", [0.0, np.nan], log=True)
    assert none.lines() == ["norm: no value that can be drawn."]
    zero = Screen(40)
    drawn.curve(zero.on, "norm", [0.0, 1.0], log=True)
    assert zero.lines()[-2].endswith("     ████")


def everything(on: Console) -> None:
    view = View("A title " * 20, {}, {"verdict": "It " + "holds " * 20}, ("Read it " * 30,))
    drawn.opening(on, view)
    drawn.bars(on, WORDS, np.linspace(0, 1, 6))
    drawn.stacked(on, WORDS, shares(6))
    drawn.shades(on, square(shares(6), WORDS))
    drawn.shades(on, Named(np.ones((3, 500)), ("a", "b"), {"a": range(3), "b": range(500)}, "a unit"))
    drawn.curve(on, "||dLoss/dh_t|| " * 8, np.geomspace(1e-9, 1, 200), "step", log=True)
    drawn.closing(on, view)


@pytest.mark.parametrize("width", [30, 60, 80, 200])
@pytest.mark.parametrize("colour", [False, True])
def test_it_fits_the_terminal(width: int, colour: bool) -> None:
    screen = Screen(width, colour=colour)
    everything(screen.on)
    assert max(map(cell_len, screen.lines())) <= width


def test_an_ascii_terminal_is_given_ascii() -> None:
    """But for words themselves, and the sign of what was cut."""
    screen = Screen(60, "ascii")
    everything(screen.on)
    other = {sign for sign in screen.getvalue() if ord(sign) > 127} - set("".join(WORDS)) - {"…"}
    assert other == set()


def test_without_colour_nothing_is_styled(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(60)
    everything(screen.on)
    assert "\x1b" not in screen.getvalue()


def test_a_word_cannot_move_the_cursor() -> None:
    screen = Screen(60)
    drawn.stacked(screen.on, ["\x1b[2Jhi", "a\nb"], shares(2))
    assert [line[:10] for line in screen.lines()] == ["a �[2Jhi a", "b a b    a"]


@pytest.mark.parametrize("draw", [drawn.bars, drawn.stacked])
def test_bars_stand_right_of_arabic_words(draw: Callable) -> None:
    screen = Screen(60)
    draw(screen.on, ["الساعة"], [1.0] if draw is drawn.bars else np.ones((1, 1)))
    assert "\u200e " in screen.getvalue()
