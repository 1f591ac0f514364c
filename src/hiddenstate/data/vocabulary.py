"""Words -> ids, and hashed n-grams for what no list of words can hold.

Hashes are CRC-32 of UTF-8 bytes (zlib.crc32): the same in every process, easy to repeat in another language.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from hiddenstate.errors import DataError, InvalidArgument

PADDING = 0
UNKNOWN = 1
FIRST_WORD = 2  # the id of a vocabulary's first word
MAX_WORDS = 512  # a longer text is cut here by `shorten`
MAX_LETTERS = 64  # of a longer word, only these first letters have n-grams


def shorten(words: list[str], limit: int = MAX_WORDS) -> tuple[list[str], int]:
    """Cut a text after `limit` words and say how many were dropped, so that the caller can report it.

    >>> shorten(["set", "an", "alarm"], limit=2)
    (['set', 'an'], 1)
    """
    return words[:limit], max(0, len(words) - limit)


@dataclass(frozen=True)
class Vocabulary:
    """The known words: `words[i]` has the id i + 2; 0 is padding, 1 any unknown word.

    Raises InvalidArgument where a word stands twice or is not a string.

    >>> vocabulary = Vocabulary(("set", "alarm"))
    >>> vocabulary.encode(["set", "an", "alarm"]).tolist(), len(vocabulary)
    ([2, 1, 3], 4)
    """

    words: tuple[str, ...]
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not all(isinstance(word, str) for word in self.words):
            raise InvalidArgument("a vocabulary holds strings alone; convert its words to str")
        ids = {word: index for index, word in enumerate(self.words, start=FIRST_WORD)}
        if len(ids) != len(self.words):
            twice = Counter(self.words).most_common(1)[0][0]
            raise InvalidArgument(
                f"each word of a vocabulary stands there once, came {twice!r} twice; drop one"
            )
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def build(
        cls, texts: Iterable[Sequence[str]], *, min_count: int = 1, size: int | None = None
    ) -> Vocabulary:
        """Collect the words that occur at least `min_count` times, the most frequent `size` of them.

        Ties are broken by the alphabet, so the order of the texts does not matter.
        """
        if min_count < 1 or (size is not None and size < 0):
            raise InvalidArgument(
                f"expected min_count >= 1 and size >= 0 or None, came {min_count} and {size}"
            )
        counts = Counter(word for words in texts for word in words)
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return cls(tuple(word for word, count in ranked[:size] if count >= min_count))

    def __len__(self) -> int:
        """Return the number of ids, padding and unknown included: the rows an embedding needs."""
        return len(self.words) + 2

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def encode(self, words: Sequence[str]) -> np.ndarray:
        """Return the ids [T] int64 of words; unknown ones are 1."""
        ids = self._ids
        return np.array([ids.get(word, UNKNOWN) for word in words], dtype=np.int64)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the words of ids, padding as "" and unknown as "?".

        Raises InvalidArgument for an id outside the vocabulary.
        """
        listed = ("", "?", *self.words)
        found = [int(index) for index in ids]
        wrong = next((index for index in found if not 0 <= index < len(listed)), None)
        if wrong is not None:
            raise InvalidArgument(f"expected ids from 0 to {len(listed) - 1}, came {wrong}")
        return [listed[index] for index in found]

    def unknown(self, words: Iterable[str]) -> list[str]:
        """Return the words that are not in the vocabulary, in order, each once."""
        return list(dict.fromkeys(word for word in words if word not in self._ids))

    def to_dict(self) -> dict[str, list[str]]:
        """Return what JSON can hold; `from_dict` takes it back."""
        return {"words": list(self.words)}

    @classmethod
    def from_dict(cls, document: Mapping[str, object]) -> Vocabulary:
        """Rebuild a vocabulary from `to_dict`.

        Raises DataError for anything else, InvalidArgument for words that are no vocabulary.
        """
        words = document.get("words") if isinstance(document, Mapping) else None
        if not isinstance(words, list) or len(document) != 1:
            raise DataError(
                'a vocabulary is stored as {"words": [...]}, came something else; restore the file'
            )
        return cls(tuple(words))


def letter_grams(word: str, sizes: tuple[int, ...], buckets: int) -> np.ndarray:
    """Return the hashed letter n-grams [N] int64 of one word within < and > (Bojanowski et al., 2017).

    A letter is a code point, so that an n-gram may end between a letter and its mark: nobody is shown it, and
    क and कि share what they have in common.
    The ids run from 0 to buckets - 1, the shorter n-grams first; the array is cached and read-only.

    >>> len(letter_grams("time", (3, 4), 1000))  # <ti tim ime me> <tim time ime>
    7
    """
    return _letter_grams(word[:MAX_LETTERS], sizes, buckets)


@lru_cache(maxsize=1 << 16)  # of words cut to size, so that junk cannot fill the memory
def _letter_grams(word: str, sizes: tuple[int, ...], buckets: int) -> np.ndarray:
    marked = f"<{word}>"
    pieces = [marked[i : i + size] for size in sizes for i in range(len(marked) - size + 1)]
    found = np.array([zlib.crc32(piece.encode()) % buckets for piece in pieces], dtype=np.int64)
    found.setflags(write=False)
    return found


def text_grams(
    words: Sequence[str], *, word_sizes: tuple[int, ...], letter_sizes: tuple[int, ...], buckets: int
) -> np.ndarray:
    """Return the hashed word n-grams and letter n-grams [N] int64 of a text as one bag, repetitions kept.

    Letter n-grams do not cross word borders. Word n-grams are hashed with their words joined by spaces and
    one space before, so that they differ from letter n-grams of the same letters.
    """
    hashed = [
        zlib.crc32((" " + " ".join(words[i : i + size])).encode()) % buckets
        for size in word_sizes
        for i in range(len(words) - size + 1)
    ]
    parts = [np.array(hashed, dtype=np.int64)]
    if letter_sizes:
        parts += [letter_grams(word, letter_sizes, buckets) for word in words]
    return np.concatenate(parts)
