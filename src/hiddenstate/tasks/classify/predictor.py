"""A trained intent classifier, ready to answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hiddenstate.errors import RunError
from hiddenstate.runs import Run
from hiddenstate.tasks.classify.encoder import Encoded, Encoder
from hiddenstate.tasks.classify.model import IntentModel, logits_of
from hiddenstate.tasks.classify.rejection import Decision, scope_scores, softmax
from hiddenstate.tasks.classify.spec import ClassifySpec

RANKED = 5  # how many intents a prediction names


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
    ranked: tuple[tuple[str, float], ...]
    dropped: int = 0


@dataclass(frozen=True)
class WordStep:
    """The answer after one more word."""

    word: str
    known: bool
    label: str | None
    probability: float
    in_scope: bool
    ranked: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Classifier:
    """Model, encoder, labels and decision together; `load` reads them from a run."""

    spec: ClassifySpec
    labels: tuple[str, ...]
    out_of_scope: str | None
    encoder: Encoder
    model: IntentModel
    decision: Decision

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Classify texts; an empty text is read as one unknown word."""
        encoded = [self.encoder.encode(text) for text in texts]
        logits = logits_of(self.model, self.encoder, encoded)
        return [
            self._prediction(text, each, row) for text, each, row in zip(texts, encoded, logits, strict=True)
        ]

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """The probability of each intent [N, C], in the order of `labels`."""
        logits = logits_of(self.model, self.encoder, [self.encoder.encode(text) for text in texts])
        return softmax(logits[:, : len(self.labels)] / self.decision.temperature)

    def steps(self, text: str) -> list[WordStep]:
        """The answer after each word of a text, as a listener would have it."""
        whole = self.encoder.encode(text)
        known = [word in self.encoder.vocabulary for word in whole.words]
        beginnings = [self.encoder.encode_words(whole.words[: n + 1]) for n in range(len(whole.words))]
        logits = self._after_each_word(whole, beginnings)
        found = []
        for word, seen, each, row in zip(whole.words, known, beginnings, logits, strict=True):
            answer = self._prediction(" ".join(each.words), each, row)
            found.append(
                WordStep(word, seen, answer.label, answer.probability, answer.in_scope, answer.ranked)
            )
        return found

    def _after_each_word(self, whole: Encoded, beginnings: Sequence[Encoded]) -> np.ndarray:
        """Logits [T, K]: one reading where the model reads forwards only, else one for each beginning."""
        if self.spec.bidirectional:
            return logits_of(self.model, self.encoder, beginnings)
        with torch.no_grad():
            batch = self.encoder.batch([whole])
            output, _ = self.model.recurrent(self.model.words_of(batch))
            logits = self.model.answer_of(self.model.readout.after_each(output[:, 0]))
            wide = self.model.wide_logits(self.encoder.batch(beginnings))
            if wide is not None:
                logits = logits + self.model.wide_share * wide
            after: np.ndarray = logits.numpy()
        return after

    def _prediction(self, text: str, encoded: Encoded, logits: np.ndarray) -> Prediction:
        intents = len(self.labels)
        probabilities = softmax(logits[:intents] / self.decision.temperature)
        score = float(scope_scores(logits[None], intents)[0])
        best = np.argsort(-probabilities, kind="stable")[:RANKED]
        inside = score >= self.decision.threshold
        return Prediction(
            text,
            self.labels[best[0]] if inside else None,
            float(probabilities[best[0]]),
            inside,
            score,
            self.decision.threshold,
            self.encoder.unknown(encoded),
            tuple((self.labels[i], float(probabilities[i])) for i in best),
            encoded.dropped,
        )

    # --- on disk ---

    def save(self, run: Run) -> None:
        """Write what prediction needs beside spec.json: model.json, and the weights in half precision."""
        described = {
            "labels": list(self.labels),
            "out_of_scope": self.out_of_scope,
            "answers": self.model.answer.out_features,
            "decision": self.decision.as_dict(),
            "encoder": self.encoder.as_dict(),
        }
        run.write("model.json", json.dumps(described, ensure_ascii=False, indent=1) + "\n")
        arrays = {name: tensor.numpy() for name, tensor in self.model.state_dict().items()}
        arrays["rarity"] = self.encoder.rarity
        run.write_weights({name: array.astype(np.float16) for name, array in arrays.items()})

    @classmethod
    def load(cls, path: str | Path) -> Classifier:
        """Read a classifier from its run; raises RunError where the folder is damaged or too new."""
        run = Run.open(path)
        values = run.spec()
        spec = ClassifySpec.from_run(values.get("spec", {}), str(run.path / "spec.json"))
        where = str(run.path / "model.json")
        described = _described(run, where)
        arrays = {name: array.astype(np.float32) for name, array in run.weights().items()}
        rarity = arrays.pop("rarity", np.empty(0, np.float32))
        encoder = Encoder.from_dict(described["encoder"], rarity, where)
        model = IntentModel(spec, encoder.words, described["answers"])
        expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        if expected != {name: array.shape for name, array in arrays.items()}:
            raise RunError(f"{run.path / 'weights.safetensors'} does not fit {where}; train again")
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        decision = Decision.from_dict(described["decision"], where)
        return cls(
            spec, tuple(described["labels"]), described["out_of_scope"], encoder, model.eval(), decision
        )


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
