"""CLINC150: 150 intents and out-of-scope queries (Larson et al., 2019), and any file in its JSON format."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from hiddenstate.data import textfile
from hiddenstate.data.corpus import Corpus
from hiddenstate.data.faults import Fault, Tell, refuse
from hiddenstate.data.rows import Table, corpus_of
from hiddenstate.errors import DataError, nearest

OUT_OF_SCOPE = "oos"
KEYS = {
    "train": "train",
    "val": "validation",
    "test": "test",
    "oos_train": "train",
    "oos_val": "validation",
    "oos_test": "test",
}


def read(path: Path, *, name: str | None = None) -> Corpus:
    """Read a JSON file whose keys train, val, test, oos_train, oos_val, oos_test hold lists of [text, label].

    Raises DataError for anything else: other keys, other rows, an empty text, an in-scope row called "oos".
    """
    found, sha256 = table(path)
    return corpus_of(found, name or path.stem, sha256)


def table(path: Path, tell: Tell = refuse) -> tuple[Table, str]:
    """Read the rows of such a file, and its SHA-256; rows that cannot be read are told and left out."""
    content = textfile.load(path)
    try:
        document = json.loads(textfile.decode(content, str(path), tell=tell))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(
            f"{path}: expected JSON, came something that is not ({error}). Was it cut short?"
        ) from error
    if not isinstance(document, dict) or not document:
        raise DataError(
            f"{path}: expected an object with the keys {', '.join(KEYS)}, came {type(document).__name__}. "
            "A table of rows is read from .jsonl, one object a line."
        )
    rows: list[tuple[str, ...]] = []
    numbers: list[str] = []
    for key, listed in document.items():
        if key not in KEYS:
            raise DataError(f"{path}: unknown key {key!r}; {nearest(key, KEYS)}")
        if not isinstance(listed, list):
            raise DataError(
                f"{path}: expected a list of [text, label] under {key!r}, came {type(listed).__name__}."
            )
        for index, row in enumerate(listed):
            number = f"{key}[{index}]"
            if (fault := _fault(row, key, number, path)) is not None:
                tell(fault)
                continue
            rows.append((*row, KEYS[key]))
            numbers.append(number)
    return Table(str(path), ("text", "label", "split"), rows, numbers, "row"), hashlib.sha256(
        content
    ).hexdigest()


def _fault(row: object, key: str, number: str, path: Path) -> Fault | None:
    """Say what is wrong with a row, if anything."""
    came = str(row)[:60]
    if not (isinstance(row, list) and len(row) == 2 and all(isinstance(cell, str) for cell in row)):
        return Fault(
            "unreadable",
            f"{path}: expected [text, label], came {came} at {number}.",
            (number,),
            "is not [text, label]",
            str(row),
        )
    text, label = row[0].strip(), row[1].strip()
    if not text or not label or "\0" in text:
        words = (
            f"{path}: expected a text and a label without NUL characters, came {came} at {number}. "
            "Correct or delete the row."
        )
        return Fault(
            "value" if text and label else "empty",
            words,
            (number,),
            "lacks a text or a label, or holds a NUL",
            str(row),
        )
    if (label == OUT_OF_SCOPE) != key.startswith("oos_"):
        words = (
            f"{path}: out-of-scope rows are labelled {OUT_OF_SCOPE!r} and stand under oos_train, oos_val or "
            f"oos_test, and no others are; came the label {label!r} at {number}. Move the row."
        )
        return Fault("value", words, (number,), f"the label {label!r} under {key!r}", str(row))
    return None
