"""Features on disk: of this very recording and these settings, made again where damaged, never too many."""

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hiddenstate.data.audio import cache as caching
from hiddenstate.data.audio.augment import faster
from hiddenstate.data.audio.cache import FeatureCache, gathered, refuse
from hiddenstate.data.audio.features import Features
from hiddenstate.data.spoken import Joined, Recording
from hiddenstate.errors import DataError, InvalidArgument
from spoken_files import tone, written

FEATURES = Features()


def recording(path: Path, pitch: float = 440.0, speaker: str | None = None) -> Recording:
    return Recording(path.stem, written(path, 0.5, pitch=pitch), "word", 0.5, speaker)


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "cache")


def entries(cache: FeatureCache) -> list[str]:
    return sorted(os.listdir(cache.folder))


def test_an_entry_is_computed_once(tmp_path: Path, cache: FeatureCache, computed: list[str]) -> None:
    one = recording(tmp_path / "a.wav")
    wanted = FEATURES.plain(one.samples())
    for each in (cache, cache, FeatureCache(cache.folder)):
        found, notes = each.plain(one, FEATURES)
        np.testing.assert_array_equal(found, wanted, strict=True)
        assert notes == ()
    assert computed == ["a"]
    assert len(entries(cache)) == 1


def test_what_changes_the_features_is_another_entry(
    tmp_path: Path, cache: FeatureCache, computed: list[str]
) -> None:
    one = recording(tmp_path / "a.wav")
    piece = Recording("piece", one.path, "word", 0.2, start=0.1, end=0.3)
    np.testing.assert_array_equal(cache.plain(piece, FEATURES)[0], FEATURES.plain(one.samples()[1600:4800]))
    np.testing.assert_array_equal(
        cache.plain(one, FEATURES, 1.1)[0], FEATURES.plain(faster(one.samples(), 1.1))
    )
    cache.plain(one, FEATURES)
    cache.plain(one, Features(mels=30))
    joined = [Joined("joined", (one, one), (0.1, 0.1, 0.1), seed) for seed in (1, 2)]
    for each in joined:
        np.testing.assert_array_equal(cache.plain(each, FEATURES)[0], FEATURES.plain(each.samples()))
    assert len(entries(cache)) == len(computed) == 6
    for normalised in (Features(normalisation="speaker"), Features(horizon=9.0)):
        cache.plain(one, normalised)
    assert len(computed) == 6


def test_a_copy_has_its_features_and_a_changed_file_never_those_of_before(
    tmp_path: Path, cache: FeatureCache, computed: list[str]
) -> None:
    one = recording(tmp_path / "a.wav")
    cache.plain(one, FEATURES)
    shutil.copy(one.path, tmp_path / "b.wav")
    os.utime(one.path)
    cache.plain(one, FEATURES)
    cache.plain(Recording("b", tmp_path / "b.wav", "other", 0.5), FEATURES)
    assert computed == ["a"]
    about = one.path.stat()
    recording(tmp_path / "a.wav", pitch=600.0)
    os.utime(one.path, ns=(about.st_atime_ns, about.st_mtime_ns))
    found, _ = FeatureCache(cache.folder).plain(one, FEATURES)
    assert computed == ["a", "a"]
    np.testing.assert_array_equal(found, FEATURES.plain(one.samples()))


def test_a_damaged_entry_is_made_again_and_said(
    tmp_path: Path, cache: FeatureCache, computed: list[str]
) -> None:
    one = recording(tmp_path / "a.wav")
    wanted, _ = cache.plain(one, FEATURES)
    path = cache.folder / entries(cache)[0]
    content = path.read_bytes()
    for damage in (b"", content[:20], content[:-1], content[:500] + b"\0" + content[501:], content + b"x"):
        path.write_bytes(damage)
        each = FeatureCache(cache.folder)
        np.testing.assert_array_equal(each.plain(one, FEATURES)[0], wanted)
        assert each.notes == [f"{path}: this entry of the cache is damaged and is made again."]
        assert path.read_bytes() == content
    assert len(computed) == 6


def test_the_size_is_bounded_and_what_was_used_last_stays(tmp_path: Path, computed: list[str]) -> None:
    some = [recording(tmp_path / f"{number}.wav", 300.0 + number) for number in range(8)]
    size = len(caching._encoded(FEATURES.plain(some[0].samples()), ()))
    cache = FeatureCache(tmp_path / "cache", limit=5 * size)
    for each in some[:5]:
        cache.plain(each, FEATURES)
    for age, path in enumerate(sorted(cache.folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)):
        os.utime(path, (time.time() - 100 + age,) * 2)
    cache.plain(some[0], FEATURES)  # the oldest, used again
    cache.plain(some[5], FEATURES)
    assert sum(path.stat().st_size for path in cache.folder.iterdir()) <= 5 * size
    del computed[:]
    again = FeatureCache(tmp_path / "cache", limit=5 * size)
    for each in (some[0], some[5], some[4]):
        again.plain(each, FEATURES)
    assert computed == []
    again.plain(some[1], FEATURES)
    assert computed == ["1"]
    none = FeatureCache(tmp_path / "none", limit=0)
    none.plain(some[0], FEATURES)
    assert not none.folder.exists()
    with pytest.raises(InvalidArgument, match="limit: expected 0 or more bytes, came -1"):
        FeatureCache(tmp_path, limit=-1)


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file")
    cache = FeatureCache(tmp_path / "cache")
    some = [recording(tmp_path / f"{number}.wav") for number in range(3)]
    found = gathered(some, FEATURES, cache)
    assert len(found.plain) == 3
    assert len(found.notes) == 1
    assert "features cannot be kept here" in found.notes[0]


def test_half_written_entries_are_swept_up_once_they_are_old(tmp_path: Path, cache: FeatureCache) -> None:
    cache.folder.mkdir()
    for name, age in (("old", 7200), ("young", 0)):
        (cache.folder / f"{name}.features.1.partial").write_bytes(b"half")
        os.utime(cache.folder / f"{name}.features.1.partial", (time.time() - age,) * 2)
    cache.plain(recording(tmp_path / "a.wav"), FEATURES)
    assert [name for name in entries(cache) if name.endswith("partial")] == ["young.features.1.partial"]


def test_all_bad_recordings_are_listed_at_once(tmp_path: Path, cache: FeatureCache) -> None:
    good = recording(tmp_path / "good.wav")
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 16000)
    soundfile.write(tmp_path / "nan.wav", np.full(8000, np.nan), 16000, subtype="FLOAT")
    bad = [Recording(name, tmp_path / f"{name}.wav", "word", 0.5) for name in ("silent", "nan", "gone")]
    for each in (cache, None):
        done: list[int] = []
        found = gathered([*bad, good], FEATURES, each, told=done.append)
        assert done == [1, 2, 3, 4]
        assert (found.recordings, len(found.plain)) == ((good,), 1)
        with pytest.raises(DataError) as caught:
            refuse(found.faults, 4, skip_bad=False)
        lines = str(caught.value).splitlines()
        assert lines[0] == "3 of 4 recordings cannot be used:"
        assert "silent.wav: every sample is 0" in lines[1]
        assert "nan.wav: expected samples that are numbers, came nan at 0.000 s" in lines[2]
        assert "gone.wav: " in lines[3]
        assert "--skip-bad" in lines[4]
        first, *others = refuse(found.faults, 4, skip_bad=True)
        assert first == "Left out 3 of 4 recordings:"
        assert others == [line.strip() for line in lines[1:4]]
        with pytest.raises(DataError, match="3 of 3 recordings cannot be used"):
            refuse(gathered(bad, FEATURES, each).faults, 3, skip_bad=True)
    assert refuse((), 4, skip_bad=False) == ()
    seven = [f"{number}." for number in range(7)]
    assert refuse(seven, 8, skip_bad=True) == ("Left out 7 of 8 recordings:", *seven)
    assert refuse(["a.", "b.", "a."], 8, skip_bad=True) == ("Left out 2 of 8 recordings:", "a.", "b.")
    short = Recording("short", written(tmp_path / "short.wav", 0.15), "word", 0.15)
    for speeds, count in (((), 0), ((1.0, 2.0), 1)):
        found = gathered([short], Features(window=0.1), speeds=speeds)
        assert found.faults == ("short: shorter than one window of 0.1 s.",) * count


def test_other_speeds_are_kept_too(tmp_path: Path, cache: FeatureCache, computed: list[str]) -> None:
    one = recording(tmp_path / "a.wav")
    for each in (cache, FeatureCache(cache.folder)):
        found = gathered([one], FEATURES, each, speeds=(0.9, 1.0, 1.1))
        for speed, frames in zip((0.9, 1.0, 1.1), found.changed[0], strict=True):
            np.testing.assert_array_equal(frames, FEATURES.plain(faster(one.samples(), speed)))
        np.testing.assert_array_equal(found.plain[0], found.changed[0][1])
    assert len(computed) == len(entries(cache)) == 3


def test_notes_on_a_recording_come_from_the_cache_too(tmp_path: Path, cache: FeatureCache) -> None:
    soundfile.write(tmp_path / "loud.wav", np.clip(5 * tone(), -1, 1), 16000)
    loud = Recording("loud", tmp_path / "loud.wav", "word", 0.5)
    for _ in range(2):
        found = gathered([loud], FEATURES, cache)
        assert len(found.notes) == 1
        assert "of its samples are clipped" in found.notes[0]
