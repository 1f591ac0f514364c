"""The honest rival: each word with its neighbours as a snapshot, and the sentence as a bag of n-grams.

Logistic regressions, fitted by stochastic gradient descent for the tags. Of the order of words the first
knows
two to each side, and of the order of tags nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import SGDClassifier

from hiddenstate.data.tagged import Sentence, TaggedCorpus
from hiddenstate.tasks.tag.encoding import SHAPES, shape_of
from hiddenstate.tasks.tag.measures import Answer
from hiddenstate.tasks.text import snapshot

REACH = 2  # words to each side
ENDINGS = (1, 2, 3, 4)  # letters
PASSES = 12  # over the training words


@dataclass(frozen=True)
class TagSnapshot:
    """A fitted baseline: features and model of tags, pipeline of intents (None without), and what it cost."""

    features: Mapping[str, int]
    tags: Any
    intents: Any
    seconds: float

    @classmethod
    def fit(cls, corpus: TaggedCorpus, seed: int, with_intents: bool) -> TagSnapshot:
        """Fit it on the training split."""
        began = time.perf_counter()
        sentences = corpus.split("train")
        labels = [tag for each in sentences for tag in each.tags]
        features: dict[str, int] = {}
        for each in sentences:
            for row in _windows(each.words):
                for name in row:
                    features.setdefault(name, len(features))
        model = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=PASSES, tol=None, random_state=seed)
        tags = model.fit(_matrix(features, sentences), labels)
        intents = None
        if with_intents:
            named = [each for each in sentences if each.intent is not None]
            texts = [each.written for each in named]
            intents = snapshot.pipeline_for(texts).fit(texts, [each.intent for each in named])
        return cls(features, tags, intents, time.perf_counter() - began)

    def answers(self, sentences: Sequence[Sentence]) -> list[Answer]:
        """Its answers to sentences."""
        found = self.tags.predict(_matrix(self.features, sentences))
        intents: Sequence[str | None] = [None] * len(sentences)
        if self.intents is not None:
            intents = [str(name) for name in self.intents.predict([each.written for each in sentences])]
        ends = np.cumsum([len(each.words) for each in sentences])
        rows = np.split(found, ends[:-1])
        return [
            Answer(tuple(str(tag) for tag in row), intent) for row, intent in zip(rows, intents, strict=True)
        ]

    def bytes(self) -> int:
        """What its numbers would take on disk, as 32-bit floats, with the names of its features."""
        names = sum(len(name.encode()) + 4 for name in self.features)
        size = 4 * (self.tags.coef_.size + self.tags.intercept_.size) + names
        return int(size) + (snapshot.size(self.intents) if self.intents is not None else 0)


def _matrix(features: Mapping[str, int], sentences: Sequence[Sentence]) -> csr_matrix:
    """The known features of every word, a row each."""
    rows = [
        [features[name] for name in row if name in features]
        for each in sentences
        for row in _windows(each.words)
    ]
    ends = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    columns = np.array([column for row in rows for column in row], dtype=np.int32)
    return csr_matrix((np.ones(len(columns), np.float32), columns, ends), (len(rows), len(features)))


def _windows(words: Sequence[str]) -> Iterator[list[str]]:
    """The features of each word: itself, its neighbours, their shapes, its beginnings and endings."""
    folded = [word.lower() for word in words]
    shapes = [SHAPES[shape_of(word)] for word in words]
    for place, word in enumerate(folded):
        features = [f"begins {word[:size]}" for size in ENDINGS] + [
            f"ends {word[-size:]}" for size in ENDINGS
        ]
        for step in range(-REACH, REACH + 1):
            there = 0 <= place + step < len(words)
            features.append(f"word {step} {folded[place + step] if there else ''}")
            if abs(step) < REACH:
                features.append(f"shape {step} {shapes[place + step] if there else ''}")
        yield list(dict.fromkeys(features))
