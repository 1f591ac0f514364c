"""The honest rival: the same texts as snapshots. TF-IDF of words and letters, and a logistic regression.

It knows no order beyond its n-grams. Where the recurrent model does not beat it, the report says so.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.data.corpus import Corpus
from hiddenstate.tasks.text import rejection, snapshot


@dataclass(frozen=True)
class Snapshot:
    """A fitted baseline: its pipeline, the labels its columns stand for, its threshold, and what it cost."""

    pipeline: Any
    labels: tuple[str, ...]
    threshold: float
    seconds: float

    @classmethod
    def fit(cls, corpus: Corpus, learn_scope: bool) -> Snapshot:
        """Fit it on the training split, out-of-scope examples as one more class where they are learned."""
        labels = corpus.labels()
        examples = [e for e in corpus.split("train") if e.label in labels or learn_scope]
        began = time.perf_counter()
        texts = [e.text for e in examples]
        pipeline = snapshot.pipeline_for(texts, len({e.label for e in examples}))
        pipeline.fit(texts, [e.label for e in examples])
        fitted = cls(pipeline, labels, 0.0, time.perf_counter() - began)
        held = corpus.splits.get("validation", ())
        if not any(e.label in labels for e in held):
            held = corpus.split("train")
        scores, best = fitted.scored([e.text for e in held])
        inside = np.array([e.label in labels for e in held])
        right = np.array([e.label == label for e, label in zip(held, best, strict=True)])
        if (~inside).sum() >= rejection.LEAST_EXAMPLES:
            threshold = rejection.choose_threshold(scores[inside], right[inside], scores[~inside])
        else:
            threshold = rejection.quantile_threshold(scores[inside], right[inside], rejection.ACCEPTED)
        return cls(pipeline, labels, threshold, fitted.seconds)

    def scored(self, texts: Sequence[str]) -> tuple[np.ndarray, list[str]]:
        """The highest probability of an intent for each text, and that intent."""
        probabilities = self.pipeline.predict_proba(texts)
        classes = [str(name) for name in self.pipeline.classes_]
        columns = [classes.index(label) for label in self.labels if label in classes]
        inside = probabilities[:, columns]
        return inside.max(1), [classes[columns[i]] for i in inside.argmax(1)]

    def bytes(self) -> int:
        """What its numbers would take on disk, as 32-bit floats, with its list of n-grams."""
        return snapshot.size(self.pipeline)
