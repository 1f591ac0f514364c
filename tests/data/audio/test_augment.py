"""Recordings changed in training: by how much, as often as is said, and the same for the same generator."""

import json

import numpy as np
import pytest
import soxr

from hiddenstate.data.audio.augment import Augmentation, faster
from hiddenstate.data.audio.features import Features
from hiddenstate.data.audio.noises import Noises
from hiddenstate.errors import InvalidArgument
from spoken_files import tone


def loudest(samples: np.ndarray, rate: int = 16000) -> float:
    """The frequency with most power."""
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


@pytest.mark.parametrize("factor", [0.9, 1.1, 2.0])
def test_speed_changes_length_and_pitch(factor: float) -> None:
    found = faster(tone(2.0, pitch=440.0), factor)
    assert found.dtype == np.float32
    assert abs(len(found) - 32000 / factor) <= 1
    assert abs(loudest(found) - 440 * factor) < 1
    np.testing.assert_array_equal(found, soxr.resample(tone(2.0, pitch=440.0), 16000 * factor, 16000))


def test_speed_one_changes_nothing() -> None:
    samples = tone()
    np.testing.assert_array_equal(faster(samples, 1.0), samples)
    with pytest.raises(InvalidArgument, match=r"speed: expected 0.5 to 2, came 3"):
        faster(samples, 3.0)


def test_noise_comes_as_often_and_as_loud_as_is_said() -> None:
    settings, generator = Augmentation(noise_share=0.3), np.random.default_rng(1)
    features = Features()
    plain, noises = features.plain(tone(0.1)), Noises.of(features)
    widths = noises.widths
    ratios = []
    for _ in range(2000):
        found = settings.with_noise(plain, noises, generator)
        if found is not plain:
            before, after = (np.exp(each.astype(np.float64)) @ widths for each in (plain, found))
            ratios.append(10 * np.log10(before.mean() / (after - before).mean()))
    assert 540 < len(ratios) < 660  # 600, give or take three deviations
    assert 9.9 < min(ratios) < 10.5
    assert 29.5 < max(ratios) < 30.1
    assert 19.3 < np.mean(ratios) < 20.7


def test_speeds_are_drawn_evenly() -> None:
    generator = np.random.default_rng(0)
    drawn = [Augmentation().speed(generator) for _ in range(3000)]
    assert {speed: abs(drawn.count(speed) - 1000) < 80 for speed in (0.9, 1.0, 1.1)} == {
        0.9: True,
        1.0: True,
        1.1: True,
    }


def test_warping_moves_what_is_heard_by_the_drawn_factors() -> None:
    """A peak at mel 20 and frame 50 of 100, with one in the slopes: where it lies, and how long it all is."""
    features = np.zeros((101, 80), np.float32)
    features[50, 20], features[50, 60] = 1.0, 0.5
    settings, generator = Augmentation(tempo=0.2, tract=0.1), np.random.default_rng(0)
    lengths, mels = [], []
    for _ in range(500):
        found = settings.warped(features, 40, generator)
        assert found.dtype == np.float32
        bands = found[:, :40].max(axis=0)
        lengths.append(len(found))
        mels.append((bands * np.arange(40)).sum() / bands.sum())
        middle = found.max(axis=1)
        assert abs((middle * np.arange(len(found))).sum() / middle.sum() - (len(found) - 1) / 2) < 0.51
        np.testing.assert_allclose(found[:, 40:], 0.5 * found[:, :40], atol=1e-7)
    assert (min(lengths), max(lengths)) == (83, 123)  # 101 exp(-0.2) and 101 exp(0.2)
    assert settings.fewest_frames(101) == 83
    assert 18.0 < min(mels) < 18.4  # 20 exp(-0.1) = 18.1
    assert 21.8 < max(mels) < 22.2  # 20 exp(0.1) = 22.1


def test_a_louder_recording_has_the_features_of_louder_samples() -> None:
    features, settings = Features(deltas=1), Augmentation(loudness=12.0)
    samples = tone(0.1) + np.random.default_rng(0).normal(0, 0.01, len(tone(0.1))).astype(np.float32)
    plain = features.plain(samples)
    decibels = np.random.default_rng(5).uniform(-12, 12)
    assert abs(decibels) > 3
    found = settings.louder(plain, features, np.random.default_rng(5))
    truth = features.plain((samples * 10 ** (decibels / 20)).astype(np.float32))
    np.testing.assert_allclose(found, truth, atol=2e-3)
    same = Augmentation(loudness=0).louder(plain, features, np.random.default_rng(5))
    np.testing.assert_array_equal(same, plain)
    nothing = features.plain(np.zeros(4000))
    np.testing.assert_allclose(
        settings.louder(nothing, features, np.random.default_rng(5)), nothing, atol=1e-6
    )


def test_silence_comes_before_and_behind_half_of_the_recordings() -> None:
    features, settings = Features(deltas=1), Augmentation(silence=0.5)
    samples = np.concatenate([np.random.default_rng(0).normal(0, 0.001, 4000), tone(0.3)])
    plain, generator = features.plain(samples), np.random.default_rng(2)
    quiet = plain[:23, :40].mean()
    lengths, levels = [], []
    for _ in range(400):
        found, before = settings.amid_silence(plain, features, generator)
        np.testing.assert_array_equal(found[before : before + len(plain)], plain)
        if len(found) == len(plain):
            assert before == 0
            continue
        lengths.append((before, len(found) - len(plain) - before))
        added = np.concatenate([found[:before], found[before + len(plain) :]])
        levels.append(added[:, :40].mean())
        assert np.isfinite(added).all()
    assert 160 < len(lengths) < 240
    assert np.array(lengths).min() == 0
    assert np.array(lengths).max() == 50
    assert 22 < np.mean(lengths) < 28
    digital = np.isclose(levels, np.log(1e-9), atol=1e-4)
    assert 0.4 < digital.mean() < 0.6
    np.testing.assert_allclose(np.array(levels)[~digital], quiet, atol=0.5)
    same, before = Augmentation().amid_silence(plain, features, generator)
    assert same is plain
    assert before == 0


def test_without_warping_nothing_changes() -> None:
    plain = Features().plain(tone(0.3))
    same = Augmentation(tempo=0.0, tract=0.0)
    np.testing.assert_array_equal(same.warped(plain, 40, np.random.default_rng(0)), plain)
    assert Augmentation().warped(plain[:0], 40, np.random.default_rng(0)).shape == (0, 40)
    assert len(Augmentation(tempo=0.5).warped(plain[:1], 40, np.random.default_rng(0))) in (1, 2)


def test_a_longer_vocal_tract_sounds_lower() -> None:
    """Warped features are those of a tone whose pitch is so many mels lower, within a mel."""
    features, pitch = Features(), 500.0
    plain = features.plain(tone(0.3, pitch=pitch))
    lower = Augmentation(tempo=0.0, tract=0.2).warped(plain, 40, np.random.default_rng(3))
    drawn = np.exp(np.random.default_rng(3).uniform(-0.2, 0.2))
    assert abs(lower.mean(axis=0).argmax() - plain.mean(axis=0).argmax() * drawn) <= 1


def test_masks_are_bands_and_gaps_of_zeros() -> None:
    settings, generator = Augmentation(), np.random.default_rng(0)
    features = np.random.default_rng(1).uniform(1, 2, (100, 80)).astype(np.float32)
    before = features.copy()
    bands, gaps = [], []
    for _ in range(400):
        found = settings.masked(features, 40, generator)
        hidden = found == 0
        np.testing.assert_array_equal(found[~hidden], features[~hidden])
        rows, columns = hidden.all(axis=1), hidden.all(axis=0)
        np.testing.assert_array_equal(hidden, rows[:, None] | columns)
        np.testing.assert_array_equal(columns[:40], columns[40:])
        bands.append(columns[:40].sum())
        gaps.append(rows.sum())
    np.testing.assert_array_equal(features, before)
    assert (min(bands), max(bands)) == (0, 16)  # two bands of at most 8
    assert (min(gaps), 38 <= max(gaps) <= 40) == (0, True)  # two gaps of at most 20, a fifth
    assert 6.5 < np.mean(bands) < 8
    assert 17 < np.mean(gaps) < 20


@pytest.mark.parametrize("frames", [1, 2, 4, 7])
def test_short_recordings_keep_most_of_their_frames(frames: int) -> None:
    settings, generator = Augmentation(frequency_masks=0), np.random.default_rng(0)
    for _ in range(200):
        found = settings.masked(np.ones((frames, 40), np.float32), 40, generator)
        assert (found == 0).all(axis=1).sum() <= 2 * int(0.2 * frames)


def test_the_same_generator_gives_the_same_changes() -> None:
    settings, noises = Augmentation(noise_share=1.0), Noises.of(Features())
    plain = noises.features.plain(tone())

    def changed(seed: int) -> tuple:
        generator = np.random.default_rng(seed)
        made = settings.masked(np.ones((50, 40), np.float32), 40, generator)
        noisy = settings.with_noise(plain, noises, generator)
        return settings.speed(generator), noisy.tolist(), made.tolist()

    assert changed(3) == changed(3)
    assert changed(3) != changed(4)


def test_nothing_is_changed_where_nothing_is_asked_for() -> None:
    settings = Augmentation(speeds=(1.0,), noise_share=0, frequency_masks=0, time_masks=0)
    generator, features = np.random.default_rng(0), Features()
    plain = features.plain(tone())
    assert settings.speed(generator) == 1.0
    assert settings.with_noise(plain, Noises.of(features), generator) is plain
    np.testing.assert_array_equal(settings.masked(np.ones((9, 4)), 4, generator), np.ones((9, 4)))


def test_settings_come_back_from_json_and_are_checked() -> None:
    settings = Augmentation(speeds=(0.95, 1.05), time_masks=3)
    assert Augmentation.from_dict(json.loads(json.dumps(settings.as_dict()))) == settings
    with pytest.raises(InvalidArgument, match="no setting 'time_mask'; did you mean 'time_masks'"):
        Augmentation.from_dict({"time_mask": 1})
    for wrong, words in (
        ({"speeds": ()}, "speeds should be"),
        ({"speeds": (0.1,)}, r"speeds should be 0.5 to 2, came .0.1,"),
        ({"noise_share": 2}, "noise_share should be 0 to 1, came 2"),
        ({"quietest_noise": 5}, "quietest_noise should be loudest_noise to 100 dB, came 5"),
        ({"time_share": -1}, "time_share should be"),
        ({"silence": 61}, "silence should be 0 to 60 seconds, came 61"),
    ):
        with pytest.raises(InvalidArgument, match=words):
            Augmentation(**wrong)
