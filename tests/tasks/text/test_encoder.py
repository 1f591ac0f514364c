"""What a text becomes: ids, letters, and weighted n-grams, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hiddenstate.data.vocabulary import MAX_WORDS
from hiddenstate.errors import RunError
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
