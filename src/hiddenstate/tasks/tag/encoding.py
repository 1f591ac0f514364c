"""Sentences -> numbers: words with their letters and shape. NumPy only; the same in training and answering.

A word of a file may hold several of the words that a text is cut into at prediction (3-2, U.N.): it is cut
the same
way in training, and `owners` says which word of the file each belongs to.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from hiddenstate.data.batch import Bags, Batch, bags, spread
from hiddenstate.data.pieces import cut
from hiddenstate.data.vocabulary import MAX_WORDS, UNKNOWN, Vocabulary, letter_grams
from hiddenstate.data.words import Tokeniser
from hiddenstate.errors import RunError
from hiddenstate.tasks.tag.spec import TagSpec
from hiddenstate.tasks.text import wide

LETTER_SIZES = (2, 3, 4, 5)
NO_WORDS = "<empty>"  # what an empty text is read as: one unknown word
SHAPES = ("lower", "Title", "UPPER", "miXed", "digits", "digits and letters", "signs")
CASES = (1, 2, 3)  # the shapes that capitals make
CASED = 0.005  # a smaller share of words with capitals is taken for none: ATIS and speech have no case
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Units:
    """A sentence as it is read: words, their shapes [T], and the file's word that each belongs to [T]."""

    words: tuple[str, ...]
    shapes: np.ndarray
    owners: np.ndarray
    dropped: int = 0  # words past the limit

    def __len__(self) -> int:
        return len(self.words)


def shape_of(written: str) -> int:
    """The number of a word's shape in SHAPES.

    >>> [SHAPES[shape_of(word)] for word in ("Oslo", "UN", "A380", "1996", "?")]
    ['Title', 'UPPER', 'digits and letters', 'digits', 'signs']
    """
    letters = any(map(str.isalpha, written))
    if any(map(str.isdigit, written)):
        return 5 if letters else 4
    if not letters:
        return 6
    if written == written.lower():
        return 0
    if written[1:] == written[1:].lower():
        return 1
    return 2 if written == written.upper() else 3


def units_of(words: Sequence[str], tokeniser: Tokeniser) -> Units:
    """Cut the words of a file as a text is cut."""
    found: list[str] = []
    shapes: list[int] = []
    owners: list[int] = []
    for owner, written in enumerate(words):
        for word, shape in _cut(written, tokeniser):
            found.append(word)
            shapes.append(shape)
            owners.append(owner)
    kept = slice(MAX_WORDS)
    dropped = max(0, len(found) - MAX_WORDS)
    return Units(tuple(found[kept]), np.array(shapes[kept]), np.array(owners[kept]), dropped)


@lru_cache(maxsize=1 << 16)
def _cut(written: str, tokeniser: Tokeniser) -> tuple[tuple[str, int], ...]:
    """The words that one word of a file is cut into, at least one, and their shapes."""
    pieces = [(piece.word, shape_of(written[piece.start : piece.end])) for piece in cut(written, tokeniser)]
    return tuple(pieces) or ((written, shape_of(written)),)


def tags_of_units(units: Units, tags: Sequence[str]) -> list[str]:
    """The tag of each unit: where a word with B- is cut, its later parts have I-."""
    found, before = [], -1
    for owner in units.owners.tolist():
        tag = tags[owner]
        found.append(f"I{tag[1:]}" if owner == before and tag.startswith("B-") else tag)
        before = owner
    return found


def tags_of_words(units: Units, tags: Sequence[str], words: int) -> list[str]:
    """The tag of each word of the file: that of its first unit; O where it was not read."""
    found, before = ["O"] * words, -1
    for owner, tag in zip(units.owners.tolist(), tags, strict=True):
        if owner != before:
            found[owner] = tag
        before = owner
    return found


@dataclass(frozen=True)
class TagEncoder:
    """Turns sentences into batches; built once from the training sentences.

    A number that is not known is looked up as its pattern (0000 for 1996). Without `cased`, capitals say
    nothing. `rarity` [wide_buckets] weighs the n-grams of the intent's wide head, and is empty without one.
    """

    vocabulary: Vocabulary
    letter_buckets: int
    rarity: np.ndarray
    cased: bool
    tokeniser: Tokeniser

    @classmethod
    def build(
        cls,
        sentences: Sequence[Sequence[str]],
        values: Iterable[Sequence[str]],
        spec: TagSpec,
        with_intents: bool,
    ) -> TagEncoder:
        """Collect the words of training sentences and of further values, and the rarity of n-grams."""
        tokeniser = spec.tokeniser_for([" ".join(words) for words in sentences])
        read = [units_of(words, tokeniser) for words in sentences]
        wide_buckets = spec.wide_buckets if with_intents and spec.wide else 0
        counts: Counter[int] = Counter()
        for each in read if wide_buckets else ():
            for block in wide.blocks(each.words, wide_buckets):
                counts.update(set(block.tolist()))
        seen = np.array([counts[bucket] for bucket in range(wide_buckets)], dtype=np.float64)
        rarity = np.log((1 + len(sentences)) / (1 + seen)) + 1
        shapes = np.concatenate([each.shapes for each in read])
        cased = float(np.isin(shapes, CASES).mean()) >= CASED
        listed = [each.words for each in read]
        patterns = [[_pattern(word) for word in words if _DIGIT.search(word)] for words in listed]
        vocabulary = Vocabulary.build(
            [*listed, *patterns, *(units_of(value, tokeniser).words for value in values)]
        )
        return cls(vocabulary, spec.letter_buckets, rarity.astype(np.float32), cased, tokeniser)

    def units(self, words: Sequence[str]) -> Units:
        """Cut the words of a file as a text is cut, without the signs that training never showed."""
        units = units_of(words, self.tokeniser)
        kept = [i for i, word in enumerate(units.words) if self.reads(word, int(units.shapes[i]))]
        if len(kept) == len(units):
            return units
        if not kept:
            return Units((NO_WORDS,), np.zeros(1, np.int64), units.owners[:1], units.dropped)
        words = tuple(units.words[i] for i in kept)
        return Units(words, units.shapes[kept], units.owners[kept], units.dropped)

    def reads(self, word: str, shape: int) -> bool:
        """Whether a word is read: a sign that training never showed says nothing, and is passed over."""
        return SHAPES[shape] != "signs" or word in self.vocabulary

    def ids(self, words: Sequence[str]) -> np.ndarray:
        """The vocabulary's row of each word."""
        known = self.vocabulary
        return known.encode([w if w in known or not _DIGIT.search(w) else _pattern(w) for w in words])

    def batch(self, sentences: Sequence[Units], targets: np.ndarray | None = None) -> Batch:
        """Lay sentences out: words [T, B] as positions in the batch's own list of different words.

        arrays["known"] [U] is the vocabulary row of each different word, bags["letters"] its letter n-grams;
        arrays["shapes"] [T, B]; bags["wide"] holds the weighted n-grams of each sentence.
        """
        different: dict[str, int] = {"": 0}  # the padding
        lengths = np.array([len(each) for each in sentences], dtype=np.int64)
        places = [different.setdefault(word, len(different)) for each in sentences for word in each.words]
        shapes = np.concatenate([each.shapes for each in sentences])
        grams = Bags(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
        if len(self.rarity):
            ids, weights, begins = wide.weighted_texts([each.words for each in sentences], self.rarity)
            grams = Bags(ids, begins[:-1], weights)
        return Batch(
            spread(np.array(places, dtype=np.int64), lengths),
            lengths,
            targets,
            bags={
                "letters": bags([self._letters(word) for word in different]),
                "wide": grams,
            },
            arrays={
                "known": np.array([0, *self.ids(list(different)[1:])], dtype=np.int64),
                "shapes": spread(
                    shapes if self.cased else np.where(np.isin(shapes, CASES), 0, shapes), lengths
                ),
            },
        )

    def _letters(self, word: str) -> np.ndarray:
        if not word:
            return np.empty(0, np.int64)
        grams = letter_grams(word, LETTER_SIZES, self.letter_buckets)
        pattern = _pattern(word)
        if pattern == word:
            return grams
        return np.concatenate([grams, letter_grams(pattern, LETTER_SIZES, self.letter_buckets)])

    def unknown(self, words: Sequence[str]) -> tuple[str, ...]:
        """The words that were never seen in training, each once."""
        return tuple(dict.fromkeys(w for w, i in zip(words, self.ids(words), strict=True) if i == UNKNOWN))

    def as_dict(self) -> dict[str, Any]:
        """The encoder without its weights, as JSON can hold it."""
        return {
            **self.vocabulary.to_dict(),
            "letter_buckets": self.letter_buckets,
            "cased": self.cased,
            "tokeniser": self.tokeniser.as_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], rarity: np.ndarray, where: str) -> TagEncoder:
        """Rebuild what `as_dict` wrote; raises RunError where it does not fit together."""
        try:
            vocabulary = Vocabulary.from_dict({"words": values["words"]})
            tokeniser = Tokeniser.from_dict(values["tokeniser"])
            return cls(vocabulary, int(values["letter_buckets"]), rarity, bool(values["cased"]), tokeniser)
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{where} is damaged: {error}; restore the file or train again") from error


def _pattern(word: str) -> str:
    return _DIGIT.sub("0", word)
