"""A small set of tagged sentences for tests, made from templates and values; the last values are held out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hiddenstate.data.tagged import Sentence

CITIES = ("Boston", "New York", "Oslo", "Denver", "San Jose", "Rome")
DAYS = ("monday", "friday", "sunday")
TEMPLATES = (
    ("flight", "fly from {city.from} to {city.to}"),
    ("flight", "show flights to {city.to} on {day}"),
    ("flight", "i want to leave {city.from} on {day}"),
    ("weather", "is it raining in {city}"),
    ("weather", "weather in {city} on {day} please"),
    ("thanks", "thank you very much"),
)


def sentences() -> Iterator[Sentence]:
    for number, (city, other, day) in enumerate(itertools.product(CITIES, CITIES, DAYS)):
        intent, template = TEMPLATES[number % len(TEMPLATES)]
        if city != other:
            values = {"city": city, "city.from": city, "city.to": other, "day": day}
            yield filled(template, intent, values)


def filled(template: str, intent: str, values: dict[str, str]) -> Sentence:
    words: list[str] = []
    tags: list[str] = []
    for part in template.split():
        slot = part.strip("{}") if part.startswith("{") else None
        given = values[slot].split() if slot else [part]
        words += given
        tags += ["O"] if slot is None else [f"B-{slot}", *[f"I-{slot}"] * (len(given) - 1)]
    return Sentence(tuple(words), tuple(tags), intent)


def columns() -> str:
    """All of it as a file of columns with intents."""
    blocks = [
        f"# intent: {each.intent}\n"
        + "".join(f"{w} {t}\n" for w, t in zip(each.words, each.tags, strict=True))
        for each in sentences()
    ]
    return "\n".join(blocks)


def marked(sentence: Sentence) -> str:
    """A sentence with its values marked as Rasa does."""
    found: list[str] = []
    for word, tag in zip(sentence.words, sentence.tags, strict=True):
        if tag.startswith("I-"):
            before, _, mark = found[-1].partition("]")
            found[-1] = f"{before} {word}]{mark}"
        elif tag.startswith("B-"):
            entity, _, role = tag[2:].partition(".")
            mark = f'{{"entity": "{entity}", "role": "{role}"}}' if role else f"({entity})"
            found.append(f"[{word}]{mark}")
        else:
            found.append(word)
    return " ".join(found)


def nlu() -> str:
    """All of it as Rasa's NLU data, with a synonym."""
    text = 'version: "3.1"\nnlu:\n'
    for intent in ("flight", "weather", "thanks"):
        examples = dict.fromkeys(marked(each) for each in sentences() if each.intent == intent)
        text += f"- intent: {intent}\n  examples: |\n" + "".join(f"    - {each}\n" for each in examples)
    return (
        text
        + "- synonym: New York City\n  examples: |\n    - new york\n- regex: zip\n  examples: |\n    - x\n"
    )
