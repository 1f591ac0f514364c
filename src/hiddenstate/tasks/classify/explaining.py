"""Why this answer? Each word left out in turn, the runner-up, and the nearest training texts. NumPy only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.runs import Run
from hiddenstate.tasks.classify.examples import kept_corpus
from hiddenstate.tasks.classify.neighbours import FILE, Memory, Neighbour
from hiddenstate.tasks.classify.predictor import Classifier, Prediction
from hiddenstate.tasks.text.encoder import NO_WORDS

TOGETHER = 64  # texts with a word left out that are encoded at once: bounds the memory
NEIGHBOURS = 3
LOG_ODDS, SCOPE = "log-odds of the intent", "score, turned round"


@dataclass(frozen=True)
class WordShare:
    """What one word does for the answer, found by leaving it out.

    effect: by how much the answer's evidence falls without it. share: the effect as a part of the sum of all
    effects without their signs; below 0 the word speaks against the answer. label (None: refused),
    probability: the answer without the word; changes: it is another one.
    """

    word: str
    effect: float
    share: float
    label: str | None
    probability: float
    changes: bool


@dataclass(frozen=True)
class Why:
    """One answer and its reasons.

    runner_up and runner_up_probability: the second best intent; margin: the best one's probability less its.
    evidence: what is measured, the log-odds of the intent answered, or, of a text refused, its score with the
    sign turned. neighbours is None, and missing says why, where the run does not hold its training texts.
    """

    prediction: Prediction
    runner_up: str
    runner_up_probability: float
    margin: float
    evidence: str
    words: tuple[WordShare, ...]
    neighbours: tuple[Neighbour, ...] | None
    missing: str | None

    @property
    def dropped(self) -> int:
        """Words past the limit, which were not read."""
        return self.prediction.dropped


@dataclass(frozen=True)
class Explainer:
    """A classifier with its training texts, where the run holds them; `load` reads both."""

    classifier: Classifier
    memory: Memory | None
    missing: str | None

    @classmethod
    def load(cls, path: str | Path) -> Explainer:
        """Read them from a run; raises RunError or DataError where it is damaged."""
        run, classifier = Run.open(path), Classifier.load(path)
        known = run.spec().get("data", {})
        if missing := _missing(run, classifier, known):
            return cls(classifier, None, missing)
        corpus, examples = kept_corpus(run, known), known["examples"]
        texts, labels = corpus.texts("train"), corpus.targets("train")
        return cls(classifier, Memory.load(run, texts, labels, examples), None)

    def predict(self, texts: Sequence[str]) -> list[Why]:
        """Answer texts, and say why; an empty one is read as one unknown word and has no words to weigh."""
        return [self._why(found) for found in self.classifier.predict(texts)]

    def _why(self, found: Prediction) -> Why:
        (_, first), (runner_up, second) = found.ranked[:2]
        near = None
        if self.memory is not None:
            near = tuple(self.memory.nearest(self.classifier, found.text, NEIGHBOURS))
        words = tuple(shares(self.classifier, found))
        evidence = LOG_ODDS if found.in_scope else SCOPE
        return Why(found, runner_up, second, first - second, evidence, words, near, self.missing)


def shares(classifier: Classifier, found: Prediction) -> Iterator[WordShare]:
    """Weigh each word that was read of a text by what the model says without it, in the order of the text."""
    words, _ = classifier.encoder.words_of(found.text)
    if words == [NO_WORDS]:
        return
    # the whole text takes part as one more, so that it is scored as they are
    logits, scores = _scored(classifier, [words, *(words[:i] + words[i + 1 :] for i in range(len(words)))])
    probabilities = classifier.probabilities_of(logits)
    best = probabilities.argmax(1)
    inside = scores >= found.threshold
    evidence = _log_odds(classifier, logits, int(best[0])) if found.in_scope else -scores
    effects = evidence[0] - evidence[1:]
    parts = effects / (np.abs(effects).sum() or 1.0)
    for place, word in enumerate(words):
        row = place + 1
        label = classifier.labels[best[row]] if inside[row] else None
        yield WordShare(
            word,
            float(effects[place]),
            float(parts[place]),
            label,
            float(probabilities[row, best[row]]),
            label != found.label,
        )


def values(found: Why) -> dict[str, Any]:
    """One answer with its reasons, as JSON can hold it."""
    near = None if found.neighbours is None else [dict(vars(each)) for each in found.neighbours]
    return {
        **vars(found.prediction),
        "runner_up": found.runner_up,
        "runner_up_probability": found.runner_up_probability,
        "margin": found.margin,
        "evidence": found.evidence,
        "words": [dict(vars(each)) for each in found.words],
        "neighbours": near,
        "missing": found.missing,
    }


def _scored(classifier: Classifier, texts: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
    """The logits [N, K] and scores [N] of texts in words; one without any is read as an empty text is."""
    parts = []
    for start in range(0, len(texts), TOGETHER):
        encoded = [
            classifier.encoder.encode_words(words or [NO_WORDS]) for words in texts[start : start + TOGETHER]
        ]
        parts.append(classifier.judged_encoded(encoded))
    logits, scores = zip(*parts, strict=True)
    return np.concatenate(logits), np.concatenate(scores)


def _log_odds(classifier: Classifier, logits: np.ndarray, intent: int) -> np.ndarray:
    """log(p / (1 - p)) of one intent [N], which stays exact where p comes close to 1."""
    scaled = logits[:, : len(classifier.labels)].astype(np.float64) / classifier.decision.temperature
    others = np.delete(scaled, intent, 1)
    largest = others.max(1)
    odds: np.ndarray = scaled[:, intent] - largest - np.log(np.exp(others - largest[:, None]).sum(1))
    return odds


def _missing(run: Run, classifier: Classifier, known: dict[str, Any]) -> str | None:
    """Why a run has no neighbours to show, and how to get them; None where it has."""
    if not classifier.spec.keep_examples:
        return (
            "The run was trained with keep_examples=false, and holds none of its training texts. To see "
            "neighbours, train without it."
        )
    if "examples" not in known:
        return "The run was made before runs kept their training texts. To see neighbours, train again."
    if not run.has(FILE):
        return (
            f"{run.path} holds no {FILE}: it was copied without it, or training has not come to its end. "
            "Copy it too, or go on with train --resume."
        )
    return None
