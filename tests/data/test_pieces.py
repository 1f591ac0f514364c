"""Words know where they stand in the text as it came."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data.pieces import Piece, cut
from hiddenstate.data.words import Tokeniser, tokenise


def shown(text: str) -> list[str]:
    return [text[piece.start : piece.end] for piece in cut(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  From NEW   York, now", ["From", "NEW", "York", ",", "now"]),
        ("What’s that", ["What’s", "that"]),
        ("cafe\u0301 noir", ["cafe\u0301", "noir"]),
        ("İstanbul'da ILIK", ["İstanbul'da", "ILIK"]),
        ("ΟΔΟΣ Α", ["ΟΔΟΣ", "Α"]),
        ("aa a aaa", ["aa", "a", "aaa"]),
        ("обʼєкт і 'час'", ["обʼєкт", "і", "'", "час", "'"]),
        ("כתـاب ـ x", ["כתـاب", "x"]),
        ("\ud83d go", ["go"]),
        ("Straße\u00ad! 東京へ ไม่เอา", ["Straße", "!", "東", "京", "へ", "ไ", "ม่", "เ", "อ", "า"]),
        ("👩\u200d👧🇩🇪 ☺\ufe0f كتـاب", ["👩\u200d👧", "🇩🇪", "☺\ufe0f", "كتـاب"]),
        ("", []),
    ],
)
def test_each_word_is_found_where_it_stands(text: str, expected: list[str]) -> None:
    assert shown(text) == expected


@given(st.text(max_size=40))
def test_pieces_are_the_words_in_order_and_never_overlap(text: str) -> None:
    pieces = cut(text)
    assert [piece.word for piece in pieces] == tokenise(text)
    ends = [0, *(piece.end for piece in pieces)]
    for before, piece in zip(ends, pieces, strict=False):
        assert before <= piece.start <= piece.end <= len(text)


@given(st.lists(st.text("abcXYZéü0123", min_size=1, max_size=6), max_size=8))
def test_plain_words_are_found_exactly(words: list[str]) -> None:
    text = " ".join(words)
    assert shown(text) == words
    composed = unicodedata.normalize("NFD", text)
    assert [unicodedata.normalize("NFC", word) for word in shown(composed)] == words


def test_capitals_are_those_of_the_language() -> None:
    assert cut("ILIK", Tokeniser(turkish=True)) == [Piece("ılık", 0, 4)]
    assert cut("ILIK") == [Piece("ilik", 0, 4)]


def test_a_piece_is_plain_data() -> None:
    assert cut("Go") == [Piece("go", 0, 2)]
