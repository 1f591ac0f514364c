"""The measurement of decoding, on a few transcripts of its own."""

from __future__ import annotations

import json
from pathlib import Path

import decoding
import pytest

FEW = [["go", "left"], ["go", "right"], ["stop"], ["go"]] * 6


def test_edits() -> None:
    assert decoding.edits(["a", "b", "c"], ["a", "c"]) == 1
    assert decoding.edits([], ["a", "c"]) == decoding.edits(["a", "c"], []) == 2
    assert decoding.edits(["a", "b"], ["b", "a"]) == 2


def test_every_variant_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "transcripts", lambda: FEW)
    monkeypatch.setitem(decoding.SETTINGS, "read", 8)
    monkeypatch.setitem(decoding.SETTINGS, "noise", 0.1)
    assert decoding.main(["--seeds", "3", "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "quality-decoding.json").read_text(encoding="utf-8"))["rows"]
    assert list(rows) == list(decoding.VARIANTS)
    for figures in rows.values():
        found = figures["seeds"]["3"]
        assert found["word_error_rate"] == 0.0  # nothing is hard to hear under so little noise
        assert found["real_time_factor"] == pytest.approx(found["microseconds_a_frame"] * 50e-6)
