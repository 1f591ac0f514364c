"""The corpora of recordings that have a name: their splits, and what is missing said."""

import os
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.data.audio.features import Features
from hiddenstate.data.recordings import read_recordings
from hiddenstate.data.spoken import divided
from hiddenstate.errors import DataError, InvalidArgument
from spoken_files import listed, written

PARTS = {"george": 12, "theo": 12, "lucas": 12}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HIDDENSTATE_DATA", str(tmp_path))
    return tmp_path


def an4(own: Path, part: str, names: dict[str, str]) -> None:
    listed(own / "an4" / "etc" / f"{part}.fileids", *names)
    transcripts = (f"{text} ({name.rpartition('/')[2]})" for name, text in names.items())
    listed(own / "an4" / "etc" / f"{part}.transcription", *transcripts)
    for name in names:
        written(own / "an4" / "wav" / f"{name}.wav")


def test_an4_is_read_without_its_marks(own: Path) -> None:
    an4(
        own,
        "an4_train",
        {"an4_clstk/fash/an251-fash-b": "<s> YES </s>", "an4_clstk/mgah/x-mgah-b": "<s> P  I T </s>"},
    )
    corpus = read_recordings("an4")
    assert [(each.name, each.text, each.speaker) for each in corpus.split("train")] == [
        ("an251-fash-b", "YES", "fash"),
        ("x-mgah-b", "P I T", "mgah"),
    ]
    assert list(corpus.splits) == ["train"]
    an4(own, "an4_test", {"an4test_clstk/fcaw/y-fcaw-b": "GO (y-fcaw-b)".partition(" (")[0]})
    assert read_recordings("an4").texts("test") == ["GO"]


def test_an4_says_what_is_missing(own: Path) -> None:
    with pytest.raises(
        DataError, match=r"an4_train.fileids in .HIDDENSTATE_DATA, came none. Get it with: git clone"
    ):
        read_recordings("an4")
    an4(own, "an4_train", {f"an4_clstk/s{n}/{n}-s{n}-b": "GO" for n in range(4)})
    for number in (1, 3):
        (own / "an4" / "wav" / "an4_clstk" / f"s{number}" / f"{number}-s{number}-b.wav").unlink()
    with pytest.raises(DataError, match=r"(?s)2 recordings are missing:\n.*1-s1-b.wav\n.*3-s3-b.wav\nGet it"):
        read_recordings("an4")
    listed(own / "an4" / "etc" / "an4_train.transcription", "GO (0-s0-b)")
    with pytest.raises(DataError, match=r"expected 4 transcripts, .* came 1"):
        read_recordings("an4")
    listed(own / "an4" / "etc" / "an4_train.transcription", *["GO (0-s0-b)"] * 4)
    with pytest.raises(DataError, match=r"line 2: expected <s> WORDS </s> .1-s1-b., came 'GO .0-s0-b.'"):
        read_recordings("an4")


@pytest.fixture
def digits(own: Path) -> Path:
    for speaker, count in PARTS.items():
        for digit in range(3):
            for index in range(count):
                written(own / "fsdd" / "recordings" / f"{digit}_{speaker}_{index}.wav", 0.3, 8000)
    return own


def test_fsdd_has_the_official_test(digits: Path) -> None:
    corpus = read_recordings("fsdd")
    assert {name: len(each) for name, each in corpus.splits.items()} == {
        "train": 54,
        "validation": 9,
        "test": 45,
    }
    assert {int(each.name.rpartition("_")[2]) for each in corpus.split("test")} == set(range(5))
    assert {int(each.name.rpartition("_")[2]) for each in corpus.split("validation")} == {9}
    assert {each.text for each in corpus.split("train")} == {"zero", "one", "two"}
    assert corpus.speakers("test") == {"george": 15, "lucas": 15, "theo": 15}


def test_fsdd_leaves_a_speaker_out(digits: Path) -> None:
    for name in ("fsdd:theo", "fsdd_connected:theo"):
        corpus = read_recordings(name)
        assert corpus.name == name
        assert set(corpus.speakers("test")) == {"theo"}
        assert set(corpus.speakers("train")) == set(corpus.speakers("validation")) == {"george", "lucas"}
    assert len(read_recordings("fsdd:theo").split("test")) == 36
    with pytest.raises(InvalidArgument, match="fsdd has no speaker 'teo'; did you mean 'theo'"):
        read_recordings("fsdd:teo")


def test_connected_digits_are_of_one_speaker_and_of_their_split(digits: Path) -> None:
    single, corpus = read_recordings("fsdd"), read_recordings("fsdd_connected")
    assert {name: len(each) for name, each in corpus.splits.items()} == {
        "train": 3000,
        "validation": 300,
        "test": 300,
    }
    for name in corpus.splits:
        own = {each.name for each in single.split(name)}
        for string in corpus.split(name):
            assert {part.name for part in string.parts} <= own
            assert len({part.speaker for part in string.parts}) == 1
            assert string.text == " ".join(part.text for part in string.parts)
            assert all(0.05 <= pause <= 0.35 for pause in string.pauses)
    lengths = np.bincount([len(string.parts) for string in corpus.split("train")], minlength=8)
    assert lengths[:3].sum() == 0
    assert 500 < lengths[3:].min() <= lengths[3:].max() < 700  # 600 of each, give or take 4 deviations
    assert read_recordings("fsdd_connected") == corpus


def test_fsdd_says_what_is_wrong(own: Path) -> None:
    with pytest.raises(DataError, match=r"git clone --branch v1.0.10 https://github.com/Jakobovski"):
        read_recordings("fsdd")
    written(own / "fsdd" / "recordings" / "seven.wav")
    with pytest.raises(DataError, match=r"called like 7_jackson_32.wav, came 1 files, 1 of other names"):
        read_recordings("fsdd")


def test_yesno_is_48_and_12(own: Path) -> None:
    for number in range(60):
        written(own / "yesno" / "waves_yesno" / f"{'_'.join(f'{number:08b}')}.wav", 0.3, 8000)
    corpus = read_recordings("yesno")
    assert {name: len(each) for name, each in corpus.splits.items()} == {"train": 48, "test": 12}
    texts = {each.name: each.text for split in corpus.splits.values() for each in split}
    assert len(texts) == 60
    assert texts["0_0_0_0_0_1_0_1"] == "no no no no no yes no yes"
    next((own / "yesno" / "waves_yesno").iterdir()).unlink()
    with pytest.raises(DataError, match=r"expected 60 recordings called like .* came 59"):
        read_recordings("yesno")


def real(name: str) -> None:
    folder = os.environ.get("HIDDENSTATE_DATA")
    if not folder or not (Path(folder) / name).is_dir():
        pytest.skip(f"needs {name} in $HIDDENSTATE_DATA")


@pytest.mark.slow
def test_the_real_an4_has_the_official_counts() -> None:
    real("an4")
    corpus = read_recordings("an4")
    assert (len(corpus.split("train")), len(corpus.speakers("train"))) == (948, 74)
    assert round(corpus.seconds("train") / 60, 1) == 42.4
    words = {word for text in corpus.texts("train") for word in text.split()}
    assert (len(words), "<s>" in words) == (99, False)
    parts = divided(corpus, seed=0)
    assert (len(parts.split("train")), len(parts.split("validation"))) == (844, 104)
    assert not set(parts.speakers("train")) & set(parts.speakers("validation"))
    import librosa

    features = Features(normalisation="none")
    for recording in corpus.split("train")[::200]:
        samples = recording.samples()
        energies = librosa.feature.melspectrogram(
            y=np.pad(samples.astype(np.float64), 56),
            sr=16000,
            n_fft=512,
            win_length=400,
            hop_length=160,
            center=False,
            n_mels=40,
            fmin=20.0,
            fmax=8000.0,
        )
        np.testing.assert_allclose(features.of(samples), np.log(energies.T + 1e-9), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_the_real_fsdd_and_yesno_have_the_official_counts() -> None:
    real("fsdd")
    real("yesno")
    digits = read_recordings("fsdd")
    assert {name: len(each) for name, each in digits.splits.items()} == {
        "train": 2400,
        "validation": 300,
        "test": 300,
    }
    assert round(sum(digits.seconds(name) for name in digits.splits)) == 1312
    assert len(read_recordings("fsdd:theo").split("test")) == 500
    assert round(sum(read_recordings("yesno").seconds(name) for name in ("train", "test"))) == 368
    string = read_recordings("fsdd_connected").split("test")[0]
    assert abs(len(string.samples(8000)) / 8000 - string.seconds) < 0.01
