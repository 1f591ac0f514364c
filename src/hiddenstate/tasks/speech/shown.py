"""What the command line shows of a recogniser: its measures in words, its answers as rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hiddenstate.tasks.speech.predictor import Transcript
from hiddenstate.tasks.text.shown import AnswerTable, Items

MEASURES = {
    "wer": "words wrong (WER)",
    "cer": "letters wrong (CER)",
    "sentence_accuracy": "recordings: all of it right",
}
HEADLINE = ("words wrong", "wer")
TIMES = ("seconds", "start", "end")
ITEMS = Items("recordings", "1 s of sound", "Let it listen:", "predict {run} FILE")


def table(found: Sequence[Transcript]) -> AnswerTable:
    """One row a recording, by the name of its file."""
    rows = [(Path(each.source).name, f"{each.seconds:.1f} s", each.text) for each in found]
    return AnswerTable(("recording", "length", "text"), rows, ("length",))


def values(found: Transcript) -> dict[str, Any]:
    """One transcript as JSON can hold it."""
    row = dataclasses.asdict(found)
    for each in (row, *row["words"]):
        each.update({name: milliseconds(each[name]) for name in TIMES if name in each})
    return row


def milliseconds(seconds: float) -> float:
    """A time as JSON shows it.

    >>> milliseconds(2.9099999999999997)
    2.91
    """
    return round(seconds, 3)
