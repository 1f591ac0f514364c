"""What a view over many sequences reads: a run's own examples, other texts, one text, or vectors.

Letters: T steps, F features, N sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.errors import DataError, InvalidArgument, nearest
from hiddenstate.infer import Example, Inside
from hiddenstate.lens.opened import sequence_of
from hiddenstate.lens.texts import texts_of

PARTS = ("test", "validation", "train")  # what a network has not learned from goes first


@dataclass(frozen=True)
class Reading:
    """N sequences [T, F], their words and labels where there are any, and in words what they are."""

    sequences: list[np.ndarray]
    what: str
    words: tuple[str, ...] | None = None
    labels: tuple[str | None, ...] = ()


def reading_of(inside: Inside, given: Any, label: Any, most: int) -> Reading:
    """Read what is given; None are the run's own examples, of the part that it has not learned from.

    `given` is a text, several, a Path of a data file, or vectors [T, F] or [T, N, F]. Of more than `most`
    examples as many are taken, evenly. Raises InvalidArgument where nothing can be read, DataError where the
    data are gone.
    """
    if most < 1:
        raise InvalidArgument(f"examples expects a whole number of 1 or more, came {most}")
    if given is None or isinstance(given, Path):
        if label is not None:
            raise InvalidArgument("a label is said of a text; examples have theirs: leave it out")
        return _of_examples(inside, given, most)
    if isinstance(given, str):
        read = sequence_of(inside, given)
        return Reading([read.x], f'"{given}"', read.names, (label,))
    if isinstance(given, list | tuple) and given and all(isinstance(each, str) for each in given):
        labels = [None] * len(given) if label is None else list(label)
        if len(labels) != len(given):
            raise InvalidArgument(f"came {len(given)} texts and {len(labels)} labels; give one for each text")
        return _of_texts(inside, [(text, each) for text, each in zip(given, labels, strict=True)], "texts")
    x = given.detach().cpu().numpy() if hasattr(given, "detach") else np.asarray(given)
    if x.ndim == 3:
        if not x.shape[1]:
            raise InvalidArgument("there is no sequence to read: x is [T, 0, F]; give at least one")
        parts = [sequence_of(inside, x[:, each]).x for each in range(x.shape[1])]
        return Reading(parts, f"{len(parts)} sequences of {len(x)} steps", None, (label,) * len(parts))
    return Reading([sequence_of(inside, x).x], f"a sequence of {len(x)} steps", None, (label,))


def places_of(labels: Sequence[str | None], known: Sequence[str]) -> list[int | None]:
    """The places of labels among those that a head knows; None stays None.

    Raises InvalidArgument for one that it does not know, naming the nearest.
    """
    for label in labels:
        if label is not None and label not in known:
            raise InvalidArgument(f"this run answers nothing named {label!r}: {nearest(str(label), known)}")
    return [None if label is None else known.index(label) for label in labels]


def _of_examples(inside: Inside, file: Path | None, most: int) -> Reading:
    if inside.read is None:
        raise InvalidArgument(
            "this layer keeps no examples and reads no texts: give x as an array "
            f"[T, N, {inside.stack.input_size}]"
        )
    if file is None and inside.examples is None:
        raise InvalidArgument(
            "this run keeps no examples to go back through: give a text, or a file of texts with --data FILE "
            "(in Python: a list of texts, or a Path)"
        )
    part, data = ("", file) if file is not None else _not_learned(inside)
    texts = texts_of(inside, data, most)
    # a label that the head has never heard of (of other data, say) has no loss; that of a text may be any
    known = inside.head.labels if inside.head is not None else ()
    rows = [(each.text, each.label if each.label in known else None) for each in texts.examples]
    some = "" if len(rows) == texts.of else f"of {texts.of:,} "
    return _of_texts(inside, rows, f"{some}texts of {file.name if file is not None else f'the {part} part'}")


def _not_learned(inside: Inside) -> tuple[str, list[Example]]:
    """The first part of a run's own examples that has any, and its name."""
    examples = inside.examples() if inside.examples is not None else ()
    for part in PARTS:
        if found := [each for each in examples if each.split == part]:
            return part, found
    raise DataError("the run's own examples are empty; give a text, or a file of texts with --data FILE")


def _of_texts(inside: Inside, texts: Sequence[tuple[str, str | None]], what: str) -> Reading:
    if inside.read is None:
        raise InvalidArgument(
            f"this layer reads vectors, not texts: give x as an array [T, N, {inside.stack.input_size}]"
        )
    rows = [(x, label) for text, label in texts for words, x in [inside.read(text)] if words]
    if not rows:
        raise InvalidArgument(f"there is no word to read in the texts ({len(texts)}); give one with words")
    empty = len(texts) - len(rows)
    beside = f" ({empty} without a word left out)" if empty else ""
    return Reading([x for x, _ in rows], f"{len(rows):,} {what}{beside}", None, tuple(lab for _, lab in rows))
