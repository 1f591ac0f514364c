"""What a text becomes: ids, letters, and weighted n-grams, by hand."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data.vocabulary import MAX_WORDS
from hiddenstate.errors import RunError
from hiddenstate.tasks.text import wide
from hiddenstate.tasks.text.encoder import Encoder

TEXTS = ["set an alarm", "play music", "set the volume", "play the music loud"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.build(TEXTS, letter_buckets=256, wide_buckets=2048)


def test_each_wide_block_has_length_one(encoder: Encoder) -> None:
    encoded = encoder.encode("play the volume")
    assert float(encoded.weights @ encoded.weights) == pytest.approx(2.0, rel=1e-6)  # words, and letters


def test_rare_words_weigh_more(encoder: Encoder) -> None:
    rarity = encoder.rarity
    assert rarity.max() == pytest.approx(np.log(5 / 1) + 1)  # never seen in the four texts
    seen = [np.unique(encoder.encode(text).grams) for text in TEXTS]
    in_two = set(seen[0]) & set(seen[2]) - set(seen[1]) - set(seen[3])
    assert in_two
    for bucket in in_two:
        assert rarity[bucket] == pytest.approx(np.log(5 / 3) + 1)


def test_a_batch_lists_each_word_once(encoder: Encoder) -> None:
    encoded = [encoder.encode(text) for text in ("play play play", "set xylophone")]
    batch = encoder.batch(encoded, np.array([0, 1]))
    assert batch.words.tolist() == [[1, 2], [1, 3], [1, 0]]
    assert batch.lengths.tolist() == [3, 2]
    assert batch.arrays["known"].tolist() == [0, *encoder.vocabulary.encode(["play", "set", "xylophone"])]
    letters = batch.bags["letters"]
    assert len(letters) == 4
    assert letters.offsets[1] == 0  # the padding has no letters
    np.testing.assert_array_equal(batch.bags["wide"].ids[: len(encoded[0].grams)], encoded[0].grams)


def test_unknown_words_are_named_once(encoder: Encoder) -> None:
    assert encoder.unknown(encoder.encode("zebra set zebra yak")) == ("zebra", "yak")
    assert encoder.unknown(encoder.encode("")) == ()


def test_an_endless_text_is_cut_and_counted(encoder: Encoder) -> None:
    encoded = encoder.encode("word " * 100_000)
    assert len(encoded.ids) == MAX_WORDS
    assert encoded.dropped == 100_000 - MAX_WORDS


def test_it_comes_back_as_it_was(encoder: Encoder) -> None:
    again = Encoder.from_dict(encoder.as_dict(), encoder.rarity, "model.json")
    one, other = encoder.encode("set the music"), again.encode("set the music")
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.weights, other.weights)
    with pytest.raises(RunError, match="does not fit the weights"):
        Encoder.from_dict(encoder.as_dict(), encoder.rarity[:-1], "model.json")
    with pytest.raises(RunError, match="damaged"):
        Encoder.from_dict({"words": ["a", "a"]}, encoder.rarity, "model.json")


def by_hand(words: list[str], rarity: np.ndarray) -> dict[tuple[int, int], float]:
    """The weight of each n-gram of a text, by block and bucket."""
    marked = ["^", *words, "$"]
    pieces = [[f" {word}" for word in marked], []]
    pieces[0] += [f" {first} {second}" for first, second in pairwise(marked)]
    for word in words:
        inside = f"<{word}>"
        pieces[1] += [
            inside[i : i + size] for size in wide.LETTER_SIZES for i in range(len(inside) - size + 1)
        ]
    found = {}
    for block, each in enumerate(pieces):
        counts = Counter(zlib.crc32(piece.encode()) % len(rarity) for piece in each)
        weights = {bucket: count * float(rarity[bucket]) for bucket, count in counts.items()}
        length = math.hypot(*weights.values()) or 1.0
        found |= {(block, bucket): weight / length for bucket, weight in weights.items()}
    return found


WORD = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(st.lists(st.lists(WORD, max_size=7), max_size=5))
def test_the_grams_of_many_texts_are_those_by_hand(texts: list[list[str]]) -> None:
    rarity = np.random.default_rng(3).uniform(0.5, 3, 40).astype(np.float32)  # few buckets: grams collide
    grams, weights, begins = wide.weighted_texts(texts, rarity)
    assert begins.tolist()[0] == 0
    assert begins.tolist()[-1] == len(grams) == len(weights)
    for words, first, last in zip(texts, begins[:-1], begins[1:], strict=True):
        expected = by_hand(words, rarity)
        ordered = [bucket for _, bucket in sorted(expected)]
        assert grams[first:last].tolist() == ordered
        np.testing.assert_allclose(
            weights[first:last], [expected[key] for key in sorted(expected)], rtol=1e-6
        )
        alone = wide.weighted(words, rarity)
        assert (alone[0] == grams[first:last]).all()
        assert (alone[1] == weights[first:last]).all()
