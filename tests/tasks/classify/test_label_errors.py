"""Labels spoilt on purpose are found, by a margin that was seen to hold; sound ones are left alone."""

from __future__ import annotations

import os

import numpy as np
import pytest

from hiddenstate.data import sources
from hiddenstate.data.duplicates import groups_of
from hiddenstate.tasks.classify import label_errors
from hiddenstate.tasks.classify.label_errors import FOLDS, claims, doubts, folds_of

REAL = os.environ.get("HIDDENSTATE_DATA", "")
SEEDS = pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])


def invented(seed: int, intents: int = 12, each: int = 60) -> tuple[list[str], list[str]]:
    """Sentences of three words of their intent's twenty and three of anybody's: hard enough to err."""
    generator = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(generator.choice(letters, 6)) for _ in range(20 * intents + 40)]
    texts, labels = [], []
    for intent in range(intents):
        own, common = words[20 * intent : 20 * intent + 20], words[-40:]
        for _ in range(each):
            chosen = [*generator.choice(own, 3), *generator.choice(common, 3)]
            texts.append(" ".join(generator.permutation(chosen)))
            labels.append(f"intent {intent}")
    return texts, labels


def spoilt(labels: list[str], share: float, seed: int) -> tuple[list[str], set[int]]:
    """Give a share of the rows another label, drawn at random."""
    generator = np.random.default_rng(seed)
    names = sorted(set(labels))
    wrong = {int(row) for row in generator.choice(len(labels), round(share * len(labels)), replace=False)}
    others = [name if row not in wrong else "" for row, name in enumerate(labels)]
    for row in sorted(wrong):
        others[row] = str(generator.choice([name for name in names if name != labels[row]]))
    return others, wrong


def judged(texts: list[str], labels: list[str], share: float, seed: int) -> tuple[float, float, float]:
    """Precision and recall on spoilt labels, and the share of the doubtful rows given their old label."""
    given, wrong = spoilt(labels, share, seed)
    found = doubts(texts, given, groups_of(texts), seed).found
    right = [doubt for doubt in found if doubt.row in wrong]
    restored = sum(doubt.label == labels[doubt.row] for doubt in right) / max(1, len(right))
    return len(right) / max(1, len(found)), len(right) / len(wrong), restored


@SEEDS
def test_spoilt_labels_of_an_invented_set_are_found(seed: int) -> None:
    texts, labels = invented(seed)
    precision, recall, restored = judged(texts, labels, 0.03, seed)
    assert precision >= 0.8
    assert recall >= 0.8
    assert restored >= 0.95


def test_an_invented_set_without_errors_gives_hardly_any() -> None:
    texts, labels = invented(0)
    assert len(doubts(texts, labels, groups_of(texts)).found) <= 0.01 * len(texts)


@SEEDS
def test_spoilt_labels_of_the_starter_set_are_found(seed: int) -> None:
    examples = [each for split in sources.read("starter").splits.values() for each in split]
    precision, recall, restored = judged([e.text for e in examples], [e.label for e in examples], 0.03, seed)
    assert precision >= 0.4
    assert recall >= 0.4
    assert restored >= 0.7


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="needs $HIDDENSTATE_DATA/clinc150")
def test_spoilt_labels_of_clinc150_are_found() -> None:
    examples = [each for split in sources.read("clinc150").splits.values() for each in split]
    precision, recall, restored = judged([e.text for e in examples], [e.label for e in examples], 0.03, 0)
    assert precision >= 0.65
    assert recall >= 0.85
    assert restored >= 0.85


def test_the_same_seed_gives_the_same_doubts() -> None:
    texts, labels = invented(3, intents=4, each=30)
    given, _ = spoilt(labels, 0.1, 3)
    assert doubts(texts, given, groups_of(texts), 5) == doubts(texts, given, groups_of(texts), 5)


def test_groups_stay_in_one_fold_and_labels_are_dealt_evenly() -> None:
    groups = np.repeat(np.arange(100), 3)
    targets = (groups % 2).astype(np.int64)
    folds = folds_of(targets, groups, seed=1)
    assert all(len(set(folds[groups == group])) == 1 for group in range(100))
    for target in (0, 1):
        assert np.bincount(folds[targets == target], minlength=FOLDS).tolist() == [30] * FOLDS


def test_a_claim_is_high_for_its_label_and_far_above_the_own() -> None:
    targets = np.array([0, 0, 0, 1, 1, 1])
    probabilities = np.array(
        [[0.9, 0.1], [0.9, 0.1], [0.09, 0.91], [0.2, 0.8], [0.2, 0.8], [0.019, 0.981]], dtype=np.float32
    )
    # of two labels, the other must be over ten times as probable, and row 5's own is
    assert [(row, other) for row, other, _ in claims(probabilities, targets)] == [(2, 1)]
    probabilities[2] = [0.1, 0.9]
    assert claims(probabilities, targets) == [], "nine times are not enough"


def test_what_cannot_be_judged_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, labels = invented(1, intents=4, each=20)
    labels[0] = labels[1] = "rare"
    found = doubts(texts, labels, groups_of(texts))
    assert found.judged == 78
    assert found.notes == ("One label has under 5 rows; whether these are right was not judged.",)
    assert doubts(["a", "b"], ["x", "y"], [0, 1]).notes[-1].startswith("No labels were judged")
    assert doubts([], [], []).found == ()
    monkeypatch.setattr(label_errors, "MOST_CELLS", 20 * 3 * 3)
    found = doubts(texts, labels, groups_of(texts))
    assert "only the 3 most frequent were judged" in found.notes[-1]
    assert found.judged <= 60


def test_texts_without_words_are_judged_by_their_letters() -> None:
    texts, labels = ["👍"] * 10 + ["👎"] * 10, ["yes"] * 10 + ["no"] * 10
    given = [*labels[:9], "no", *labels[10:]]
    assert doubts(texts, labels, list(range(20))).found == ()
    assert [doubt.row for doubt in doubts(texts, given, list(range(20))).found] in ([], [9])
