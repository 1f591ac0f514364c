"""Which labels are probably wrong: a model that has not seen a row is sure of another label.

Confident learning (Northcutt, Jiang & Chuang, 2021): each row is judged by a model fitted to the other folds,
and a label counts as claimed where its probability is high for that label, not high as such: the measure is
the mean probability of the rows that bear it. Here a claim is at least half of that mean, and over `SURER`
times the probability of the row's own label, all of them calibrated by a temperature (Guo et al., 2017);
of few labels, fewer times.
How many labels spoilt on purpose are found so is in docs/data.md.

The model is the snapshot baseline's kind, made to be fitted five times: TF-IDF of words and letters, reduced
to `WIDTH` directions (latent semantic analysis: Deerwester et al., 1990), and a logistic regression.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from hiddenstate.tasks.text import rejection, snapshot

FOLDS = 5
FEWEST = 5  # rows of a label, so that the other folds have some
WIDTH = 256
ITERATIONS = 30  # stopped early: what is still to be learned then is the wrong labels
CLAIM = 0.5
SURER, SURER_BY_LABEL = 100.0, 10.0  # of few labels, wrong ones are too common to be less probable
MOST_CELLS = 20_000_000  # rows x labels: 80 MB of probabilities, and minutes on one core
ENOUGH = 5000  # rows, for one temperature
LEAST = 1e-9  # what a fold without a label would give it
LETTERS_READ = 2000  # of a longer text


@dataclass(frozen=True)
class Doubt:
    """A row whose label is probably wrong: which row, the label it would have, and both probabilities."""

    row: int
    label: str
    probability: float
    own: float


@dataclass(frozen=True)
class Doubts:
    """The doubtful rows, the most doubtful first; how many rows were judged, and why others were not."""

    found: tuple[Doubt, ...]
    judged: int
    notes: tuple[str, ...]


def doubts(texts: Sequence[str], labels: Sequence[str], groups: Sequence[int], seed: int = 0) -> Doubts:
    """Find the labels that are probably wrong; texts of one group (near-duplicates) stay in one fold."""
    kept, notes = _judged(labels)
    used = np.array([place for place, label in enumerate(labels) if label in kept], dtype=np.int64)
    if len(kept) < 2:
        return Doubts(
            (), 0, (*notes, f"No labels were judged: that takes two labels of {FEWEST} rows or more.")
        )
    names, targets = np.unique([labels[place] for place in used], return_inverse=True)
    vectors = _vectors([texts[place][:LETTERS_READ] for place in used], seed)
    folds = folds_of(targets, np.array([groups[place] for place in used]), seed)
    probabilities = _calibrated(_out_of_fold(vectors, targets, folds, len(names)), targets)
    found = [
        Doubt(int(used[row]), str(names[other]), float(probabilities[row, other]), float(own))
        for row, other, own in claims(probabilities, targets)
    ]
    found.sort(key=lambda doubt: doubt.own - doubt.probability)
    return Doubts(tuple(found), len(used), tuple(notes))


def claims(probabilities: np.ndarray, targets: np.ndarray) -> list[tuple[int, int, float]]:
    """Return row, other label and probability of the own one, where out-of-fold probabilities [N, C] object.

    >>> certain = [[0.9, 0.1], [0.1, 0.9], [0.99, 0.01]]
    >>> claims(np.array(certain), np.array([0, 1, 1]))
    [(2, 0, 0.01)]
    """
    rows = np.arange(len(targets))
    own = probabilities[rows, targets]
    counts = np.bincount(targets, minlength=probabilities.shape[1])
    usual = np.bincount(targets, own, minlength=probabilities.shape[1]) / np.maximum(counts, 1)
    others = probabilities.copy()
    others[rows, targets] = 0
    best = others.argmax(1)
    highest = others[rows, best]
    surer = min(SURER, SURER_BY_LABEL * (probabilities.shape[1] - 1))
    claimed = (highest >= CLAIM * usual[best]) & (highest > surer * own)
    return [(int(row), int(best[row]), float(own[row])) for row in np.flatnonzero(claimed)]


def folds_of(targets: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """Deal the groups of each label, in random order, to the folds [N]."""
    numbers, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    chance = np.random.default_rng(seed).permutation(len(numbers))
    order = np.lexsort((chance, targets[first]))
    dealt = np.empty(len(numbers), np.int64)
    dealt[order] = np.arange(len(numbers)) % FOLDS
    return dealt[inverse]


def _judged(labels: Sequence[str]) -> tuple[set[str], list[str]]:
    """Choose the labels that can be judged, the most frequent where there are too many; say which not."""
    counts = Counter(labels)
    enough = [label for label, count in counts.most_common() if count >= FEWEST]
    notes, rows = [], 0
    if rare := len(counts) - len(enough):
        few = (
            f"{rare:,} labels have under {FEWEST} rows" if rare > 1 else f"One label has under {FEWEST} rows"
        )
        notes.append(f"{few}; whether these are right was not judged.")
    for most, label in enumerate(enough):
        rows += counts[label]
        if rows * (most + 1) > MOST_CELLS:
            notes.append(
                f"Of {len(enough):,} labels only the {most:,} most frequent were judged by their confidence: "
                "for all of them together it would take too long."
            )
            return set(enough[:most]), notes
    return set(enough), notes


def _vectors(texts: Sequence[str], seed: int) -> np.ndarray:
    """Return the texts as unit vectors [N, WIDTH] float32 (fewer where there are fewer n-grams)."""
    weights = snapshot.pipeline_for(texts)[0].fit_transform(texts).astype(np.float32)
    shared = np.flatnonzero(np.bincount(weights.indices, minlength=weights.shape[1]) > 1)
    weights = weights[:, shared]  # what one text alone has says nothing of others
    width = min(WIDTH, weights.shape[1] - 1)
    if width < 1:
        return np.ones((len(texts), 1), np.float32)
    found = TruncatedSVD(width, n_iter=2, random_state=seed).fit_transform(weights).astype(np.float32)
    unit: np.ndarray = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    return unit


def _calibrated(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Sharpen or soften probabilities [N, C], so that they are as sure as they are right."""
    logits = np.log(probabilities + LEAST)
    some = slice(None, None, 1 + len(targets) // ENOUGH)
    return rejection.softmax(logits / rejection.fit_temperature(logits[some], targets[some]))


def _out_of_fold(vectors: np.ndarray, targets: np.ndarray, folds: np.ndarray, labels: int) -> np.ndarray:
    """Return the probabilities [N, C] float32 that models give which have not seen the row's fold."""
    found = np.zeros((len(targets), labels), np.float32)
    for fold in range(FOLDS):
        rest, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if len(held) == 0 or len(np.unique(targets[rest])) < 2:
            continue
        model = LogisticRegression(C=10, max_iter=ITERATIONS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # that it stops early is meant
            model.fit(vectors[rest], targets[rest])
        found[np.ix_(held, model.classes_)] = model.predict_proba(vectors[held])
    return found
