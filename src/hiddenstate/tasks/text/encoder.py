"""Text -> numbers: words with their letters for the recurrent part, weighted n-grams for the wide part.

NumPy only; what it does to a text is the same in training and prediction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from hiddenstate.data.batch import Batch, bags, spread
from hiddenstate.data.vocabulary import Vocabulary, letter_grams, shorten
from hiddenstate.data.words import FIRST, Tokeniser
from hiddenstate.errors import RunError
from hiddenstate.tasks.text import wide
from hiddenstate.tasks.text.familiarity import Familiarity, lowered
from hiddenstate.tasks.text.rejection import scope_scores

LETTER_SIZES = (3, 4, 5)
NO_WORDS = "<empty>"  # what an empty text is read as: one unknown word


@dataclass(frozen=True)
class Encoded:
    """One text: its words, their ids [T], and its weighted n-grams [N] (none without a wide part)."""

    words: tuple[str, ...]
    ids: np.ndarray
    grams: np.ndarray
    weights: np.ndarray
    dropped: int  # words past the limit


@dataclass(frozen=True)
class Encoder:
    """Turns texts into batches; built once from the training texts.

    `rarity` [wide_buckets] weighs each n-gram by how few training texts have it (Sparck Jones 1972).
    """

    vocabulary: Vocabulary
    letter_buckets: int
    wide_buckets: int
    rarity: np.ndarray
    tokenise: Tokeniser = FIRST  # of an encoder that was pickled before it had one

    @classmethod
    def build(
        cls, texts: Sequence[str], letter_buckets: int, wide_buckets: int, tokenise: Tokeniser | None = None
    ) -> Encoder:
        """Collect the words and the rarity of n-grams of the training texts."""
        tokenise = Tokeniser.of(texts) if tokenise is None else tokenise
        split = [shorten(tokenise(text))[0] for text in texts]
        counts: Counter[int] = Counter()
        for words in split:
            for block in wide.blocks(words, wide_buckets):
                counts.update(set(block.tolist()))
        seen = np.array([counts[bucket] for bucket in range(wide_buckets)], dtype=np.float64)
        rarity = np.log((1 + len(texts)) / (1 + seen)) + 1
        rarity = rarity.astype(np.float32)
        return cls(Vocabulary.build(split), letter_buckets, wide_buckets, rarity, tokenise)

    def encode(self, text: str) -> Encoded:
        """Encode one text."""
        return self.encode_texts([text])[0]

    def encode_texts(self, texts: Sequence[str]) -> list[Encoded]:
        """Encode many texts, each as it is encoded alone."""
        read = [self.words_of(text) for text in texts]
        return self._encoded([words for words, _ in read], [dropped for _, dropped in read])

    def words_of(self, text: str) -> tuple[list[str], int]:
        """The words of a text that are read, at least one, and how many are too many."""
        words, dropped = shorten(self.tokenise(text))
        return words or [NO_WORDS], dropped

    def encode_words(self, words: Sequence[str], dropped: int = 0) -> Encoded:
        """Encode a text that is already in words."""
        return self._encoded([words], [dropped])[0]

    def encode_split(self, texts: Sequence[Sequence[str]]) -> list[Encoded]:
        """Encode texts that are already in words."""
        return self._encoded(texts, [0] * len(texts))

    def _encoded(self, texts: Sequence[Sequence[str]], dropped: Sequence[int]) -> list[Encoded]:
        ids = self.vocabulary.encode(list(chain.from_iterable(texts)))
        grams, weights, begins = wide.weighted_texts(texts, self.rarity)
        found, start, first = [], 0, 0
        for words, missing, last in zip(texts, dropped, begins[1:].tolist(), strict=True):
            end = start + len(words)
            parts = ids[start:end], grams[first:last], weights[first:last]
            found.append(Encoded(tuple(words), *parts, missing))
            start, first = end, last
        return found

    def bare(self, words: Sequence[str]) -> Encoded:
        """Encode a text that is already in words, without its n-grams."""
        return Encoded(
            tuple(words), self.vocabulary.encode(words), np.empty(0, np.int64), np.empty(0, np.float32), 0
        )

    def batch(self, encoded: Sequence[Encoded], targets: np.ndarray | None = None) -> Batch:
        """Lay texts out as a batch: words [T, B] as positions in the batch's own list of different words.

        arrays["known"] [U] is the vocabulary row of each different word, bags["letters"] its letter n-grams;
        bags["wide"] holds the weighted n-grams of each text.
        """
        different: dict[str, int] = {"": 0}  # the padding
        lengths = np.array([len(each.words) for each in encoded], dtype=np.int64)
        places = [different.setdefault(word, len(different)) for each in encoded for word in each.words]
        words = spread(np.array(places, dtype=np.int64), lengths)
        known = np.array([0, *self.vocabulary.encode(list(different)[1:])], dtype=np.int64)
        letters = [
            letter_grams(word, LETTER_SIZES, self.letter_buckets) if word else np.empty(0, np.int64)
            for word in different
        ]
        return Batch(
            words,
            lengths,
            targets,
            bags={
                "letters": bags(letters),
                "wide": bags([each.grams for each in encoded], [each.weights for each in encoded]),
            },
            arrays={"known": known},
        )

    def scope_scores(
        self, encoded: Sequence[Encoded], logits: np.ndarray, intents: int, least: float
    ) -> np.ndarray:
        """How clearly each text [N] is in scope, lowered where it is less familiar than `least`."""
        scores = scope_scores(logits, intents)
        if least <= 0:
            return scores
        return lowered(scores, np.array([self.familiarity.of(each.words) for each in encoded]), least)

    def unknown(self, encoded: Encoded) -> tuple[str, ...]:
        """The words of a text that were never seen in training, each once."""
        return tuple(word for word in self.vocabulary.unknown(encoded.words) if word != NO_WORDS)

    def as_dict(self) -> dict[str, Any]:
        """The encoder without its weights, as JSON can hold it."""
        return {
            **self.vocabulary.to_dict(),
            "letter_buckets": self.letter_buckets,
            "wide_buckets": self.wide_buckets,
            "tokeniser": self.tokenise.as_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], rarity: np.ndarray, where: str) -> Encoder:
        """Rebuild what `as_dict` wrote; raises RunError where it does not fit together."""
        try:
            vocabulary = Vocabulary.from_dict({"words": values["words"]})
            tokenise = Tokeniser.from_dict(values.get("tokeniser"))
            encoder = cls(
                vocabulary, int(values["letter_buckets"]), int(values["wide_buckets"]), rarity, tokenise
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{where} is damaged: {error}; restore the file or train again") from error
        if rarity.shape != (encoder.wide_buckets,):
            raise RunError(f"{where} does not fit the weights: train again")
        return encoder

    @cached_property
    def words(self) -> int:
        """The rows that a word embedding needs, padding and unknown included."""
        return len(self.vocabulary)

    @cached_property
    def familiarity(self) -> Familiarity:
        """How familiar a text is to who knows the words of the vocabulary."""
        return Familiarity(self.vocabulary.words)
