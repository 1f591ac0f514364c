"""Features: librosa's numbers, the same bits in chunks of any size, and what cannot be computed said."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data.audio.features import Features
from hiddenstate.data.audio.mel import bank, to_hertz
from hiddenstate.data.audio.normalising import LEAST, Sounding, Statistics, sounding
from hiddenstate.errors import DataError, InvalidArgument
from judges import librosa_numbers
from judges.librosa_numbers import CASES, FILTERS, PLAIN, edges, emphasised, judged, noise, some

LIBROSA = librosa_numbers.stored()
STATISTICS = Statistics(tuple(np.linspace(-9, -12, 40)), tuple(np.linspace(2, 4, 40)), 1000)


@pytest.mark.parametrize("name", CASES)
def test_librosa_gave_the_same_numbers(name: str) -> None:
    features = CASES[name]
    samples = noise(1.3, features.rate)
    found = features.of(samples)
    assert found.dtype == np.float32
    assert len(found) == features.frames_in(len(samples))
    np.testing.assert_allclose(some(found), LIBROSA["features"][name], rtol=0, atol=3e-6)


def test_librosa_has_the_same_filters() -> None:
    for name, features in FILTERS.items():
        sizes = features.window_of()
        ours = bank(sizes).energies(np.eye(sizes.fft // 2 + 1))
        np.testing.assert_allclose(edges(ours.T), LIBROSA["filters"][name], rtol=1e-12)


@pytest.mark.slow
def test_librosa_gives_the_same_numbers_everywhere() -> None:
    """The numbers kept are its own, and so are all those that were not kept."""

    def close(one: Any, other: Any) -> None:
        if isinstance(one, dict):
            assert one.keys() == other.keys()
            for key, value in one.items():
                close(value, other[key])
        else:
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=3e-8)

    close(librosa_numbers.live(), LIBROSA)
    for features in CASES.values():
        samples = noise(1.3, features.rate)
        np.testing.assert_allclose(features.of(samples), judged(features, samples), rtol=0, atol=3e-6)
    for features in FILTERS.values():
        sizes = features.window_of()
        ours = bank(sizes).energies(np.eye(sizes.fft // 2 + 1))
        np.testing.assert_allclose(ours.T, librosa_numbers.filters(features), rtol=1e-12, atol=1e-15)
    samples = noise(0.7)
    found = replace(PLAIN, preemphasis=0.97).of(samples)
    np.testing.assert_allclose(found, judged(PLAIN, emphasised(samples)), rtol=0, atol=3e-6)
    for deltas in (1, 2):
        wanted = librosa_numbers.slopes(PLAIN.of(noise(0.5)), deltas)
        np.testing.assert_allclose(replace(PLAIN, deltas=deltas).of(noise(0.5)), wanted, rtol=0, atol=1e-5)


def test_torch_gives_the_same_spectrum() -> None:
    """As the class says: so that training may compute features beside the model."""
    import torch

    for features in (PLAIN, replace(PLAIN, rate=8000, mels=30, preemphasis=0.97)):
        sizes, samples = features.window_of(), noise(0.8, features.rate).astype(np.float64)
        emphasised = samples.copy()
        emphasised[1:] -= sizes.preemphasis * samples[:-1]
        left = (sizes.fft - sizes.window) // 2
        padded = torch.nn.functional.pad(
            torch.from_numpy(emphasised), (left, sizes.fft - sizes.window - left)
        )
        window = torch.hann_window(sizes.window, dtype=torch.float64)
        spectrum = torch.stft(
            padded, sizes.fft, sizes.step, sizes.window, window, center=False, return_complex=True
        )
        filters = torch.from_numpy(bank(sizes).energies(np.eye(sizes.fft // 2 + 1)))
        found = torch.log(spectrum.abs().T ** 2 @ filters + sizes.floor)
        np.testing.assert_allclose(features.of(noise(0.8, features.rate)), found.numpy(), rtol=0, atol=3e-6)


def test_a_pure_tone_is_loudest_in_the_filter_whose_corner_it_is() -> None:
    corners = to_hertz(np.linspace(*LIBROSA["mels"], 42))
    for filter_ in (5, 17, 33):
        tone = np.sin(2 * np.pi * corners[filter_ + 1] * np.arange(4000) / 16000)
        assert set(PLAIN.of(tone).argmax(axis=1)) == {filter_}


def test_preemphasis_is_a_filter_over_the_whole_recording() -> None:
    found = replace(PLAIN, preemphasis=0.97).of(noise(0.7))
    np.testing.assert_allclose(some(found), LIBROSA["emphasised"], rtol=0, atol=3e-6)
    np.testing.assert_allclose(found, PLAIN.of(emphasised(noise(0.7))), rtol=0, atol=3e-6)


@pytest.mark.parametrize("deltas", [1, 2])
def test_slopes_are_librosas(deltas: int) -> None:
    found = replace(PLAIN, deltas=deltas).of(noise(0.5))
    np.testing.assert_allclose(some(found), LIBROSA["slopes"][str(deltas)], rtol=0, atol=1e-5)


def test_slopes_of_two_frames_repeat_both_ends() -> None:
    samples = noise(0.2)[1000:1560]
    found = replace(PLAIN, deltas=1).of(samples)
    first, second = PLAIN.of(samples).astype(np.float64)
    change = (second - first) * np.array([[0.3], [0.3]])  # (2 * 1 + 1 * 1) / 10 at either end
    np.testing.assert_allclose(found[:, 40:], change, rtol=0, atol=1e-6)


def hiss(seconds: float, rate: int = 16000, seed: int = 0) -> np.ndarray:
    """Noise that does not change."""
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate)).astype(np.float32)


def words(seconds: float, rate: int = 16000, seed: int = 0) -> np.ndarray:
    """Bursts of noise, as loud as words are, in a quiet room, with gaps of digital silence."""
    at = np.arange(round(seconds * rate)) / rate
    loud = np.select([at % 2.3 < 0.15, (at + 0.1 * seed) % 0.7 < 0.4], [0.0, 1.0], 0.003)
    return (hiss(seconds, rate, seed) * loud).astype(np.float32)


def sounds_in(plain: np.ndarray, noise: float) -> list[bool]:
    """By the definition, frame after frame: which are 10 dB above a noise that rises by 3 dB a second, or
    were up to 30 frames ago."""
    decibel, found, levels, last = np.log(10) / 10, [], [np.inf, np.inf], -np.inf
    for at, frame in enumerate(plain):
        level = np.inf if np.median(frame[:40]) <= np.log(2e-9) else frame[:40].mean()
        levels.append(level)
        noise = min(noise + 0.03 * decibel * np.isfinite(level), max(levels[-3:]))
        last = at if noise + 10 * decibel < level < np.inf else last
        found.append(bool(np.isfinite(level) and at - last <= 30))
    return found


def test_what_sounds_stands_out_of_the_noise_and_digital_silence_is_none() -> None:
    plain = PLAIN.plain(words(6.0)).astype(np.float64)
    sounds = Sounding(40, 1e-9, 0.01, -14.0)
    levels = sounds.levels(plain)
    found = sounds.loud(levels)
    starts = np.arange(len(plain)) / 100
    loud = (starts % 2.3 > 0.16) & (starts % 2.3 < 2.26) & (starts % 0.7 > 0.01) & (starts % 0.7 < 0.36)
    quiet = (starts % 0.7 > 0.41) & (starts % 0.7 < 0.66)
    assert found[loud].all()
    assert not found[quiet].any()
    nothing = (starts % 2.3 < 0.12) & (starts < 5.9)
    assert np.isinf(levels[nothing]).all()
    np.testing.assert_array_equal(Sounding(40, 1e-9, 0.01, -14.0).feed(plain), sounds_in(plain, -14.0))


def test_of_a_whole_recording_what_sounds_soon_counts_too() -> None:
    samples = np.concatenate([0.003 * hiss(2.0), hiss(1.0, seed=1), 0.003 * hiss(2.0, seed=2)])
    plain = PLAIN.plain(samples)
    found = np.flatnonzero(Sounding(40, 1e-9, 0.01).around(plain))
    assert abs(found[0] - 168) <= 1  # 0.3 seconds before 2, and its windows of 25 ms
    assert abs(found[-1] - 330) <= 1
    assert len(found) == found[-1] - found[0] + 1
    np.testing.assert_array_equal(sounding(plain, 40, 1e-9, 0.01), plain[found])


def test_what_only_became_louder_is_noise_after_a_while() -> None:
    plain = PLAIN.plain(np.concatenate([hiss(4.0), 4 * hiss(8.0)]))  # by 12 dB
    found = Sounding(40, 1e-9, 0.01).feed(plain)
    assert not found[:390].any()
    assert found[405:430].all()
    assert not found[600:].any()
    steady = PLAIN.plain(hiss(1.0))
    np.testing.assert_array_equal(sounding(steady, 40, 1e-9, 0.01), steady)


@pytest.mark.parametrize("statistics", [None, STATISTICS])
@pytest.mark.parametrize("horizon", [0.01, 0.5, 1000.0])
def test_running_normalisation_is_its_recurrence(horizon: float, statistics: Statistics | None) -> None:
    features = Features(horizon=horizon, prior=0.3, statistics=statistics)
    plain = features.plain(words(4.0)).astype(np.float64)
    decay = np.exp(-features.step / features.horizon)
    count = features.prior / features.step if statistics else 0.0
    mean = np.array(statistics.mean) if statistics else 0.0
    sums, squares = count * mean, count * (mean**2 + np.array(STATISTICS.deviation) ** 2 * bool(statistics))
    quiet = np.mean(STATISTICS.mean) - 2 * np.log(10) if statistics else np.inf
    wanted, begun = list[np.ndarray](), bool(count)
    for frame, sounds in zip(plain, sounds_in(plain, quiet), strict=True):
        begun |= sounds
        if sounds or not begun:
            count, sums, squares = decay * count + 1, decay * sums + frame, decay * squares + frame**2
        mean = sums / count
        frame = (frame - mean) / np.sqrt(np.maximum(squares / count - mean**2, 0) + LEAST)
        wanted.append(np.maximum(frame, -2.5))
    np.testing.assert_allclose(features.of(words(4.0)), wanted, rtol=0, atol=3e-6)


def test_normalisation_by_speaker_takes_out_mean_and_deviation() -> None:
    features = Features(normalisation="speaker")
    steady = features.plain(hiss(3.0)).astype(np.float64)  # nothing stands out of it, so all of it counts
    wanted = (steady - steady.mean(axis=0)) / np.sqrt(steady.var(axis=0) + LEAST)
    np.testing.assert_allclose(features.of(hiss(3.0)), np.maximum(wanted, -2.5), atol=1e-6)
    parts = [features.plain(words(3.0, seed=seed)) for seed in range(3)]
    both = np.concatenate([sounding(part, 40, 1e-9, 0.01) for part in parts]).astype(np.float64)
    speaker = features.statistics_of(parts)
    np.testing.assert_allclose(speaker.mean, both.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(speaker.deviation, both.std(axis=0), rtol=1e-12)
    wanted = np.maximum((parts[1] - both.mean(axis=0)) / np.sqrt(both.var(axis=0) + LEAST), -2.5)
    np.testing.assert_allclose(features.of(words(3.0, seed=1), speaker), wanted, atol=3e-6)


@pytest.mark.parametrize("normalisation", ["speaker", "running", "training"])
@pytest.mark.parametrize("level", [0.0, 0.003])
def test_however_long_nothing_is_said_the_words_look_the_same(normalisation: str, level: float) -> None:
    features = Features(normalisation=normalisation, statistics=STATISTICS)
    room = level * hiss(9.0, seed=5)
    said = np.concatenate([room[-8000:], words(3.2, seed=1), room[:8000]])
    alone = features.of(said)
    for before, behind in ((0.0, 5.0), (0.5, 0.0), (9.0, 9.0)):
        silence = [room[: round(seconds * 16000)] for seconds in (before, behind)]
        frames = features.of(np.concatenate([silence[0], said, silence[1]]))
        here = frames[round(100 * before) :][: len(alone)]
        np.testing.assert_allclose(here, alone, atol=2e-5 if not level else 0.05)


def test_normalisation_by_training_is_the_same_for_everybody() -> None:
    statistics = Statistics(tuple(range(-40, 0)), (8.0,) * 40, 1)
    features = Features(normalisation="training", statistics=statistics)
    plain = features.plain(noise(0.3)).astype(np.float64)
    wanted = np.maximum((plain - np.arange(-40, 0)) / np.sqrt(64 + LEAST), -2.5)
    np.testing.assert_allclose(features.of(noise(0.3)), wanted, rtol=1e-6)
    bare = Features(normalisation="training")
    for asked in (lambda: bare.of(noise(0.3)), bare.stream):
        with pytest.raises(InvalidArgument, match="needs the statistics of the training data"):
            asked()


STREAMED = (
    Features(statistics=STATISTICS),
    Features(rate=8000, mels=24, deltas=2, preemphasis=0.9),
    Features(mels=80, deltas=1, normalisation="none"),
    Features(normalisation="speaker"),
    Features(normalisation="training", statistics=STATISTICS),
)


@given(
    st.sampled_from(STREAMED),
    st.lists(st.one_of(st.integers(0, 9), st.integers(0, 700), st.integers(0, 9000)), max_size=30),
    st.integers(0, 3),
)
def test_a_stream_in_chunks_of_any_size_is_the_whole_to_the_last_bit(features, sizes, seed) -> None:
    samples = words(0.02 + sum(sizes) / features.rate, features.rate, seed)
    speaker = STATISTICS if features.normalisation == "speaker" else None
    stream, at, parts = features.stream(speaker), 0, []
    for size in sizes:
        parts.append(stream.feed(samples[at : at + size]))
        at += size
    parts += [stream.feed(samples[at:]), stream.finish()]
    np.testing.assert_array_equal(np.concatenate(parts), features.of(samples, speaker), strict=True)


def test_long_recordings_are_their_pieces_to_the_last_bit() -> None:
    """Beyond the blocks in which samples, frames and running sums are taken."""
    features, samples = Features(deltas=1), words(40.0)
    stream = features.stream()
    parts = [stream.feed(samples[at : at + 1600]) for at in range(0, len(samples), 1600)]
    np.testing.assert_array_equal(np.concatenate([*parts, stream.finish()]), features.of(samples))
    np.testing.assert_array_equal(features.normalised(features.plain(samples)), features.of(samples))


def test_a_frame_comes_as_soon_as_it_is_complete() -> None:
    stream = Features(deltas=1).stream()
    came = [len(stream.feed(noise(0.001))) for _ in range(70)]
    # a window of 25 ms, two frames behind it for its slope, then one every 10 ms
    assert [at + 1 for at, count in enumerate(came) if count] == [45, 55, 65]
    assert len(stream.finish()) == 2


def test_sixteen_bits_are_parts_of_32768() -> None:
    whole = np.array([0, 1, -32768, 32767, 12345] * 200, np.int16)
    np.testing.assert_array_equal(PLAIN.of(whole), PLAIN.of(whole / 32768.0))


def test_silence_is_the_floor_and_less_than_a_window_is_nothing() -> None:
    assert PLAIN.of(np.zeros(400)).tolist() == [[np.float32(np.log(1e-9))] * 40]
    np.testing.assert_allclose(Features().of(np.zeros(4000)), np.zeros((23, 40)), atol=1e-11)
    for features in (PLAIN, Features(deltas=2), Features(normalisation="speaker")):
        assert features.of(np.zeros(399)).shape == (0, features.width)
        assert features.of(np.zeros(0)).shape == (0, features.width)


def test_settings_come_back_from_json() -> None:
    features = Features(rate=8000, deltas=1, mels=20, high=3800.0, statistics=STATISTICS)
    assert Features.from_dict(json.loads(json.dumps(features.as_dict()))) == features
    with pytest.raises(InvalidArgument, match="no setting 'windw'; did you mean 'window'"):
        Features.from_dict({"windw": 1})


def test_the_key_is_of_what_is_computed_before_normalisation() -> None:
    features = Features()
    same = [Features(normalisation="speaker"), Features(horizon=9.0), Features(statistics=STATISTICS)]
    assert {each.key for each in same} == {features.key}
    others = [Features(mels=41), Features(rate=8000), Features(deltas=1), Features(floor=1e-8)]
    assert len({each.key for each in [features, *others]}) == 5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rate": 100}, "rate should be 2000 to 384000 a second, came 100"),
        ({"rate": 16000.0}, "rate should be"),
        ({"step": 0.03}, "step should be 0.001 seconds to the length of the window, came 0.03"),
        ({"window": float("nan")}, "window should be"),
        ({"high": 9000.0}, "high should be at most half the rate, came 9000"),
        ({"low": 8000.0}, "low should be 0 to less than high"),
        ({"mels": 0}, "mels should be 1 to 512"),
        ({"mels": 200}, r"came 200 from 20 to 8000 Hz, of which \d+ have none .* every 31.2 Hz.. Take fewer"),
        ({"deltas": 3}, "deltas should be 0, 1 or 2"),
        ({"floor": 0.0}, "floor should be"),
        ({"horizon": 0.001}, "horizon should be the step to a million seconds, came 0.001"),
        ({"normalisation": "runing"}, "unknown normalisation 'runing'; did you mean 'running'"),
        ({"mels": 20, "statistics": STATISTICS}, "those of 20 features .* came 40"),
    ],
)
def test_settings_that_cannot_be_are_named(settings: dict, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        Features(**settings)


def test_samples_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"one channel \[n\], came an array \[100, 2\]"):
        PLAIN.of(np.zeros((100, 2)))
    with pytest.raises(InvalidArgument, match="as floats from -1 to 1 or as int16, came int32"):
        PLAIN.of(np.zeros(100, np.int32))
    with pytest.raises(DataError, match=r"came nan .sample 7 of a chunk of 500"):
        PLAIN.of(np.where(np.arange(500) == 7, np.nan, 0.1))


def test_streams_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="needs the statistics of the speaker"):
        Features(normalisation="speaker").stream()
    with pytest.raises(InvalidArgument, match="'running' with them"):
        Features().stream(STATISTICS)
    with pytest.raises(InvalidArgument, match="go with normalisation='speaker'; this is 'running'"):
        Features().of(np.zeros(1000), STATISTICS)
    stream = Features().stream()
    stream.finish()
    with pytest.raises(InvalidArgument, match="has ended"):
        stream.feed(np.zeros(100))


def test_statistics_need_frames_and_finite_numbers() -> None:
    with pytest.raises(InvalidArgument, match="at least one frame"):
        Statistics.of([np.zeros((0, 40))])
    with pytest.raises(InvalidArgument, match="finite mean"):
        Statistics((float("nan"),), (1.0,), 3)
    with pytest.raises(InvalidArgument, match="deviation of 0 or more"):
        Statistics((0.0,), (-1.0,), 3)
