"""Rasa's NLU data (YAML, version 2.0 and 3.x): intents, entities, synonyms and lookup tables.

What stands in the same file and is not used (rules, stories, regexes, ...) is named in the corpus's notes.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hiddenstate.data import annotated, textfile, yaml_nodes
from hiddenstate.data.tagged import Sentence, TaggedCorpus, assembled
from hiddenstate.errors import DataError, nearest

SECTIONS = ("intent", "synonym", "lookup", "regex")
VERSIONS = ("2", "3")  # before the point
_NLU = re.compile(r"^nlu\s*:", re.MULTILINE)
SHOWN = 5  # of what is not used, the first so many are named


@dataclass
class _Found:
    """What the files of a project hold."""

    sentences: list[Sentence] = field(default_factory=list)
    synonyms: dict[str, str] = field(default_factory=dict)
    lookups: dict[str, list[str]] = field(default_factory=dict)
    regexes: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def read(path: Path) -> TaggedCorpus:
    """Read a file, or every .yml and .yaml file of a project's folder that has a key `nlu`.

    Roles and groups are slots of their own: city.from, topping#2. A retrieval intent (faq/hours) is an
    intent.

    Raises DataError for a file that is no YAML or no NLU data, with the line, and for a mark that is not
    closed.
    """
    files = sorted([*path.rglob("*.yml"), *path.rglob("*.yaml")]) if path.is_dir() else [path]
    contents = [(file, textfile.load(file)) for file in files if file.stat().st_size or not path.is_dir()]
    found = _Found()
    used = []
    for file, content in contents:
        text = textfile.decode(content, str(file))
        if path.is_dir() and not _NLU.search(text):  # domain, configuration, stories: whatever is in it
            found.files.append(str(file.relative_to(path)))
            continue
        document = yaml_nodes.load(text, str(file))
        used.append(content)
        _read_file(document, str(file), found)
    if not found.sentences:
        raise DataError(
            f"{path}: expected examples under `nlu:`, came none in {len(files)} YAML files. They look like: "
            "nlu: [{intent: greet, examples: '- hello'}]"
        )
    digest = hashlib.sha256(b"".join(used)).hexdigest()
    known = {tag[2:] for each in found.sentences for tag in each.tags if tag != "O"}
    return assembled(
        str(path),
        {"train": found.sentences},
        TaggedCorpus(
            path.stem,
            {},
            digest,
            notes=tuple(_notes(found, known)),
            synonyms=found.synonyms,
            lookups={name: tuple(dict.fromkeys(values)) for name, values in found.lookups.items()},
        ),
    )


def _read_file(document: dict[str, Any], where: str, found: _Found) -> None:
    for key, node in document.items():
        if key == "version":
            if str(yaml_nodes.plain(node)).partition(".")[0] not in VERSIONS:
                raise DataError(
                    f"{where}: expected version 2.0 or 3.1, came {yaml_nodes.plain(node)!r}. Convert the "
                    "file with `rasa data migrate`, or correct the version."
                )
        elif key != "nlu":
            found.unused[f"`{key}`"] += yaml_nodes.size(node)
    if "nlu" not in document:
        raise DataError(
            f"{where}: expected a key `nlu` with intents and their examples, came "
            f"{', '.join(f'`{key}`' for key in document) or 'nothing'}. Name the file with the training "
            "examples."
        )
    for item in yaml_nodes.items(document["nlu"], where, "a list of intents under `nlu`"):
        _read_section(item, where, found)


def _read_section(item: Any, where: str, found: _Found) -> None:
    """Read one intent, synonym, lookup table or regex."""
    section = yaml_nodes.mapping(item, where, "an intent with its examples")
    kinds = [key for key in section if key in SECTIONS]
    place = f"{where}, line {yaml_nodes.line(item)}"
    if len(kinds) != 1:
        word = next((key for key in section if key != "examples"), "")
        hint = nearest(word, SECTIONS) if not kinds else "write each in an entry of its own"
        raise DataError(f"{place}: expected one of {', '.join(SECTIONS)}, came {', '.join(section)}; {hint}")
    for key in section:
        if key not in (kinds[0], "examples"):
            found.unused[f"`{key}` of examples"] += 1
    name = str(yaml_nodes.plain(section[kinds[0]])).strip()
    if not name or "examples" not in section:
        raise DataError(
            f"{place}: expected a name and `examples`, came {', '.join(section)}. Add what is missing."
        )
    examples = list(_examples(section["examples"], where, found))
    if kinds[0] == "intent":
        for text, line in examples:
            _read_example(text, name, f"{where}, line {line}", line, found)
    elif kinds[0] == "synonym":
        for text, line in examples:
            _stands_for(text, name, f"line {line}", found)
    elif kinds[0] == "lookup":
        found.lookups.setdefault(name, []).extend(text for text, _ in examples)
    else:
        found.regexes.append(name)


def _examples(node: Any, where: str, found: _Found) -> Iterator[tuple[str, int]]:
    """Yield each example with its line: of a block of `- text` lines, or of a list."""
    if yaml_nodes.is_list(node):
        for item in yaml_nodes.items(node, where, "examples"):
            if yaml_nodes.is_text(item):
                yield str(yaml_nodes.plain(item)).strip(), yaml_nodes.line(item)
                continue
            fields = yaml_nodes.mapping(item, where, "an example with its `text`")
            if "text" not in fields:
                raise DataError(
                    f"{where}, line {yaml_nodes.line(item)}: expected `text`, came {', '.join(fields)}."
                )
            for key in fields.keys() - {"text"}:
                found.unused[f"`{key}` of examples"] += 1
            yield str(yaml_nodes.plain(fields["text"])).strip(), yaml_nodes.line(fields["text"])
        return
    for text, line in yaml_nodes.lines(node, where):
        stripped = text.strip()
        if stripped.startswith("#"):
            found.unused["a comment among examples"] += 1
        elif stripped.startswith("-"):
            if example := stripped[1:].strip():
                yield example, line
            else:
                raise DataError(
                    f"{where}, line {line}: expected a text behind the dash, came none. Delete it."
                )
        elif stripped:
            raise DataError(
                f"{where}, line {line}: expected an example such as `- hello`, came {stripped[:60]!r}. Begin "
                "it with a dash; an example is one line."
            )


def _read_example(marked: str, intent: str, place: str, line: int, found: _Found) -> None:
    text, entities = annotated.plain(marked, place)
    text_left = text.lstrip()
    sentence, odd = annotated.sentence_of(text, entities, intent, line)
    if not text_left or not sentence.words:
        raise DataError(f"{place}: expected a text with words, came {marked[:60]!r}. Correct or delete it.")
    found.sentences.append(sentence)
    found.odd += odd
    for entity in entities:
        if entity.value is not None:
            _stands_for(text[entity.start : entity.end], entity.value, f"line {line}", found)


def _stands_for(text: str, value: str, place: str, found: _Found) -> None:
    """Keep what a text stands for; the first value that is given to it."""
    key = " ".join(text.casefold().split())
    if found.synonyms.setdefault(key, value) != value:
        found.said.append(
            f"{text!r} stands for {found.synonyms[key]!r}, and {place} says {value!r}; the first is used."
        )


def _notes(found: _Found, slots: set[str]) -> Iterator[str]:
    """What is not used or not as written, in sentences."""
    for what, things in (
        ("Regexes", found.regexes),
        ("Lookup tables of no entity here", _orphans(found, slots)),
    ):
        if things:
            yield f"{what}, not used: {_listed(things)}."
    for name in _orphans(found, slots):
        del found.lookups[name]
    if found.files:
        yield f"Files without `nlu`, not read: {_listed(found.files)}."
    if found.unused:
        yield f"Not used: {_listed([f'{name} ({count})' for name, count in found.unused.items()])}."
    retrieval = sorted({each.intent for each in found.sentences if each.intent and "/" in each.intent})
    if retrieval:
        yield f"Retrieval intents, each learned as an intent of its own: {_listed(retrieval)}."
    if found.odd:
        yield f"Values that do not begin and end with words: {_listed(found.odd)}."
    yield from found.said[:SHOWN]
    if len(found.said) > SHOWN:
        yield f"{len(found.said) - SHOWN} texts more stand for two values; the first is used."


def _orphans(found: _Found, slots: set[str]) -> list[str]:
    entities = {slot.partition("#")[0].partition(".")[0] for slot in slots} | slots
    return [name for name in found.lookups if name not in entities]


def _listed(things: list[str]) -> str:
    more = f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return ", ".join(things[:SHOWN]) + more
