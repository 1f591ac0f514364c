"""The measurement of speech: real trainings, on a few recordings of tones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import speech
import speech_speed

import tones
from hiddenstate.data.recordings import read_recordings

TINY = {"epochs": 2, "hidden": 4, "layers": 1, "mels": 8, "rate": tones.RATE, "speeds": "1"}


def rows(folder: Path, task: str) -> dict[str, Any]:
    kept = json.loads((folder / f"quality-{task}.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = kept["rows"]
    return found


@pytest.mark.slow
def test_a_training_is_measured_and_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tones.write(tmp_path / "data", 12, seed=0)
    training = speech.Training("tones", {"whole": str(data)}, {**TINY, "dropout": 0.0})
    monkeypatch.setitem(speech.TASKS, "tones", training)
    words = ["--tasks", "tones", "--out", str(tmp_path), "--runs", str(tmp_path / "runs")]
    assert speech.main([*words, "--seeds", "3", "--set", "epochs=1"]) == 0
    found = rows(tmp_path, "tones")
    assert list(found) == ["whole", "whole, snapshot"]
    figures = found["whole"]["seeds"]["3"]
    wrong = figures["substitutions"] + figures["deletions"] + figures["insertions"]
    assert figures["wer"] == pytest.approx(wrong / figures["words"])
    assert {"seconds", "cpu_seconds", "load", "bytes", "parameters"} <= figures.keys()
    assert found["whole, snapshot"]["seeds"]["3"]["wer"] >= 0
    assert speech.main([*words, "--seeds", "3,4", "--set", "epochs=1"]) == 0
    after = rows(tmp_path, "tones")["whole"]["seeds"]
    assert after["3"] == figures
    assert set(after) == {"3", "4"}
    going_on = [*words, "--seeds", "3", "--resume", "--again"]
    assert speech.main([*going_on, "--set", "epochs=2"]) == 2
    assert "was trained with epochs=1; give these with --set" in capsys.readouterr().err
    assert speech.main([*going_on, "--set", "epochs=1"]) == 0
    judged = rows(tmp_path, "tones")["whole"]["seeds"]["3"]
    assert "cpu_seconds" not in judged
    assert judged["wer"] == figures["wer"]


@pytest.mark.slow
def test_speed_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tones.write(tmp_path / "data", 24, seed=0)
    monkeypatch.setattr(speech_speed, "read_recordings", lambda _: read_recordings(data))
    words = ["--tasks", "throughput,streaming", "--out", str(tmp_path), "--seeds", "0", "--quick"]
    out = tmp_path / "out"
    assert speech.main([*words[:3], str(out), *words[4:]]) == 0
    for figures in rows(out, "throughput").values():
        shares = [value for name, value in figures["median"].items() if name.startswith("share_")]
        assert len(shares) == 5
        assert sum(shares) == pytest.approx(1.0)
        assert figures["median"]["sound_per_second"] > 0
    small = rows(out, "streaming")["small"]["median"]
    assert 0 < small["milliseconds_chunk"] <= small["milliseconds_chunk_95"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tasks", "fsd"], "unknown task 'fsd'"),
        (["--seeds", "0,x"], "expected whole numbers"),
        (["--set", "epochs"], "expected NAME=VALUE, came 'epochs'"),
        (["--quick"], "name another folder with --out"),
    ],
)
def test_wrong_use_is_said(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert speech.main(words) == 2
    assert said in capsys.readouterr().err
