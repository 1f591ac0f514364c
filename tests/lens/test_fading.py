"""The pace at which norms change, from curves whose pace is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.lens.fading import Fading, fading, quantiles, worst


@given(
    factor=st.floats(0.2, 3.0),
    steps=st.integers(2, 300),
    start=st.floats(1e-6, 1e6),
    count=st.integers(1, 5),
)
def test_a_steady_pace_is_found(factor: float, steps: int, start: float, count: int) -> None:
    norms = np.repeat(start * factor ** np.arange(steps)[:, None], count, axis=1)
    found = fading(norms)
    assert found.factor == pytest.approx(factor, rel=1e-9)
    assert found.span == steps - 1
    assert found.arrives == pytest.approx(factor ** (steps - 1), rel=1e-6)
    assert found.steady
    if factor < 1:
        assert factor**found.half_life == pytest.approx(0.5)
    limits = found.thresholds
    if not math.isclose(factor ** (steps - 1), 0.01, rel_tol=1e-6):
        assert (found.word == "vanishing") == (factor < limits["vanishing_factor_below"])
    if not math.isclose(factor ** (steps - 1), 100, rel_tol=1e-6):
        assert (found.word == "exploding") == (factor > limits["exploding_factor_above"])


def test_a_few_strange_steps_do_not_matter() -> None:
    random = np.random.default_rng(0)
    norms = 0.9 ** np.arange(60.0)[:, None] * np.exp(random.normal(0, 0.1, (60, 20)))
    norms[[5, 20, 41]] *= 1e4
    found = fading(norms)
    assert found.factor == pytest.approx(0.9, abs=0.002)
    assert 0.89 < found.low < found.factor < found.high < 0.91


def test_the_far_end_is_one_that_enough_sequences_reach() -> None:
    norms = np.full((50, 20), np.nan)
    norms[:10] = 0.8 ** np.arange(10.0)[:, None]
    norms[:, 0] = 0.8 ** np.arange(50.0)
    assert fading(norms).span == 9
    norms[:, 1] = norms[:, 0]
    assert fading(norms).span == 49


def test_what_has_no_pace_is_said_in_words() -> None:
    assert fading(np.ones((1, 3))) == Fading("one step", None, None, None, 0, None)
    assert fading(np.zeros((5, 3))).sentence() == "no gradient sets out: it is exactly zero at every step"
    dead = np.array([[1.0], [0.5], [0.0], [0.0]])
    assert fading(dead).sentence() == "vanishing: exactly nothing is left from 2 steps back on"
    assert fading(dead).factor == 0.5
    under = fading(0.5 ** np.arange(1200.0)[:, None]).sentence()
    assert under == "vanishing: less than a number can hold is left from 1,075 steps back on"
    over = np.array([[1.0], [1e200], [np.inf], [np.inf]])
    assert fading(over).sentence() == "exploding: past what a number can hold from 2 steps back on"
    flat = fading(np.ones((9, 2)))
    assert (flat.word, flat.half_life) == ("healthy", None)
    assert flat.pace() == "a factor of 1 a step: it neither falls nor grows"
    assert "twice as large after 1 step" in fading(2.0 ** np.arange(5)[:, None]).pace()
    touched_late = np.array([[0.0], [1.0], [0.5], [0.25]])  # by a loss that does not read the last step
    assert fading(touched_late).arrives == pytest.approx(0.125)


def test_sentences_hold_their_numbers() -> None:
    tiny = fading(0.5 ** np.arange(100.0)[:, None])
    assert tiny.sentence() == "vanishing: 1.6e-30 of the gradient is left 99 steps back (below 1 %)"
    assert tiny.pace() == "a factor of 0.5 a step: half is left after 1 step"
    large = fading(1.1 ** np.arange(100.0)[:, None])
    wanted = "exploding: the gradient is 1.25e+04 times as large 99 steps back (above 100 times)"
    assert large.sentence() == wanted
    fair = fading(0.99 ** np.arange(100.0)[:, None]).sentence()
    assert fair == "healthy: 37 % of the gradient is left 99 steps back (between 1 % and 100 times)"
    more = fading(1.05 ** np.arange(11.0)[:, None]).sentence()
    assert more == "healthy: 1.63 times the gradient arrives 10 steps back (between 1 % and 100 times)"
    dented = fading(np.concatenate([[[1.0]], np.full((20, 1), 0.2) * 1.02 ** np.arange(20.0)[:, None]]))
    gone = "half is gone within 1 step, and a step changes it by a factor of 1.02 (median)"
    assert dented.pace() == f"it does not change steadily: {gone}"
    assert dented.halved == pytest.approx(math.log(0.5) / math.log(0.2))
    assert worst({"a": tiny, "b": large}) == "a"


def test_a_factor_that_leads_elsewhere_gives_no_half_life() -> None:
    # a large first step, then slowly on: 36 % is left where the factor alone would leave 63 %
    first = np.concatenate([[1.0], 0.4 * 0.99 ** np.arange(11.0)])
    found = fading(first[:, None])
    assert (found.factor, found.arrives) == (pytest.approx(0.99), pytest.approx(0.4 * 0.99**10))
    assert not found.steady
    assert found.half_life is None
    assert found.half_life_by_factor == pytest.approx(math.log(0.5) / math.log(0.99))
    assert found.halved == pytest.approx(math.log(0.5) / math.log(0.4))
    assert found.as_dict()["half_life"] is None
    assert (found.as_dict()["steady"], found.as_dict()["halved"]) == (False, found.halved)
    # less arrives than set out, though the median step enlarges it: neither half nor twice
    mixed = fading(np.array([1.0, 0.6, 0.63, 0.66, 0.69, 0.72])[:, None])
    assert (mixed.factor > 1, mixed.half_life) == (True, None)
    assert mixed.pace() == (
        f"it does not change steadily, from step to step by a factor of {mixed.factor:.4g} (median)"
    )
    late = fading(np.array([1.0, 1.0, 1.0, 0.6, 0.3, 0.1])[:, None])
    assert late.halved == pytest.approx(3 + math.log(1.2) / math.log(2))
    assert fading(np.array([1.0, 0.9, 0.0, 0.0])[:, None]).halved == 2.0


def test_quantiles_know_gaps_and_infinities() -> None:
    norms = np.array([[1.0, 2.0, 3.0], [1.0, np.nan, 3.0], [np.inf, 1.0, np.inf], [np.nan] * 3])
    found = quantiles(norms)
    np.testing.assert_allclose(found[:, 0], np.quantile([1, 2, 3], (0.1, 0.5, 0.9)))
    np.testing.assert_allclose(found[:, 1], np.quantile([1, 3], (0.1, 0.5, 0.9)))
    assert found[1:, 2].tolist() == [np.inf, np.inf]
    assert np.isnan(found[:, 3]).all()
