"""A word is not written before half of it was heard: where that is, and that it is learned by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import tones
from hiddenstate.data.recordings import read_recordings
from hiddenstate.data.spoken import divided
from hiddenstate.tasks.speech import SpeechSpec
from hiddenstate.tasks.speech.commands.material import heard_for
from hiddenstate.tasks.speech.fitting import batch_of, fit_model, loss_of
from hiddenstate.tasks.speech.model import SpeechModel
from hiddenstate.tasks.speech.prepared import Prepared, prepare
from hiddenstate.tasks.speech.symbols import BLANK
from hiddenstate.tasks.speech.unsaid import closed, middle

ENDS = {"up": "high", "down": "low"}  # two words of one beginning


def late(folder: Path, count: int = 60) -> Path:
    """Single words that differ in their second halves alone, some quiet before and behind them."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(count):
        word = list(ENDS)[number % 2]
        halves = [tones.word(name, 0.2, generator) for name in ("rise", ENDS[word])]
        quiet = [np.zeros(int(each * tones.RATE)) for each in generator.uniform(0.02, 0.2, 2)]
        samples = np.concatenate([quiet[0], *halves, quiet[1]])
        samples += generator.normal(0, 0.003, len(samples))
        soundfile.write(folder / f"{number:03}.wav", samples, tones.RATE, "PCM_16")
        (folder / f"{number:03}.txt").write_text(word, encoding="utf-8")
    return folder


def prepared(folder: Path, **changed: Any) -> tuple[Prepared, SpeechSpec]:
    usual = {
        "rate": tones.RATE,
        "mels": 20,
        "symbols": "words",
        "bidirectional": False,
        "hidden": 8,
        "convolved": 0,
        "layers": 1,
    }
    spec = SpeechSpec.from_options({"data": str(folder), **usual, **changed})
    return prepare(heard_for(divided(read_recordings(spec.data), 0), spec), spec), spec


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return late(tmp_path_factory.mktemp("late") / "data")


def test_the_middle_is_that_of_the_sound_whatever_surrounds_it() -> None:
    loud, quiet = np.zeros((40, 3)), np.full((1, 3), -9.0)
    for before, behind in ((0, 0), (60, 0), (0, 60), (13, 200)):
        frames = np.concatenate([quiet.repeat(before, 0), loud, quiet.repeat(behind, 0)])
        assert middle(frames) * len(frames) == pytest.approx(before + 20)


def test_single_words_are_closed_up_to_their_middle(folder: Path) -> None:
    found, spec = prepared(folder)
    for each in found.heard["train"]:
        ((start, end),) = each.unsaid
        level = each.frames.mean(axis=1)
        first, *_, last = np.flatnonzero(level > level.max() - 5)  # its halves are not of one loudness
        assert start == 0
        assert 0.25 < (end * len(each.frames) - first) / (last - first) < 0.8
    batch = batch_of(found.heard["train"][:4], found, spec)
    assert batch.closed.shape == batch.steps.shape[:2]
    shares = batch.closed.sum(axis=0) / batch.lengths
    assert ((shares > 0.3) & (shares < 0.7)).all()


def test_silence_before_a_word_is_closed_with_its_first_half(folder: Path) -> None:
    same = {"tempo": 0.0, "tract": 0.0, "noise": 0.0, "speeds": "1", "reduce": 1, "time_masks": 0}
    found, spec = prepared(folder, silence=1.0, **same)
    said = found.heard["train"][:8]
    batch = batch_of(said, found, spec, np.random.default_rng(0))
    added = batch.lengths - [len(each.frames) for each in said]
    assert (added == 0).any()
    assert (added > 30).any()
    befores = []
    for place, (each, length) in enumerate(zip(said, batch.lengths, strict=True)):
        last = int(batch.closed[:length, place].sum())
        assert batch.closed[:last, place].all()
        before = last - each.unsaid[0][1] * len(each.frames)
        assert -1 <= before <= added[place] + 1
        befores.append(before)
        (where,) = np.flatnonzero(batch.steps[:length, place].mean(1) > -1)[:1]
        assert where <= last, "closed beyond where it begins to sound"
        assert last < length
    assert max(befores) > 20


@pytest.mark.parametrize(
    "changed", [{"bidirectional": True}, {"symbols": "characters"}], ids=["both ways", "letters"]
)
def test_nothing_is_closed_to_who_reads_both_ways_or_writes_letters(
    folder: Path, changed: dict[str, Any]
) -> None:
    found, spec = prepared(folder, **changed)
    assert not any(each.unsaid for each in found.heard["train"])
    assert not batch_of(found.heard["train"][:4], found, spec).closed.any()


def test_nothing_is_closed_where_several_words_are_said(tmp_path: Path) -> None:
    found, _ = prepared(tones.write(tmp_path / "data", 20, seed=0))
    assert not any(each.unsaid for each in found.heard["train"])


def test_in_strings_of_commands_each_word_is_closed_up_to_its_middle(folder: Path) -> None:
    found, _ = prepared(folder, commands=("up",))
    strings = [each for each in found.heard["train"] if each.recording.name.startswith("string")]
    assert any(len(each.target) > 1 for each in strings)
    for each in strings:
        parts = each.recording.parts
        assert len(each.unsaid) == sum(bool(part.text) for part in parts) == len(each.target)
        edges = np.array(each.unsaid).ravel()
        assert (np.diff(edges) >= 0).all()
        assert edges[0] >= 0
        assert edges[-1] < 1
        rows = np.arange(len(each.frames)) / len(each.frames)
        level = each.frames.mean(axis=1)
        for start, end in each.unsaid:  # the word goes on there
            just = level[(rows >= end - 0.02) & (rows <= end + 0.02)]
            assert just.max() > level.max() - 5, (start, end)


def test_the_loss_counts_no_path_through_closed_steps(folder: Path) -> None:
    """Of one symbol, by hand: the sum over the steps from its first to its last."""
    found, spec = prepared(folder)
    torch.manual_seed(0)
    module = SpeechModel(spec, len(found.symbols)).eval()
    batch = batch_of(found.heard["train"][:3], found, spec)
    with torch.no_grad():
        loss = loss_of(module, batch).item()
        scores = module(torch.from_numpy(batch.steps), torch.from_numpy(batch.lengths)).double().numpy()
    each = []
    for place, length in enumerate(batch.lengths.tolist()):
        symbol = scores[:length, place, batch.targets[place]]
        blank = scores[:length, place, BLANK]
        open_ = np.flatnonzero(~batch.closed[:length, place])
        paths = [
            blank[:first].sum() + symbol[first : last + 1].sum() + blank[last + 1 :].sum()
            for first in open_
            for last in open_[open_ >= first]
        ]
        each.append(-np.logaddexp.reduce(paths))
    assert loss == pytest.approx(np.mean(each), rel=1e-5)


def test_words_that_begin_alike_are_told_apart_while_they_are_said(folder: Path) -> None:
    found, spec = prepared(
        folder, hidden=32, epochs=80, batch_size=4, dropout=0.0, noise=0.0, speeds="1", learning_rate=0.01
    )
    _, fitted = fit_model(found, spec)
    assert fitted.best >= 0.8


def test_the_last_step_is_always_open() -> None:
    for steps in range(1, 9):
        assert not closed(((0.0, 1.0),), steps)[-1]
