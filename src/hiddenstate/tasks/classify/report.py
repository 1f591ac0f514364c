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


def confusion_png(answers: Answers) -> bytes:
    """The intents that are confused most, each row's answers counted; the diagonal is right."""
    from matplotlib.figure import Figure

    pairs = worst_pairs(answers, 40)
    names = list(dict.fromkeys(name for right, given, _ in pairs for name in (right, given)))[:SHOWN]
    index = {label: number for number, label in enumerate(answers.labels)} | {"(out of scope)": REFUSED}
    counts = np.array(
        [
            [int(((answers.truth == index[r]) & (answers.given == index[g])).sum()) for g in names]
            for r in names
        ]
    ).reshape(len(names), len(names))
    side = 2.4 + 0.42 * max(4, len(names))
    figure = Figure(figsize=(side + 1, side), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    if not names:
        axes.text(0.5, 0.5, "No text was answered wrongly.", ha="center", va="center")
        axes.set_axis_off()
    else:
        axes.imshow(counts, cmap="Greys", vmin=0, vmax=max(1, counts.max()))
        shade = counts.max() / 2
        for r, row in enumerate(counts):
            for g, count in enumerate(row):
                if count:
                    weight = "bold" if r == g else "normal"
                    colour = "white" if count > shade else "black"
                    axes.text(g, r, str(count), ha="center", va="center", color=colour, weight=weight, size=9)
        ticks = range(len(names))
        shown = [flat(name, 32) for name in names]
        axes.set_xticks(ticks, shown, rotation=90, parse_math=False)  # a $ is a dollar here
        axes.set_yticks(ticks, shown, parse_math=False)
        axes.set_xlabel("answer given")
        axes.set_ylabel("right answer")
        axes.set_title("Texts among the most confused intents")
    return pictures.png(figure)


def words_png(text: str, steps: Sequence[Any]) -> bytes:
    """How sure the model is after each word, and of what."""
    from matplotlib.figure import Figure

    steps = steps[:SHOWN_WORDS]
    figure = Figure(figsize=(max(5.0, 1.3 * len(steps) + 1), 3.2), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(steps))
    heights = [100 * step.probability for step in steps]
    colours = ["#1f5fa8" if step.in_scope else "#d9d9d9" for step in steps]
    axes.bar(places, heights, color=colours, edgecolor="black", width=0.7)
    for place, height, step in zip(places, heights, steps, strict=True):
        best = flat(step.ranked[0][0], 18)
        name = best if step.in_scope else f"({best}?)"
        axes.text(float(place), height + 2, name, ha="center", va="bottom", size=9, parse_math=False)
    axes.set_xticks(places, [flat(step.word, 16) for step in steps], parse_math=False)
    axes.set_ylim(0, 115)
    axes.set_yticks(range(0, 101, 25))
    axes.set_ylabel("probability of the best intent (%)")
    axes.set_xlabel("after the word")
    title = f"“{flat(text, 60)}”, word by word (grey: not yet accepted)"
    axes.set_title(title, size=10, parse_math=False)
    return pictures.png(figure)
