"""Misspelt words against an edit distance of their own, a keyboard drawn by hand, and counting."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data.words import graphemes, tokenise
from hiddenstate.tasks.text.typos import BESIDE, SHORTEST, misspell, misspelt, noisy


def distance(a: list[str], b: list[str]) -> int:
    """Optimal string alignment (Damerau 1964), by its recurrence."""
    table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    table[:, 0], table[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            other = a[i - 1] != b[j - 1]
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + other)
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return int(table[-1, -1])


@given(st.text("abcdefghijklmnop", min_size=2, max_size=12), st.integers(0, 1000))
def test_a_word_is_one_slip_away_and_never_itself(word: str, seed: int) -> None:
    wrong = misspell(word, np.random.default_rng(seed))
    assert distance(list(word), list(wrong)) == 1


@pytest.mark.parametrize("word", ["हिन्दी", "นี้ครับผม", "e\u0301te\u0301s", "दिल्ली"])
def test_no_mark_comes_loose(word: str) -> None:
    letters = set(graphemes(word))
    for seed in range(40):
        wrong = misspell(word, np.random.default_rng(seed))
        assert not unicodedata.category(wrong[0]).startswith("M")
        assert set(graphemes(wrong)) <= letters | set("abcdefghijklmnopqrstuvwxyz")


def test_about_the_share_asked_of_longer_words_and_no_shorter_one() -> None:
    words = ["transfer", "money", "account", "balance", "to", "my", "the", "12345", "?!"] * 400
    wrong = noisy(words, np.random.default_rng(3), 0.3)
    long = [
        old != new for old, new in zip(words, wrong, strict=True) if len(old) >= SHORTEST and old.isalpha()
    ]
    assert np.mean(long) == pytest.approx(0.3, abs=0.03)
    assert all(
        old == new for old, new in zip(words, wrong, strict=True) if not (len(old) > 3 and old.isalpha())
    )


def test_a_text_keeps_its_capitals_signs_and_spaces() -> None:
    text = "  Please, TRANSFER 5.20 $  to\tMünchen! "
    for seed in range(20):
        found = misspelt(text, seed, share=1.0)
        assert found.startswith("  ")
        assert found.endswith("! ")
        assert "5.20 $  to\t" in found
        assert found != text
        wrong = [a != b for a, b in zip(tokenise(text), tokenise(found), strict=True)]
        assert sum(wrong) == 3


def test_the_same_seed_misspells_the_same_and_others_differ() -> None:
    text = "could you please transfer fifty dollars from checking to savings"
    found = [misspelt(text, seed) for seed in range(30)]
    assert found == [misspelt(text, seed) for seed in range(30)]
    assert len(set(found)) > 20
    assert misspelt(text, 1, share=0.0) == text


def test_keys_touch_those_that_a_finger_slips_to() -> None:
    assert set(BESIDE["g"]) == set("ftyhvb")
    assert set(BESIDE["a"]) == set("qwsz")
    assert set(BESIDE["P"]) == set("OL")
    assert all(key in BESIDE[other] for key, others in BESIDE.items() for other in others)
