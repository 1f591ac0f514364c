"""The measures against an independent conlleval, and against counts by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data.tagged import Sentence
from hiddenstate.tasks.tag.measures import Answer, differences, measures, per_slot
from judges import conlleval

TAGS = st.sampled_from(["O", "B-a", "I-a", "B-b", "I-b"])
PAIRS = st.lists(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=8), min_size=1, max_size=4)


def sentence(tags: str, intent: str | None = None) -> Sentence:
    return Sentence(tuple("x" for _ in tags.split()), tuple(tags.split()), intent)


def answer(tags: str, intent: str | None = None) -> Answer:
    return Answer(tuple(tags.split()), intent)


@given(PAIRS)
def test_against_conlleval(pairs: list[list[tuple[str, str]]]) -> None:
    truth = [[one for one, _ in row] for row in pairs]
    given = [[other for _, other in row] for row in pairs]
    found = measures(
        [Sentence(tuple("x" * len(row)), tuple(row)) for row in truth],
        [Answer(tuple(row), None) for row in given],
    )
    expected = conlleval.scores(truth, given)
    if found["slot_f1"] is None:
        assert expected["right"] == 0
        return
    for ours, theirs in (("slot_precision", "precision"), ("slot_recall", "recall"), ("slot_f1", "f1")):
        assert found[ours] == pytest.approx(expected[theirs])


def test_by_hand() -> None:
    sentences = [
        sentence("B-a I-a O B-b", "go"),
        sentence("O O", "stay"),
        sentence("B-a O"),
        sentence("B-a B-a", "go"),
    ]
    answers = [
        answer("B-a O O B-b", "go"),  # one of two; the other too short
        answer("O O", "go"),
        answer("B-b O", "go"),
        answer("B-a B-a", "go"),
    ]
    found = measures(sentences, answers)
    assert found["slot_precision"] == pytest.approx(3 / 5)
    assert found["slot_recall"] == pytest.approx(3 / 5)
    assert found["slot_f1"] == pytest.approx(3 / 5)
    assert found["intent_accuracy"] == pytest.approx(2 / 3)
    assert found["sentence_accuracy"] == pytest.approx(1 / 4)
    assert [(row.slot, row.values, row.precision, row.recall) for row in per_slot(sentences, answers)] == [
        ("a", 4, pytest.approx(2 / 3), 0.5),
        ("b", 1, 0.5, 1.0),
    ]
    missed, wrong = differences(sentences[0], answers[0])
    assert [(each.slot, each.start, each.end) for each in missed] == [("a", 0, 2)]
    assert [(each.slot, each.start, each.end) for each in wrong] == [("a", 0, 1)]


def test_nothing_to_find_is_no_number() -> None:
    found = measures([sentence("O O")], [answer("O O")])
    assert found == {
        "slot_precision": None,
        "slot_recall": None,
        "slot_f1": None,
        "intent_accuracy": None,
        "sentence_accuracy": 1.0,
    }
    assert measures([sentence("O O")], [answer("O B-a")])["slot_precision"] == 0.0
