"""How good is it? The numbers of a classifier that may also refuse to answer. NumPy only.

accuracy             in-scope texts whose best intent is right, nothing refused
in_scope_accuracy    in-scope texts accepted and right, at the shipped threshold
out_of_scope_recall  out-of-scope texts refused at the same threshold
kept_99_recall       out-of-scope texts refused where 99 % of the right answers are kept
auroc                the chance that an in-scope text scores above an out-of-scope one
macro_f1             mean F1 of the intents (and of out of scope, where there is any), at the threshold
overall_accuracy     all texts answered right at the threshold, refusing being right out of scope
ece                  how far the probability of the best intent lies from how often it is right, in scope:
                     expected calibration error in 15 bins of equal width (Naeini et al. 2015)
ece_unscaled         the same before the temperature was fitted
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.tasks.text import rejection

REFUSED = -1


@dataclass(frozen=True)
class Answers:
    """Best intents [N] and scores [N] for texts with targets [N]; a target of C or more is out of scope."""

    labels: tuple[str, ...]
    best: np.ndarray
    probability: np.ndarray
    scores: np.ndarray
    targets: np.ndarray
    threshold: float
    unscaled: np.ndarray | None = None  # probability [N] of the best intent before the temperature

    @property
    def inside(self) -> np.ndarray:
        """Which texts are in scope."""
        flags: np.ndarray = self.targets < len(self.labels)
        return flags

    @property
    def given(self) -> np.ndarray:
        """The answers at the threshold: an intent, or REFUSED."""
        return np.where(self.scores >= self.threshold, self.best, REFUSED)

    @property
    def truth(self) -> np.ndarray:
        """The right answers: an intent, or REFUSED."""
        return np.where(self.inside, self.targets, REFUSED)


def measures(answers: Answers) -> dict[str, float | None]:
    """All the numbers above; None where the texts cannot give one."""
    inside, outside = answers.inside, ~answers.inside
    right, given = answers.best == answers.targets, answers.given
    found: dict[str, float | None] = {
        "accuracy": _share(right[inside]),
        "in_scope_accuracy": _share((given == answers.truth)[inside]),
        "out_of_scope_recall": _share(given[outside] == REFUSED),
        "kept_99_recall": None,
        "auroc": None,
        "macro_f1": float(np.mean([row.f1 for row in per_intent(answers)])) if len(given) else None,
        "overall_accuracy": _share(given == answers.truth),
        "ece": calibration_error(answers.probability[inside], right[inside]),
        "ece_unscaled": None
        if answers.unscaled is None
        else calibration_error(answers.unscaled[inside], right[inside]),
    }
    if inside.any() and outside.any():
        scores = answers.scores
        found["auroc"] = rejection.auroc(scores[inside], scores[outside])
        kept = 0.99 * float(np.mean(right[inside]))
        found["kept_99_recall"] = rejection.recall_at(scores[inside], right[inside], scores[outside], kept)
    return found


def calibration_error(probability: np.ndarray, right: np.ndarray, bins: int = 15) -> float | None:
    """The mean distance of probability [N] and share of right answers [N] within bins; None without texts.

    >>> calibration_error(np.array([0.9, 0.9, 0.9, 0.9]), np.array([True, True, True, False]))
    0.15
    """
    if not len(right):
        return None
    bin_of = np.minimum((probability * bins).astype(np.int64), bins - 1)
    surplus = np.bincount(bin_of, probability.astype(np.float64) - right, minlength=bins)
    return float(round(np.abs(surplus).sum() / len(right), 12))


def _share(flags: np.ndarray) -> float | None:
    return float(flags.mean()) if len(flags) else None


@dataclass(frozen=True)
class IntentRow:
    """One intent's examples, precision, recall and F1 at the threshold."""

    label: str
    examples: int
    precision: float
    recall: float
    f1: float


def per_intent(answers: Answers) -> list[IntentRow]:
    """A row for each intent that occurs or is answered, and one for out of scope, the worst first."""
    given, truth, rows = answers.given, answers.truth, []
    for index in sorted({*given.tolist(), *truth.tolist()}):
        asked, answered = truth == index, given == index
        both = float((asked & answered).sum())
        precision, recall = both / max(1, answered.sum()), both / max(1, asked.sum())
        f1 = 2 * both / (asked.sum() + answered.sum())
        label = "(out of scope)" if index == REFUSED else answers.labels[index]
        rows.append(IntentRow(label, int(asked.sum()), float(precision), float(recall), float(f1)))
    return sorted(rows, key=lambda row: (row.f1, row.label))


def worst_pairs(answers: Answers, count: int) -> list[tuple[str, str, int]]:
    """The most frequent confusions: the right answer, the answer given, how often."""
    names = [*answers.labels, "(out of scope)"]  # REFUSED, -1, finds the last
    wrong = answers.given != answers.truth
    pairs = Counter(zip(answers.truth[wrong].tolist(), answers.given[wrong].tolist(), strict=True))
    ranked = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    return [(names[right], names[came], times) for (right, came), times in ranked[:count]]


def confident_mistakes(
    answers: Answers, texts: Sequence[str], count: int
) -> list[tuple[str, str, str, float]]:
    """Texts answered wrongly with the highest probability: text, right answer, answer given, probability."""
    names = [*answers.labels, "(out of scope)"]
    given, truth = answers.given, answers.truth
    wrong = np.flatnonzero((given != truth) & (given != REFUSED))
    ranked = wrong[np.argsort(-answers.probability[wrong], kind="stable")][:count]
    return [(texts[i], names[truth[i]], names[given[i]], float(answers.probability[i])) for i in ranked]
