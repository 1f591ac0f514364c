"""What chat draws fits every width, whatever is typed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from hiddenstate.cli import screen
from hiddenstate.cli.chat import NARROWEST, SHOWN_WORDS, answer_rows, step_rows
from hiddenstate.tasks.classify.shown import said


@dataclass(frozen=True)
class Step:
    word: str
    known: bool
    label: str | None
    probability: float
    in_scope: bool
    ranked: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Answer:
    label: str | None
    probability: float
    in_scope: bool
    score: float
    threshold: float
    unknown: tuple[str, ...]
    ranked: tuple[tuple[str, float], ...]
    dropped: int = 0


def step(
    word: str, probability: float = 0.5, label: str = "time", *, known: bool = True, inside: bool = True
) -> Step:
    return Step(word, known, label if inside else None, probability, inside, ((label, probability),))


def test_rows_as_they_are_read() -> None:
    rows = step_rows([step("what", 0.25, "date", inside=False), step("time", 1.0)], 40)
    assert rows == [
        "  what  (date?)  ████░░░░░░░░░░░░░   25%",
        "  time  time     █████████████████  100%",
    ]
    assert step_rows([step("zorp", known=False)], 30)[0].startswith("  [zorp]  time")
    answer = Answer(
        "time", 0.97, True, 14.2, 4.0, ("zorp",), (("time", 0.97), ("date", 0.02), ("joke", 0.001))
    )
    assert answer_rows(said(answer), 60) == [
        "= time  97%  " + screen.bar(0.97, 24),
        "  in scope: score 14.20, threshold 4.00",
        "  unknown: zorp",
        "  or: date 2%",
    ]


def test_a_refusal_names_what_is_nearest() -> None:
    answer = Answer(None, 0.31, False, 1.0, 4.0, (), (("date", 0.31), ("time", 0.2)))
    assert answer_rows(said(answer), 70)[0].startswith("= out of scope  31%")
    assert answer_rows(said(answer), 70)[1:] == [
        "  refused: score 1.00, threshold 4.00",
        "  nearest: date 31%, time 20%",
    ]


@given(
    words=st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=6),
    label=st.text(min_size=1, max_size=40),
    share=st.floats(0, 1),
    width=st.integers(NARROWEST, 120),
    inside=st.booleans(),
)
def test_no_row_is_wider_than_the_terminal(
    words: list[str], label: str, share: float, width: int, inside: bool
) -> None:
    steps = [step(word, share, label, known=not inside, inside=inside) for word in words]
    found = Answer(
        label if inside else None, share, inside, -3.5, 2.0, tuple(words), ((label, share), ("b", 0.2))
    )
    for row in [*step_rows(steps, width), *answer_rows(said(found), width)]:
        assert cell_len(row) <= width
        assert row.isprintable() or not any(ord(sign) < 32 or ord(sign) == 127 for sign in row)


@pytest.mark.parametrize("width", [24, 40, 60, 80])
def test_rows_stand_in_columns(width: int) -> None:
    rows = step_rows([step("時間です", 0.3), step("zorp", 0.99), step("a" * 50, 0.1)], width)
    assert len({cell_len(row) for row in rows}) == 1


def test_of_a_long_text_the_end_is_shown() -> None:
    rows = step_rows([step(f"w{n}") for n in range(1000)], 80)
    assert len(rows) == SHOWN_WORDS + 1
    assert rows[0] == f"  ({1000 - SHOWN_WORDS} words before these)"
    assert rows[-1].startswith("  w999")


def test_signs_follow_the_encoding() -> None:
    assert "#" in step_rows([step("a", 1.0)], 60, "cp1252")[0]
    assert step_rows([step("a", 1.0)], 60, "ascii")[0].isascii()


@given(st.text(max_size=30), st.integers(0, 30))
def test_fitted_fills_exactly(text: str, cells: int) -> None:
    assert cell_len(screen.fitted(screen.printable(text), cells)) == cells


def test_words_that_were_not_read_are_counted() -> None:
    found = Answer("time", 1.0, True, 3.0, 1.0, (), (("time", 1.0),), dropped=88)
    assert "  too long: the last 88 words were not read" in answer_rows(said(found), 80)
