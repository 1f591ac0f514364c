"""Noise added to features is the noise of samples: as loud, of the same colours, anew for each draw."""

import numpy as np
import pytest

from hiddenstate.data.audio.features import Features
from hiddenstate.data.audio.noises import COLOURS, Noises, coloured
from spoken_files import tone

FEATURES = Features(rate=16000, mels=40)


def spoken(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """A sound that is loud and quiet in turn, as speech is."""
    swell = np.abs(np.sin(np.linspace(0, 5 * np.pi, round(16000 * seconds)))) ** 3
    return (swell * tone(seconds, pitch=300.0 + 200 * seed, seed=seed)).astype(np.float32)


def only(noises: Noises, kind: int) -> Noises:
    return Noises(noises.features, noises.steady[kind : kind + 1], (), noises.widths)


def power(samples: np.ndarray) -> float:
    """The power that the filters hear: all of it above the peak of the first, 93 Hz, less below."""
    frequencies = np.fft.rfftfreq(len(samples), 1 / 16000)
    return float(np.abs(np.fft.rfft(samples)) ** 2 @ np.clip((frequencies - 20) / 73, 0, 1))


@pytest.mark.parametrize("kind", range(3), ids=COLOURS)
@pytest.mark.parametrize("decibels", [5.0, 20.0])
def test_features_have_what_noisy_samples_have(kind: int, decibels: float) -> None:
    samples, generator = spoken(), np.random.default_rng(7)
    falling = tuple(COLOURS.values())[kind]
    theirs, ours = [], []
    noises = only(Noises.of(FEATURES, seed=1), kind)
    for _ in range(30):
        noise = coloured(320_000, 16000, falling, generator)[: len(samples)]
        level = np.sqrt(power(samples) / power(noise))
        added = samples + level * 10 ** (-decibels / 20) * noise
        theirs.append(FEATURES.plain(added.astype(np.float32)))
        ours.append(noises.added(FEATURES.plain(samples), decibels, generator))
    # in nats: a decibel is 0.23
    np.testing.assert_allclose(np.mean(ours, (0, 1)), np.mean(theirs, (0, 1)), atol=0.2)
    assert abs(np.mean(ours) - np.mean(theirs)) < 0.1
    np.testing.assert_allclose(np.std(ours, 0).mean(), np.std(theirs, 0).mean(), rtol=0.25)


@pytest.mark.parametrize("falling", COLOURS.values(), ids=COLOURS)
def test_colours_fall_as_they_are_said_to(falling: float) -> None:
    samples = coloured(2**16, 2**14, falling, np.random.default_rng(0)).astype(np.float64)
    power = np.abs(np.fft.rfft(samples)) ** 2  # four values a Hz
    slope = np.polyfit(np.log(np.arange(200, len(power))), np.log(power[200:]), 1)[0]
    assert abs(slope + falling) < 0.03
    assert power[:200].max() < 1e-4 * power[200:400].mean()


def test_babble_is_made_of_other_recordings() -> None:
    voices = [FEATURES.plain(spoken(0.7, seed)) for seed in range(1, 5)]
    noises = Noises(FEATURES, (), voices, Noises.of(FEATURES).widths)
    plain = FEATURES.plain(spoken())
    drawn = [noises.added(plain, 0.0, np.random.default_rng(seed)) for seed in range(20)]
    added = np.mean([np.exp(each) - np.exp(plain) for each in drawn], axis=(0, 1))
    sources = np.mean([np.exp(each).mean(0) for each in voices], axis=0)
    assert np.corrcoef(added, sources)[0, 1] > 0.95
    with_colours = Noises.of(FEATURES, voices)
    assert (
        len({with_colours.added(plain, 0.0, np.random.default_rng(seed)).tobytes() for seed in range(9)}) == 9
    )


def test_the_same_draw_gives_the_same_noise_and_slopes_follow_it() -> None:
    features = Features(mels=20, deltas=2)
    noises = Noises.of(features, seed=3)
    plain = features.plain(spoken(0.5))
    one, same, other = (noises.added(plain, 10.0, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same, strict=True)
    assert one.shape == plain.shape
    assert one.dtype == np.float32
    assert np.abs(one - other).max() > 0.1
    np.testing.assert_array_equal(one, features.sloped(one[:, :20]))
    np.testing.assert_array_equal(plain, features.sloped(plain[:, :20]))
    assert features.sloped(plain[:0, :20]).shape == (0, 60)
    np.testing.assert_array_equal(Noises.of(features, seed=3).steady, noises.steady)
