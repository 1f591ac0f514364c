"""Words -> pieces that occur often, by byte pair encoding: Sennrich, Haddow and Birch (2016).

A piece that begins a word has a space in front. Training learns which neighbours become one, in which order;
to cut a word is to apply them in that order, which needs no library.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise

from hiddenstate.errors import DataError, require

INNER = "\x1f"  # in front of what does not begin a word; white space, so that no word has it
TWICE = 2  # how often a pair has to be there to become one

Pair = tuple[str, str]


def learned(transcripts: Iterable[str], most: int) -> tuple[tuple[str, ...], tuple[Pair, ...]]:
    """At most so many pieces of the words of transcripts, and which two became one, in order.

    Every letter is a piece, at the beginning of a word and within: so any word of these letters can be cut.
    Raises DataError where there are more letters than pieces, MissingExtra without tokenizers.
    """
    require("tokenizers", "cutting words into pieces (symbols=bpe)", extra="speech")
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.trainers import BpeTrainer

    words = [word for text in transcripts for word in text.split()]
    letters = sorted({letter for word in words for letter in word})
    if most < 2 * len(letters):
        raise DataError(
            f"{len(letters)} letters take {2 * len(letters)} pieces, at the beginning of a word and within, "
            f"and {most} are asked for; raise pieces"
        )
    trainer = BpeTrainer(
        vocab_size=most, min_frequency=TWICE, continuing_subword_prefix=INNER, show_progress=False
    )
    tokenizer = Tokenizer(BPE(continuing_subword_prefix=INNER))
    tokenizer.train_from_iterator(words, trainer)
    pairs = json.loads(tokenizer.to_str())["model"]["merges"][: most - 2 * len(letters)]
    merges = tuple((_ours(left), _ours(right)) for left, right in pairs)
    made = {*letters, *(f" {letter}" for letter in letters), *(left + right for left, right in merges)}
    return tuple(sorted(made)), merges


def cut(word: str, ranks: Mapping[Pair, int]) -> tuple[str, ...]:
    """The pieces of a word: of all neighbours that become one the earliest learned first.

    >>> cut("lower", {(" l", "o"): 0, ("e", "r"): 1, (" lo", "w"): 2})
    (' low', 'er')
    """
    pieces = [f" {word[0]}", *word[1:]]
    while len(pieces) > 1:
        first = min(pairwise(pieces), key=lambda pair: ranks.get(pair, len(ranks)))
        if first not in ranks:
            break
        joined: list[str] = []
        place = 0
        while place < len(pieces):
            both = tuple(pieces[place : place + 2]) == first
            joined.append("".join(first) if both else pieces[place])
            place += 2 if both else 1
        pieces = joined
    return tuple(pieces)


def _ours(piece: str) -> str:
    return piece.removeprefix(INNER) if piece.startswith(INNER) else f" {piece}"
