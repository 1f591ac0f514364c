"""Recordings that cannot be used, through every command that hears: said in words, nothing else is lost."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

import tones
from hiddenstate.tasks.speech import Recogniser

RATE = tones.RATE
TINY = (
    "rate=8000", "mels=12", "epochs=1", "speeds=1", "noise=0", "batch_size=8", "bidirectional=false",
)  # fmt: skip
WORDS = ["--hidden", "8", "--layers", "1", *(part for each in TINY for part in ("--set", each))]


@pytest.fixture(scope="module")
def run(cli: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recogniser of tones that has learned next to nothing, and streams."""
    folder = tmp_path_factory.mktemp("heard")
    data = tones.write(folder / "data", 16, seed=0)
    said = cli("train", "speech", "--data", data, "--out", folder / "run", *WORDS)
    assert said.code == 0, said.err
    return folder / "run"


def spoken() -> np.ndarray:
    return tones.sentence(["low", "rise"], np.random.default_rng(5))


def changed(path: Path, at: int, *values: int) -> None:
    """Write numbers of four bytes into a header."""
    content = bytearray(path.read_bytes())
    content[at : at + 4 * len(values)] = struct.pack(f"<{len(values)}I", *values)
    path.write_bytes(bytes(content))


def written(folder: Path, name: str) -> Path:
    """One recording that can hardly be used, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path, said = folder / f"{name}.wav", spoken()
    subtype, rate = "PCM_16", RATE
    if name in ("NaN", "infinite"):
        said[1000] = np.nan if name == "NaN" else np.inf
        subtype = "FLOAT"
    said = {
        "header alone": said[:0],
        "one sample": said[:1],
        "clipped": np.clip(20 * said, -1, 1),
        "zeros": np.zeros(RATE),
        "opposite": np.stack([said, -said], 1),
        "stereo": np.stack([said, said / 2], 1),
        "too long": np.zeros(7_300_000, np.int16),
    }.get(name, said)
    if name == "eight bits":
        subtype = "PCM_U8"
    if name == "too long":
        said[::100] = 3000
        rate = 1000
    soundfile.write(path, said, rate, subtype)
    if name == "letter":
        path.write_text("Dear Sir, this is not a sound.", encoding="utf-8")
    elif name == "empty":
        path.write_bytes(b"")
    elif name == "wrong rate":
        changed(path, 24, 2 * RATE)
    elif name == "impossible rate":
        changed(path, 24, 10, 20)
    elif name == "cut short":
        path.write_bytes(path.read_bytes()[:5000])
    return path


# what a file is called here, what is said of it, and of it as a stream with which code
GOOD = (
    ("eight bits", None, "the WAV file on stdin has 8 bits", 2),
    ("stereo", None, "2 channels", 2),
    ("clipped", "41.2 % of its samples are clipped", "stdin: 41.2 % of its samples are clipped", 0),
)
OF_HEADER = (
    ("letter", "expected audio (wav, flac, ogg, mp3", "stdin: expected sound, came a text ('Dear Sir", 1),
    ("empty", "came an empty file", "expected at least 0.025 seconds of sound, came 0 samples", 1),
    ("header alone", "in which no sample can be read", "came 0 samples", 1),
    ("one sample", "expected at least 0.025 seconds, came 1 sample at 8000 Hz", "came 1 sample.", 1),
    ("wrong rate", "its header contradicts itself: 16000 samples", "its header contradicts itself", 1),
    ("impossible rate", "expected a rate of 1000 to 768000", "10 a second", 2),
    ("cut short", "bytes of samples, 4,956 are there: it is cut short", "4,956 came: it is cut short", 1),
)
OF_SAMPLES = (
    ("NaN", "expected samples that are numbers, came nan at 0.125 s", "32 bits", 2),
    ("infinite", "expected samples that are numbers, came inf at 0.125 s", "32 bits", 2),
    ("zeros", "every sample is 0: nothing was recorded. Was the microphone muted?", "every sample is 0", 1),
    ("opposite", "its channels cancel each other", "2 channels", 2),
)


@pytest.mark.parametrize(("name", "expected", "streamed", "code"), [*GOOD, *OF_HEADER, *OF_SAMPLES])
def test_one_recording(
    cli: Callable, run: Path, tmp_path: Path, name: str, expected: str | None, streamed: str, code: int
) -> None:
    path = written(tmp_path, name)
    said = cli("predict", run, path, "--json")
    usable = name in [row[0] for row in GOOD]
    assert said.code == (0 if usable else 1)
    assert (expected or "") in said.err
    assert said.out.count("\n") == usable
    if usable:
        assert len(said.json()["notes"]) == (expected is not None)
    piped = cli("predict", run, "--stream", "-", typed=path.read_bytes())
    assert piped.code == code
    assert streamed in piped.err
    for each in (said, piped):
        assert each.err == "" or each.err.startswith("hiddenstate: ")
        assert "Traceback" not in each.err


def test_eight_bits_are_heard_as_sixteen(cli: Callable, run: Path, tmp_path: Path) -> None:
    texts = [
        cli("predict", run, written(tmp_path, name), "--json").json()["text"]
        for name in ("eight bits", "stereo", "plain")
    ]
    assert len(set(texts)) == 1


def test_the_others_are_still_answered(cli: Callable, run: Path, tmp_path: Path) -> None:
    good, bad = written(tmp_path, "plain"), written(tmp_path, "letter")
    said = cli("predict", run, good, bad, tmp_path / "gone.wav", written(tmp_path, "clipped"))
    assert said.code == 1
    assert [line.split(".wav")[0] for line in said.out.splitlines()[2:]] == ["plain", "clipped"]
    for words in ("letter.wav: expected audio", "gone.wav: there is no such file", "clipped.wav: 41.2 %"):
        assert words in said.err
    (tmp_path / "sounds" / "inner.wav").mkdir(parents=True)
    written(tmp_path / "sounds", "plain")
    assert cli("predict", run, tmp_path / "sounds", "--json").json()["source"].endswith("plain.wav")
    out = tmp_path / "found.jsonl"
    said = cli("predict", run, bad, good, "--json", "--out", out)
    assert said.code == 1
    assert f": 1 transcript in {out}." in said.err
    (row,) = map(json.loads, out.read_text(encoding="utf-8").splitlines())
    assert row["source"] == str(good)


def test_what_was_heard_before_a_break_is_said(cli: Callable, run: Path, tmp_path: Path) -> None:
    path = written(tmp_path, "cut short")
    said = cli("predict", run, "--stream", "-", typed=path.read_bytes())
    raw = path.read_bytes()[44:]
    assert said.out == cli("predict", run, "--stream", "-", typed=raw).out != ""
    listed = written(tmp_path, "plain").read_bytes() + b"LIST\x08\0\0\0" + b"\xff\x7f" * 4000
    plain = cli("predict", run, "--stream", "-", typed=written(tmp_path, "plain").read_bytes())
    assert cli("predict", run, "--stream", "-", typed=listed).out == plain.out, "names behind are no sound"


@pytest.mark.parametrize(
    ("begin", "name"),
    [
        (b"fLaC", "FLAC"),
        (b"OggS\0", "Ogg"),
        (b"ID3\4", "MP3"),
        (b"\0\0\0\x20ftypM4A ", "MP4"),
        (b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
    ],
)
def test_what_comes_in_another_format_is_refused(cli: Callable, run: Path, begin: bytes, name: str) -> None:
    said = cli("predict", run, "--stream", "-", typed=begin + bytes(4000))
    assert (said.code, said.out) == (2, "")
    assert f"on stdin comes {name}. Convert it on the way: ffmpeg" in said.err


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_an_mp3_is_known_by_two_frames_in_a_row(cli: Callable, run: Path, rate: int) -> None:
    file = io.BytesIO()
    soundfile.write(file, spoken(), rate, format="MP3")
    content = file.getvalue()
    assert content[0] == 0xFF, "no ID3 before it"
    said = cli("predict", run, "--stream", "-", typed=content)
    assert (said.code, said.out) == (2, "")
    assert "on stdin comes MP3. Convert it on the way: ffmpeg" in said.err
    samples = (spoken() * 2**15).astype("<i2").tobytes()
    said = cli("predict", run, "--stream", "-", typed=content[:4] + samples)
    assert said.code == 0, "one header alone may be two samples"


def test_recordings_that_are_too_long(cli: Callable, run: Path, tmp_path: Path) -> None:
    """Two hours can be written down, and two minutes learned from: a batch is as long as its longest."""
    path = written(tmp_path / "data", "too long")
    said = cli("predict", run, path)
    assert said.code == 1
    assert "expected at most 7200 seconds, came 7300. Cut it at pauses" in said.err
    tones.write(tmp_path / "data", 4, seed=1)
    path.with_suffix(".txt").write_text("low\n", encoding="utf-8")
    said = cli("train", "speech", "--data", tmp_path / "data", "--out", tmp_path / "run", *WORDS)
    assert said.code == 1
    assert "too long: expected at most 120 seconds to learn from, came 7300" in said.err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_an_hour_takes_no_more_memory_than_a_minute(run: Path, tmp_path: Path) -> None:
    """A recogniser that streams reads a file bit by bit, and says what it says of the whole."""
    loaded = Recogniser.load(run)
    quick = dataclasses.replace(
        loaded, spec=loaded.spec.model_copy(update={"beam": 1}), lm=None, vocabulary=()
    )
    sizes, peaks = [], []
    for times in (20, 80):
        samples = np.concatenate([spoken()] * times).astype(np.float32)
        soundfile.write(tmp_path / "long.wav", samples, RATE)
        tracemalloc.start()
        (found,) = quick.transcribe([tmp_path / "long.wav"])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        sizes.append(samples.nbytes)
        assert found.seconds == pytest.approx(len(samples) / RATE)
    assert peaks[1] - peaks[0] < (sizes[1] - sizes[0]) / 2, "words, not samples"
    part = np.round(samples[: 25 * RATE] * 2**15) / 2**15
    soundfile.write(tmp_path / "part.wav", part, RATE)
    (of_file,), (of_samples,) = loaded.transcribe([tmp_path / "part.wav"]), loaded.transcribe([part])
    assert dataclasses.replace(of_file, source="") == of_samples


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Eight good recordings, all that cannot be used, one that is away, one that is said too fast."""
    folder = tones.write(tmp_path / "damaged", 8, seed=2)
    for name, *_ in (*OF_HEADER, *OF_SAMPLES):
        written(folder, name).with_suffix(".txt").write_text("low rise\n", encoding="utf-8")
    soundfile.write(folder / "fast.wav", spoken()[:1200], RATE)
    (folder / "fast.txt").write_text("low high low high low high low\n", encoding="utf-8")
    lines = [
        json.dumps({"audio_filepath": path.name, "text": path.with_suffix(".txt").read_text("utf-8").strip()})
        for path in sorted(folder.glob("*.wav"))
    ]
    lines += [json.dumps({"audio_filepath": f"{name}.wav", "text": "low"}) for name in ("away", "gone")]
    (folder / "list.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_all_that_cannot_be_used_is_listed_at_once(cli: Callable, run: Path, damaged: Path) -> None:
    for words in (
        ("train", "speech", "--data", damaged, "--out", damaged.parent / "run", *WORDS),
        ("evaluate", run, "--data", damaged / "list.jsonl"),
    ):
        said = cli(*words)
        assert (said.code, said.out) == (1, "")
        # the list itself, headers, samples, and what is said too fast
        assert f"{9 + 4 + (words[0] == 'train')} of 22 recordings cannot be used:" in said.err
        assert "(--skip-bad)" in said.err
        for _, expected, *_ in (*OF_HEADER, *OF_SAMPLES):
            assert expected in said.err
        for name in ("away", "gone"):
            assert f"no such file: {damaged / name}.wav" in said.err
        assert ("takes 30 steps at least, and the recording has" in said.err) == (words[0] == "train")
        assert not (damaged.parent / "run").exists()


def test_skip_bad_goes_on_and_says_what_it_left_out(cli: Callable, damaged: Path) -> None:
    run = damaged.parent / "run"
    said = cli("train", "speech", "--data", damaged, "--out", run, *WORDS, "--skip-bad", "--json")
    assert said.code == 0, said.err
    report = (run / "report.md").read_text(encoding="utf-8")
    expected = [row[1] for row in (*OF_HEADER, *OF_SAMPLES)]
    expected += ["no such file", "takes 30 steps at least", "Left out 14 of 22 recordings:"]
    for words in expected:
        assert words in " ".join(said.json()["warnings"])
        assert words in report
    assert [line for line in report.splitlines() if line.startswith("- ") and "nan at 0.125 s" in line]
    assert "Of the language model: too few grams" in report
    said = cli("evaluate", run)
    assert "has no split test: judged on train, as training did." in " ".join(said.out.split())
    said = cli("evaluate", run, "--split", "train", "--json")  # its own data, without what was left out
    assert said.code == 0, said.err


def test_transcripts_that_cannot_be_recognised_are_told(cli: Callable, run: Path, tmp_path: Path) -> None:
    data = tones.write(tmp_path / "data", 6, seed=3)
    (data / "000.txt").write_text("löw quiz\n", encoding="utf-8")
    (data / "001.txt").write_text("low high low high low high low high\n" * 4, encoding="utf-8")
    shutil.copy(written(tmp_path, "letter"), data / "letter.wav")
    (data / "letter.txt").write_text("low\n", encoding="utf-8")
    said = cli("evaluate", run, "--data", data, "--skip-bad", "--json")
    assert said.code == 0, said.err
    found = said.json()
    notes = " ".join(found["notes"])
    assert found["n"] == 6
    assert "In 1 of 6 transcripts are words that this recogniser cannot write, which count as wrong" in notes
    assert "'löw', 'quiz'" in notes
    assert "1 of 6 recordings have fewer steps than their transcripts take" in notes
    assert "letter.wav: expected audio" in notes.replace(str(data) + "/", "")
    assert "'löw', 'quiz'" in (run / "evaluation.md").read_text(encoding="utf-8")


def test_what_cannot_be_asked_of_recordings(cli: Callable, run: Path, trained: tuple[Path, object]) -> None:
    for words, expected in (
        (("evaluate", run, "--text", "said"), "--text and --label choose columns of tables"),
        (("evaluate", trained[0], "--skip-bad"), "--skip-bad leaves recordings out"),
        (("train", "classify", "--data", "starter", "--skip-bad"), "classify has no setting 'skip_bad'"),
        (("predict", run), "listens: name recordings"),
        (("train", "speech", "--data", run, "--int8"), "--int8 is for train classify. Leave it out."),
        (("train", "speech", "--data", run, "--text", "x"), "--text is for train classify and tag. Leave"),
        (("train", "speech", "--data", run, "--balance", "none"), "--balance is for train classify"),
        (("train", "speech", "--data", run, "--vectors", "x.vec"), "--vectors is for train classify"),
        (("train", "speech", "--data", run, "--set", "readout=max"), "--set readout=... is for train cla"),
        (("train", "classify", "--resume", run), "was trained for speech, and cannot go on as a run of cla"),
    ):
        said = cli(*words)
        assert (said.code, said.out) == (2, ""), words
        assert expected in said.err
