"""How fast and how well is read what a network says of speech? python benchmarks/decoding.py --help

The words of an4's transcripts are drawn as frames of 40 symbols under noise: a letter in one frame, the blank
in those between. The first 848 transcripts are counted, the last 100 read. Processor time on one core, the
fastest of several turns; a real-time factor is that of 50 frames a second. Figures go to
results/quality-decoding.json.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from measurement import RESULTS, Figures, Record, Task, measure

from hiddenstate.data import store
from hiddenstate.decode import Alphabet, Lexicon, NGram, PrefixBeam, greedy
from hiddenstate.errors import DataError

SETTINGS = {
    "width": 16,
    "alpha": 1.0,
    "beta": 1.0,
    "order": 3,
    "symbols": 40,
    "noise": 2.0,
    "read": 100,
    "turns": 3,
    "frames_a_second": 50,
}
ALPHABET = Alphabet(("", " ", *"abcdefghijklmnopqrstuvwxyz0123456789'-"))
VARIANTS = ("greedy", "beam", "lm", "list", "lm and list")


@cache
def transcripts() -> list[list[str]]:
    """The words of an4's training transcripts."""
    own = store.own_folder()
    if own is None:
        raise DataError(f"expected ${store.VARIABLE} to name a folder with an4/etc/an4_train.transcription")
    lines = (own / "an4" / "etc" / "an4_train.transcription").read_text(encoding="utf-8").splitlines()
    words = [re.sub(r"</?s>|\(.*?\)", "", line).lower().split() for line in lines]
    return [sentence for sentence in words if sentence]


def spoken(words: Sequence[str], random: np.random.Generator) -> np.ndarray:
    """Words as logarithms of probabilities [T, K]."""
    ids = [ALPHABET.symbols.index(letter) for letter in " ".join(words)]
    frames = [0]
    for before, letter in zip([0, *ids], ids, strict=False):
        frames += [0] * int(random.integers(before == letter, 3)) + [letter]
    scores = random.normal(0, float(SETTINGS["noise"]), (len(frames) + 2, len(ALPHABET.symbols)))
    scores[:, 0] += 2
    scores[np.arange(len(frames)), frames] += 5
    return np.asarray(scores - np.log(np.exp(scores).sum(1, keepdims=True)))


def edits(found: Sequence[str], wanted: Sequence[str]) -> int:
    """How many words to change, add or leave out (Levenshtein 1965)."""
    row = list(range(len(wanted) + 1))
    for place, word in enumerate(found, 1):
        corner, row[0] = row[0], place
        for column, other in enumerate(wanted, 1):
            corner, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, corner + (word != other)),
            )
    return row[-1]


def decoder(variant: str, counted: Sequence[Sequence[str]]) -> Any:
    """What gives the words of frames."""
    if variant == "greedy":
        return lambda frames: greedy(frames, alphabet=ALPHABET)
    with_model, with_list = "lm" in variant, "list" in variant
    lm = NGram.train(counted, int(SETTINGS["order"])) if with_model else None
    known = Lexicon(word for sentence in transcripts() for word in sentence) if with_list else None
    weights = (float(SETTINGS["alpha"]), float(SETTINGS["beta"])) if with_model else (None, 0.0)
    beam = PrefixBeam(int(SETTINGS["width"]), lm, known, *weights, alphabet=ALPHABET)
    return lambda frames: beam.decode(frames, most=1)[0]


def figures(variant: str, seed: int) -> Mapping[str, Figures]:
    """Words that are wrong, and the time a frame takes."""
    counted, wanted = transcripts()[: -int(SETTINGS["read"])], transcripts()[-int(SETTINGS["read"]) :]
    random = np.random.default_rng(seed)
    frames = [spoken(words, random) for words in wanted]
    decode, times = decoder(variant, counted), []
    for _ in range(int(SETTINGS["turns"])):
        begin = time.process_time()
        found = [decode(each) for each in frames]
        times.append(time.process_time() - begin)
    wrong = sum(edits(answer.text.split(), words) for answer, words in zip(found, wanted, strict=True))
    second = min(times) / sum(map(len, frames))
    return {
        variant: {
            "word_error_rate": wrong / sum(map(len, wanted)),
            "microseconds_a_frame": second * 1e6,
            "real_time_factor": second * float(SETTINGS["frames_a_second"]),
        }
    }


def main(words: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", default="0,1,2", help="default 0,1,2")
    options.add_argument("--out", type=Path, default=RESULTS, help="a folder for the figures")
    options.add_argument("--again", action="store_true", help="measure anew what is there")
    given = options.parse_args(words)
    task = Task("decoding", VARIANTS, SETTINGS, figures)
    seeds = [int(seed) for seed in given.seeds.split(",")]
    measure(task, seeds, Record(given.out, task, given.again), lambda line: print(line, file=sys.stderr))
    return 0


if __name__ == "__main__":
    sys.exit(main())
