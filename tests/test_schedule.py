"""Learning rates against closed forms and against torch's own schedules."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from hiddenstate.schedule import SCHEDULES
from hiddenstate.train import TrainSettings, learning_rate


def test_one_cycle_at_its_corners() -> None:
    how = TrainSettings(learning_rate=2.0, warmup=0.3)
    assert learning_rate(how, 0.0) == pytest.approx(2 / 25, rel=1e-12)
    assert learning_rate(how, 0.15) == pytest.approx(2 * (1 / 25 + 1) / 2, rel=1e-12)
    assert learning_rate(how, 0.3) == pytest.approx(2.0, rel=1e-12)
    assert learning_rate(how, 0.65) == pytest.approx(2 * (1 + 1 / 250_000) / 2, rel=1e-12)
    assert learning_rate(how, 1.0) == pytest.approx(2 / 250_000, rel=1e-9)


def test_one_cycle_is_torchs_on_its_own_grid() -> None:
    """torch counts whole steps from corner to corner; where it stands between them, we agree."""
    steps, warmup = 101, 0.3
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    judge = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=1.0, total_steps=steps, pct_start=warmup, cycle_momentum=False
    )
    peak, last = warmup * steps - 1, steps - 1
    how = TrainSettings(learning_rate=1.0, warmup=warmup)
    for step in range(steps):
        rising = step <= peak
        share = warmup * step / peak if rising else warmup + (1 - warmup) * (step - peak) / (last - peak)
        assert learning_rate(how, share) == pytest.approx(judge.get_last_lr()[0], rel=1e-9, abs=1e-12)
        optimiser.step()
        judge.step()


def test_cosine_and_constant() -> None:
    how = TrainSettings(learning_rate=0.4, schedule="cosine", warmup=0.2)
    shares = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
    cosine = (0, 0.2, 0.4, 0.2 + 0.2 * math.sqrt(0.5), 0.2, 0.2 - 0.2 * math.sqrt(0.5), 0)
    assert [learning_rate(how, share) for share in shares] == pytest.approx(cosine, abs=1e-15)
    constant = replace(how, schedule="constant")
    assert [learning_rate(constant, share) for share in shares] == pytest.approx([0, 0.2, *[0.4] * 5])


@given(st.sampled_from(sorted(SCHEDULES)), st.floats(0, 1), st.floats(0, 0.99))
def test_no_rate_leaves_its_bounds(schedule: str, share: float, warmup: float) -> None:
    assert 0 <= SCHEDULES[schedule](share, warmup) <= 1 + 1e-12
