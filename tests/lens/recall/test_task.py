"""Delayed recall as it is drawn: what is shown, what disturbs, and that no stream meets another."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hiddenstate.lens.recall.task import JUDGED, LOOKED_AT, TRAINING, Recall


def test_the_symbol_stands_at_the_first_step_alone() -> None:
    x, shown = Recall().draw(np.random.default_rng(1), delay=7, count=400)
    assert x.shape == (8, 400, 9)
    np.testing.assert_array_equal(x[0, :, :8], np.eye(8)[shown])
    assert (x[0, :, 8] == 1).all()
    assert (x[1:, :, 8] == 0).all()
    assert np.bincount(shown).min() > 30
    noise = x[1:, :, :8]
    assert noise.mean() == pytest.approx(0, abs=0.02)
    assert noise.std() == pytest.approx(1, abs=0.02)
    # nothing after the first step tells the symbol
    told = [noise[:, np.arange(400), (shown + k) % 8].mean() for k in range(8)]
    assert np.abs(told).max() < 0.06


def test_noise_is_as_loud_as_asked() -> None:
    x, _ = Recall(symbols=3, noise=0.25).draw(np.random.default_rng(2), delay=50, count=100)
    assert x[1:, :, :3].std() == pytest.approx(0.25, rel=0.03)


def test_streams_never_meet() -> None:
    drawn = [
        Recall().draw(np.random.default_rng([0, stream, 5]), 5, 4)[0]
        for stream in (TRAINING, JUDGED, LOOKED_AT)
    ]
    assert not any((a[1:, :, :8] == b[1:, :, :8]).any() for a, b in pairwise(drawn))
