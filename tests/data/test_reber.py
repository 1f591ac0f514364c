"""Embedded Reber strings, judged by a regular expression of the grammar."""

import re

import pytest

from hiddenstate.data.sources import reber
from hiddenstate.errors import InvalidArgument

# The graph written as a regular expression: after T, S* X leads to node 3; after P, T* V leads to node 4.
# From node 3: X T* V, back to node 4, or S to the end; from node 4: P back to node 3, or V to the end.
INNER = r"B(?:TS*X|PT*VP)(?:XT*VP)*(?:S|XT*VV)E|BPT*VVE"
STRING = re.compile(rf"BT(?:{INNER})TE|BP(?:{INNER})PE")


def test_every_string_is_in_the_grammar_and_different():
    strings = [string.symbols for string in reber.embedded(1000, seed=1)]
    assert all(STRING.fullmatch(symbols) for symbols in strings)
    assert len(set(strings)) == 1000


def test_the_symbols_that_may_follow_are_those_that_the_grammar_continues_with():
    strings = reber.embedded(3000, seed=2)
    seen: dict[str, set[str]] = {}
    for string in strings:
        assert len(string.following) == len(string.symbols) - 1
        for place, following in enumerate(string.following, start=1):
            assert string.symbols[place] in following
            prefix = string.symbols[:place]
            seen.setdefault(prefix, set(following))
            assert seen[prefix] == set(following)
    continued: dict[str, set[str]] = {}
    for string in strings:
        for place in range(1, len(string.symbols)):
            continued.setdefault(string.symbols[:place], set()).add(string.symbols[place])
    short = [prefix for prefix in seen if len(prefix) <= 6]
    assert len(short) > 20
    assert all(seen[prefix] == continued[prefix] for prefix in short)


def test_the_last_symbol_but_one_is_certain_and_repeats_the_second():
    for string in reber.embedded(200, seed=3):
        assert string.following[-2] == string.symbols[1] == string.symbols[-2]


def test_the_seed_decides():
    assert reber.embedded(50, seed=4) == reber.embedded(50, seed=4)
    assert reber.embedded(50, seed=4) != reber.embedded(50, seed=5)
    assert reber.embedded(50, seed=4)[:20] == reber.embedded(20, seed=4)
    with pytest.raises(InvalidArgument, match="expected 0 or more strings, came -1"):
        reber.embedded(-1, seed=0)
