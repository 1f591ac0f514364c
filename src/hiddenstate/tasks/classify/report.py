"""What a person reads after training: report.md and its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hiddenstate import pictures
from hiddenstate.tasks.classify.measures import REFUSED, Answers, confident_mistakes, per_intent, worst_pairs
from hiddenstate.tasks.text.markdown import cell, flat, percent, table

Row = Mapping[str, Any]
SHOWN = 12  # intents in the confusion picture
SHOWN_WORDS = 24  # in the picture of one text


def verdict(rows: Sequence[Row]) -> str:
    """In plain words, whether the recurrent model beat the snapshot baseline (rows: ours, then its)."""
    ours, rival = rows[0], rows[1]
    if ours["accuracy"] is None or rival["accuracy"] is None:
        return "No text here is in scope, so nothing can be said of how often the right intent is found."
    points = 100 * (ours["accuracy"] - rival["accuracy"])
    if abs(points) < 0.05:
        words = "The recurrent model and the snapshot baseline find the right intent equally often."
    elif points > 0:
        words = (
            "The recurrent model finds the right intent more often than the snapshot baseline: "
            f"{points:+.1f} points."
        )
    else:
        words = (
            f"The recurrent model does not win: the snapshot baseline finds the right intent {-points:.1f} "
            "points more often."
        )
    if ours["out_of_scope_recall"] is None:
        return words
    both = percent(ours["overall_accuracy"]), percent(rival["overall_accuracy"])
    return (
        f"{words} With refusals counted, it answers {both[0]} of all texts rightly, the baseline {both[1]}."
    )


def markdown(
    title: str,
    rows: Sequence[Row],
    answers: Answers,
    texts: Sequence[str],
    notes: Sequence[str],
    picture: str,
) -> str:
    """The report: against the baseline, by intent, the worst pairs (also a picture), confident mistakes."""
    lines = [f"# {title}", "", *(f"- {flat(note)}" for note in notes), ""]
    if len(rows) > 1:
        lines += [verdict(rows), ""]
    columns = [
        "",
        "accuracy",
        "accepted and right",
        "out of scope refused",
        "AUROC",
        "training",
        "size",
        "one text",
    ]
    lines += table(columns, [_row(row) for row in rows])
    lines += ["## Intents, the worst first", ""]
    intents = per_intent(answers)
    lines += table(
        ["intent", "examples", "precision", "recall", "F1"],
        [
            [
                cell(row.label),
                str(row.examples),
                percent(row.precision),
                percent(row.recall),
                f"{row.f1:.3f}",
            ]
            for row in intents
        ],
    )
    lines += ["## Confused most often", "", f"![{picture}]({picture})", ""]
    lines += table(
        ["right answer", "answer given", "times"],
        [[cell(right), cell(given), str(times)] for right, given, times in worst_pairs(answers, 15)],
    )
    lines += ["## Confident mistakes", ""]
    lines += table(
        ["text", "right answer", "answer given", "probability"],
        [
            [cell(text), cell(right), cell(given), percent(probability)]
            for text, right, given, probability in confident_mistakes(answers, texts, 20)
        ],
    )
    return "\n".join(lines)


def _row(row: Row) -> list[str]:
    seconds, size, each = row.get("seconds"), row.get("bytes"), row.get("milliseconds")
    auroc = row.get("auroc")
    return [
        str(row["name"]),
        percent(row["accuracy"]),
        percent(row["in_scope_accuracy"]),
        percent(row["out_of_scope_recall"]),
        "-" if auroc is None else f"{auroc:.3f}",
        "-" if seconds is None else f"{seconds:.0f} s",
        "-" if size is None else f"{size / 1e6:.1f} MB",
        "-" if each is None else f"{each:.2f} ms",
    ]


