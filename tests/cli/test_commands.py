"""Commands through the command line: a list and recordings in, one of them or a refusal out; files, pipes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile

import tones
from fresh_python import alone, stopped
from hiddenstate import SpeechRecognizer
from hiddenstate.data.audio.reading import read
from hiddenstate.errors import InvalidArgument, RunError
from hiddenstate.tasks import speech

if TYPE_CHECKING:
    from conftest import Said

SETTINGS: dict[str, Any] = {
    "hidden": 24, "layers": 1, "rate": 8000, "mels": 16, "epochs": 20, "batch_size": 4, "speeds": "1",
    "learning_rate": 0.01, "dropout": 0, "time_masks": 0, "frequency_masks": 0, "noise": 0, "convolved": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def heard(cli: Callable, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Said]:
    """A run trained on tones of one or two words, with two commands, and what was said."""
    folder = tmp_path_factory.mktemp("commands")
    data = tones.write(folder / "data", 120, seed=0, most=2)
    listed = folder / "words.txt"
    listed.write_text("Low\nrise\n", encoding="utf-8")
    words = [part for pair in SETTINGS.items() for part in ("--set", "=".join(map(str, pair)))]
    said = cli(
        "train", "speech", "--data", data, "--commands", listed, "--out", folder / "run", *words, "--json"
    )
    assert said.code == 0, said.err
    listed.unlink()  # the list is in the run
    return folder / "run", said


@pytest.fixture(scope="module")
def unheard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tones.write(tmp_path_factory.mktemp("unheard") / "wavs", 24, seed=1, most=2)
    tones.write_manifest(folder)
    return folder


def said_in(words: list[str], seed: int = 5, quiet: float = 0.6) -> np.ndarray:
    """Samples of words, with a pause before and behind."""
    generator = np.random.default_rng(seed)
    pause = generator.normal(0, 0.003, int(quiet * tones.RATE)).astype(np.float32)
    return np.concatenate(
        [pause, *(part for word in words for part in (tones.sentence([word], generator), pause))]
    )


def test_training_tells_misses_and_false_alarms_beside_the_baseline(heard: tuple[Path, Said]) -> None:
    run, said = heard
    found = said.json()
    assert found["misses"] <= 0.1
    assert found["false_alarms_per_hour"] is not None
    assert found["hours_without_commands"] > 0
    assert found["baseline"]["misses"] is not None
    assert 0.5 <= found["threshold"] <= 0.99
    thresholds = [row["threshold"] for row in found["curve"]]
    assert thresholds == sorted(thresholds)
    assert found["threshold"] in thresholds
    assert any("for at most 1 false alarm an hour" in each for each in found["warnings"])
    assert [row["misses"] for row in found["curve"]] == sorted(row["misses"] for row in found["curve"])
    assert "commands missed" in said.err
    assert "false alarms an hour" in said.err
    report = (run / "report.md").read_text(encoding="utf-8")
    assert "## Other thresholds" in report
    assert "| Low |" in report
    assert (run / "heard.png").stat().st_size > 10_000
    assert json.loads((run / "commands.json").read_text(encoding="utf-8"))["commands"] == ["Low", "rise"]


def test_what_was_never_heard_is_evaluated_at_any_threshold(
    cli: Callable, heard: tuple[Path, Said], unheard: Path
) -> None:
    said = cli("evaluate", heard[0], "--data", unheard / "manifest.jsonl", "--json")
    assert said.code == 0, said.err
    found = said.json()
    assert found["misses"] <= 0.1
    assert found["commands_said"] >= 10
    assert found["n"] == 24
    assert found["hours_without_commands"] > 0
    high = cli(
        "evaluate", heard[0], "--data", unheard / "manifest.jsonl", "--threshold", "0.999", "--json"
    ).json()
    assert high["threshold"] == 0.999
    assert high["misses"] >= found["misses"]
    assert high["false_alarms"] <= found["false_alarms"]


def test_a_file_is_answered_with_a_command_or_a_refusal(heard: tuple[Path, Said], tmp_path: Path) -> None:
    for name, words in (
        ("low", ["low"]),
        ("fall", ["fall"]),
        ("both", ["rise", "high", "low"]),
        ("none", []),
    ):
        soundfile.write(tmp_path / f"{name}.wav", said_in(words), tones.RATE, "PCM_16")
    paths = [tmp_path / f"{name}.wav" for name in ("low", "fall", "both", "none")]
    done = alone("predict", heard[0], *paths, "--json")
    assert done.returncode == 0, done.stderr.decode()
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [row["command"] for row in rows] == ["Low", None, "rise", None]
    assert [each["command"] for each in rows[2]["commands"]] == ["rise", "Low"]
    assert rows[0]["score"] > 0.5 > rows[3]["highest"] >= 0
    assert (rows[3]["score"], rows[3]["time"]) == (None, None)
    assert 0.6 < rows[0]["time"] < 1.5
    done = alone("predict", heard[0], *paths)
    assert done.stdout.decode().count("(no command)") == 2
    done = alone("predict", heard[0], paths[0], "--threshold", "0.99999", "--json")
    assert json.loads(done.stdout)["command"] is None


def test_a_pipe_is_spotted_each_command_once_with_its_time(heard: tuple[Path, Said]) -> None:
    samples = said_in(["high", "low", "low", "fall", "rise"])
    content = (samples * 2**15).astype("<i2").tobytes()
    done = alone("predict", heard[0], "--stream", "-", "--json", given=content)
    assert done.returncode == 0, done.stderr.decode()
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [row["command"] for row in rows] == ["Low", "Low", "rise"]
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    done = alone("predict", heard[0], "--stream", "-", given=content)
    lines = done.stdout.decode().splitlines()
    assert [line.split()[2] for line in lines] == ["Low", "Low", "rise"]
    assert lines[0].split()[1] == "s"


def test_a_command_that_waits_for_a_better_reading_is_not_lost(
    cli: Callable, heard: tuple[Path, Said], tmp_path: Path
) -> None:
    samples = np.concatenate([np.zeros(4000), tones.sentence(["low"], np.random.default_rng(5), gap=0.02)])
    raw = (samples * 2**15).astype("<i2").tobytes()
    code, said = stopped("predict", heard[0], "--stream", "-", given=raw)
    assert (code, [line.split()[2] for line in said.splitlines()]) == (130, ["Low"])
    soundfile.write(tmp_path / "cut.wav", np.concatenate([samples, np.zeros(8000)]), tones.RATE, "PCM_16")
    cut = (tmp_path / "cut.wav").read_bytes()[: 44 + len(raw)]
    told = cli("predict", heard[0], "--stream", "-", typed=cut)
    assert (told.code, told.out) == (1, said)
    assert "it is cut short" in told.err


def test_a_clipped_file_is_answered_and_named(
    cli: Callable, heard: tuple[Path, Said], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "loud.wav", np.clip(9 * said_in(["low"]), -1, 1), tones.RATE, "PCM_16")
    said = cli("predict", heard[0], tmp_path / "loud.wav", "--json")
    assert said.code == 0
    assert "of its samples are clipped. Record at a lower level" in said.err
    assert [note.endswith("what was above is lost.") for note in said.json()["notes"]] == [True]


@pytest.mark.parametrize("size", [37, 800, 10**6])
def test_however_it_is_cut_a_stream_spots_the_same(heard: tuple[Path, Said], size: int) -> None:
    spotter, samples = speech.load(heard[0]), said_in(["low", "fall", "rise"])
    (whole,) = spotter.transcribe([samples])
    stream, found = spotter.stream(), []
    for start in range(0, len(samples), size):
        found += stream.feed(samples[start : start + size])
    assert (*found, *stream.finish()) == whole.spotted
    assert stream.highest == whole.highest
    with pytest.raises(InvalidArgument, match=r"begin another with `spotter.stream\(\)`"):
        stream.feed(samples)


def test_silence_and_noise_are_refused(heard: tuple[Path, Said]) -> None:
    stream = speech.load(heard[0]).stream()
    generator = np.random.default_rng(0)
    for loud in (0.0, 0.003, 0.05):
        stream.feed(generator.normal(0, loud, 5 * tones.RATE).astype(np.float32))
    assert stream.finish() == []


def test_whole_numbers_of_16_bits_are_heard_as_the_same_floats(heard: tuple[Path, Said]) -> None:
    spotter = speech.load(heard[0])
    whole_numbers = np.round(said_in(["low", "fall", "rise"]) * 2**15).astype(np.int16)
    floats = (whole_numbers / 2**15).astype(np.float32)
    assert spotter.transcribe([whole_numbers])[0].spotted == spotter.transcribe([floats])[0].spotted
    one, other = spotter.stream(), spotter.stream()
    assert [*one.feed(whole_numbers), *one.finish()] == [*other.feed(floats), *other.finish()]
    assert one.highest == other.highest > 0.1


def test_what_cannot_be_asked_is_refused(
    cli: Callable, heard: tuple[Path, Said], unheard: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "words.txt"
    for content, expected in (
        ("", "came none"),
        ("low\nLOW\n", "line 2: 'LOW' is the command of line 1 again"),
        ("low\nzap it\n", "line 2: 'zap it' has"),
        ("low\n\nzap\nrise\nLow!\n", "3 of 5 lines are no commands that can be learned"),
        ("low\n\nzap\nrise\nLow!\n", "words.txt, line 3: 'zap' has 'p', 'z', which no training transcript"),
        ("low\nlow rise low fall\n", "line 2: 'low rise low fall' is said in no training transcript"),
    ):
        listed.write_text(content, encoding="utf-8")
        said = cli("train", "speech", "--data", unheard, "--commands", listed, "--out", tmp_path / "run")
        assert said.code in (1, 2), said.err
        assert expected in " ".join(said.err.split())
        assert not (tmp_path / "run").exists()
    listed.write_text("low\n", encoding="utf-8")
    for words, expected in (
        (("train", "classify", "--commands", listed), "a list for train speech"),
        (
            ("train", "speech", "--data", unheard, "--commands", listed, "--set", "bidirectional=true"),
            "bidirectional",
        ),
        (("predict", heard[0], "--stream", "-", "--threshold", "1.5"), "threshold between 0 and 1"),
        (("train", "speech", "--data", unheard, "--commands", tmp_path / "gone.txt"), "no such file"),
    ):
        said = cli(*words)
        assert said.code in (1, 2), words
        assert expected in " ".join(said.err.split()), (words, said.err)


def test_a_damaged_list_is_named(heard: tuple[Path, Said]) -> None:
    path = heard[0] / "commands.json"
    whole = path.read_text(encoding="utf-8")
    for wrong in (
        "{",
        '{"commands": 3, "threshold": 0.5}',
        whole.replace("rise", "other"),
        '{"commands": ["Low"]}',
    ):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(RunError, match=r"commands\.json is damaged"):
            speech.load(heard[0])
    path.write_text(whole, encoding="utf-8")


@pytest.mark.slow
def test_in_python_commands_are_fitted_on_samples(tmp_path: Path) -> None:
    paths = sorted(tones.write(tmp_path / "data", 60, seed=0, most=2).glob("*.wav"))
    texts = [path.with_suffix(".txt").read_text(encoding="utf-8") for path in paths]
    settings = {name: value for name, value in SETTINGS.items() if name not in ("rate", "epochs")}
    model = SpeechRecognizer(
        epochs=SETTINGS["epochs"], rate=tones.RATE, settings=settings, commands=["low", "rise"]
    )
    model.fit([read(path, tones.RATE) for path in paths], texts)
    found = [model.transcribe(said_in([word])).command for word in ("low", "high", "rise")]
    assert found == ["low", None, "rise"]
    assert model.stream().feed(said_in(["rise", "high"]))[0].command == "rise"
