"""What is learned from: commands among all else, one behind another as in a stream, and what is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from hiddenstate.data.audio.noises import coloured
from hiddenstate.data.spoken import Recording, Spoken, SpokenCorpus
from hiddenstate.tasks.speech.commands.listed import OTHER, Commands
from hiddenstate.tasks.speech.spec import SpeechSpec

LONGEST = 6.0  # seconds of a string; a longer recording stands alone
MOST = 4  # recordings of a string
PAUSES = (0.1, 0.8)  # seconds between two
NOISY = 0.15  # share of the pauses that hold noise, for longer
NOISE_SECONDS, NOISE_LEVELS = (0.5, 2.0), (-3.0, -1.0)  # levels: powers of ten
FEW = 0.1  # share of recordings without a command below which some are made
MADE = 0.3  # how many are made, for each recording
PIECE = 0.08  # seconds of the pieces that are put together anew
QUIET = 0.01  # seconds over which the level of a pause is taken


@dataclass(frozen=True)
class Asked:
    """A recording with another transcript: the commands in it."""

    recording: Any
    text: str

    @property
    def name(self) -> str:
        """What its corpus calls it."""
        return str(self.recording.name)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.recording.seconds)

    @property
    def speaker(self) -> str | None:
        """Who says it."""
        found: str | None = self.recording.speaker
        return found

    def samples(self, rate: int = 16000) -> np.ndarray:
        """The samples [n] float32 at a rate."""
        return np.asarray(self.recording.samples(rate))

    def heard(self, rate: int = 16000) -> tuple[np.ndarray, tuple[str, ...]]:
        """The samples, with nothing to say about them."""
        return self.samples(rate), ()


@dataclass(frozen=True)
class Shuffled(Asked):
    """A recording in pieces that are put together in another order: as loud and as coloured, and no word."""

    seed: int = 0

    @property
    def name(self) -> str:
        """What a report calls it."""
        return f"pieces of {self.recording.name}"

    def samples(self, rate: int = 16000) -> np.ndarray:
        """The samples [n] float32 at a rate; every other piece backwards."""
        samples, size = np.asarray(self.recording.samples(rate)), max(1, round(PIECE * rate))
        pieces = [samples[at : at + size] for at in range(0, len(samples), size)]
        order = np.random.default_rng(self.seed).permutation(len(pieces))
        turned = [pieces[place][:: -1 if number % 2 else 1] for number, place in enumerate(order)]
        return np.concatenate(turned)


@dataclass(frozen=True)
class Strung:
    """Recordings one behind another with pauses before, between and behind, some of them noisy."""

    name: str
    parts: tuple[Any, ...]
    pauses: tuple[float, ...]
    seed: int

    @property
    def text(self) -> str:
        """The commands in it."""
        return " ".join(part.text for part in self.parts if part.text)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(sum(part.seconds for part in self.parts) + sum(self.pauses))

    @property
    def speaker(self) -> None:
        """Several may speak."""

    def samples(self, rate: int = 16000) -> np.ndarray:
        """The samples [n] float32 at a rate: the same for the same seed."""
        return np.concatenate(list(self.pieces(rate)))

    def heard(self, rate: int = 16000) -> tuple[np.ndarray, tuple[str, ...]]:
        """The samples, with nothing to say about them."""
        return self.samples(rate), ()

    def pieces(self, rate: int) -> Iterator[np.ndarray]:
        """Pause, recording, pause, ...: the samples bit by bit."""
        generator, level = np.random.default_rng(self.seed), 0.0
        for place, pause in enumerate(self.pauses):
            spoken = self.parts[place].samples(rate) if place < len(self.parts) else np.zeros(0, np.float32)
            if len(spoken):
                level = quietest(spoken, rate)
            yield (level * generator.standard_normal(round(pause * rate))).astype(np.float32)
            yield spoken.astype(np.float32)


@dataclass(frozen=True)
class Noise:
    """Noise of some colour and loudness, in which nothing is said."""

    seconds: float
    seed: int
    text: str = ""

    def samples(self, rate: int = 16000) -> np.ndarray:
        """The samples [n] float32 at a rate: power falls as 1, 1/f or 1/f^2."""
        generator = np.random.default_rng(self.seed)
        noise = coloured(max(2, round(self.seconds * rate)), rate, float(generator.integers(3)), generator)
        loud = 10 ** generator.uniform(*NOISE_LEVELS)
        return np.asarray(loud * noise / max(float(noise.std()), 1e-9), np.float32).clip(-1, 1)


def quietest(samples: np.ndarray, rate: int) -> float:
    """The root mean square of the quietest hundredth of a second."""
    size = max(1, min(len(samples), round(QUIET * rate)))
    whole = samples[: len(samples) // size * size].astype(np.float64).reshape(-1, size)
    return float(np.sqrt((whole**2).mean(axis=1)).min())


def heard_for(corpus: SpokenCorpus, spec: SpeechSpec) -> SpokenCorpus:
    """A divided corpus as it is learned from: for commands with transcripts reduced to them, and its training
    recordings twice, alone, which is easier to begin with, and in strings.

    Raises DataError for commands that are said in no training transcript.
    """
    if not spec.commands:
        return corpus
    commands, seed = Commands(spec.commands), spec.seed
    commands.check(corpus.texts("train"))
    splits: dict[str, tuple[Spoken, ...]] = {}
    notes = list(corpus.notes)
    for name, recordings in corpus.splits.items():
        asked, made = asked_of(recordings, commands, seed)
        notes += [f"{name}: {made}"] if made and name == "train" else []
        splits[name] = (*asked, *strings(asked, seed)) if name == "train" else tuple(asked)
    return replace(corpus, splits=splits, notes=tuple(notes))


def asked_of(recordings: Sequence[Spoken], commands: Commands, seed: int) -> tuple[list[Spoken], str]:
    """Recordings with the commands in them as transcripts; where nearly all have some, else is made of them.

    Returns also a sentence on what was made, "" for nothing.
    """
    asked = [_asked(each, commands.reduced(each.text)) for each in recordings]
    spoken = [each for each in asked if commands.heard(each.text)]
    if len(asked) - len(spoken) >= FEW * len(asked):
        return asked, ""
    count = max(1, round(MADE * len(spoken)))
    generator = np.random.default_rng([seed, 1])
    chosen = generator.permutation(len(spoken))[:count].tolist()
    made = [cast(Spoken, Shuffled(spoken[place], OTHER, seed + place)) for place in chosen]
    return [*asked, *made], (
        f"{len(asked) - len(spoken)} of {len(asked)} recordings hold no command, so {count} were made from "
        "pieces of others in another order. Real ones, of what else is said and heard, are better."
    )


def _asked(recording: Spoken, text: str) -> Spoken:
    if isinstance(recording, Recording):
        return replace(recording, text=text)
    return cast(Spoken, Asked(recording, text))


def strings(asked: Sequence[Spoken], seed: int) -> Iterator[Spoken]:
    """All recordings once, in drawn order, one to MOST in a string, with pauses and some noise between.

    Half of the strings end with their last sound: a command at the end is to be written by then.
    """
    generator = np.random.default_rng([seed, 2])
    order, at, number = generator.permutation(len(asked)).tolist(), 0, 0
    while at < len(order):
        wanted, parts, long = int(generator.integers(1, MOST + 1)), list[Any](), 0.0
        while at < len(order) and len(parts) < wanted:
            each = asked[order[at]]
            if parts and long + each.seconds > LONGEST:
                break
            if generator.random() < NOISY:
                parts.append(Noise(float(generator.uniform(*NOISE_SECONDS)), int(generator.integers(2**31))))
            parts.append(each)
            long += each.seconds
            at += 1
        pauses = generator.uniform(*PAUSES, len(parts) + 1)
        pauses[0] *= generator.random() < 0.5
        pauses[-1] *= generator.random() < 0.5
        yield cast(
            Spoken,
            Strung(f"string {number}", tuple(parts), tuple(pauses.tolist()), int(generator.integers(2**31))),
        )
        number += 1
