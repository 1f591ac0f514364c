"""What the command line shows of a run with commands: its measures in words, its answers as rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hiddenstate.tasks.speech.commands.spotter import Answer, Spotted
from hiddenstate.tasks.text.shown import AnswerTable, Items

MEASURES = {
    "misses": "commands missed",
    "false_alarms_per_hour": "false alarms an hour",
    "threshold": "at the threshold",
}
HEADLINE = ("missed", "misses")
ITEMS = Items("recordings", "1 s of sound", "Let it listen:", "predict {run} --stream -")


def table(found: Sequence[Answer]) -> AnswerTable:
    """One row a recording, by the name of its file."""
    rows = [
        (Path(each.source).name, f"{each.seconds:.1f} s", each.text, f"{each.score:.2f}") for each in found
    ]
    return AnswerTable(("recording", "length", "command", "score"), rows, ("length", "score"))


def values(found: Answer) -> dict[str, Any]:
    """One answer as JSON can hold it; `command` is null where it is refused."""
    first = found.spotted[0] if found.spotted else None
    return {
        "source": found.source,
        "command": found.command,
        "score": found.score,
        "time": None if first is None else first.time,
        "seconds": found.seconds,
        "commands": [dataclasses.asdict(each) for each in found.spotted],
    }


def spotted(found: Spotted) -> dict[str, Any]:
    """One command of a stream as JSON can hold it."""
    return dataclasses.asdict(found)


def line(found: Spotted) -> str:
    """One command of a stream as a person reads it: when, what, how sure."""
    return f"{found.time:9.2f} s  {found.command}  {found.score:.2f}"
