"""Every scheme of tags means the same spans; what breaks its rules is counted and read as conlleval does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data.schemes import Span, detect, parse, spans, tags_of, to_iob2
from hiddenstate.errors import DataError
from judges import conlleval

SPANS = [Span("city", 0, 2), Span("city", 2, 3), Span("day", 4, 5)]
WRITTEN = {
    "IOB2": "B-city I-city B-city O B-day O",
    "IOB1": "I-city I-city B-city O I-day O",
    "IOBES": "B-city E-city S-city O S-day O",
    "BILOU": "B-city L-city U-city O U-day O",
    "BMES": "B-city E-city W-city O W-day O",
}


@pytest.mark.parametrize(("scheme", "tags"), WRITTEN.items())
def test_every_scheme_is_found_and_means_the_same(scheme: str, tags: str) -> None:
    parsed = [parse(tag) for tag in tags.split()]
    assert detect([parsed], "here") == scheme
    written, broken = to_iob2(parsed, scheme)
    assert (" ".join(written), broken) == (WRITTEN["IOB2"], 0)
    assert spans(written) == SPANS
    assert tags_of(SPANS, 6) == written


def test_tags_without_a_slot_have_one_slot() -> None:
    assert to_iob2([parse(tag) for tag in ["B", "I", "O"]], "IOB2")[0] == ("B-span", "I-span", "O")


@pytest.mark.parametrize(
    ("scheme", "tags", "expected", "broken"),
    [
        ("IOB2", "O I-city I-city", "O B-city I-city", 1),
        ("IOB2", "B-city I-day", "B-city B-day", 1),
        ("IOBES", "B-city O", "B-city O", 1),
        ("IOBES", "I-city E-city S-city E-day", "B-city I-city B-city B-day", 2),
        ("BILOU", "B-city B-city L-city", "B-city B-city I-city", 1),
    ],
)
def test_what_breaks_the_rules_is_counted(scheme: str, tags: str, expected: str, broken: int) -> None:
    assert to_iob2([parse(tag) for tag in tags.split()], scheme) == (tuple(expected.split()), broken)


def test_one_i_that_begins_among_many_b_is_no_other_scheme() -> None:
    rows = [[parse(tag) for tag in row.split()] for row in ("B-a I-a O", "B-b O O", "O I-a O")]
    assert detect(rows, "here") == "IOB2"


def test_prefixes_of_two_schemes_are_refused() -> None:
    with pytest.raises(DataError, match=r"came the prefixes B, E, L together"):
        detect([[("B", "a"), ("E", "a"), ("L", "a")]], "here")


@pytest.mark.parametrize("tag", ["NNP", "0", "o", "X-city", "B_city", ""])
def test_what_is_no_tag(tag: str) -> None:
    assert parse(tag) is None


TAGS = st.sampled_from(["O", "B-a", "I-a", "B-b", "I-b"])


@given(st.lists(TAGS, max_size=12))
def test_spans_are_those_of_conlleval(tags: list[str]) -> None:
    assert {(each.slot, each.start, each.end) for each in spans(tags)} == conlleval.chunks(tags)
    repaired, broken = to_iob2([parse(tag) for tag in tags], "IOB2")
    assert spans(repaired) == spans(tags)
    assert broken == sum(one != other for one, other in zip(tags, repaired, strict=True))
