"""What is told of commands: deciding on a threshold, judging beside the snapshot baseline, the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hiddenstate import pictures
from hiddenstate.data.spoken import Spoken
from hiddenstate.runs import Run
from hiddenstate.tasks.speech.commands import judging
from hiddenstate.tasks.speech.commands.judging import Course, Heard, Tally
from hiddenstate.tasks.speech.commands.material import asked_of
from hiddenstate.tasks.speech.commands.spotter import Spotter
from hiddenstate.tasks.text.markdown import cell, flat, percent, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 20


@dataclass(frozen=True)
class Rival:
    """Another network under the same decision, with a threshold of its own."""

    name: str
    heard: Heard
    threshold: float


def judged(spotter: Spotter, recordings: Sequence[Spoken], seed: int) -> tuple[Heard, str]:
    """Let it hear recordings with full transcripts as one stream; and a sentence on what was made."""
    asked, made = asked_of(recordings, spotter.commands, seed)
    return judging.heard(spotter, Course.of(asked, spotter.commands, seed)), made


def measures(tally: Tally) -> dict[str, Any]:
    """The measures of a summary."""
    return {
        "misses": tally.misses,
        "false_alarms_per_hour": tally.per_hour,
        "commands_said": tally.said,
        "commands_right": tally.right,
        "spare_answers": tally.spare,
        "false_alarms": tally.alarms,
        "hours_without_commands": tally.hours,
        "threshold": tally.threshold,
    }


def curve(heard: Heard, threshold: float) -> list[dict[str, Any]]:
    """The measures at each threshold, that of the run among them."""
    tallies = [*heard.curve(), heard.tally(threshold)]
    return [measures(each) for each in sorted(tallies, key=lambda each: each.threshold)]


def verdict(ours: Tally, rival: Tally) -> str:
    """In plain words, whether remembering helped."""
    if ours.misses is None or rival.misses is None:
        return f"No command is said in these recordings. False alarms: {judging.bound(ours)}."
    told = (
        f"{percent(ours.misses)} of {ours.said} commands are missed, {percent(rival.misses)} by the snapshot "
        f"baseline. False alarms: {judging.bound(ours)}; by the baseline {judging.bound(rival)}."
    )
    better = (ours.misses, ours.per_hour or 0.0), (rival.misses, rival.per_hour or 0.0)
    if better[0] == better[1]:
        return f"{told} Remembering makes no difference here."
    if all(a <= b for a, b in zip(*better, strict=True)):
        return f"{told} The recurrent model wins."
    if all(a >= b for a, b in zip(*better, strict=True)):
        return f"{told} The recurrent model does not win."
    return f"{told} Neither wins on both."


def write(
    run: Run, title: str, name: str, spotter: Spotter, heard: Heard, notes: Sequence[str], rival: Rival | None
) -> str:
    """Write a report and its picture into a run; return the picture's name."""
    picture = "heard.png" if name == "report.md" else "evaluation.png"
    run.write(name, markdown(title, spotter, heard, notes, picture, rival))
    run.write(picture, _png(spotter, heard, rival))
    return picture


def markdown(
    title: str, spotter: Spotter, heard: Heard, notes: Sequence[str], picture: str, rival: Rival | None
) -> str:
    """The report: the threshold's work, the curve, each command, what passed for one."""
    tally = heard.tally(spotter.threshold)
    lines = [f"# {title}", "", *(f"- {flat(note)}" for note in notes), ""]
    head = ["", "threshold", "said", "missed", "answers too many", "false alarms"]
    rows = [_row(spotter.spec.title, tally)]
    if rival is not None:
        rows.append(_row(rival.name, rival.heard.tally(rival.threshold)))
    lines += table(head, rows)
    lines += [
        "The recordings were heard one behind another, as one stream. Missed: not answered, or with another "
        "command. False alarms: answers while recordings without a command, and the pauses behind them, were "
        "heard.",
        "",
        f"![{picture}]({picture})",
        "",
        "## Other thresholds",
        "",
    ]
    thresholds = sorted({*judging.THRESHOLDS, spotter.threshold})
    head, columns = ["threshold", "missed", "false alarms an hour"], [heard]
    if rival is not None:
        head, columns = [*head, "baseline: missed", "baseline: false alarms an hour"], [heard, rival.heard]
    lines += table(
        head,
        [
            [_number(each, spotter.threshold), *(word for one in columns for word in _pair(one.tally(each)))]
            for each in thresholds
        ],
    )
    lines += ["Take another one with `--threshold`: nothing is trained anew.", "", "## Each command", ""]
    lines += table(["command", "said", "missed"], _by_command(spotter, heard))
    lines += ["## What passed for a command", ""]
    lines += table(["recording", "answered", "score"], _alarms(spotter, heard))
    return "\n".join(lines)


def _row(name: str, tally: Tally) -> list[str]:
    return [
        cell(name), f"{tally.threshold:.3f}", str(tally.said), percent(tally.misses), str(tally.spare),
        judging.bound(tally),
    ]  # fmt: skip


def _number(threshold: float, own: float) -> str:
    return f"**{threshold:.3f}**" if threshold == own else f"{threshold:.2f}"


def _pair(tally: Tally) -> tuple[str, str]:
    return percent(tally.misses), "-" if tally.per_hour is None else f"{tally.per_hour:.1f}"


def _by_command(spotter: Spotter, heard: Heard) -> list[list[str]]:
    said = [0] * len(spotter.commands.texts)
    right = [0] * len(said)
    for wanted, events in zip(heard.course.said, heard.found, strict=True):
        answers = [event.command for event in events if event.score >= spotter.threshold]
        for place in wanted:
            said[place] += 1
        for hit in judging.matched(wanted, answers):
            right[answers[hit]] += 1
    rows = zip(spotter.commands.texts, said, right, strict=True)
    return [[cell(text), str(a), percent((a - b) / a if a else None)] for text, a, b in rows]


def _alarms(spotter: Spotter, heard: Heard) -> list[list[str]]:
    loud = [row for row in heard.wrong() if row[0] >= spotter.threshold][:SHOWN]
    return [[cell(name), cell(spotter.commands.texts[place]), f"{score:.2f}"] for score, name, place in loud]


def _png(spotter: Spotter, heard: Heard, rival: Rival | None) -> bytes:
    """Misses and false alarms over the threshold."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5.5), dpi=120, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    _lines(above, lambda tally: None if tally.misses is None else 100 * tally.misses, heard, rival)
    _lines(below, lambda tally: tally.per_hour, heard, rival)
    above.set_ylabel("commands missed (%)")
    below.set_ylabel("false alarms an hour")
    below.set_xlabel("threshold")
    for axes in (above, below):
        axes.axvline(spotter.threshold, color=pictures.PALE, linestyle=":")
        axes.grid(alpha=0.3)
        axes.set_xlim(0, 1)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    above.legend(frameon=False)
    above.set_title(f"dotted: the threshold, {spotter.threshold:.3f}", loc="right", fontsize=10)
    return pictures.png(figure)


def _lines(axes: Axes, value: Callable[[Tally], float | None], heard: Heard, rival: Rival | None) -> None:
    grid = np.concatenate([np.linspace(0.02, 0.98, 97), [0.985, 0.99, 0.995]])
    models = [(heard, "recurrent model", pictures.INK, "-")]
    if rival is not None:
        models.append((rival.heard, "snapshot baseline", pictures.PALE, "--"))
    for one, name, color, dashes in models:
        points = [(each, found) for each in grid if (found := value(one.tally(each))) is not None]
        across, up = [x for x, _ in points], [y for _, y in points]
        axes.plot(across, up, label=name, drawstyle="steps-pre", color=color, linestyle=dashes)


def summary(heard: Heard, threshold: float) -> Mapping[str, Any]:
    """What `evaluate` says: the measures, and the curve."""
    return {**measures(heard.tally(threshold)), "n": len(heard.course.said), "curve": curve(heard, threshold)}


def evaluated(
    run: Run, spotter: Spotter, recordings: Sequence[Spoken], notes: Sequence[str]
) -> dict[str, Any]:
    """Judge a spotter, and write evaluation.md and evaluation.png; notes: the first names the recordings."""
    heard, made = judged(spotter, recordings, spotter.spec.seed)
    told = [*notes, *([made] if made else [])]
    write(run, "Evaluation", "evaluation.md", spotter, heard, told, None)
    return {
        **summary(heard, spotter.threshold),
        "real_time_factor": heard.seconds,
        "notes": [*told[1:], f"False alarms: {judging.bound(heard.tally(spotter.threshold))}."],
        "report": str(Path(run.path) / "evaluation.md"),
    }
