"""Which texts say the same thing nearly in the same words: groups that must not be torn apart by a split.

Two texts are near-duplicates if, without case and punctuation, they have the same words in any order, or if
their sets of 4-letter n-grams have a Jaccard similarity of at least 0.8. Pairs for the second test are found
by MinHash (Broder, 1997) with locality-sensitive hashing, which misses about two pairs in a thousand at 0.8
and far fewer above; each pair found is then compared exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hiddenstate.data.words import tokenise

SIMILAR = 0.8
LETTERS = 4
BANDS, ROWS = 16, 5  # 16 chances that 5 minima agree: found with probability 1 - (1 - 0.8^5)^16 = 0.998
NEIGHBOURS = 8  # of texts with equal bands, each is compared with the next eight
HOPEFUL = 0.6  # of all 80 minima: a pair at 0.8 falls below it once in 100,000 times
CHUNK = 4096  # texts hashed at a time: bounds the memory, not the result


def groups_of(texts: Sequence[str]) -> list[int]:
    """Return for each text the number of its group, 0, 1, 2... by first appearance.

    >>> groups_of(["What time is it?", "set an alarm", "is it what time", "what time is it"])
    [0, 1, 0, 0]
    """
    folded = [_folded(text) for text in texts]
    keys = [" ".join(sorted(words.split())) for words in folded]
    first: dict[str, str] = {}
    for key, words in zip(keys, folded, strict=True):
        first.setdefault(key, words)
    place = {key: index for index, key in enumerate(first)}
    parent = _joined(list(first.values()))
    names: dict[int, int] = {}
    return [names.setdefault(_root(parent, place[key]), len(names)) for key in keys]


def similarity(one: str, other: str) -> float:
    """Return the Jaccard similarity of the n-gram sets of two folded texts, from 0 to 1."""
    first, second = _grams(one), _grams(other)
    return len(first & second) / len(first | second)


def alike(one: str, other: str) -> float:
    """Return how alike two texts are by the measure of `groups_of`, from 0 to 1 (the same words).

    >>> alike("What time is it?", "is it what time")
    1.0
    """
    first, second = _folded(one), _folded(other)
    return 1.0 if sorted(first.split()) == sorted(second.split()) else similarity(first, second)


def _joined(texts: Sequence[str]) -> list[int]:
    """Return the forest (a parent for each text) that joins all similar pairs found."""
    parent = list(range(len(texts)))
    for one, other in _candidates(_signatures(texts)):
        left, right = _root(parent, one), _root(parent, other)
        if left != right and similarity(texts[one], texts[other]) >= SIMILAR:
            parent[max(left, right)] = min(left, right)
    return parent


def _root(parent: list[int], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index


def _folded(text: str) -> str:
    """Return the words without punctuation; a text of punctuation alone as it is."""
    words = [word for word in tokenise(text) if any(map(str.isalnum, word))]
    return " ".join(words) if words else text.strip()


def _framed(text: str) -> str:
    return f" {text} ".ljust(LETTERS)


def _grams(text: str) -> set[str]:
    framed = _framed(text)
    return {framed[i : i + LETTERS] for i in range(len(framed) - LETTERS + 1)}


def _signatures(texts: Sequence[str]) -> np.ndarray:
    """Return the MinHash signatures [texts, BANDS * ROWS] uint32."""
    generator = np.random.default_rng(0)
    factors = generator.integers(1, 2**32, size=(BANDS * ROWS, 1), dtype=np.uint32) | np.uint32(1)
    shifts = generator.integers(0, 2**32, size=(BANDS * ROWS, 1), dtype=np.uint32)
    parts = [np.empty((0, BANDS * ROWS), np.uint32)]
    for start in range(0, len(texts), CHUNK):
        framed = [_framed(text) for text in texts[start : start + CHUNK]]
        letters = np.frombuffer("".join(framed).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        starts = np.concatenate([[0], np.cumsum([len(text) for text in framed])])
        hashes = np.zeros(len(letters) - LETTERS + 1, np.uint32)
        for place in range(LETTERS):
            hashes = (hashes ^ letters[place : place + len(hashes)]) * np.uint32(
                0x01000193
            )  # FNV-1a by letter
        # Windows that run over the end of a text belong to none.
        inside = np.ones(len(letters), bool)
        for back in range(1, LETTERS):
            inside[starts[1:] - back] = False
        begins = starts[:-1] - (LETTERS - 1) * np.arange(len(framed))
        parts.append(
            np.stack(
                [
                    np.minimum.reduceat(_mixed(hashes[inside[: len(hashes)]] * factor + shift), begins)
                    for factor, shift in zip(factors, shifts, strict=True)
                ],
                axis=1,
            )
        )
    return np.concatenate(parts)


def _mixed(hashes: np.ndarray) -> np.ndarray:
    """Spread every bit over all others (the finalizer of MurmurHash3), so that minima are unrelated."""
    hashes = (hashes ^ (hashes >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    hashes = (hashes ^ (hashes >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return hashes ^ (hashes >> np.uint32(16))


def _candidates(signatures: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield pairs of texts whose signatures agree in all rows of a band and in most others."""
    factors = np.random.default_rng(1).integers(1, 2**63, size=ROWS, dtype=np.uint64)
    for band in range(BANDS):
        rows = signatures[:, band * ROWS : (band + 1) * ROWS].astype(np.uint64)
        # One number for the rows of a band; a chance collision only costs one comparison more.
        keys = (rows * factors).sum(axis=1, dtype=np.uint64)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        for step in range(1, NEIGHBOURS + 1):
            places = np.flatnonzero(ordered[step:] == ordered[:-step])
            ones, others = order[places], order[places + step]
            alike = (signatures[ones] == signatures[others]).mean(axis=1) >= HOPEFUL
            yield from zip(ones[alike].tolist(), others[alike].tolist(), strict=True)
