"""What a sentence is read as: the words of the file cut as a text is cut, and their tags to and fro."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data.words import NEWEST
from hiddenstate.errors import RunError
from hiddenstate.tasks.tag.encoding import (
    SHAPES,
    TagEncoder,
    shape_of,
    tags_of_units,
    tags_of_words,
    units_of,
)
from hiddenstate.tasks.tag.spec import TagSpec

SPEC = TagSpec.from_options({"data": "-", "letter_buckets": 64, "wide_buckets": 128})
TEXTS = [["Fly", "to", "U.N.", "City"], ["flight", "380", "to", "Oslo", "?"]]


def built(*sentences: list[str]) -> TagEncoder:
    return TagEncoder.build(sentences or TEXTS, [["San", "Jose"]], SPEC, True)


def test_a_word_of_the_file_may_be_several() -> None:
    units = units_of(["in", "3-2", "York"], NEWEST)
    assert units.words == ("in", "3", "-", "2", "york")
    assert units.owners.tolist() == [0, 1, 1, 1, 2]
    assert [SHAPES[shape] for shape in units.shapes] == ["lower", "digits", "signs", "digits", "Title"]
    cut = tags_of_units(units, ["O", "B-score", "B-team"])
    assert cut == ["O", "B-score", "I-score", "I-score", "B-team"]
    assert tags_of_words(units, cut, 3) == ["O", "B-score", "B-team"]


WORDS = st.text(st.sampled_from("abZ1.-é'"), min_size=1, max_size=5)
TAGS = st.sampled_from(["O", "B-a", "I-a", "B-b"])


@given(st.lists(st.tuples(WORDS, TAGS), min_size=1, max_size=8))
def test_tags_come_back(rows: list[tuple[str, str]]) -> None:
    words, tags = [word for word, _ in rows], [tag for _, tag in rows]
    units = units_of(words, NEWEST)
    assert tags_of_words(units, tags_of_units(units, tags), len(words)) == tags


def test_words_past_the_limit_are_counted_and_outside() -> None:
    units = units_of(["a"] * 600, NEWEST)
    assert (len(units), units.dropped) == (512, 88)
    assert tags_of_words(units, ["B-x"] * 512, 600)[511:513] == ["B-x", "O"]


def test_numbers_and_values_of_tables_are_known_words() -> None:
    encoder = built()
    assert encoder.unknown(["fly", "999", "99", "jose", "rome"]) == ("99", "rome")
    assert encoder.ids(["380"])[0] != encoder.ids(["999"])[0] == encoder.ids(["123"])[0]


def test_capitals_count_only_where_there_are_some() -> None:
    assert built().cased
    small = built(["fly", "to", "oslo"])
    assert not small.cased
    batch = small.batch([units_of(["FLY", "to", "Oslo", "7"], NEWEST)])
    assert batch.arrays["shapes"][:, 0].tolist() == [0, 0, 0, shape_of("7")]


def test_signs_never_seen_are_passed_over() -> None:
    encoder = built()
    units = encoder.units(["to", ",", "Oslo", "?"])
    assert (units.words, units.owners.tolist()) == (("to", "oslo", "?"), [0, 2, 3])
    assert encoder.units([","]).words == ("<empty>",)


def test_it_comes_back_from_disk() -> None:
    encoder = built()
    again = TagEncoder.from_dict(encoder.as_dict(), encoder.rarity, "here")
    assert again.as_dict() == encoder.as_dict()
    units = encoder.units(["Fly", "1", "zz"])
    np.testing.assert_array_equal(
        again.batch([units]).bags["wide"].ids, encoder.batch([units]).bags["wide"].ids
    )
    with pytest.raises(RunError, match="here is damaged"):
        TagEncoder.from_dict({"words": ["a"]}, encoder.rarity, "here")
