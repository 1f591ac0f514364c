"""A trained intent classifier, ready to answer. NumPy and the compiled core: no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.errors import RunError
from hiddenstate.infer import widen
from hiddenstate.runs import Run
from hiddenstate.tasks.classify.reader import Listener, Reader, logits_of, parameter_shapes, stored
from hiddenstate.tasks.classify.spec import ClassifySpec
from hiddenstate.tasks.text.encoder import Encoded, Encoder
from hiddenstate.tasks.text.familiarity import lowered
from hiddenstate.tasks.text.rejection import Decision, scope_scores, softmax

RANKED = 5  # how many intents a prediction names

Ranked = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Prediction:
    """The answer to one text.

    label is None where the text is out of scope; probability is that of the best intent, in scope or not;
    score is compared with the threshold; ranked names the best intents with their
    probabilities; dropped counts the words past the limit, which were not read.
    """

    text: str
    label: str | None
    probability: float
    in_scope: bool
    score: float
    threshold: float
    unknown: tuple[str, ...]
    ranked: Ranked
    dropped: int = 0


@dataclass(frozen=True)
class WordStep:
    """The answer after one more word."""

    word: str
    known: bool
    label: str | None
    probability: float
    in_scope: bool
    ranked: Ranked


@dataclass(frozen=True)
class Classifier:
    """Model, encoder, labels and decision together; `load` reads them from a run."""

    spec: ClassifySpec
    labels: tuple[str, ...]
    out_of_scope: str | None
    encoder: Encoder
    model: Reader
    decision: Decision

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Classify texts; an empty text is read as one unknown word."""
        encoded = self.encoder.encode_texts(texts)
        logits = self._logits(encoded)
        found = self._ranked(logits, self._scores(encoded, logits))
        return [
            self._prediction(text, each, ranked, score)
            for text, each, (ranked, score) in zip(texts, encoded, found, strict=True)
        ]

    def given(self, texts: Sequence[str]) -> list[str | None]:
        """The intent that each text is given, None where it is refused."""
        logits, scores = self.judged(texts)
        inside = scores >= self.decision.threshold
        best = logits[:, : len(self.labels)].argmax(1).tolist()
        return [self.labels[place] if kept else None for place, kept in zip(best, inside, strict=True)]

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """The scores [N, K] of texts: a column for each of `labels`, then out of scope if it was learned."""
        return self._logits(self.encoder.encode_texts(texts))

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """The probability of each intent [N, C], in the order of `labels`."""
        return self.probabilities_of(self.logits(texts))

    def probabilities_of(self, logits: np.ndarray) -> np.ndarray:
        """The probability of each intent [..., C] where the scores [..., K] are these."""
        return softmax(logits[..., : len(self.labels)] / self.decision.temperature)

    def judged(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The logits [N, K] of texts, and their scores [N] of being in scope, to be held to the threshold."""
        return self.judged_encoded(self.encoder.encode_texts(texts))

    def judged_encoded(self, encoded: Sequence[Encoded]) -> tuple[np.ndarray, np.ndarray]:
        """The same for texts that are encoded already."""
        logits = self._logits(encoded)
        return logits, self._scores(encoded, logits)

    def listen(self) -> Listener:
        """Begin a text that arrives word by word: feed words, and get the scores after each."""
        return Listener(self.model, self.encoder)

    def steps(self, text: str) -> list[WordStep]:
        """The answer after each word of a text, as a listener would have it."""
        words, _ = self.encoder.words_of(text)
        found = []
        logits = self.listen().feed(words)
        scores = lowered(
            scope_scores(logits, len(self.labels)),
            self.encoder.familiarity.running(words),
            self.decision.familiar,
        )
        for word, (ranked, score) in zip(words, self._ranked(logits, scores), strict=True):
            label, probability = ranked[0]
            inside = score >= self.decision.threshold
            known = word in self.encoder.vocabulary
            found.append(WordStep(word, known, label if inside else None, probability, inside, ranked))
        return found

    def _logits(self, encoded: Sequence[Encoded]) -> np.ndarray:
        return logits_of(self.model, self.encoder, encoded)

    def _scores(self, encoded: Sequence[Encoded], logits: np.ndarray) -> np.ndarray:
        return self.encoder.scope_scores(encoded, logits, len(self.labels), self.decision.familiar)

    def _ranked(self, logits: np.ndarray, of_scope: np.ndarray) -> Iterator[tuple[Ranked, float]]:
        """Of each text: the best few intents with their probabilities, and the score of being in scope."""
        probabilities = self.probabilities_of(logits)
        left, rows = probabilities.copy(), np.arange(len(logits))
        places = []
        for _ in range(min(RANKED, len(self.labels))):
            places.append(left.argmax(1))  # of equal ones the first
            left[rows, places[-1]] = -np.inf
        shares = np.stack([probabilities[rows, place] for place in places], 1).tolist()
        best_ones, scores = np.stack(places, 1).tolist(), of_scope.tolist()
        for best, share, score in zip(best_ones, shares, scores, strict=True):
            yield tuple(zip([self.labels[place] for place in best], share, strict=True)), score

    def _prediction(self, text: str, encoded: Encoded, ranked: Ranked, score: float) -> Prediction:
        label, probability = ranked[0]
        inside = score >= self.decision.threshold
        return Prediction(
            text,
            label if inside else None,
            probability,
            inside,
            score,
            self.decision.threshold,
            self.encoder.unknown(encoded),
            ranked,
            encoded.dropped,
        )

    # --- on disk ---

    def save(self, run: Run) -> None:
        """Write what prediction needs beside spec.json: model.json, and the weights in few bits."""
        described = {
            "labels": list(self.labels),
            "out_of_scope": self.out_of_scope,
            "answers": self.model.answers,
            "decision": self.decision.as_dict(),
            "encoder": self.encoder.as_dict(),
        }
        run.write("model.json", json.dumps(described, ensure_ascii=False, indent=1) + "\n")
        rarity = self.encoder.rarity.astype(np.float16)
        run.write_weights({**stored(self.spec, self.model.parameters), "rarity": rarity})

    @classmethod
    def load(cls, path: str | Path) -> Classifier:
        """Read a classifier from its run; raises RunError where the folder is damaged or too new."""
        run = Run.open(path)
        values = run.spec()
        spec = ClassifySpec.from_run(values.get("spec", {}), str(run.path / "spec.json"))
        where = str(run.path / "model.json")
        described = _described(run, where)
        decision = Decision.from_dict(described["decision"], where)
        arrays, weights = run.weights(), f"{run.path / 'weights.safetensors'} does not fit {where}"
        rarity = arrays.pop("rarity", np.empty(0)).astype(np.float32)
        encoder = Encoder.from_dict(described["encoder"], rarity, where)
        if encoder.letter_buckets != spec.letter_buckets:
            raise RunError(f"{weights}; train again")
        parameters = widen(arrays, parameter_shapes(spec, encoder.words, described["answers"]), weights)
        labels = tuple(described["labels"])
        return cls(spec, labels, described["out_of_scope"], encoder, Reader(spec, parameters), decision)


def _described(run: Run, where: str) -> dict[str, Any]:
    """Read model.json and check that it has what it should."""
    try:
        described = json.loads(run.text("model.json"))
    except ValueError as error:
        raise RunError(f"{where} is damaged: {error}; restore the file or train again") from error
    wanted: dict[str, type | tuple[type, ...]] = {
        "labels": list,
        "out_of_scope": (str, type(None)),
        "answers": int,
        "decision": dict,
        "encoder": dict,
    }
    for name, kind in wanted.items():
        if not isinstance(described, dict) or not isinstance(described.get(name), kind):
            raise RunError(f"{where} is damaged: no valid {name!r}; restore the file or train again")
    labels = described["labels"]
    if not all(isinstance(label, str) for label in labels) or described["answers"] - len(labels) not in (
        0,
        1,
    ):
        raise RunError(f"{where} is damaged: {described['answers']} answers for {len(labels)} labels")
    result: dict[str, Any] = described
    return result
