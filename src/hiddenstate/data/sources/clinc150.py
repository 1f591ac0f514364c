"""CLINC150: 150 intents and out-of-scope queries (Larson et al., 2019), and any file in its JSON format."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from hiddenstate.data import textfile
from hiddenstate.data.corpus import SPLITS, Corpus, Example
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
    content = textfile.load(path)
    try:
        document = json.loads(textfile.decode(content, str(path)))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(
            f"{path}: expected JSON, came something that is not ({error}). Was it cut short?"
        ) from error
    if not isinstance(document, dict) or not document:
        raise DataError(
            f"{path}: expected an object with the keys {', '.join(KEYS)}, came {type(document).__name__}. "
            "A table of rows is read from .jsonl, one object a line."
        )
    splits: dict[str, list[Example]] = {split: [] for split in SPLITS}
    for key, rows in document.items():
        if key not in KEYS:
            raise DataError(f"{path}: unknown key {key!r}; {nearest(key, KEYS)}")
        splits[KEYS[key]] += _examples(rows, key, path)
    found = {split: tuple(examples) for split, examples in splits.items() if examples}
    rejected = (
        OUT_OF_SCOPE if any(key.startswith("oos_") and rows for key, rows in document.items()) else None
    )
    return Corpus(name or path.stem, found, rejected, hashlib.sha256(content).hexdigest())


def _examples(rows: object, key: str, path: Path) -> list[Example]:
    if not isinstance(rows, list):
        raise DataError(
            f"{path}: expected a list of [text, label] under {key!r}, came {type(rows).__name__}."
        )
    examples = []
    for index, row in enumerate(rows):
        if not (isinstance(row, list) and len(row) == 2 and all(isinstance(cell, str) for cell in row)):
            raise DataError(f"{path}: expected [text, label], came {str(row)[:60]} at {key}[{index}].")
        text, label = row[0].strip(), row[1].strip()
        if not text or not label or "\0" in text:
            raise DataError(
                f"{path}: expected a text and a label without NUL characters, came {str(row)[:60]} at "
                f"{key}[{index}]. Correct or delete the row."
            )
        if (label == OUT_OF_SCOPE) != key.startswith("oos_"):
            raise DataError(
                f"{path}: out-of-scope rows are labelled {OUT_OF_SCOPE!r} and stand under oos_train, oos_val "
                f"or oos_test, and no others are; came the label {label!r} at {key}[{index}]. Move the row."
            )
        examples.append(Example(text, label))
    return examples
