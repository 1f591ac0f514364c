"""The data of a run: read again from where they were, or from the copy that the run keeps.

The copy is a CSV file of text, label and split, which anyone can read and `--data` takes too.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hiddenstate.data import sources
from hiddenstate.data.corpus import SPLITS, Corpus
from hiddenstate.data.split import Division, divide
from hiddenstate.errors import DataError
from hiddenstate.runs import Run
from hiddenstate.tasks.classify.spec import ClassifySpec

KEPT = "examples.csv"


def read_corpus(spec: ClassifySpec) -> Corpus:
    """Read the data that a spec names."""
    return sources.read(spec.data, text=spec.text_column, label=spec.label_column)


def same_division(run: Run, spec: ClassifySpec, values: Mapping[str, Any]) -> Division:
    """Read a run's data again and divide them as it did; raises DataError where they have changed.

    `values` is its spec.json. A run that was trained on data put together has only its own copy.
    """
    known = values.get("data", {})
    small = tuple(known.get("small_classes", ()))
    if known.get("together"):
        return Division(kept_corpus(run, known), {}, small)
    corpus = read_corpus(spec)
    if corpus.sha256 != known.get("sha256"):
        raise DataError(
            f"{spec.data} has changed since the run began (its sha256 is another); restore the file, or "
            "train anew"
        )
    indices = known.get("indices", {})
    return Division(divide(corpus, indices), indices, small)


def division_of(run: Run, spec: ClassifySpec, values: Mapping[str, Any]) -> tuple[Division, str]:
    """A run's data with all their splits, and in words where they were found: its own copy goes first."""
    known = values.get("data", {})
    if "examples" in known:
        small = tuple(known.get("small_classes", ()))
        return Division(kept_corpus(run, known), {}, small), str(run.path / KEPT)
    return same_division(run, spec, values), spec.data


def kept_corpus(run: Run, known: Mapping[str, Any]) -> Corpus:
    """Read the copy; raises DataError where it is gone or not what the run wrote.

    `known` is what spec.json says of the data.
    """
    if not run.has(KEPT):
        raise DataError(
            f"{run.path / KEPT} is missing: the run was copied without it, or trained with "
            "keep_examples=false. Copy it from where it is."
        )
    corpus = sources.read(run.path / KEPT)
    if corpus.sha256 != known.get("examples"):
        raise DataError(
            f"{run.path / KEPT} is not what the run wrote (its sha256 is another). Restore it; to train on "
            f"what it holds now: hiddenstate train classify --data {run.path / KEPT}"
        )
    return replace(corpus, name=str(known.get("name")))


def as_csv(corpus: Corpus) -> bytes:
    """Write a divided corpus as rows of text, label and split."""
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(("text", "label", "split"))
    for name in SPLITS:
        rows.writerows((_whole(each.text), each.label, name) for each in corpus.splits.get(name, ()))
    return written.getvalue().encode()


def _whole(text: str) -> str:
    """Half a character, which JSON can hold and UTF-8 cannot, is read as a gap between words."""
    return text if text.isascii() else "".join(" " if "\ud800" <= sign <= "\udfff" else sign for sign in text)


def digest(content: bytes) -> str:
    """The sha256 of a file's content."""
    return hashlib.sha256(content).hexdigest()
