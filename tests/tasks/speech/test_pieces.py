"""Pieces of words: learned as tokenizers learns them, cut as it cuts, known without it, heard in the end."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import BPE

import tones
from hiddenstate.data.audio.reading import read
from hiddenstate.errors import DataError
from hiddenstate.scores import error_rates
from hiddenstate.tasks import speech
from hiddenstate.tasks.speech import SpeechSpec
from hiddenstate.tasks.speech.pieces import cut, learned
from hiddenstate.tasks.speech.symbols import Symbols

TEXTS = [
    "low lower lowest",
    "new newer newest newest",
    "wide wider widest",
    "slow slower",
    "so no one won",
] * 3


def test_the_most_frequent_neighbours_become_one() -> None:
    """The first pairs, counted by hand over the words as they are cut by then."""
    _, merges = learned(TEXTS, 60)
    words = [[f" {word[0]}", *word[1:]] for text in TEXTS for word in text.split()]
    for pair in merges:
        pairs = Counter(pair for word in words for pair in pairwise(word))
        assert pairs[pair] == max(pairs.values()) >= 2
        for word in words:
            for place in range(len(word) - 1, 0, -1):
                if tuple(word[place - 1 : place + 1]) == pair:
                    word[place - 1 : place + 1] = ["".join(pair)]
    assert len(merges) > 10


@given(st.lists(st.text("lowernstid", min_size=1, max_size=12), min_size=1, max_size=6), st.integers(24, 70))
def test_words_are_cut_as_tokenizers_cuts_them(words: list[str], most: int) -> None:
    written, merges = learned(TEXTS, most)
    assert len(written) <= most
    symbols = Symbols("bpe", written, merges)
    marked = {
        f" {piece}" if piece[0] != " " else piece[1:]: 0 for piece in written
    }  # inner ones get the space
    vocabulary = {piece: number for number, piece in enumerate(sorted(marked))}

    def theirs(piece: str) -> str:
        return piece[1:] if piece[0] == " " else f" {piece}"

    pairs = [(theirs(left), theirs(right)) for left, right in merges]
    judge = Tokenizer(BPE(vocab=vocabulary, merges=pairs, continuing_subword_prefix=" "))
    found = symbols.cut(" ".join(words))
    assert [theirs(piece) for piece in found] == [
        token for word in words for token in judge.encode(word).tokens
    ]
    assert symbols.alphabet.text(symbols.encode(" ".join(words))) == " ".join(words)


def test_every_word_of_known_letters_can_be_cut() -> None:
    symbols = Symbols.of(TEXTS, "bpe", 200)
    assert symbols.cut("low lowest") == [" low", " lowest"]
    assert symbols.alphabet.text(symbols.encode("dow tws")) == "dow tws"
    assert cut("abc", {}) == (" a", "b", "c")
    assert Symbols.from_dict(json.loads(json.dumps(symbols.as_dict())), "here") == symbols
    again = Symbols.of(TEXTS, "bpe", 200)
    assert (again.written, again.merges) == (symbols.written, symbols.merges)
    with pytest.raises(DataError, match="'x', 'y', which no training transcript has"):
        symbols.encode("xylow")
    with pytest.raises(DataError, match=r"10 letters take 20 pieces, .* and 12 are asked for; raise pieces"):
        Symbols.of(TEXTS, "bpe", 12)


@pytest.mark.slow
def test_a_recogniser_of_pieces_hears_words(tmp_path: Path) -> None:
    data = tones.write(tmp_path / "data", 80, seed=0)
    settings = {
        "data": str(data), "hidden": 32, "layers": 1, "rate": tones.RATE, "mels": 20, "epochs": 50,
        "speeds": "1", "batch_size": 8, "learning_rate": 0.01, "dropout": 0.0, "time_masks": 0,
        "frequency_masks": 0, "noise": 0.0, "symbols": "bpe", "pieces": 26, "bidirectional": False,
        "convolved": 0, "silence": 0.0,
    }  # fmt: skip
    found = speech.train(SpeechSpec.from_options(settings), tmp_path / "run")
    assert found["wer"] <= 0.2
    described = json.loads((tmp_path / "run" / "model.json").read_text(encoding="utf-8"))["symbols"]
    assert described["kind"] == "bpe"
    assert len(described["written"]) == 26
    assert described["merges"]
    unheard = tones.write(tmp_path / "unheard", 12, seed=1)
    assert speech.evaluate(tmp_path / "run", str(unheard))["wer"] <= 0.15
    recogniser = speech.load(tmp_path / "run")
    path = sorted(unheard.glob("*.wav"))[0]
    samples, stream, texts = read(path, tones.RATE), recogniser.stream(), []
    for part in np.array_split(samples, 9):
        texts += [each.transcript.text for each in stream.feed(part) if each.final]
    texts.append(stream.finish().transcript.text)
    (whole,) = recogniser.transcribe([path])
    assert " ".join(filter(None, texts)) == whole.text
    paths = sorted(unheard.glob("*.wav"))
    true = [path.with_suffix(".txt").read_text(encoding="utf-8").strip() for path in paths]
    anything = replace(recogniser, vocabulary=())  # whatever its pieces spell
    assert error_rates(true, [each.text for each in anything.transcribe(paths)]).wer <= 0.25
