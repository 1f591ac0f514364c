"""What a corpus of recordings is: who says what in which file, in splits; and what to hold out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hiddenstate.data.audio.reading import load
from hiddenstate.data.corpus import SPLITS
from hiddenstate.errors import DataError, InvalidArgument, nearest

LARGEST_PART = 0.2  # of the training recordings; a speaker with more of them is not held out as a whole
QUIET = 0.01  # seconds over which the level of a pause is taken


@dataclass(frozen=True)
class Recording:
    """A recording, or a piece of one, and the words said in it.

    name: what its corpus calls it; seconds: how long it is; start, end: of the piece, in seconds of the file;
    rate: the file's samples a second.
    """

    name: str
    path: Path
    text: str
    seconds: float
    speaker: str | None = None
    start: float = 0.0
    end: float | None = None
    rate: int = 16000

    def samples(self, rate: int = 16000) -> np.ndarray:
        """Read the samples [n] float32; raises DataError as `audio.reading.load` does."""
        return self.heard(rate)[0]

    def heard(self, rate: int = 16000) -> tuple[np.ndarray, tuple[str, ...]]:
        """Read the samples [n] float32, and sentences on what is doubtful about them."""
        sound = load(self.path, rate, start=self.start, end=self.end)
        return sound.samples, sound.notes


@dataclass(frozen=True)
class Joined:
    """Recordings of one speaker, one after another, with pauses before, between and behind them in seconds.

    The pauses hold noise as loud as the quietest hundredth of a second of the recordings beside them.

    Raises InvalidArgument where the pauses are not one more than the parts.
    """

    name: str
    parts: tuple[Recording, ...]
    pauses: tuple[float, ...]
    seed: int
    text: str = field(init=False)
    seconds: float = field(init=False)

    def __post_init__(self) -> None:
        if len(self.pauses) != len(self.parts) + 1 or not self.parts:
            raise InvalidArgument(
                f"{self.name}: expected one pause more than recordings, came {len(self.pauses)} pauses and "
                f"{len(self.parts)} recordings."
            )
        object.__setattr__(self, "text", " ".join(part.text for part in self.parts))
        object.__setattr__(self, "seconds", sum(part.seconds for part in self.parts) + sum(self.pauses))

    @property
    def speaker(self) -> str | None:
        """Who says it."""
        return self.parts[0].speaker

    @property
    def rate(self) -> int:
        """The samples a second of the first part's file."""
        return self.parts[0].rate

    def samples(self, rate: int = 16000) -> np.ndarray:
        """Read and join the samples [n] float32: the same for the same seed."""
        return self.heard(rate)[0]

    def heard(self, rate: int = 16000) -> tuple[np.ndarray, tuple[str, ...]]:
        """Read and join the samples [n] float32, and sentences on what is doubtful about the parts."""
        spoken, notes = zip(*(part.heard(rate) for part in self.parts), strict=True)
        levels = [_quietest(samples, max(1, round(QUIET * rate))) for samples in spoken]
        generator = np.random.default_rng(self.seed)
        pieces: list[np.ndarray] = []
        for place, pause in enumerate(self.pauses):
            level = min(levels[max(0, place - 1) : place + 1])
            pieces.append((level * generator.standard_normal(round(pause * rate))).astype(np.float32))
            pieces += spoken[place : place + 1]
        return np.concatenate(pieces), tuple(dict.fromkeys(note for each in notes for note in each))


Spoken = Recording | Joined


@dataclass(frozen=True)
class SpokenCorpus:
    """Recordings in splits (any of `SPLITS`), with what a person should know of how they were read.

    sha256: of the names, texts and sizes as read; left_out: what could not be used, a sentence each.

    Raises InvalidArgument for a split of another name.
    """

    name: str
    splits: Mapping[str, tuple[Spoken, ...]]
    sha256: str
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.splits:
            if name not in SPLITS:
                raise InvalidArgument(f"{self.name}: unknown split {name!r}; {nearest(name, SPLITS)}")

    def __len__(self) -> int:
        return sum(len(recordings) for recordings in self.splits.values())

    def split(self, name: str) -> tuple[Spoken, ...]:
        """Return the recordings of one split; raises DataError where the corpus has no such split."""
        if name not in self.splits:
            raise DataError(f"{self.name} has no split {name!r}; {nearest(name, self.splits)}")
        return self.splits[name]

    def texts(self, split: str) -> list[str]:
        """Return what is said in each recording of a split."""
        return [recording.text for recording in self.split(split)]

    def seconds(self, split: str) -> float:
        """Return how long all recordings of a split are."""
        return sum(recording.seconds for recording in self.split(split))

    def rates(self) -> Counter[int]:
        """Count the recordings at each rate, over all splits: features above half the rate would be empty."""
        return Counter(each.rate for recordings in self.splits.values() for each in recordings)

    def speakers(self, split: str) -> Counter[str]:
        """Count the recordings of each known speaker in a split."""
        return Counter(each.speaker for each in self.split(split) if each.speaker is not None)


def said(text: str) -> str:
    """A transcript with gaps of one space; raises DataError where nothing is said."""
    words = " ".join(text.split())
    if not words:
        raise DataError("nothing is said in it: its transcript is empty")
    return words


def divided(corpus: SpokenCorpus, seed: int, *, validation: float = 0.1) -> SpokenCorpus:
    """Hold out about this part of the training recordings for validation, unless the corpus has such a split.

    Whole speakers where all are known and small enough, else single recordings; a note says which.

    Raises InvalidArgument for a part that is not from 0 to 0.5, DataError where too little is left to train
    on.
    """
    if not 0 < validation <= 0.5:
        raise InvalidArgument(f"validation: expected more than 0 and at most 0.5, came {validation}.")
    if "validation" in corpus.splits:
        return corpus
    recordings = corpus.split("train")
    if len(recordings) < 2:
        raise DataError(
            f"{corpus.name}: expected at least two recordings to train on and validate with, came "
            f"{len(recordings)}. Record more."
        )
    generator = np.random.default_rng(seed)
    chosen = _speakers_to_hold_out(recordings, validation, generator)
    if chosen:
        held = [row for row, each in enumerate(recordings) if each.speaker in chosen]
        who = ", ".join(sorted(chosen)[:10]) + (f" and {len(chosen) - 10} more" if len(chosen) > 10 else "")
        note = f"For validation: {len(held)} recordings, all of the speakers {who}."
    else:
        count = max(1, round(validation * len(recordings)))
        held = sorted(generator.permutation(len(recordings))[:count].tolist())
        note = (
            f"For validation: {count} of {len(recordings)} recordings, one by one: speakers may be in both."
        )
    out = set(held)
    parts = {
        **corpus.splits,
        "train": tuple(each for row, each in enumerate(recordings) if row not in out),
        "validation": tuple(recordings[row] for row in held),
    }
    splits = {name: parts[name] for name in SPLITS if name in parts}
    return replace(corpus, splits=splits, notes=(*corpus.notes, note))


def _speakers_to_hold_out(
    recordings: Sequence[Spoken], part: float, generator: np.random.Generator
) -> set[str]:
    """Draw speakers with about this part of the recordings in all; none where that cannot be."""
    known = [each.speaker for each in recordings if each.speaker is not None]
    counts = Counter(known)
    if len(known) < len(recordings) or len(counts) < 3:
        return set()
    wanted, chosen, taken = part * len(recordings), set(), 0
    order = sorted(counts)
    for place in generator.permutation(len(order)):
        if taken + counts[order[place]] <= 1.1 * wanted:
            chosen.add(order[place])
            taken += counts[order[place]]
    if not chosen:  # each has more than the part
        least = min(order, key=lambda speaker: counts[speaker])
        chosen = {least} if counts[least] <= LARGEST_PART * len(recordings) else set()
    return chosen


def _quietest(samples: np.ndarray, size: int) -> float:
    """The root mean square of the quietest stretch of `size` samples."""
    whole = samples[: max(size, len(samples) // size * size)].astype(np.float64)
    stretches = whole.reshape(-1, min(size, len(whole)))
    return float(np.sqrt((stretches**2).mean(axis=1)).min())
