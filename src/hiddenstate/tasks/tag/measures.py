"""How good is it? As CoNLL's conlleval counts: a value is right as a whole or not at all.

slot_precision     of the values found, those that are right: slot, first word and last word
slot_recall        of the values that are there, those found so
slot_f1            2 precision recall / (precision + recall), over all values of all slots (micro)
intent_accuracy    of the sentences with an intent, those whose best intent is right
sentence_accuracy  sentences with all tags right, and the intent where there is one
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.data.schemes import Span, spans
from hiddenstate.data.tagged import Sentence


@dataclass(frozen=True)
class Answer:
    """What was found in one sentence: a tag for each of its words, and the intent (None: not asked for)."""

    tags: tuple[str, ...]
    intent: str | None


def measures(sentences: Sequence[Sentence], answers: Sequence[Answer]) -> dict[str, float | None]:
    """All the numbers above; None where the sentences cannot give one."""
    asked, given, right = _counts(sentences, answers)
    intents = [
        each.intent == answer.intent
        for each, answer in zip(sentences, answers, strict=True)
        if each.intent is not None and answer.intent is not None
    ]
    return {
        **_scores(asked.total(), given.total(), right.total()),
        "intent_accuracy": float(np.mean(intents)) if intents else None,
        "sentence_accuracy": float(np.mean([_whole(*pair) for pair in zip(sentences, answers, strict=True)]))
        if sentences
        else None,
    }


def _scores(asked: int, given: int, right: int) -> dict[str, float | None]:
    if not asked and not given:
        return {"slot_precision": None, "slot_recall": None, "slot_f1": None}
    # as conlleval has it: nothing found gives a precision of 0
    return {
        "slot_precision": right / given if given else 0.0,
        "slot_recall": right / asked if asked else 0.0,
        "slot_f1": 2 * right / (asked + given),
    }


def _whole(sentence: Sentence, answer: Answer) -> bool:
    intent = sentence.intent is None or answer.intent is None or sentence.intent == answer.intent
    return intent and spans(sentence.tags) == spans(answer.tags)


def _counts(
    sentences: Sequence[Sentence], answers: Sequence[Answer]
) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """By slot: the values that are there, those found, and those found rightly."""
    asked: Counter[str] = Counter()
    given: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for sentence, answer in zip(sentences, answers, strict=True):
        truth, found = set(spans(sentence.tags)), set(spans(answer.tags))
        asked.update(each.slot for each in truth)
        given.update(each.slot for each in found)
        right.update(each.slot for each in truth & found)
    return asked, given, right


@dataclass(frozen=True)
class SlotRow:
    """One slot's values, precision, recall and F1."""

    slot: str
    values: int
    precision: float
    recall: float
    f1: float


def per_slot(sentences: Sequence[Sentence], answers: Sequence[Answer]) -> list[SlotRow]:
    """A row for each slot that occurs or is found, the worst first."""
    asked, given, right = _counts(sentences, answers)
    rows = []
    for slot in asked | given:
        found = _scores(asked[slot], given[slot], right[slot])
        precision, recall, f1 = (found[name] or 0.0 for name in ("slot_precision", "slot_recall", "slot_f1"))
        rows.append(SlotRow(slot, asked[slot], precision, recall, f1))
    return sorted(rows, key=lambda row: (row.f1, row.slot))


def differences(sentence: Sentence, answer: Answer) -> tuple[list[Span], list[Span]]:
    """The values that were missed, and those found that are not there."""
    truth, found = spans(sentence.tags), spans(answer.tags)
    return [each for each in truth if each not in found], [each for each in found if each not in truth]
