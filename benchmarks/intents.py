"""Intent classification with default settings: accuracy and rejection, few examples, latency, size.

What a person gets from `hiddenstate train classify --data clinc150`, with no setting changed but the seed and
whether the sentence is also read from its end. The snapshot baseline is fitted by the same call on the same
rows. Trained runs are kept, so that latency and size need no second training.
"""

from __future__ import annotations

import csv
import hashlib
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measurement import HOUSE, Figures, Task
from noise import nonsense, under_typos

from hiddenstate import intact
from hiddenstate.data import sources
from hiddenstate.data.corpus import Corpus, Example
from hiddenstate.data.split import split as divided
from hiddenstate.runs import Run
from hiddenstate.tasks import classify

DIRECTIONS = {"unidirectional": False, "bidirectional": True}
SNAPSHOT = "snapshot"
FEW, FEW_MORE = (5, 10), (20, 50, 100)
UTTERANCES, WARM_UP = 300, 20
KEPT = (
    "accuracy",
    "in_scope_accuracy",
    "out_of_scope_recall",
    "auroc",
    "kept_99_recall",
    "macro_f1",
    "overall_accuracy",
    "seconds",
    "bytes",
    "milliseconds",
    "ece",
    "ece_unscaled",
)
FILES = ("spec.json", "model.json", "weights.safetensors")  # what prediction needs of a run
QUICK = {"data": "starter", "epochs": 2, "least_steps": 0, "hidden": 8, "embedding": 8, "wide_buckets": 512}


@dataclass(frozen=True)
class Trainings:
    """Default trainings, each kept as a run below `folder` and used again while settings and sources are
    the same; `changed` names the settings that are not the defaults."""

    folder: Path
    changed: Mapping[str, Any]
    as_they_are: bool = False  # runs of other sources will do, where the figures say nothing of training

    @property
    def data(self) -> str:
        """The corpus."""
        return str(self.changed.get("data", "clinc150"))

    def spec(self, direction: str, seed: int) -> classify.ClassifySpec:
        """The settings of one training."""
        own = {"bidirectional": DIRECTIONS[direction], "seed": seed}
        return classify.ClassifySpec(**{"data": self.data, **self.changed, **own})

    def settings(self) -> dict[str, Any]:
        """The settings that all trainings share."""
        own = ("seed", "bidirectional")
        values = self.spec("unidirectional", 0).model_dump()
        return {name: value for name, value in values.items() if name not in own}

    def run(self, direction: str, seed: int) -> tuple[Path, dict[str, Any]]:
        """The folder of a run and its summary; trained here and now where there is none."""
        spec = self.spec(direction, seed)
        path = self.folder / f"{self.data}-{direction}-{seed}"
        identity = {"spec": spec.model_dump(), "sources": sources_hash()}
        told = path / "measured.json"
        if self.as_they_are and (path / "weights.safetensors").exists():
            return path, {}
        if told.exists():
            values = json.loads(told.read_text(encoding="utf-8"))
            if values["identity"] == identity:
                return path, values["summary"]
        summary = classify.train(spec, path, overwrite=True)
        content = {"identity": identity, "summary": {**summary, "run": path.name}}
        intact.write(told, json.dumps(content, default=str).encode())
        return path, summary


def sources_hash() -> str:
    """A checksum of all that is imported from src/, so that a run of other code is not used again."""
    digest = hashlib.sha256()
    for path in sorted((HOUSE / "src" / "hiddenstate").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def figures_of(summary: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a summary, of the model or of its baseline, as far as there are any."""
    return {name: summary[name] for name in KEPT if summary.get(name) is not None}


def clinc(trainings: Trainings) -> Task:
    """All of the corpus, its own splits: both directions, and the snapshot baseline."""

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        _, summary = trainings.run(variant, seed)
        costs = summary["table"][0]
        model = figures_of({**summary, "bytes": costs["bytes"], "milliseconds": costs["milliseconds"]})
        return {variant: model, SNAPSHOT: figures_of(summary["baseline"])}

    return Task("clinc", tuple(DIRECTIONS), trainings.settings(), measure)


def few_shot(trainings: Trainings, counts: Sequence[int]) -> Task:
    """So many examples a class and none out of scope; validation and test are the corpus's own, whole."""
    variants = {f"{count} a class": count for count in counts}

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        few = fewer(sources.read(trainings.data), variants[variant], seed)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "few.csv"
            write_csv(few, path)
            spec = trainings.spec("unidirectional", seed).model_copy(update={"data": str(path)})
            summary = classify.train(spec, Path(folder) / "run")
            classifier = classify.load(Path(folder) / "run")
        model, rival = figures_of(summary), figures_of(summary["baseline"])
        model["ahead"] = model["accuracy"] - rival["accuracy"]
        model |= nonsense(classifier, seed)
        wrong = under_typos(classifier, few, seed, None)
        model |= wrong["model"]
        return {variant: model, f"{variant}, {SNAPSHOT}": rival}

    settings = {**trainings.settings(), "bidirectional": False}
    return Task("few_shot", tuple(variants), settings, measure)


def fewer(corpus: Corpus, count: int, seed: int) -> Corpus:
    """Keep `count` training examples of each intent; those of a smaller count are among those of a larger.

    A corpus without splits is divided first.
    """
    corpus = divided(corpus, seed).corpus
    generator = np.random.default_rng(seed)
    kept: list[Example] = []
    for label in corpus.labels():
        examples = [each for each in corpus.split("train") if each.label == label]
        kept += [examples[i] for i in generator.permutation(len(examples))[:count]]
    splits = {**corpus.splits, "train": tuple(kept)}
    return Corpus(f"{corpus.name}, {count} a class", splits, corpus.out_of_scope, corpus.sha256)


def write_csv(corpus: Corpus, path: Path) -> None:
    """Write a corpus as a table that says which row is in which split."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label", "split"))
        for split, examples in corpus.splits.items():
            writer.writerows((each.text, each.label, split) for each in examples)


def latency(trainings: Trainings) -> Task:
    """One utterance at a time on one thread, from text to answer, with the model as loaded from disk."""

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        classifier = classify.load(trainings.run(variant, seed)[0])
        corpus = sources.read(trainings.data)
        texts = corpus.texts("test" if "test" in corpus.splits else "train")
        chosen = [texts[i] for i in np.random.default_rng(seed).permutation(len(texts))[:UTTERANCES]]
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        for text in chosen[:WARM_UP]:
            classifier.predict([text])
        times = sorted(_seconds(classifier, text) for text in chosen)
        torch.set_num_threads(threads)
        late = times[int(0.95 * len(times))]
        return {variant: {"milliseconds": 1000 * statistics.median(times), "milliseconds_95": 1000 * late}}

    settings = {**trainings.settings(), "utterances": UTTERANCES, "threads": 1}
    return Task("latency", tuple(DIRECTIONS), settings, measure)


def _seconds(classifier: classify.Classifier, text: str) -> float:
    began = time.perf_counter()
    classifier.predict([text])
    return time.perf_counter() - began


def size(trainings: Trainings) -> Task:
    """What prediction needs on disk, and how many numbers the model has learned."""

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        path, _ = trainings.run(variant, seed)
        weights = Run.open(path).weights()
        numbers = sum(array.size for name, array in weights.items() if name != "rarity")
        return {
            variant: {
                "bytes": sum((path / name).stat().st_size for name in FILES),
                "parameters": int(numbers),
            }
        }

    return Task("size", tuple(DIRECTIONS), trainings.settings(), measure)
