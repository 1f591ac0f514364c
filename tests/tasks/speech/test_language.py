"""What is known of the language: of the transcripts, or of files that somebody brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tones
from hiddenstate import SpeechRecognizer
from hiddenstate.data.audio.reading import read
from hiddenstate.decode import NGram
from hiddenstate.errors import DataError, InvalidArgument
from hiddenstate.tasks import speech
from hiddenstate.tasks.speech import SpeechSpec
from hiddenstate.tasks.speech.language import Language
from hiddenstate.tasks.speech.symbols import Symbols

TEXTS = ["low rise", "rise low", "low low fall"]
SYMBOLS = Symbols.of(TEXTS, "characters")


def of(**settings: Any) -> Language:
    return Language.of(TEXTS, SYMBOLS, SpeechSpec.from_options({"data": "x", **settings}))


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    """N-grams of other texts, in which fall stands behind rise."""
    path = tmp_path / "other.arpa"
    NGram.train([["rise", "fall"], ["rise", "fall"], ["low", "rise", "fall"]], order=2).write_arpa(path)
    return path


def test_transcripts_tell_it_where_no_file_does() -> None:
    found = of()
    assert found.words == ("fall", "low", "rise")
    assert found.lm is not None
    assert found.lm.score("low", ["rise"]) == pytest.approx(
        NGram.train([text.split() for text in TEXTS], order=3).score("low", ["rise"])
    )
    assert of(language_model="0").lm is None
    assert of(closed="false").words == ()


@pytest.mark.parametrize("written", [str, Path])
def test_files_are_taken_in_their_place(written: type, arpa: Path, tmp_path: Path) -> None:
    listed = tmp_path / "words.txt"
    listed.write_text("rise\nfall\nwill\n", encoding="utf-8")  # spelt by letters of the others
    symbols = Symbols.of([*TEXTS, "w"], "characters")
    spec = SpeechSpec.from_options({"data": "x", "language_model": written(arpa), "closed": written(listed)})
    found = Language.of(TEXTS, symbols, spec)
    assert found.words == ("fall", "rise", "will")
    assert found.lm is not None
    assert found.lm.score("fall", ["rise"]) > found.lm.score("rise", ["rise"]) + 1
    assert found.notes == (
        f"1 words of the training transcripts are not in {listed}, so they are never recognised: low.",
        f"{arpa} does not know 1 of 3 words that can be said, which are as probable as its <unk>: will.",
    )


def test_what_is_wrong_with_a_file_is_said(arpa: Path, tmp_path: Path) -> None:
    capitals = tmp_path / "capitals.arpa"
    NGram.train([["RISE", "FALL"]], order=1).write_arpa(capitals)
    with pytest.raises(DataError, match=r"capitals.arpa knows none of the 3 words .* fall, low, rise; .*cap"):
        of(language_model=capitals)
    with pytest.raises(DataError, match=r"no\.arpa cannot be read: No such file"):
        of(language_model=tmp_path / "no.arpa")
    with pytest.raises(DataError, match="cannot be read: No such file"):
        of(closed="perhaps")
    listed = tmp_path / "words.txt"
    listed.write_text("rise\nzoo\n", encoding="utf-8")
    with pytest.raises(InvalidArgument, match=r"1 of 2 words cannot be said .* 'zoo'; no symbol has 'z'"):
        of(closed=listed)
    listed.write_text("rise low\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 1: expected one word a line"):
        of(closed=listed)
    with pytest.raises(InvalidArgument, match=r"expected an order of 0 .* to 6, or an ARPA file, came 7"):
        of(language_model="7")
    with pytest.raises(InvalidArgument, match="language_model is 0 with them"):
        of(commands=("low",), language_model=arpa)


def test_a_run_keeps_its_own_copy_and_needs_the_files_no_more(arpa: Path, tmp_path: Path) -> None:
    data = tones.write(tmp_path / "data", 12, seed=0)
    listed = tmp_path / "words.txt"
    listed.write_text("\n".join(tones.TONES), encoding="utf-8")
    given = {
        "data": str(data), "hidden": 4, "layers": 1, "rate": tones.RATE, "mels": 10, "epochs": 1,
        "speeds": "1", "language_model": str(arpa), "closed": str(listed),
    }  # fmt: skip
    found = speech.train(SpeechSpec.from_options(given), tmp_path / "run")
    assert any("does not know 1 of 4 words" in each for each in found["warnings"])
    original = NGram.read_arpa(arpa)
    arpa.unlink()
    listed.unlink()
    recogniser = speech.load(tmp_path / "run")
    assert recogniser.lm.probabilities == original.probabilities
    assert recogniser.vocabulary == tuple(sorted(tones.TONES))


def test_a_list_decides_what_can_be_recognised(tmp_path: Path) -> None:
    paths = sorted(tones.write(tmp_path / "data", 60, seed=0, most=2).glob("*.wav"))
    texts = [path.with_suffix(".txt").read_text(encoding="utf-8") for path in paths]
    listed = tmp_path / "words.txt"
    listed.write_text("low\nhigh\n", encoding="utf-8")
    settings = {
        "mels": 20, "speeds": "1", "noise": 0.0, "convolved": 0, "dropout": 0.0, "learning_rate": 0.01,
        "time_masks": 0, "frequency_masks": 0, "closed": listed,
    }  # fmt: skip
    recogniser = SpeechRecognizer(hidden=32, layers=1, rate=tones.RATE, epochs=30, settings=settings)
    recogniser.fit([read(path, tones.RATE) for path in paths], texts)
    assert any("fall, rise" in note for note in recogniser.notes)
    generator = np.random.default_rng(1)
    found = recogniser.transcribe([tones.sentence([name], generator) for name in ("low", "high", "fall")])
    assert [each.text for each in found[:2]] == ["low", "high"]
    assert set(found[2].text.split()) <= {"low", "high"}
