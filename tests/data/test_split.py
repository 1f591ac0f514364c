"""Holding out: by class, seeded, near-duplicates on one side."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data.corpus import Corpus, Example
from hiddenstate.data.duplicates import groups_of
from hiddenstate.data.sources import read
from hiddenstate.data.split import divide, split
from hiddenstate.errors import DataError, InvalidArgument

WORDS = [
    "alarm",
    "bank",
    "call",
    "day",
    "east",
    "fork",
    "gold",
    "hour",
    "ink",
    "june",
    "kite",
    "lamp",
    "moon",
    "nine",
    "oven",
]


def corpus_of(rows, **others):
    return Corpus("c", {"train": tuple(Example(*row) for row in rows), **others}, "oos", "sha")


def distinct(label, count):
    """Make texts with no word in common, so that none are near-duplicates."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    generator = random.Random(label)
    return [
        (" ".join("".join(generator.choices(letters, k=7)) for _ in range(4)), label) for _ in range(count)
    ]


def test_each_class_gives_its_fraction():
    rows = distinct("a", 100) + distinct("b", 40) + distinct("c", 4) + distinct("oos", 20)
    division = split(corpus_of(rows), seed=0)
    assert {name: dict(division.corpus.counts(name)) for name in division.corpus.splits} == {
        "train": {"a": 80, "b": 32, "c": 2, "oos": 16},
        "validation": {"a": 10, "b": 4, "c": 1, "oos": 2},
        "test": {"a": 10, "b": 4, "c": 1, "oos": 2},
    }
    assert division.small_classes == ()
    assert (division.corpus.out_of_scope, division.corpus.sha256) == ("oos", "sha")


def test_classes_under_three_examples_are_listed_and_stay_in_training():
    division = split(corpus_of(distinct("a", 20) + distinct("two", 2) + distinct("one", 1)), seed=0)
    assert division.small_classes == ("one", "two")
    assert division.corpus.counts("train") == {"a": 16, "two": 2, "one": 1}


def test_the_seed_decides_and_the_indices_divide_again():
    corpus = corpus_of(distinct("a", 50) + distinct("b", 50))
    division = split(corpus, seed=1)
    assert split(corpus, seed=1) == division
    assert split(corpus, seed=2).indices != division.indices
    assert divide(corpus, division.indices) == division.corpus
    assert divide(corpus, {}) is corpus


def test_only_what_is_missing_is_carved():
    test = (Example("given", "a"),)
    corpus = corpus_of(distinct("a", 20) + distinct("b", 20), test=test)
    division = split(corpus, seed=0, validation=0.2)
    assert division.corpus.splits["test"] == test
    assert list(division.indices) == ["train", "validation"]
    assert division.corpus.counts("validation") == {"a": 4, "b": 4}
    whole = split(division.corpus, seed=5)
    assert (whole.corpus, whole.indices) == (division.corpus, {})
    assert list(split(corpus, seed=0, validation=0).corpus.splits) == ["train", "test"]


TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)
ROWS = st.lists(st.tuples(TEXTS, st.sampled_from(["a", "b", "c"])), min_size=2, max_size=60)


@given(ROWS, st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.3]), st.sampled_from([0.0, 0.2, 0.5]))
def test_every_row_once_and_no_near_duplicate_on_two_sides(rows, seed, validation, test):
    rows += [("first", "a"), ("second", "b"), ("third", "c")]
    division = split(corpus_of(rows), seed=seed, validation=validation, test=test)
    if not validation and not test:
        assert division.indices == {}
        return
    sides = {row: name for name, indices in division.indices.items() for row in indices}
    assert sorted(sides) == list(range(len(rows)))
    assert sum(map(len, division.indices.values())) == len(rows)
    assert set(division.indices) == {"train"} | {
        n for n, f in (("validation", validation), ("test", test)) if f
    }
    groups = groups_of([text for text, _ in rows])
    first: dict[int, str] = {}
    for row, group in enumerate(groups):
        assert first.setdefault(group, sides[row]) == sides[row]
    texts = [" ".join(sorted(text.split())) for text, _ in rows]
    assert all(len({sides[r] for r, t in enumerate(texts) if t == text}) == 1 for text in set(texts))


def test_a_class_seen_under_two_labels_stays_trainable():
    rows = (
        [("same text", "a"), ("same text", "b"), ("same text", "b")] * 5 + distinct("a", 9) + distinct("b", 9)
    )
    division = split(corpus_of(rows), seed=0)
    assert {Counter(division.corpus.texts(name))["same text"] for name in division.corpus.splits} == {0, 15}


def test_wrong_use_and_saved_indices_that_do_not_fit():
    corpus = corpus_of(distinct("a", 5) + distinct("b", 5))
    with pytest.raises(
        InvalidArgument, match=r"came validation=0\.5 and test=0\.5; their sum must be under 1"
    ):
        split(corpus, seed=0, validation=0.5, test=0.5)
    with pytest.raises(DataError, match="at least two classes"):
        split(corpus_of(distinct("a", 5)), seed=0)
    indices = split(corpus, seed=0).indices
    with pytest.raises(DataError, match="each of the 11 rows once"):
        divide(corpus_of(distinct("a", 5) + distinct("b", 6)), indices)
    with pytest.raises(DataError, match="the saved split would overwrite test, validation"):
        divide(
            Corpus("c", {name: corpus.split("train") for name in ("train", "validation", "test")}, None, ""),
            indices,
        )


def test_the_built_in_set_divides_as_any_other():
    corpus = read("starter")
    everything = tuple(example for examples in corpus.splits.values() for example in examples)
    division = split(Corpus("all", {"train": everything}, corpus.out_of_scope, ""), seed=0)
    assert set(division.corpus.counts("test")) == set(division.corpus.counts("train"))
    assert len(division.corpus) == len(everything)
