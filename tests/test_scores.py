"""Exact tests against enumeration and against values worked out by hand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from hiddenstate.errors import InvalidArgument
from hiddenstate.scores import holm, mcnemar


def test_mcnemar_by_hand() -> None:
    # 10 changes, 1 of them a loss: 2 * (1 + 10) / 1024
    assert mcnemar(9, 1) == mcnemar(1, 9) == 22 / 1024
    assert mcnemar(0, 5) == 2 / 32
    assert mcnemar(3, 3) == mcnemar(0, 0) == 1.0


def test_mcnemar_by_tossing_all_coins() -> None:
    tosses = [sum(coins) for coins in itertools.product((0, 1), repeat=9)]
    assert mcnemar(2, 7) == pytest.approx(sum(n <= 2 or n >= 7 for n in tosses) / 512, rel=1e-12)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_binomial_test(gained: int, lost: int) -> None:
    judge = binomtest(gained, gained + lost, 0.5).pvalue if gained + lost else 1.0
    assert mcnemar(gained, lost) == pytest.approx(judge, rel=1e-9)


def test_mcnemar_of_many_is_exact_and_of_nonsense_refused() -> None:
    assert mcnemar(20_000, 20_000) == 1.0
    assert 0 < mcnemar(10_000, 10_400) < 0.006
    assert mcnemar(0, 4000) == 0.0  # 2 / 2 ** 4000 is no float
    with pytest.raises(InvalidArgument, match="gained=-1"):
        mcnemar(-1, 2)


def test_holm_by_hand() -> None:
    # 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.6 * 1; never falling
    assert holm([0.6, 0.01, 0.03, 0.02]) == pytest.approx([0.6, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
