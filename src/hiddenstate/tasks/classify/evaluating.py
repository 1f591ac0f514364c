"""How good is a trained classifier, on data it has not seen? No torch, but matplotlib for the picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.data import sources
from hiddenstate.data.corpus import Corpus
from hiddenstate.data.split import divide
from hiddenstate.errors import DataError
from hiddenstate.runs import Run
from hiddenstate.tasks.classify import report
from hiddenstate.tasks.classify.examples import same_division
from hiddenstate.tasks.classify.measures import Answers, measures
from hiddenstate.tasks.classify.predictor import Classifier
from hiddenstate.tasks.text.rejection import softmax


def evaluate(
    path: str | Path,
    data: str | None = None,
    split: str = "test",
    *,
    text: str | None = None,
    label: str | None = None,
) -> dict[str, Any]:
    """Measure a run on a split of its own data, or of other data with the same labels; see measures.py.

    Writes evaluation.md and evaluation.png into the run. Raises DataError where the data name labels that the
    run does not know, or have no such split.
    """
    run = Run.open(path)
    classifier = Classifier.load(run.path)
    values = run.spec()
    if data is None:
        corpus = same_division(run, classifier.spec, values).corpus
    else:
        corpus = sources.read(data, text=text, label=label)
        known = values.get("data", {})
        if corpus.sha256 == known.get("sha256") and not known.get("together"):
            corpus = divide(corpus, known["indices"])
        elif split not in corpus.splits and set(corpus.splits) == {"train"}:
            split = "train"  # a file without splits is judged whole
    answers, texts = answers_of(classifier, corpus, split)
    found = measures(answers)
    notes = [
        f"{len(texts)} texts of {corpus.name}, split {split}.",
        f"Decision: {decision_in_words(classifier)}",
        calibration_in_words(classifier, found),
    ]
    row = {"name": classifier.spec.title, **found}
    picture = "evaluation.png"  # confusion.png is the report's
    run.write("evaluation.md", report.markdown("Evaluation", [row], answers, texts, notes, picture))
    run.write(picture, report.confusion_png(answers))
    return {**found, "n": len(texts), "split": split, "report": str(run.path / "evaluation.md")}


def answers_of(classifier: Classifier, corpus: Corpus, name: str) -> tuple[Answers, list[str]]:
    """A classifier's answers to one split of a corpus, and its texts; raises DataError for unknown labels."""
    examples = corpus.split(name)
    number = {label: index for index, label in enumerate(classifier.labels)}
    outside = {classifier.out_of_scope, corpus.out_of_scope} - {None}
    strange = sorted({e.label for e in examples} - number.keys() - outside)
    if strange:
        raise DataError(
            f"{corpus.name}: the run was not trained on {', '.join(map(repr, strange[:5]))}; it knows "
            f"{len(number)} labels. Correct the spelling, take those rows out, or train with them."
        )
    texts = [e.text for e in examples]
    logits, scores = classifier.judged(texts)
    intents = len(classifier.labels)
    return Answers(
        classifier.labels,
        logits[:, :intents].argmax(1),
        classifier.probabilities_of(logits).max(1),
        scores,
        np.array([number.get(e.label, intents) for e in examples], dtype=np.int64),
        classifier.decision.threshold,
        softmax(logits[:, :intents]).max(1),
    ), texts


def calibration_in_words(classifier: Classifier, found: Mapping[str, float | None]) -> str:
    """How far probabilities can be believed."""
    if found["ece"] is None or found["ece_unscaled"] is None:
        return "Calibration: no text here is in scope, so nothing can be said of it."
    return (
        f"Calibration: a probability is {100 * found['ece']:.1f} points off in the mean (ECE, 15 bins), and "
        f"was {100 * found['ece_unscaled']:.1f} off before a temperature was fitted on validation: "
        f"{classifier.decision.temperature:.2f}."
    )


def decision_in_words(classifier: Classifier) -> str:
    """From which score on a text is accepted, and what that was chosen from."""
    decision = classifier.decision
    return f"accepted from a score of {decision.threshold:.2f}, chosen from {decision.chosen_from}."
