"""The same text under two labels or in two splits, exactly or nearly.

Two texts are the same where the model reads the same words: case, space and punctuation do not count, other
signs do (c++ is not c). They are nearly the same by the measure of duplicates.py.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

from hiddenstate.data.checks.findings import Finding, on
from hiddenstate.data.corpus import SPLITS
from hiddenstate.data.duplicates import SIMILAR, alike
from hiddenstate.data.rows import Row
from hiddenstate.data.words import tokenise

MEANT = "#%&@*/\\"  # punctuation by Unicode's table that changes what is meant: c#, 50 %
COMPARED = 16  # others that a text is compared with, in a group of very many


def folded(text: str) -> str:
    """Return what two texts that are the same have in common; of punctuation alone, all.

    >>> folded("What  time is it?!") == folded("what time is it"), folded("c++") == folded("C")
    (True, False)
    """
    words = [word for word in tokenise(text) if word in MEANT or unicodedata.category(word[0])[0] != "P"]
    return " ".join(words) if words else text.strip()


def contradictions(rows: Sequence[Row], keys: Sequence[str], labels: Sequence[str]) -> list[Finding]:
    """Find the same text (equal keys) under two labels; where most of its rows agree, theirs is suggested."""
    same: dict[str, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        same[key].append(place)
    found = []
    for places in same.values():
        votes = Counter(labels[place] for place in places).most_common()
        if len(votes) < 2:
            continue
        most = votes[0][0] if votes[0][1] > votes[1][1] else ""
        first = places[0]
        second = next(place for place in places if labels[place] != labels[first])
        for place in places:
            if labels[place] == most:
                continue  # the rows in the majority are right, as far as can be told
            other = first if labels[place] != labels[first] else second
            found.append(
                on(
                    rows[place],
                    "contradiction",
                    f"the same text is labelled {labels[other]!r}",
                    suggestion=most,
                    other=rows[other].number,
                    weight=len(places),
                )
            )
    return found


def near(
    rows: Sequence[Row], keys: Sequence[str], labels: Sequence[str], groups: Sequence[int]
) -> list[Finding]:
    """Find texts nearly the same as one of another label, each pair once, at the label with fewer of them."""
    first: dict[str, str] = {}
    both = {key for key, label in zip(keys, labels, strict=True) if first.setdefault(key, label) != label}
    found = []
    for places in _members(groups):
        sizes = Counter(labels[place] for place in places)
        ranked = sorted(places, key=lambda place: (sizes[labels[place]], labels[place], -place))
        ends = dict(zip((labels[place] for place in ranked), range(1, len(ranked) + 1), strict=True))
        for place in ranked if len(sizes) > 1 else ():
            if keys[place] in both:
                continue  # it contradicts another
            end = ends[labels[place]]  # behind the last of its own label
            likeness, other = _nearest(rows, place, ranked[end : end + COMPARED])
            if likeness >= SIMILAR:
                says = f"nearly the same as {rows[other].text!r}, labelled {labels[other]!r}"
                found.append(on(rows[place], "near", says, other=rows[other].number, weight=likeness))
    return found


def leaks(rows: Sequence[Row], keys: Sequence[str], groups: Sequence[int]) -> list[Finding]:
    """Find texts of a later split that an earlier one has, exactly or nearly."""
    order = [SPLITS.index(row.split) for row in rows]
    earliest: dict[str, int] = {}
    for place in sorted(range(len(rows)), key=order.__getitem__):
        earliest.setdefault(keys[place], place)
    found = []
    for places in _members(groups):
        ordered = sorted(places, key=order.__getitem__)
        for place in places:
            row, first = rows[place], rows[earliest[keys[place]]]
            if first.split != row.split:
                says = f"{row.split} has the same text as {first.split}"
                found.append(on(row, "leak", says, other=first.number, weight=1.0))
                continue
            likeness, other = _nearest(
                rows, place, [each for each in ordered[:COMPARED] if order[each] < order[place]]
            )
            if likeness >= SIMILAR:
                says = f"{row.split} has nearly the text of {rows[other].split}: {rows[other].text!r}"
                found.append(on(row, "near_leak", says, other=rows[other].number, weight=likeness))
    return found


def _members(groups: Sequence[int]) -> list[list[int]]:
    """Return the places of each group of several texts."""
    found: dict[int, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        found[group].append(place)
    return [places for places in found.values() if len(places) > 1]


def _nearest(rows: Sequence[Row], place: int, others: Sequence[int]) -> tuple[float, int]:
    """Return how alike the most similar of the others is, and which."""
    likely = [(alike(rows[place].text, rows[each].text), -each) for each in others]
    likeness, other = max(likely, default=(0.0, -place))
    return likeness, -other
