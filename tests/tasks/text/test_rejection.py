"""Scores, thresholds and measures against scikit-learn, closed forms and plain counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from hiddenstate.errors import RunError
from hiddenstate.tasks.classify.measures import (
    Answers,
    confident_mistakes,
    measures,
    per_intent,
    worst_pairs,
)
from hiddenstate.tasks.text import rejection


def answers(seed: int = 0, count: int = 200, intents: int = 5) -> Answers:
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, intents + 1, count)
    best = np.where(generator.random(count) < 0.8, np.minimum(targets, intents - 1), 0)
    scores = np.round(generator.normal(size=count) + (targets < intents), 1)  # rounded, so that ties occur
    labels = tuple("abcdefgh"[:intents])
    return Answers(labels, best, generator.random(count), scores, targets, 0.3)


def test_a_score_is_the_best_intent_above_out_of_scope() -> None:
    logits = np.array([[1.0, 4.0, 2.5], [0.0, -1.0, 3.0]])
    np.testing.assert_allclose(rejection.scope_scores(logits, 2), [4 - (2.5 + 2.5) / 2, 0 - (3 + 2 / 3) / 2])
    np.testing.assert_allclose(rejection.scope_scores(logits, 3), [4 - 7.5 / 3, 3 - 2 / 3])


@given(st.integers(0, 500))
def test_auroc_is_scikit_learns(seed: int) -> None:
    found = answers(seed)
    inside, outside = found.scores[found.inside], found.scores[~found.inside]
    truth = np.r_[np.ones(len(inside)), np.zeros(len(outside))]
    assert rejection.auroc(inside, outside) == pytest.approx(roc_auc_score(truth, np.r_[inside, outside]))


@given(st.integers(0, 500))
def test_hardly_a_threshold_keeps_more_of_both_than_the_chosen_one(seed: int) -> None:
    found = answers(seed, count=2000)
    inside, outside = found.scores[found.inside], found.scores[~found.inside]
    right = (found.best == found.targets)[found.inside]

    def value(threshold: float) -> float:
        return float(np.mean(right & (inside >= threshold)) + np.mean(outside < threshold) / rejection.WORTH)

    chosen = rejection.choose_threshold(inside, right, outside)
    assert value(chosen) >= max(value(t) for t in np.linspace(-4, 5, 181)) - 0.01


def test_one_text_does_not_move_the_threshold_far() -> None:
    inside, outside = np.linspace(1, 9, 200), np.linspace(-6, 2, 40)
    right = np.ones(200, bool)
    chosen = rejection.choose_threshold(inside, right, outside)
    assert chosen == pytest.approx(rejection.choose_threshold(inside, right, np.r_[outside, 2.2]), abs=0.1)
    assert -1 < chosen < 1.5


def test_a_quantile_accepts_its_share() -> None:
    inside = np.arange(100.0)
    threshold = rejection.quantile_threshold(inside, np.ones(100, bool), 0.9)
    assert np.mean(inside >= threshold) == 0.9


def test_recall_at_an_accuracy_by_counting() -> None:
    inside, right = np.array([5.0, 4.0, 3.0, 2.0, 1.0]), np.array([True, True, False, True, True])
    outside = np.array([0.0, 1.5, 2.5, 4.5])
    # three right answers of five (0.6) are kept down to the score 2: of the outside, 0 and 1.5 lie below
    assert rejection.recall_at(inside, right, outside, 0.6) == 0.5
    assert rejection.recall_at(inside, right, outside, 0.9) == 0.0  # never that accurate


def test_the_temperature_brings_overconfidence_down() -> None:
    generator = np.random.default_rng(0)
    true = generator.normal(size=(4000, 4)) * 2
    targets = np.array([generator.choice(4, p=row) for row in rejection.softmax(true)])
    assert rejection.fit_temperature(3 * true, targets) == pytest.approx(3, rel=0.12)
    assert rejection.fit_temperature(true, targets) == pytest.approx(1, rel=0.12)


def test_a_damaged_decision_is_named() -> None:
    good = rejection.Decision(1.5, -0.25, "validation").as_dict()
    assert rejection.Decision.from_dict(good, "model.json").threshold == -0.25
    for broken in ({}, {**good, "threshold": "high"}, {**good, "temperature": 0.0}):
        with pytest.raises(RunError, match=r"model\.json is damaged"):
            rejection.Decision.from_dict(broken, "model.json")


def test_measures_by_counting() -> None:
    found = answers()
    numbers = measures(found)
    inside = found.inside
    assert numbers["accuracy"] == pytest.approx(np.mean(found.best[inside] == found.targets[inside]))
    accepted = found.scores >= 0.3
    assert numbers["in_scope_accuracy"] == pytest.approx(
        np.mean((found.best == found.targets)[inside] & accepted[inside])
    )
    assert numbers["out_of_scope_recall"] == pytest.approx(np.mean(~accepted[~inside]))
    assert numbers["macro_f1"] == pytest.approx(f1_score(found.truth, found.given, average="macro"))


def test_measures_without_out_of_scope_texts_leave_them_out() -> None:
    found = answers()
    keep = found.inside
    only = Answers(
        found.labels, found.best[keep], found.probability[keep], found.scores[keep], found.targets[keep], -9
    )
    numbers = measures(only)
    assert numbers["auroc"] is None
    assert numbers["out_of_scope_recall"] is None
    assert numbers["accuracy"] == numbers["in_scope_accuracy"] == numbers["overall_accuracy"]


def test_the_worst_come_first() -> None:
    found = Answers(
        ("alarm", "music"),
        np.array([0, 0, 1, 1, 1, 1]),
        np.array([0.9, 0.8, 0.7, 0.6, 0.95, 0.5]),
        np.array([1.0, 1.0, 1.0, 1.0, 1.0, -1.0]),
        np.array([0, 1, 1, 2, 0, 2]),
        0.0,
    )
    assert [(row.label, row.examples) for row in per_intent(found)] == [
        ("music", 2),
        ("alarm", 2),
        ("(out of scope)", 2),
    ]
    assert worst_pairs(found, 5) == [
        ("(out of scope)", "music", 1),
        ("alarm", "music", 1),
        ("music", "alarm", 1),
    ]
    assert confident_mistakes(found, list("uvwxyz"), 2) == [
        ("y", "alarm", "music", 0.95),
        ("v", "music", "alarm", 0.8),
    ]
