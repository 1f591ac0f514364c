"""What the command line shows of a run with commands: its measures in words, its answers as rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hiddenstate.tasks.speech.commands.spotter import Answer, Spotted
from hiddenstate.tasks.speech.shown import milliseconds
from hiddenstate.tasks.text.shown import AnswerTable, Items

MEASURES = {
    "misses": "commands missed",
    "false_alarms_per_hour": "false alarms an hour",
    "threshold": "at the threshold",
}
HEADLINE = ("missed", "misses")
ITEMS = Items("recordings", "1 s of sound", "Let it listen:", "predict {run} --stream -")


def table(found: Sequence[Answer]) -> AnswerTable:
    """One row a recording, by the name of its file: a score for each command, the highest of a refusal."""
    rows = [(Path(each.source).name, f"{each.seconds:.1f} s", each.text, _scores(each)) for each in found]
    return AnswerTable(("recording", "length", "command", "score"), rows, ("length", "score"))


def _scores(found: Answer) -> str:
    return ", ".join(f"{each.score:.2f}" for each in found.spotted) or f"{found.highest:.2f}"


def values(found: Answer) -> dict[str, Any]:
    """One answer as JSON can hold it; `command`, `score` and `time` are null where it is refused."""
    first = found.spotted[0] if found.spotted else None
    return {
        "source": found.source,
        "command": found.command,
        "score": found.score,
        "time": None if first is None else milliseconds(first.time),
        "highest": found.highest,
        "seconds": milliseconds(found.seconds),
        "commands": [spotted(each) for each in found.spotted],
        "notes": list(found.notes),
    }


def spotted(found: Spotted) -> dict[str, Any]:
    """One command as JSON can hold it."""
    return {**dataclasses.asdict(found), "time": milliseconds(found.time)}


def line(found: Spotted) -> str:
    """One command of a stream as a person reads it: when, what, how sure."""
    return f"{found.time:9.2f} s  {found.command}  {found.score:.2f}"
