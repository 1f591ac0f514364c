"""How familiar a text is: closed forms, other scripts, and texts that are none."""

from __future__ import annotations

import numpy as np
import pytest

from hiddenstate.data.words import NEWEST, tokenise
from hiddenstate.errors import RunError
from hiddenstate.tasks.text.familiarity import Familiarity, least_familiar, lowered
from hiddenstate.tasks.text.names import spoken, telling
from hiddenstate.tasks.text.rejection import Decision
from language_sets import SETS


def test_known_words_count_whole_and_others_by_their_trigrams() -> None:
    known = Familiarity(["transfer", "money", "room101"])
    assert known.of(["transfer", "money"]) == 1
    # <tr tra ran ans nsf fr> are left of <tr tra ran ans nsf sfr fr>: of 7 trigrams, nsf is no other word's
    assert known.of_word("transfr") == pytest.approx(5 / 7)
    assert known.of_word("room999") == 1, "one digit is as good as another"
    assert known.of_word("qwxz") == 0
    assert known.of(["money", "qwxzj"]) == pytest.approx(5 / 10)
    assert known.of([]) == 1


def test_the_familiarity_of_a_growing_text_ends_as_the_whole_text_s() -> None:
    known, words = Familiarity(["play", "some", "music"]), ["play", "sme", "musik", "zzz"]
    running = known.running(words)
    np.testing.assert_allclose(running, [known.of(words[: n + 1]) for n in range(len(words))])


def test_texts_are_judged_by_the_others() -> None:
    # each text knows itself, but of its new word "abcd" no other text has a trigram
    texts = [["play", "music"], ["play", "music"], ["play", "abcd"]]
    assert least_familiar(texts) == pytest.approx(0.85 * np.quantile([1, 1, 0.5], 0.001))
    assert least_familiar([]) == 0
    assert least_familiar([["one"], ["two"], ["six"]]) == 0, "where texts share nothing, all is accepted"


def test_scores_fall_in_proportion_to_what_is_missing() -> None:
    found = lowered(np.array([5.0, 5.0, 5.0]), np.array([0.9, 0.3, 0.0]), 0.6)
    np.testing.assert_allclose(found, [5.0, -5.0, -15.0])
    np.testing.assert_array_equal(lowered(np.array([5.0]), np.array([0.0]), 0.0), [5.0])


@pytest.mark.parametrize("language", sorted(SETS))
def test_no_language_refuses_itself(language: str) -> None:
    rows = SETS[language].rows("train")
    words = [tokenise(text) for text, _ in rows]
    known = Familiarity(word for text in words for word in text)
    least = least_familiar(words)
    asked = [known.of(tokenise(text)) for text, _ in SETS[language].rows("asked")]
    assert min(asked) >= least


def test_a_run_that_does_not_say_refuses_nothing_more_and_a_wrong_one_is_named() -> None:
    values = {"temperature": 1.0, "threshold": 2.0, "chosen_from": "x"}
    assert Decision.from_dict(values, "here").familiar == 0
    with pytest.raises(RunError, match=r"here is damaged: familiar 7\.0"):
        Decision.from_dict({**values, "familiar": 7}, "here")


def test_names_are_read_where_their_words_are_known() -> None:
    assert spoken("oil_changeHow.to") == "oil change How to"
    known = {"change", "oil", "play", "music"}
    labels = ("oil_change", "playMusic", "17", "B-2", "gato_negro", "play_xyz")
    assert telling(labels, known, NEWEST) == {
        "oil_change": "oil change",
        "playMusic": "play Music",
        "play_xyz": "play xyz",
    }
    assert telling(("wetter",), {"weather"}, NEWEST) == {}
