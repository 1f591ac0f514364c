"""What a person reads after training: report.md and its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hiddenstate import pictures
from hiddenstate.data.schemes import Span
from hiddenstate.data.tagged import Sentence
from hiddenstate.tasks.tag.measures import Answer, differences, per_slot
from hiddenstate.tasks.text.markdown import cell, flat, percent, table

Row = Mapping[str, Any]
SHOWN = 30  # slots in the picture, and mistakes in the list


def verdict(rows: Sequence[Row]) -> str:
    """In plain words, whether the recurrent model beat the snapshot baseline (rows: ours, then its)."""
    ours, rival = rows[0], rows[1]
    if ours["slot_f1"] is None or rival["slot_f1"] is None:
        return "No sentence here has a value, so nothing can be said of how well values are found."
    points = 100 * (ours["slot_f1"] - rival["slot_f1"])
    if abs(points) < 0.05:
        words = "The recurrent model and the snapshot baseline find values equally well."
    elif points > 0:
        words = (
            f"The recurrent model finds values better than the snapshot baseline: {points:+.1f} points of F1."
        )
    else:
        words = (
            f"The recurrent model does not win: the snapshot baseline has {-points:.1f} points of F1 more."
        )
    both = percent(ours["sentence_accuracy"]), percent(rival["sentence_accuracy"])
    return f"{words} It gets {both[0]} of the sentences right as a whole, the baseline {both[1]}."


def markdown(
    title: str,
    rows: Sequence[Row],
    sentences: Sequence[Sentence],
    answers: Sequence[Answer],
    notes: Sequence[str],
    picture: str,
) -> str:
    """The report: against the baseline, by slot (also a picture), and sentences that went wrong."""
    lines = [f"# {title}", "", *(f"- {flat(note)}" for note in notes), ""]
    if len(rows) > 1:
        lines += [verdict(rows), ""]
    columns = ["", "slot F1", "precision", "recall", "intents right", "sentences right", "training", "size"]
    lines += table([*columns, "one text"], [_row(row) for row in rows])
    lines += ["## Slots, the worst first", "", f"![{picture}]({picture})", ""]
    lines += table(
        ["slot", "values", "precision", "recall", "F1"],
        [
            [cell(row.slot), str(row.values), percent(row.precision), percent(row.recall), f"{row.f1:.3f}"]
            for row in per_slot(sentences, answers)
        ],
    )
    lines += ["## Sentences that went wrong", ""]
    lines += table(
        ["sentence", "missed", "found, and not there", "intent"], list(_mistakes(sentences, answers))
    )
    return "\n".join(lines)


def _row(row: Row) -> list[str]:
    seconds, size, each = row.get("seconds"), row.get("bytes"), row.get("milliseconds")
    return [
        str(row["name"]),
        percent(row["slot_f1"]),
        percent(row["slot_precision"]),
        percent(row["slot_recall"]),
        percent(row["intent_accuracy"]),
        percent(row["sentence_accuracy"]),
        "-" if seconds is None else f"{seconds:.0f} s",
        "-" if size is None else f"{size / 1e6:.1f} MB",
        "-" if each is None else f"{each:.2f} ms",
    ]


def _mistakes(sentences: Sequence[Sentence], answers: Sequence[Answer]) -> list[list[str]]:
    rows = []
    for sentence, answer in zip(sentences, answers, strict=True):
        missed, wrong = differences(sentence, answer)
        other = answer.intent is not None and sentence.intent not in (None, answer.intent)
        if missed or wrong or other:
            intent = f"{answer.intent} for {sentence.intent}" if other else ""
            values = [", ".join(_value(sentence, span) for span in found) for found in (missed, wrong)]
            rows.append([cell(sentence.written), *map(cell, values), cell(intent)])
    return rows[:SHOWN]


def _value(sentence: Sentence, span: Span) -> str:
    return f"{span.slot}={' '.join(sentence.words[span.start : span.end])}"


def slots_png(sentences: Sequence[Sentence], answers: Sequence[Answer]) -> bytes:
    """The F1 of the slots with most values, the worst on top."""
    from matplotlib.figure import Figure

    rows = sorted(per_slot(sentences, answers), key=lambda row: -row.values)[:SHOWN]
    rows = sorted(rows, key=lambda row: -row.f1)
    figure = Figure(figsize=(7, 1.4 + 0.26 * max(4, len(rows))), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    if not rows:
        axes.text(0.5, 0.5, "No sentence has a value.", ha="center", va="center")
        axes.set_axis_off()
        return pictures.png(figure)
    places = np.arange(len(rows))
    axes.barh(places, [100 * row.f1 for row in rows], color="#1f5fa8", height=0.7)
    names = [f"{flat(row.slot, 36)} ({row.values})" for row in rows]
    axes.set_yticks(places, names, parse_math=False)  # a $ is a dollar here
    axes.set_xlim(0, 100)
    axes.set_xlabel("F1 (%) of each slot (number of its values)")
    return pictures.png(figure)
