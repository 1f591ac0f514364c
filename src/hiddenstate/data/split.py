"""What to hold out where a file has no splits: by class, seeded, near-duplicates kept on one side."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.data.corpus import SPLITS, Corpus, check_trainable
from hiddenstate.data.duplicates import groups_of
from hiddenstate.errors import DataError, InvalidArgument

FEWEST = 3  # a class needs one example for each split


@dataclass(frozen=True)
class Division:
    """A corpus with all its splits, and what it takes to divide it so again.

    indices: for each split carved, rows of the original training split (empty where nothing was carved);
    small_classes: labels with under 3 training examples in the original, which all stay in training.
    """

    corpus: Corpus
    indices: Mapping[str, list[int]]
    small_classes: tuple[str, ...]


def split(corpus: Corpus, seed: int, *, validation: float = 0.1, test: float = 0.1) -> Division:
    """Carve the splits that are missing out of the training split: these fractions of every class of it.

    A class with at least three groups of near-duplicates gives at least one to each split carved, where one
    is small enough. A split that the corpus has stays as it is; a fraction of 0 carves none.

    Raises InvalidArgument for fractions that leave no training examples; DataError for a corpus that cannot
    be trained on.
    """
    if min(validation, test) < 0 or validation + test >= 1:
        raise InvalidArgument(
            f"expected fractions of 0 or more that leave something to train on, came validation={validation} "
            f"and test={test}; their sum must be under 1."
        )
    check_trainable(corpus)
    counts = corpus.counts("train")
    small = tuple(sorted(label for label, count in counts.items() if count < FEWEST))
    wanted = {"test": test, "validation": validation}
    wanted = {name: part for name, part in wanted.items() if part and name not in corpus.splits}
    if not wanted:
        return Division(corpus, {}, small)
    indices = carve(corpus.texts("train"), corpus.targets("train"), wanted, seed)
    return Division(divide(corpus, indices), indices, small)


def divide(corpus: Corpus, indices: Mapping[str, Sequence[int]]) -> Corpus:
    """Divide the training split by indices saved earlier; no indices, no change.

    Raises DataError where they do not fit: a row missing or named twice, or a split overwritten.
    """
    if not indices:
        return corpus
    examples = corpus.split("train")
    if sorted(index for rows in indices.values() for index in rows) != list(range(len(examples))):
        raise DataError(
            f"{corpus.name}: the saved split does not fit: it should name each of the {len(examples)} rows "
            "once. Has the file changed since? Use the file that was trained on, or train again."
        )
    if taken := sorted(set(indices) & set(corpus.splits) - {"train"}):
        raise DataError(
            f"{corpus.name}: the saved split would overwrite {', '.join(taken)}, which the file has."
        )
    carved = {name: tuple(examples[index] for index in rows) for name, rows in indices.items()}
    parts = {**corpus.splits, **carved}
    return replace(corpus, splits={name: parts[name] for name in SPLITS if name in parts})


def carve(
    texts: Sequence[str], labels: Sequence[str], wanted: Mapping[str, float], seed: int
) -> dict[str, list[int]]:
    """Deal the groups of each class, in random order, to the splits that still have room for them.

    `wanted` is the fraction of each split besides "train"; the indices of the texts come back by split.
    """
    generator = np.random.default_rng(seed)
    members: dict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(groups_of(texts)):
        members[group].append(row)
    classes: dict[str, list[list[int]]] = defaultdict(list)
    for rows in members.values():
        # A group whose rows disagree on the label goes with the label most of them have.
        classes[Counter(labels[row] for row in rows).most_common(1)[0][0]].append(rows)
    indices: dict[str, list[int]] = {"train": [], **{name: [] for name in wanted}}
    for label in sorted(classes):
        groups = [classes[label][i] for i in generator.permutation(len(classes[label]))]
        total = sum(len(rows) for rows in groups)
        enough = len(groups) >= FEWEST
        room = {name: max(1, round(part * total)) if enough else 0 for name, part in wanted.items()}
        for rows in groups:
            name = next((name for name, left in room.items() if len(rows) <= left), "train")
            indices[name] += rows
            if name != "train":
                room[name] -= len(rows)
    return {name: sorted(indices[name]) for name in SPLITS if name in indices}
