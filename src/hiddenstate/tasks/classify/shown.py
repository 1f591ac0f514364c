"""What the command line shows of a classifier: its measures in words, its answers as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hiddenstate.tasks.classify.predictor import Classifier, Prediction
from hiddenstate.tasks.text.shown import AnswerTable, Items, Said, percent

MEASURES = {
    "accuracy": "in scope, nothing refused: right",
    "in_scope_accuracy": "in scope: accepted and right",
    "out_of_scope_recall": "out of scope: refused",
    "auroc": "in scope against out of scope: AUROC",
    "macro_f1": "mean F1 of the answers",
    "overall_accuracy": "all texts: right",
    "ece": "probabilities off by (ECE)",
}
HEADLINE = ("accuracy", "accuracy")  # what stands beside time and size: the column, and its measure
ITEMS = Items()


def welcome(model: Classifier) -> str:
    """What one talks to."""
    return f"{len(model.labels)} intents."


def table(found: Sequence[Prediction]) -> AnswerTable:
    """One row a text."""
    rows = [
        (
            each.text,
            each.label if each.in_scope and each.label is not None else "(out of scope)",
            percent(each.probability),
            ", ".join(each.unknown),
        )
        for each in found
    ]
    return AnswerTable(("text", "intent", "probability", "unknown words"), rows, ("probability",))


def values(found: Prediction) -> dict[str, Any]:
    """One answer as JSON can hold it."""
    return dict(vars(found))  # a tenth of the time that dataclasses.asdict takes


def said(found: Prediction) -> Said:
    """The intent or that the text is refused, what was unknown, what else it may be."""
    name = found.label if found.in_scope and found.label is not None else "out of scope"
    side = "in scope" if found.in_scope else "refused"
    lines = [f"{side}: score {found.score:.2f}, threshold {found.threshold:.2f}"]
    if found.dropped:
        lines.append(f"too long: the last {found.dropped} words were not read")
    if found.unknown:
        lines.append(f"unknown: {', '.join(found.unknown)}")
    others = [(label, share) for label, share in found.ranked if label != found.label and share >= 0.005]
    if others:
        listed = ", ".join(f"{label} {share:.0%}" for label, share in others[:3])
        lines.append(f"{'or' if found.in_scope else 'nearest'}: {listed}")
    return Said(name, found.probability, tuple(lines))
