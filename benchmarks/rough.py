"""Default trainings held to what is not clean: misspelt words, no language at all, intents of uneven size."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import intents
import numpy as np
from measurement import Figures, Task
from noise import MASHES, STRINGS, nonsense, under_typos

from hiddenstate.data import sources
from hiddenstate.data.corpus import Corpus, Example
from hiddenstate.runs import Run
from hiddenstate.tasks import classify
from hiddenstate.tasks.classify.baseline import Snapshot
from hiddenstate.tasks.classify.examples import same_division
from hiddenstate.tasks.text.typos import SHARE

SMALLEST, LARGEST = 5, 100  # examples of an intent, in a corpus of uneven size


def whole(trainings: intents.Trainings) -> Task:
    """All of the corpus, unidirectional: typos, nonsense and calibration, of the kept trainings."""

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        path, summary = trainings.run("unidirectional", seed)
        classifier, run = classify.load(path), Run.open(path)
        corpus = same_division(run, classifier.spec, run.spec()).corpus
        found = under_typos(classifier, corpus, seed, Snapshot.fit(corpus, learn_scope=True))
        model = {name: summary[name] for name in ("accuracy", "ece", "ece_unscaled")}
        model["ahead"] = summary["accuracy"] - summary["baseline"]["accuracy"]
        rival = {name: summary["baseline"][name] for name in ("accuracy", "ece")}
        return {
            variant: {**model, **found["model"], **nonsense(classifier, seed)},
            intents.SNAPSHOT: {**rival, **found["rival"]},
        }

    settings = {**trainings.settings(), "typo_share": SHARE, "strings": STRINGS, "mashes": MASHES}
    return Task("rough", ("all examples",), settings, measure)


def uneven(corpus: Corpus, seed: int) -> Corpus:
    """Intents of SMALLEST to LARGEST examples in geometric steps, in an order drawn by the seed."""
    corpus = intents.divided(corpus, seed).corpus
    generator, kept = np.random.default_rng([3, seed]), []
    labels = generator.permutation(corpus.labels()).tolist()
    sizes = np.geomspace(SMALLEST, LARGEST, len(labels)).round().astype(int)
    for label, size in zip(labels, sizes.tolist(), strict=True):
        examples = [each for each in corpus.split("train") if each.label == label]
        kept += [examples[i] for i in generator.permutation(len(examples))[:size]]
    splits = {**corpus.splits, "train": tuple(kept)}
    return Corpus(f"{corpus.name}, uneven", splits, corpus.out_of_scope, corpus.sha256)


def imbalance(trainings: intents.Trainings) -> Task:
    """Intents of very different size, with and without `--balance`; the snapshot weighs all rows the same.

    macro_recall is the mean over intents of the share found, nothing refused: here, as every intent has as
    many test texts, it is the accuracy; so the rarest fifth of the intents is judged apart.
    """

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        few = uneven(sources.read(trainings.data), seed)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "uneven.csv"
            intents.write_csv(few, path)
            own = {"data": str(path), "balance": variant}
            spec = trainings.spec("unidirectional", seed).model_copy(update=own)
            summary = classify.train(spec, Path(folder) / "run")
            classifier = classify.load(Path(folder) / "run")
        rival = Snapshot.fit(few, learn_scope=False)
        held = [each for each in few.split("test") if each.label in classifier.labels]
        texts = [each.text for each in held]
        best = [classifier.labels[i] for i in classifier.probabilities(texts).argmax(1).tolist()]
        return {
            variant: {**_by_size(few, held, best), "seconds": summary["seconds"]},
            intents.SNAPSHOT: _by_size(few, held, rival.scored(texts)[1]),
        }

    settings = {**trainings.settings(), "smallest": SMALLEST, "largest": LARGEST}
    return Task("imbalance", ("auto", "none"), settings, measure)


def _by_size(corpus: Corpus, held: Sequence[Example], best: Sequence[str]) -> dict[str, float]:
    """Accuracy, mean F1 of the intents, and accuracy in the rarest and the most frequent fifth of them."""
    counts = corpus.counts("train")
    ranked = sorted(counts, key=lambda label: (counts[label], label))
    fifth = max(1, len(ranked) // 5)
    pairs = [(each.label, label) for each, label in zip(held, best, strict=True)]

    def share(labels: set[str]) -> float:
        return float(np.mean([right == given for right, given in pairs if right in labels]))

    scores = []
    for label in ranked:
        both = sum(right == given == label for right, given in pairs)
        named = sum(right == label for right, _ in pairs) + sum(given == label for _, given in pairs)
        scores.append(2 * both / named if named else 0.0)
    return {
        "accuracy": share(set(ranked)),
        "macro_f1": float(np.mean(scores)),
        "rarest_fifth": share(set(ranked[:fifth])),
        "largest_fifth": share(set(ranked[-fifth:])),
    }
