"""The intent classifier as a scikit-learn estimator."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from hiddenstate.data.corpus import Corpus, Example
from hiddenstate.data.split import split
from hiddenstate.errors import InvalidArgument, require
from hiddenstate.tasks.classify.predictor import Classifier, Prediction
from hiddenstate.tasks.classify.spec import ClassifySpec

FROM_FILES = {"task", "data", "text_column", "label_column"}  # settings that have no say over texts in memory


class TextClassifier(ClassifierMixin, BaseEstimator):
    """Classify texts with a recurrent network, in the manner of scikit-learn.

    fit(texts [N], labels [N]) holds a tenth out for validation; predict gives the best label of each text,
    predict_proba [N, C] probabilities in the order of `classes_`, answers(texts) whole `Prediction`s with
    refusals. `settings` are further fields of ClassifySpec. Raises InvalidArgument for unknown settings or
    texts that are not strings, DataError for labels that cannot be learned.
    """

    def __init__(
        self,
        cell: str = "lstm",
        hidden: int = 256,
        bidirectional: bool = False,
        epochs: int | None = None,
        seed: int = 0,
        out_of_scope: str | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.cell, self.hidden, self.bidirectional = cell, hidden, bidirectional
        self.epochs, self.seed, self.out_of_scope, self.settings = epochs, seed, out_of_scope, settings

    def fit(self, X: Sequence[str], y: Sequence[Any]) -> TextClassifier:
        """Train on texts X [N] and labels y [N]."""
        require("torch", "fitting a TextClassifier", extra="train")
        from hiddenstate.tasks.classify.deciding import decide  # answering needs no torch
        from hiddenstate.tasks.classify.fitting import fit_model, prepare

        if y is None:
            raise InvalidArgument("expected labels y, one for each text, came None")
        fixed = sorted((self.settings or {}).keys() & FROM_FILES)
        if fixed:
            raise InvalidArgument(
                f"settings cannot hold {', '.join(fixed)}: the texts are those given to fit; leave it out"
            )
        texts, labels = _checked(X), [_plain(label) for label in y]
        if len(texts) != len(labels):
            raise InvalidArgument(
                f"expected one label for each text, came {len(texts)} texts and {len(labels)} labels"
            )
        names = {str(label): label for label in labels}
        if len(names) != len(set(labels)):
            raise InvalidArgument(
                "two different labels are written alike, as 1 and '1'; make them all strings"
            )
        own = {"cell": self.cell, "hidden": self.hidden, "bidirectional": self.bidirectional}
        spec = ClassifySpec.from_options(
            {"seed": self.seed, **own, "epochs": self.epochs, **(self.settings or {}), "data": "(in memory)"}
        ).sized()
        examples = tuple(Example(t, str(label)) for t, label in zip(texts, labels, strict=True))
        digest = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
        corpus = Corpus("the texts given", {"train": examples}, self.out_of_scope, digest)
        corpus = split(corpus, spec.seed, test=0.0).corpus
        prepared = prepare(corpus, spec)
        module, _ = fit_model(prepared, spec)
        decision = decide(module, prepared, spec, corpus)
        self.classifier_ = Classifier(
            spec, prepared.labels, self.out_of_scope, prepared.encoder, module.reader(), decision
        )
        self.classes_ = np.array([names[label] for label in prepared.labels])
        return self

    def predict_proba(self, X: Sequence[str]) -> np.ndarray:
        """The probability [N, C] of each class for texts X [N]."""
        check_is_fitted(self)
        return self.classifier_.probabilities(_checked(X))

    def predict(self, X: Sequence[str]) -> np.ndarray:
        """The best label [N] of texts X [N]; `answers` also refuses."""
        check_is_fitted(self)
        best: np.ndarray = self.classes_[self.predict_proba(X).argmax(1)]
        return best

    def answers(self, X: Sequence[str]) -> list[Prediction]:
        """The whole answer to each text, out of scope included."""
        check_is_fitted(self)
        return self.classifier_.predict(_checked(X))


def _checked(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str):
        raise InvalidArgument("expected a sequence of texts, came one string; put it in a list")
    found = [text.item() if isinstance(text, np.generic) else text for text in texts]
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise InvalidArgument(
                f"expected texts, came {type(text).__name__} at index {index}; convert it to str"
            )
    return found


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
