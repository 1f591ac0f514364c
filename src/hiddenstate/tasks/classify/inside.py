"""An intent classifier laid open: its words as vectors, its stack, and the head on it. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hiddenstate.infer import Example, Inside
from hiddenstate.runs import Run
from hiddenstate.tasks.classify.examples import kept_corpus
from hiddenstate.tasks.classify.predictor import Classifier
from hiddenstate.tasks.text.encoder import NO_WORDS
from hiddenstate.tasks.text.head import AnswerHead

OUT_OF_SCOPE = "(out of scope)"


def inside(path: str | Path) -> Inside:
    """Lay a run open; raises RunError where it is damaged.

    The head is that of the recurrent part: the n-grams which are weighed beside it remember nothing.
    """
    run, classifier = Run.open(path), Classifier.load(path)
    model, known = classifier.model, run.spec().get("data", {})

    def read(text: str) -> tuple[tuple[str, ...], np.ndarray]:
        words, _ = classifier.encoder.words_of(text)
        if words == [NO_WORDS]:
            return (), np.zeros((0, model.spec.embedding), np.float32)
        encoded = classifier.encoder.bare(words)
        return encoded.words, model.words_of(classifier.encoder.batch([encoded]))[:, 0]

    def examples() -> Sequence[Example]:
        corpus = kept_corpus(run, known)
        return [
            Example(each.text, OUT_OF_SCOPE if each.label == corpus.out_of_scope else each.label, name)
            for name, part in corpus.splits.items()
            for each in part
        ]

    labels = classifier.labels
    if model.answers > len(labels):
        labels = (*labels, OUT_OF_SCOPE)
    head = AnswerHead(labels, model.names, model.spec.hidden, model.parameters)
    return Inside(model.stack, read, head, examples if "examples" in known else None)
