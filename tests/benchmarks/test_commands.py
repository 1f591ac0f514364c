"""The measurement of commands: a real training, on a few recordings of tones."""

from __future__ import annotations

import json
from pathlib import Path

import commands
import pytest

import tones
from hiddenstate.data.recordings import read_recordings


@pytest.mark.slow
def test_commands_are_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tones.write(tmp_path / "data", 24, seed=0, most=1)
    small = {"epochs": 1, "hidden": 4, "layers": 1, "mels": 8, "rate": tones.RATE, "speeds": "1"}
    monkeypatch.setattr(commands, "SETTINGS", {"data": str(data), "commands": ("low", "rise"), **small})
    monkeypatch.setattr(commands, "read_recordings", lambda _: read_recordings(data))
    words = ["--seeds", "3", "--out", str(tmp_path), "--runs", str(tmp_path / "runs")]
    assert commands.main(words) == 0
    kept = json.loads((tmp_path / "quality-commands.json").read_text(encoding="utf-8"))["rows"]
    assert {"fsdd", "fsdd, snapshot", "fsdd, threshold 0.90", "an4", "yesno"} <= kept.keys()
    figures = kept["fsdd"]["seeds"]["3"]
    assert 0 <= figures["misses"] <= 1
    assert figures["false_alarms_per_hour"] == pytest.approx(
        figures["false_alarms"] / figures["hours_without_commands"]
    )
    assert figures["milliseconds_a_chunk"] > 0
    all_said = commands.unheard(str(data))
    said = sum(each.text in ("low", "rise") for each in all_said)
    assert kept["an4"]["seeds"]["3"]["commands_said"] == said
    assert commands.main(words) == 0  # nothing is measured again
    again = json.loads((tmp_path / "quality-commands.json").read_text(encoding="utf-8"))["rows"]
    assert again["fsdd"]["seeds"]["3"] == figures
