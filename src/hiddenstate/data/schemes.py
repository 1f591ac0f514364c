"""Tags of words <-> spans: which way of tagging a file uses, and every way brought to IOB2.

IOB2   B- begins every span, I- goes on with it         (Tjong Kim Sang and Veenstra, 1999)
IOB1   B- stands only where a span touches another of its kind; otherwise I- begins it (Ramshaw and Marcus,
1995)
IOBES  E- ends a span, S- is one alone; BILOU says L- and U-, BMES M-, E- and S- (or W-)

A sequence that breaks its own rules is read as CoNLL's conlleval reads it: an I- after nothing of its kind
begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hiddenstate.errors import DataError

OUTSIDE = "O"
UNNAMED = "span"  # the slot of tags that are B and I alone
SCHEMES = {  # by the prefixes that no other has
    "IOBES": set("BIES"),
    "BILOU": set("BILU"),
    "BMES": set("BMESW"),
}
BEGINS, ENDS = set("BSUW"), set("ESLUW")
_TAG = re.compile(r"([BIESLUMW])(?:-(.+))?", re.DOTALL)

Parsed = tuple[str, str]  # prefix and slot; ("O", "") outside


@dataclass(frozen=True, slots=True)
class Span:
    """One value of a slot: words[start:end]."""

    slot: str
    start: int
    end: int


def parse(tag: str) -> Parsed | None:
    """Divide a tag into prefix and slot; None for what is no tag of spans.

    >>> parse("B-city.from"), parse("O"), parse("NNP")
    (('B', 'city.from'), ('O', ''), None)
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    found = _TAG.fullmatch(tag)
    return (found[1], found[2] or UNNAMED) if found else None


def detect(sequences: Iterable[Sequence[Parsed]], where: str) -> str:
    """Say which scheme the tags of a corpus follow: IOB1, IOB2, IOBES, BILOU or BMES.

    Raises DataError where prefixes of several stand together.
    """
    prefixes: set[str] = set()
    inside_begins = begins_apart = 0
    for tags in sequences:
        before: Parsed = (OUTSIDE, "")
        for prefix, slot in tags:
            prefixes.add(prefix)
            apart = before[0] == OUTSIDE or before[1] != slot
            inside_begins += prefix == "I" and apart
            begins_apart += prefix == "B" and apart
            before = prefix, slot
    prefixes.discard(OUTSIDE)
    if prefixes <= {"B", "I"}:
        return "IOB1" if inside_begins and not begins_apart else "IOB2"
    for name, letters in SCHEMES.items():
        if prefixes <= letters:
            return name
    raise DataError(
        f"{where}: expected tags of one scheme (IOB, IOBES, BILOU or BMES), came the prefixes "
        f"{', '.join(sorted(prefixes))} together. Write them all in one, such as B-city I-city O."
    )


def to_iob2(tags: Sequence[Parsed], scheme: str) -> tuple[tuple[str, ...], int]:
    """Write parsed tags as IOB2, and count the places where they break their own scheme.

    >>> to_iob2([("I", "city"), ("I", "city"), ("O", "")], "IOB1")
    (('B-city', 'I-city', 'O'), 0)
    """
    written, broken = [], 0
    before: Parsed = (OUTSIDE, "")
    closes = scheme in SCHEMES
    for prefix, slot in [*tags, (OUTSIDE, "")]:
        goes_on = prefix not in BEGINS and prefix != OUTSIDE
        joined = goes_on and before[1] == slot and before[0] != OUTSIDE and before[0] not in ENDS
        broken += goes_on and not joined and scheme != "IOB1"
        # where ends are marked, what was open has to go on
        broken += closes and before[0] in ("B", "I", "M") and not joined
        written.append(OUTSIDE if prefix == OUTSIDE else f"{'I' if joined else 'B'}-{slot}")
        before = prefix, slot
    return tuple(written[:-1]), broken


def spans(tags: Sequence[str]) -> list[Span]:
    """Find the spans of IOB tags, as conlleval does: an I- that goes on with nothing begins.

    >>> spans(["B-city", "I-city", "O", "I-day"])
    [Span(slot='city', start=0, end=2), Span(slot='day', start=3, end=4)]
    """
    found: list[Span] = []
    slot, start = "", 0
    for place, tag in enumerate([*tags, OUTSIDE]):
        prefix, _, name = tag.partition("-")
        if slot and (prefix != "I" or name != slot):
            found.append(Span(slot, start, place))
            slot = ""
        if prefix != OUTSIDE and not slot:
            slot, start = name, place
    return found


def tags_of(found: Iterable[Span], length: int) -> tuple[str, ...]:
    """Write spans that do not overlap as IOB2 tags of so many words.

    >>> tags_of([Span("city", 1, 3)], 4)
    ('O', 'B-city', 'I-city', 'O')
    """
    tags = [OUTSIDE] * length
    for span in found:
        for place in range(span.start, span.end):
            tags[place] = f"{'B' if place == span.start else 'I'}-{span.slot}"
    return tuple(tags)
