"""What training reads: heard once for all trainings, and noisy anew in every epoch."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tones
from hiddenstate import SpeechRecognizer
from hiddenstate.data.audio.cache import FeatureCache
from hiddenstate.data.audio.reading import read
from hiddenstate.data.recordings import read_recordings
from hiddenstate.data.spoken import divided
from hiddenstate.errors import DataError
from hiddenstate.tasks import speech
from hiddenstate.tasks.speech import SpeechSpec
from hiddenstate.tasks.speech.fitting import EpochBatches
from hiddenstate.tasks.speech.prepared import prepare

TINY: dict[str, Any] = {
    "hidden": 4, "layers": 1, "rate": tones.RATE, "mels": 10, "epochs": 1,
    "speeds": "0.9,1", "symbols": "words",
}  # fmt: skip


def spec(data: Path, **changed: Any) -> SpeechSpec:
    return SpeechSpec.from_options({"data": str(data), **TINY, **changed})


def test_a_second_training_hears_no_recording_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, computed: list[str]
) -> None:
    monkeypatch.setenv("HIDDENSTATE_CACHE", str(tmp_path / "cache"))
    data = tones.write(tmp_path / "data", 10, seed=0)
    one = speech.train(spec(data), tmp_path / "one")
    assert len(computed) == 9 * 2 + 1  # one is held out, and heard at its own speed
    two = speech.train(spec(data), tmp_path / "two")
    assert len(computed) == 9 * 2 + 1
    assert two["wer"] == one["wer"]
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("one", "two")]
    assert weights[0] == weights[1]
    speech.train(spec(data, mels=12), tmp_path / "three")
    assert len(computed) == 2 * (9 * 2 + 1)


def test_in_python_files_are_heard_once_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, computed: list[str]
) -> None:
    monkeypatch.setenv("HIDDENSTATE_CACHE", str(tmp_path / "cache"))
    paths = sorted(tones.write(tmp_path / "data", 6, seed=0).glob("*.wav"))
    given = [*paths[:4], *(read(path, tones.RATE) for path in paths[4:])]
    texts = [path.with_suffix(".txt").read_text(encoding="utf-8") for path in paths]
    settings = {name: value for name, value in TINY.items() if name not in ("rate", "epochs")}
    for again in (False, True):
        del computed[:]
        SpeechRecognizer(epochs=1, rate=tones.RATE, settings=settings).fit(given, texts)
        assert any(name.endswith(".wav") for name in computed) is not again
        assert any(name.startswith("recording") for name in computed)


def test_training_goes_on_without_a_cache_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"no folder")
    monkeypatch.setenv("HIDDENSTATE_CACHE", str(tmp_path / "file"))
    found = speech.train(spec(tones.write(tmp_path / "data", 6, seed=0)), tmp_path / "run")
    assert [each for each in found["warnings"] if "features cannot be kept here" in each]


def test_noise_is_drawn_anew_in_every_epoch(tmp_path: Path) -> None:
    settings = spec(tones.write(tmp_path / "data", 8, seed=0), noise=1.0, speeds="1", time_masks=0)
    settings = settings.model_copy(
        update={"frequency_masks": 0, "batch_size": 8, "tempo": 0.0, "tract": 0.0, "loudness": 0.0}
    )
    prepared = prepare(divided(read_recordings(settings.data), 0), settings)
    plain = settings.model_copy(update={"noise": 0.0})
    once, again, later = (EpochBatches(prepared, settings, epoch).laid_out(0) for epoch in (0, 0, 1))
    clean = [EpochBatches(prepared, plain, epoch).laid_out(0) for epoch in (0, 1)]
    np.testing.assert_array_equal(once.steps, again.steps)

    def by_target(batch: Any) -> dict[tuple[int, ...], np.ndarray]:
        ends = np.cumsum(batch.target_lengths)
        targets = [
            (int(batch.lengths[row]), *batch.targets[end - size : end].tolist())
            for row, (end, size) in enumerate(zip(ends, batch.target_lengths, strict=True))
        ]
        return {target: batch.steps[: target[0], row] for row, target in enumerate(targets)}

    first, second, bare, same = map(by_target, (once, later, *clean))
    assert len(first) >= 5
    for target, steps in first.items():
        assert np.abs(steps - second[target]).mean() > 0.05
        assert np.abs(steps - bare[target]).mean() > 0.05
        np.testing.assert_array_equal(bare[target], same[target])


def test_all_that_cannot_be_used_is_listed_at_once(tmp_path: Path) -> None:
    data = tones.write(tmp_path / "data", 12, seed=0)
    (data / "003.txt").write_text("low " * 40 + "\n", encoding="utf-8")
    settings = spec(data)
    corpus = divided(read_recordings(settings.data), 0)
    (held,) = corpus.split("validation")
    held.path.unlink()  # after its header was read
    corpus = dataclasses.replace(corpus, left_out=("list, line 9: no such file: gone.wav",))
    with pytest.raises(DataError) as caught:
        prepare(corpus, settings, cache=FeatureCache(tmp_path / "cache"))
    lines = str(caught.value).splitlines()
    assert lines[0] == "3 of 13 recordings cannot be used:"
    assert lines[1] == "  list, line 9: no such file: gone.wav"
    assert "003: its transcript" in lines[2]
    assert len(lines[2].split("'")[1]) <= 60
    assert f"{held.path}: could not be read" in lines[3]
    skipping = settings.model_copy(update={"skip_bad": True})
    found = prepare(corpus, skipping, cache=FeatureCache(tmp_path / "cache"))
    assert [len(each) for each in found.heard.values()] == [10, 0]
    assert [note.strip() for note in found.notes[-4:]] == [
        "Left out 3 of 13 recordings:",
        *(line.strip() for line in lines[1:4]),
    ]


def test_what_is_held_out_is_judged_though_it_cannot_be_written(tmp_path: Path) -> None:
    data = tones.write(tmp_path / "data", 30, seed=0)
    settings = spec(data, language_model=0)
    one, other, *rest = divided(read_recordings(data), 0).split("validation")
    one.path.with_suffix(".txt").write_text("low quiz\n", encoding="utf-8")
    other.path.with_suffix(".txt").write_text("low " * 40, encoding="utf-8")
    prepared = prepare(divided(read_recordings(data), 0), settings)
    assert [each.recording.name for each in prepared.heard["validation"]][:2] == [one.name, other.name]
    assert [each.recording for each in prepared.held_out()] == rest
    assert [note for note in prepared.notes if "validation" in note] == [
        f"1 of 3 recordings of validation say what no training transcript has, which counts as wrong: "
        f"{one.name} ('quiz').",
        f"1 of 3 recordings of validation have fewer steps than their transcripts take, and cannot be "
        f"recognised rightly: {other.name}.",
    ]
    found = speech.train(settings, tmp_path / "run")
    assert found["n"] == 3
    assert found["words"] == 2 + 40 + len(rest[0].text.split())
    again = speech.evaluate(tmp_path / "run")
    assert (again["split"], again["wer"]) == ("validation", found["wer"])
    assert "data has no split test: judged on validation, as training did." in again["notes"]


def test_where_nothing_held_out_can_be_written_it_is_said(tmp_path: Path) -> None:
    data = tones.write(tmp_path / "data", 8, seed=0)
    (held,) = divided(read_recordings(data), 0).split("validation")
    held.path.with_suffix(".txt").write_text("quiz\n", encoding="utf-8")
    prepared = prepare(divided(read_recordings(data), 0), spec(data))
    assert prepared.held_out() == prepared.heard["train"]
    assert "No recording of validation can be written" in prepared.notes[-1]
