"""Words, ids and hashed n-grams."""

import json
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data.vocabulary import MAX_LETTERS, Vocabulary, letter_grams, shorten, text_grams
from hiddenstate.data.words import tokenise
from hiddenstate.errors import DataError, InvalidArgument


def test_a_very_long_text_is_cut_and_counted():
    words, dropped = shorten(tokenise("word " * 100_000), limit=512)
    assert (len(words), dropped) == (512, 99_488)
    assert shorten(["a"], limit=512) == (["a"], 0)


def test_the_most_frequent_words_come_first_and_ties_follow_the_alphabet():
    texts = [["b", "a", "c"], ["c", "a"], ["c", "d"]]
    assert Vocabulary.build(texts).words == ("c", "a", "b", "d")
    assert Vocabulary.build(texts[::-1]) == Vocabulary.build(texts)
    assert Vocabulary.build(texts, min_count=2).words == ("c", "a")
    assert Vocabulary.build(texts, size=3).words == ("c", "a", "b")
    with pytest.raises(InvalidArgument, match="min_count >= 1 and size >= 0 or None, came 0 and None"):
        Vocabulary.build(texts, min_count=0)


@given(st.lists(st.text(min_size=1), unique=True), st.lists(st.text(min_size=1)))
def test_known_words_come_back_and_json_keeps_them(known, words):
    vocabulary = Vocabulary(tuple(known))
    ids = vocabulary.encode(words)
    assert ids.dtype == np.int64
    assert vocabulary.decode(ids) == [word if word in vocabulary else "?" for word in words]
    assert vocabulary.unknown(words) == list(dict.fromkeys(word for word in words if word not in known))
    assert Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict()))) == vocabulary
    assert ids.max(initial=1) < len(vocabulary)


def test_a_vocabulary_checks_itself():
    with pytest.raises(InvalidArgument, match="came 'b' twice"):
        Vocabulary(("a", "b", "b"))
    with pytest.raises(InvalidArgument, match="strings alone"):
        Vocabulary((1,))
    with pytest.raises(InvalidArgument, match="ids from 0 to 2, came 3"):
        Vocabulary(("a",)).decode([2, 3])
    for document in ([], {"words": "abc"}, {"words": [], "more": 1}):
        with pytest.raises(DataError, match="a vocabulary is stored as"):
            Vocabulary.from_dict(document)


def crc(*pieces, buckets=1000):
    return [zlib.crc32(piece.encode()) % buckets for piece in pieces]


def test_letter_n_grams_are_those_of_the_marked_word():
    assert letter_grams("time", (3, 5), 1000).tolist() == crc(
        "<ti", "tim", "ime", "me>", "<time"[:5], "time>"
    )
    assert letter_grams("a", (4,), 1000).tolist() == []
    assert letter_grams("x" * 500, (3,), 1000).size == MAX_LETTERS
    with pytest.raises(ValueError, match="read-only"):
        letter_grams("time", (3, 5), 1000)[0] = 1


def test_of_endless_words_only_what_is_read_is_remembered():
    first = letter_grams("y" * MAX_LETTERS + "a" * 10_000, (3,), 1000)
    assert letter_grams("y" * MAX_LETTERS + "b" * 10_000, (3,), 1000) is first


def test_text_n_grams_are_words_pairs_and_letters():
    bag = text_grams(["set", "it"], word_sizes=(1, 2), letter_sizes=(3,), buckets=1000)
    assert bag.tolist() == crc(" set", " it", " set it", "<se", "set", "et>", "<it", "it>")
    assert text_grams([], word_sizes=(1,), letter_sizes=(3,), buckets=10).tolist() == []
    assert text_grams(["a"], word_sizes=(1,), letter_sizes=(), buckets=1000).tolist() == crc(" a")


@given(st.lists(st.text(min_size=1, max_size=9)), st.integers(1, 1000))
def test_n_grams_stay_in_their_buckets(words, buckets):
    bag = text_grams(words, word_sizes=(1, 2), letter_sizes=(2, 3), buckets=buckets)
    assert bag.dtype == np.int64
    assert np.all((bag >= 0) & (bag < buckets))


def test_hashes_are_the_same_in_another_process():
    code = "from hiddenstate.data.vocabulary import letter_grams as grams\n"
    code += "print(grams('time', (3,), 4096).tolist())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == letter_grams("time", (3,), 4096).tolist()


def test_the_room_needs_no_torch():
    code = "import sys, hiddenstate.data.sources, hiddenstate.data.split, hiddenstate.data.batch\n"
    code += "print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
