"""`record`: a person at a terminal says what it asks for; breaks, full disks and odd words lose nothing."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hiddenstate.data.recordings import read_recordings
from hiddenstate.errors import DataError
from recording_sessions import RATE, Terminal, recorder, spoken

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")
WORDS = ("warmer", "../turn left; $(rm -rf .)", "أوقف")
ASKED = ("--rate", str(RATE), "--seconds", "3", "--speaker", "anna")


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Begin commands in terminals of their own, which end with the test."""
    begun: list[Terminal] = []

    def begin(*words: str | Path, programs: Path, largest_file: int | None = None) -> Terminal:
        begun.append(Terminal(("record", *words), programs, largest_file))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("\n".join(WORDS) + "\n\n", encoding="utf-8")
    return path


def lines(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "recordings.jsonl").read_text(encoding="utf-8").splitlines()]


def files(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "wavs").iterdir())


@POSIX
def test_a_session(terminal: Callable[..., Terminal], words: Path, tmp_path: Path) -> None:
    """Everything that can be wrong with a recording is said, and what is kept can be trained on."""
    out = tmp_path / "out"
    takes = [
        spoken("low"),
        spoken("high", 0.02),
        np.clip(10 * spoken("high"), -1, 1),
        np.zeros(4 * RATE),
        spoken("rise")[round(0.45 * RATE) :],
        spoken("fall", before=2.8),
        spoken("high"),
        np.random.default_rng(0).normal(0, 0.001, 4 * RATE),
        spoken("rise"),
        spoken("fall"),
    ]
    asked = terminal(words, "--out", out, "--times", "1", *ASKED, programs=recorder(tmp_path / "rec", takes))
    assert "3 lines, 1 time each: 3 recordings by arecord, 0 of them there already." in asked.until("1 of 3")
    asked.press("\r")
    assert "1.7 s, level -11 dB, around it -61 dB: kept" in asked.until("2 of 3")
    asked.press("\r")
    for expected, kept in (
        ("too quiet: -53 dB, expected -38 dB at least.", True),
        ("clipped: 2.0 % of it", True),
        ("nothing was recorded: every sample is the same. Is the microphone muted?", False),
        ("cut off: it begins", True),
        ("cut off: it ends", True),
    ):
        asked.until(expected)
        asked.until("q: leave")
        asked.press("x\x1b[Ak" if not kept else "x")  # means nothing here, not even k
        asked.press("r")
    asked.until("kept")
    asked.until("3 of 3")
    asked.press("\r")
    asked.until("silence: nothing is louder")
    asked.until("k: keep it")
    asked.press("b")
    asked.until("put aside, in taken-back")
    asked.until("2 of 3")
    asked.press("\r")
    asked.until("3 of 3")
    asked.press("\r")
    asked.until("3 recorded, 0 left.")
    assert asked.end() == 0
    assert f"train speech --data {out}" in asked.seen.replace("\r\n", "")
    assert max(len(line.split("\r")[-1]) for line in asked.seen.split("\r\n") if str(out) not in line) <= 80
    corpus = read_recordings(out)
    assert sorted(each.text for each in corpus.split("train")) == sorted(WORDS)
    assert corpus.speakers("train") == {"anna": 3}
    assert files(out) == [
        *sorted(path.name for path in (Path(str(each["audio_filepath"])) for each in lines(out)))
    ]
    assert sorted(tmp_path.iterdir()) == sorted([out, words, tmp_path / "rec"]), "nothing left the folder"
    assert len(list((out / "taken-back").glob("*.wav"))) == 1
    kept = next(each for each in corpus.split("train") if each.text == "أوقف")
    samples, rate = soundfile.read(kept.path, dtype="int16")
    assert rate == RATE
    assert len(samples) == round(1.7 * RATE)  # 0.3 s, a word of 0.4 s, and a second of silence
    called = (tmp_path / "rec" / "called.txt").read_text(encoding="utf-8").splitlines()
    assert called == ["['-q', '-t', 'raw', '-f', 'S16_LE', '-r', '8000', '-c', '1']"] * 10


@POSIX
@pytest.mark.slow
def test_a_break_loses_nothing_and_nothing_is_asked_again(
    terminal: Callable[..., Terminal], words: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    programs = recorder(tmp_path / "rec", [spoken("low")] * 20)
    given = (words, "--out", out, "--times", "2", *ASKED)
    first = terminal(*given, programs=programs)
    for number in (1, 2):
        first.until(f"{number} of 6")
        first.press("\r")
        first.until("kept")
    first.until("3 of 6")
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(10)
    before = {path.name: path.read_bytes() for path in (out / "wavs").iterdir()}
    assert len(before) == len(lines(out)) == 2
    # as if it had been killed between a recording and its line, while another was written, on a torn disk
    listed = (out / "recordings.jsonl").read_bytes()
    (out / "recordings.jsonl").write_bytes(listed[: listed.index(b"\n") + 10])
    half = out / "wavs" / f".{min(before).replace('01.wav', '02.wav')}.partial"
    half.write_bytes(b"RIFF")
    second = terminal(*given, programs=programs)
    shown = second.until("3 of 6")
    assert "The last line of recordings.jsonl was cut short, and is taken out." in shown
    assert "was not in the list yet, and is now." in shown
    assert "6 recordings by arecord, 2 of them there already." in shown
    assert not half.exists()
    assert sorted(lines(out), key=str) == sorted(map(json.loads, listed.splitlines()), key=str)
    second.press("\r")
    second.until("4 of 6")
    second.process.send_signal(signal.SIGINT)
    assert second.end() == 130
    assert "1 recorded, 3 left." in second.seen
    assert "The same command goes on with what is left." in second.seen
    assert {name: (out / "wavs" / name).read_bytes() for name in before} == before, "nothing is written over"
    assert len(files(out)) == len(lines(out)) == 3
    third = terminal(*given[:-1], "ben", programs=programs)  # another voice has all before it
    assert "0 of them there already" in third.until("1 of 6")
    third.press("s")
    third.until("2 of 6")
    third.press("q")
    assert third.end() == 0
    assert "0 recorded, 1 skipped, 6 left." in third.seen


@POSIX
def test_a_full_disk_is_said_and_leaves_whole_files(
    terminal: Callable[..., Terminal], words: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    programs = recorder(tmp_path / "rec", [spoken("low")])
    asked = terminal(words, "--out", out, *ASKED, programs=programs, largest_file=20_000)
    asked.until("1 of 15")
    asked.press("\r")
    assert asked.end() == 1
    said = " ".join(asked.seen.split())
    assert "The disk is full:" in said
    assert "Free some space and give the same command: it goes on with what is left." in said
    assert files(out) == []
    assert not (out / "recordings.jsonl").exists()


@POSIX
def test_it_ends_by_enter_by_time_or_when_asked_to(
    terminal: Callable[..., Terminal], words: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    takes = [spoken("low"), spoken("low", behind=0.3), spoken("low", behind=0.3)]
    programs = recorder(tmp_path / "rec", takes)
    asked = terminal(words, "--out", out, "--pause", "0", *ASKED, programs=programs)
    asked.until("1 of 15")
    asked.press(" ")
    assert "3.0 s, level" in asked.until("kept")
    asked.until("2 of 15")
    asked.press("\r")
    asked.until("1.0 s ")  # all that comes; then the microphone is silent
    asked.press("\r")
    assert "1.0 s, level" in asked.until("kept")
    asked.until("3 of 15")
    asked.press("\r")
    asked.until("1.0 s ")
    asked.press("q")  # leaves this one too
    assert asked.end() == 0
    assert len(files(out)) == 2
    assert [each["duration"] for each in lines(out)] == [3.0, 1.0]


@POSIX
def test_a_recorder_that_fails_is_named(
    terminal: Callable[..., Terminal], words: Path, tmp_path: Path
) -> None:
    asked = terminal(words, "--out", tmp_path / "out", programs=recorder(tmp_path / "rec", []))
    asked.until("1 of 15")
    asked.press("\r")
    assert asked.end() == 1
    said = " ".join(asked.seen.split())
    assert "arecord could not record: arecord: main:830: audio open error: No such file or directory." in said
    assert "Traceback" not in said
    empty = tmp_path / "empty"
    empty.mkdir()
    asked = terminal(words, "--out", tmp_path / "out", programs=empty)
    assert asked.end() == 1
    assert "there is no program here that records" in asked.seen


@pytest.mark.parametrize(
    ("content", "more", "code", "expected"),
    [
        ("go\n", [], 2, "record asks a person at a terminal"),
        ("go\nstop\n\n go \n", [], 1, "words.txt, line 4: 'go' comes a second time (line 1)"),
        ("\n", [], 1, "came an empty file"),
        (None, [], 1, "there is no such file"),
        ("go\n", ["--seconds", "0.1"], 2, "--seconds expects 0.5 to 60, came 0.1"),
        ("go\n", ["--pause", "0.1"], 2, "--pause expects 0.2 seconds or more"),
        ("go\n", ["--pause", "nan"], 2, "--pause expects"),
        ("go\n", ["--rate", "44"], 2, "--rate expects 4000 to 768000"),
        ("go\n", ["--speaker", "an\x1bna"], 2, "--speaker expects a name"),
        ("go\n", ["--times", "0"], 2, "--times"),
    ],
)
def test_what_cannot_be_asked_for(
    cli: Callable, in_tmp: Path, content: str | None, more: list[str], code: int, expected: str
) -> None:
    if content is not None:
        Path("words.txt").write_text(content, encoding="utf-8")
    said = cli("record", "words.txt", "--out", "out", *more)
    assert (said.code, said.out) == (code, "")
    assert expected in said.err
    assert not Path("out").exists()


def test_folders_of_other_data_are_left_alone(tmp_path: Path) -> None:
    from hiddenstate.cli.record.folder import Prompt, Takes

    (tmp_path / "metadata.csv").write_text("a|b\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"holds other data \(metadata.csv\)"):
        Takes(tmp_path, None, [Prompt("go", 1)])
    assert os.listdir(tmp_path) == ["metadata.csv"]
    with pytest.raises(DataError, match="came a file"):
        Takes(tmp_path / "metadata.csv", None, [])
    own = tmp_path / "own"
    takes = Takes(own, None, [Prompt("go", 1)])
    takes.keep(Prompt("go", 1), np.zeros(10), RATE)
    with pytest.raises(DataError, match="is there already, and nothing is written over"):
        takes.keep(Prompt("go", 1), np.ones(10), RATE)
    with (own / "recordings.jsonl").open("a", encoding="utf-8") as file:
        file.write("mine\n{}\n")
    before = (own / "recordings.jsonl").read_bytes()
    with pytest.raises(DataError, match="line 2: expected a JSON object with audio_filepath, came 'mine'"):
        Takes(own, None, [])
    assert (own / "recordings.jsonl").read_bytes() == before.removesuffix(b"{}\n")
