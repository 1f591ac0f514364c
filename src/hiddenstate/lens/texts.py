"""The texts that a view compares with: a run's own examples, or others, read a batch at a time.

Letters: T steps, B texts in a batch, F features.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.data.vocabulary import MAX_WORDS
from hiddenstate.errors import DataError, InvalidArgument
from hiddenstate.infer import Inside
from hiddenstate.infer.inside import Example

TOGETHER, WORDS_TOGETHER = 128, 4096  # texts, and words of a batch with its padding
Data = str | Path | Sequence[str] | Sequence[Example] | None


@dataclass(frozen=True)
class Texts:
    """Texts to compare with: the examples, of how many they are, and in words where they come from."""

    examples: Sequence[Example]
    of: int
    where: str

    def __str__(self) -> str:
        if not self.examples:
            return self.where
        part = "" if len(self.examples) == self.of else f" of {self.of:,}"
        return f"{len(self.examples):,}{part} texts of {self.where}"


@dataclass(frozen=True)
class Batch:
    """Some texts as read: their numbers among all, words, vectors x [T, B, F] and lengths [B]."""

    numbers: np.ndarray
    words: tuple[tuple[str, ...], ...]
    x: np.ndarray
    lengths: np.ndarray


def texts_of(inside: Inside, data: Data, most: int) -> Texts:
    """Give the texts of `data` (texts, examples, or what `--data` reads), else the run's own examples.

    More than `most` are thinned evenly. Without any, `where` says why. Raises InvalidArgument for texts that
    nothing can read, DataError where there are none in `data`, or where those that a run kept are gone.
    """
    if data is None:
        if inside.read is None:
            return Texts((), 0, "no texts: this layer reads vectors")
        if inside.examples is None:
            return Texts((), 0, "no texts: the run keeps no examples; give some as data (--data FILE)")
        try:
            examples, where = list(inside.examples()), "the run's own data"
        except DataError as error:
            raise DataError(f"{error} Or give other texts as data (--data FILE).") from error
    else:
        if inside.read is None:
            raise InvalidArgument(
                f"this layer reads vectors [T, {inside.stack.input_size}], not the texts of data"
            )
        examples, where = _given(data)
        if not examples:
            raise DataError(f"there is no text in {where}; give at least one")
    chosen = range(len(examples))
    if len(examples) > most:
        chosen = np.unique(np.linspace(0, len(examples) - 1, most).astype(int)).tolist()
    return Texts([examples[i] for i in chosen], len(examples), where)


def _given(data: str | Path | Sequence[str] | Sequence[Example]) -> tuple[list[Example], str]:
    if isinstance(data, str | Path):
        from hiddenstate.data import sources

        corpus = sources.read(data)
        return [
            Example(each.text, each.label, split) for split, part in corpus.splits.items() for each in part
        ], str(data)
    return [each if isinstance(each, Example) else Example(each, "", "") for each in data], "data"


def part_read(given: Any, names: Sequence[str]) -> dict[str, str]:
    """What is to be said where a text may be longer than what is read of it; nothing else."""
    if isinstance(given, str) and len(names) == MAX_WORDS:
        return {"read": f"no more than {MAX_WORDS} words of a text are read"}
    return {}


def batches(inside: Inside, texts: Texts) -> Iterator[Batch]:
    """Read the texts, those of about one length together; those without a word are left out."""
    if inside.read is None:
        return
    waiting: list[tuple[int, tuple[str, ...], np.ndarray]] = []
    for number in sorted(range(len(texts.examples)), key=lambda i: len(texts.examples[i].text)):
        words, x = inside.read(texts.examples[number].text)
        if not words:
            continue
        longest = max([len(words), *(len(each) for _, each, _ in waiting)])
        if waiting and (len(waiting) == TOGETHER or longest * (len(waiting) + 1) > WORDS_TOGETHER):
            yield _batch(waiting)
            waiting = []
        waiting.append((number, words, x))
    if waiting:
        yield _batch(waiting)


def _batch(rows: Sequence[tuple[int, tuple[str, ...], np.ndarray]]) -> Batch:
    lengths = np.array([len(words) for _, words, _ in rows])
    x = np.zeros((lengths.max(), len(rows), rows[0][2].shape[-1]))
    for place, (_, words, vectors) in enumerate(rows):
        x[: len(words), place] = vectors
    return Batch(
        np.array([number for number, _, _ in rows]), tuple(words for _, words, _ in rows), x, lengths
    )
