"""Texts with marked values, as `flights from [boston](city)`, -> words and tags."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from hiddenstate.data.pieces import cut
from hiddenstate.data.schemes import Span, tags_of
from hiddenstate.data.tagged import Sentence
from hiddenstate.errors import DataError, nearest

_MARKED = re.compile(
    r"\[(?P<text>[^\[\]]+)\](?:\((?P<name>[^()]*)\)|(?P<values>\{[^{}]*\})|\[(?P<list>\{.*?\})\s*\])"
)
_UNCLOSED = re.compile(r"\](?:\([^()]*$|\{[^{}]*$|\[\{)")
KEYS = ("entity", "role", "group", "value")


@dataclass(frozen=True, slots=True)
class Entity:
    """A value in a text: text[start:end] fills `slot`, and stands for `value` where that is another."""

    slot: str
    start: int
    end: int
    value: str | None = None


def slot_name(entity: str, role: str | None = None, group: str | None = None) -> str:
    """The slot of an entity with its role and group, which are told apart as slots of their own.

    >>> slot_name("city"), slot_name("city", "from"), slot_name("topping", group="2")
    ('city', 'city.from', 'topping#2')
    """
    return entity + (f".{role}" if role else "") + (f"#{group}" if group else "")


def plain(marked: str, where: str) -> tuple[str, list[Entity]]:
    """Take the marks out of a text, and give the text and its entities.

    Raises DataError for a mark that is not closed, or whose braces hold something else than an entity.

    >>> plain("to [NYC]{'entity': 'city'}".replace("'", '"'), "here")
    ('to NYC', [Entity(slot='city', start=3, end=6, value=None)])
    """
    text, found, at = "", [], 0
    for mark in _MARKED.finditer(marked):
        text += _unmarked(marked[at : mark.start()], marked, where)
        start, at = len(text), mark.end()
        text += mark["text"]
        slot, value = _meant(mark, where)
        found.append(Entity(slot, start, len(text), value))
    return text + _unmarked(marked[at:], marked, where), found


def _unmarked(text: str, marked: str, where: str) -> str:
    if _UNCLOSED.search(text):
        raise DataError(
            f"{where}: expected a value marked as [boston](city), came one that is not closed: "
            f"{marked[:60]!r}. Close the bracket, or write the text without one."
        )
    return text


def _meant(mark: re.Match[str], where: str) -> tuple[str, str | None]:
    """The slot and the value that one mark names."""
    if mark["name"] is not None:
        entity, _, value = mark["name"].partition(":")
        fields: dict[str, object] = {"entity": entity.strip(), "value": value.strip() or None}
    else:
        fields = _fields(mark["values"] or mark["list"], where)
    for key, each in fields.items():
        if key not in KEYS:
            raise DataError(f"{where}: unknown key {key!r} in {mark[0][:60]!r}; {nearest(key, KEYS)}")
        if each is not None and not isinstance(each, str | int | float):
            raise DataError(f"{where}: expected a string for {key!r}, came {mark[0][:60]!r}. Write one.")
    entity, role, group, given = (str(fields[key]) if fields.get(key) is not None else None for key in KEYS)
    if not entity:
        raise DataError(
            f"{where}: expected the entity of {mark['text'][:40]!r}, came {mark[0][:60]!r}. Name it."
        )
    return slot_name(entity, role, group), given if given != mark["text"] else None


def _fields(written: str, where: str) -> dict[str, object]:
    try:
        fields = json.loads(written)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(
            f'{where}: expected JSON such as {{"entity": "city", "role": "from"}}, came {written[:60]!r} '
            f"({error}). Correct it; several entities for one text cannot be learned."
        ) from error
    if not isinstance(fields, dict):
        raise DataError(
            f"{where}: expected an object of entity, role, group and value, came {written[:60]!r}."
        )
    return fields


def sentence_of(
    text: str, entities: Sequence[Entity], intent: str | None, line: int
) -> tuple[Sentence, list[str]]:
    """Cut a text into words and tag them, and name the values that do not begin and end with words.

    Such a value takes the whole word; of two values within one word the first takes it.
    """
    pieces = cut(text)
    found: list[Span] = []
    odd = []
    for entity in sorted(entities, key=lambda each: each.start):
        inside = [
            i for i, piece in enumerate(pieces) if piece.start < entity.end and piece.end > entity.start
        ]
        inside = [i for i in inside if not found or i >= found[-1].end]
        value = text[entity.start : entity.end]
        if not inside:
            odd.append(f"{value!r} (line {line}) has no word of its own and is not learned")
            continue
        found.append(Span(entity.slot, inside[0], inside[-1] + 1))
        covered = text[pieces[inside[0]].start : pieces[inside[-1]].end]
        if covered != value.strip():
            odd.append(f"{value!r} (line {line}) is read as {covered!r}")
    words = tuple(text[piece.start : piece.end] or piece.word for piece in pieces)
    return Sentence(words, tags_of(found, len(words)), intent, text, line), odd
