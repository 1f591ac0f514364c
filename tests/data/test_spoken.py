"""Recordings divided into parts to train on and validate with, and joined into longer ones."""

from pathlib import Path

import numpy as np
import pytest

from hiddenstate.data.audio.reading import read
from hiddenstate.data.spoken import Joined, Recording, SpokenCorpus, divided
from hiddenstate.errors import DataError, InvalidArgument
from spoken_files import tone, written


def corpus_of(speakers: dict[str | None, int]) -> SpokenCorpus:
    names = [speaker for speaker, count in speakers.items() for _ in range(count)]
    made = (
        Recording(f"{row}", Path(f"{row}.wav"), "word", 1.0, speaker) for row, speaker in enumerate(names)
    )
    return SpokenCorpus("some", {"train": tuple(made)}, "")


def test_whole_speakers_are_held_out() -> None:
    corpus = corpus_of({f"s{number}": 10 + number % 3 for number in range(40)})
    parts = divided(corpus, seed=3)
    training, held = set(parts.speakers("train")), set(parts.speakers("validation"))
    assert (training & held, len(training | held)) == (set(), 40)
    assert 0.08 <= len(parts.split("validation")) / len(corpus) <= 0.11
    assert parts.notes[0].endswith(f"all of the speakers {', '.join(sorted(held))}.")
    assert divided(corpus, seed=3) == parts
    assert set(divided(corpus, seed=4).speakers("validation")) != held
    assert divided(parts, seed=4) is parts
    assert sorted(each.name for split in parts.splits.values() for each in split) == sorted(
        each.name for each in corpus.split("train")
    )


@pytest.mark.parametrize(
    ("speakers", "held", "whole"),
    [
        ({"a": 30, "b": 30, "c": 30, "d": 11}, 11, True),  # each has more than a tenth; the least of them
        ({"a": 30, "b": 30, "c": 30}, 9, False),  # each has a third
        ({"a": 100}, 10, False),
        ({None: 50}, 5, False),
        ({"a": 5, "b": 5, "c": 5, "d": 50, None: 1}, 7, False),
        ({"a": 2}, 1, False),
    ],
)
def test_where_speakers_are_few_or_unknown_recordings_are_held_out(
    speakers: dict[str | None, int], held: int, whole: bool
) -> None:
    parts = divided(corpus_of(speakers), seed=0)
    assert len(parts.split("validation")) == held
    assert ("all of the speakers" in parts.notes[0]) == whole


def test_what_cannot_be_divided_is_said() -> None:
    with pytest.raises(DataError, match="at least two recordings to train on and validate with, came 1"):
        divided(corpus_of({"a": 1}), seed=0)
    with pytest.raises(InvalidArgument, match=r"more than 0 and at most 0.5, came 1"):
        divided(corpus_of({"a": 9}), seed=0, validation=1)


def test_joined_recordings_stand_whole_between_quiet_pauses(tmp_path: Path) -> None:
    parts = []
    for number, rate in enumerate((8000, 16000)):
        path = written(tmp_path / f"{number}.wav", 0.5, rate, 300.0 + 100 * number)
        parts.append(Recording(path.stem, path, f"w{number}", 0.5, "s"))
    joined = Joined("j", tuple(parts), (0.1, 0.2, 0.3), seed=5)
    assert (joined.text, joined.seconds, joined.speaker) == ("w0 w1", 1.6, "s")
    samples = joined.samples()
    assert len(samples) == 25600
    np.testing.assert_array_equal(samples[1600:9600], read(parts[0].path))
    np.testing.assert_array_equal(samples[12800:20800], read(parts[1].path))
    for pause in (samples[:1600], samples[9600:12800], samples[20800:]):
        assert 0.05 < pause.std() < 0.25  # a tone of 0.3 is never quieter than 0.3 / sqrt 2
        assert np.abs(np.corrcoef(pause[:-1], pause[1:])[0, 1]) < 0.1
    np.testing.assert_array_equal(samples, joined.samples())
    with pytest.raises(
        InvalidArgument, match="one pause more than recordings, came 2 pauses and 2 recordings"
    ):
        Joined("j", tuple(parts), (0.1, 0.2), seed=5)


def test_pauses_are_as_quiet_as_the_quietest_stretch_beside_them(tmp_path: Path) -> None:
    import soundfile

    quiet = np.concatenate([tone(0.3), 0.01 * tone(0.1) / 0.3, tone(0.1)])
    soundfile.write(tmp_path / "a.wav", quiet, 16000)
    part = Recording("a", tmp_path / "a.wav", "w", 0.5)
    pause = Joined("j", (part,), (0.0, 1.0), seed=0).samples()[8000:]
    np.testing.assert_allclose(pause.std(), 0.01 / np.sqrt(2), rtol=0.05)
