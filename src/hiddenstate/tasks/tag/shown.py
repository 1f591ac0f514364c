"""What the command line shows of a tagger: its measures in words, its answers as rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hiddenstate.tasks.tag.predictor import Slot, Tagger, Tagging
from hiddenstate.tasks.text.shown import AnswerTable, Items, Said, percent

MEASURES = {
    "slot_f1": "values of slots: F1 (exact)",
    "slot_precision": "values found that are right",
    "slot_recall": "values there that are found",
    "intent_accuracy": "intents: right",
    "sentence_accuracy": "sentences: all of it right",
}
HEADLINE = ("slot F1", "slot_f1")  # what stands beside time and size: the column, and its measure
ITEMS = Items()


def welcome(model: Tagger) -> str:
    """What one talks to."""
    slots = f"{len(model.tags) // 2} slots"
    return f"{slots}, {len(model.intents)} intents." if model.intents else f"{slots}."


def table(found: Sequence[Tagging]) -> AnswerTable:
    """One row a text, its slots as name=value; without intents there is no column for them."""
    with_intents = any(each.intent is not None for each in found)
    rows = []
    for each in found:
        slots = ", ".join(f"{slot.slot}={slot.value}" for slot in each.slots)
        intent = (each.intent or "", percent(each.probability or 0.0)) if with_intents else ()
        rows.append((each.text, *intent, slots))
    columns = ("text", "intent", "probability", "slots") if with_intents else ("text", "slots")
    return AnswerTable(columns, rows, ("probability",))


def values(found: Tagging) -> dict[str, Any]:
    """One answer as JSON can hold it."""
    return dataclasses.asdict(found)


def said(found: Tagging) -> Said:
    """The intent, then a line for each value."""
    lines = [_line(slot) for slot in found.slots] or ["no values"]
    if found.dropped:
        lines.append(f"too long: the last {found.dropped} words were not read")
    if found.unknown:
        lines.append(f"unknown: {', '.join(found.unknown)}")
    others = [(name, share) for name, share in found.ranked[1:4] if share >= 0.005]
    if others:
        lines.append(f"or: {', '.join(f'{name} {share:.0%}' for name, share in others)}")
    return Said(found.intent or f"{len(found.slots)} values", found.probability, tuple(lines))


def _line(slot: Slot) -> str:
    written = f" ({slot.text!r})" if slot.value != slot.text else ""
    return f"{slot.slot} = {slot.value}{written}  {slot.probability:.0%}"
