"""What a recording's levels say of it, against sounds whose levels are known."""

from __future__ import annotations

import numpy as np
import pytest

from hiddenstate.data.audio.loudness import checked, levels, quiet_behind, spoken

RATE = 16_000


def said(seconds: float, amplitude: float = 0.3, before: float = 0.4, behind: float = 0.6) -> np.ndarray:
    """A hum of so many seconds in a quiet room, samples [n]."""
    generator = np.random.default_rng(0)
    hum = amplitude * np.sin(2 * np.pi * 150 * np.arange(round(seconds * RATE)) / RATE)
    parts = [np.zeros(round(before * RATE)), hum, np.zeros(round(behind * RATE))]
    samples = np.concatenate(parts)
    return samples + generator.normal(0, 0.001, len(samples))


def kinds(samples: np.ndarray) -> list[str]:
    return [fault.kind for fault in checked(samples, RATE).faults]


def test_levels_are_decibels_below_full_scale() -> None:
    full = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    np.testing.assert_allclose(levels(full, RATE), 20 * np.log10(np.sqrt(0.5)), atol=1e-9)  # -3.01 dB
    np.testing.assert_allclose(levels(full / 10, RATE), -23.0103, atol=1e-4)
    assert len(levels(full[: RATE // 2 + 1], RATE)) == 25
    assert set(levels(np.zeros(RATE), RATE)) == {-100.0}


@pytest.mark.parametrize("seconds", [0.1, 0.3, 1.0, 3.0])
def test_where_something_is_said(seconds: float) -> None:
    found = checked(said(seconds), RATE)
    assert found.faults == ()
    assert found.speech == pytest.approx((0.4, 0.4 + seconds), abs=0.021)
    assert found.seconds == pytest.approx(1.0 + seconds)
    # a hum of 0.3 has 0.212 on average, noise of a thousandth -60 dB
    assert found.level == pytest.approx(20 * np.log10(0.3 / np.sqrt(2)), abs=0.1)
    assert found.noise == pytest.approx(-60, abs=1)


def test_faults() -> None:
    assert kinds(said(0.5, amplitude=0.01)) == ["quiet"]  # -43 dB
    assert kinds(np.clip(said(0.5, amplitude=1.2), -1, 1)) == ["clipped"]
    assert kinds(np.zeros(RATE)) == ["muted"]
    assert kinds(np.full(RATE, 0.02)) == ["muted"]
    assert kinds(np.random.default_rng(1).normal(0, 0.02, RATE)) == ["silence"]
    assert kinds(said(0.5, before=0.0)) == ["begins"]
    assert kinds(said(0.5, behind=0.0)) == ["ends"]
    assert kinds(np.clip(said(0.5, 1.2, behind=0.0), -1, 1)) == ["clipped", "ends"]
    assert kinds(said(0.5)[: RATE // 50]) == kinds(np.zeros(0)) == ["short"]
    assert checked(np.zeros(0), RATE).usable is checked(np.zeros(RATE), RATE).usable is False
    assert checked(said(0.5, amplitude=0.01), RATE).usable


def test_a_key_that_is_pressed_is_not_speech() -> None:
    samples = said(0.5)
    samples[:640] += 0.5  # 40 ms, as it begins
    samples[-640:] -= 0.5
    found = checked(samples, RATE)
    assert found.faults == ()
    assert found.speech == pytest.approx((0.4, 0.9), abs=0.021)


def test_how_long_nothing_was_said() -> None:
    assert quiet_behind(levels(said(0.5, behind=1.0), RATE)) == pytest.approx(1.0, abs=0.021)
    assert quiet_behind(levels(said(0.5, behind=0.0), RATE)) == 0.0
    assert quiet_behind(levels(np.random.default_rng(1).normal(0, 0.02, RATE), RATE)) == 0.0
    assert quiet_behind(levels(said(0.5, 0.01), RATE)) == 0.0, "so quiet that it may have been the room"
    assert spoken(levels(np.zeros(10), RATE)) is None
