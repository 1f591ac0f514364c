"""What a run with commands answers with: one of them, or that it was none. NumPy and the compiled core."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from hiddenstate.data.audio.noticing import chunk
from hiddenstate.errors import DataError, InvalidArgument, RunError
from hiddenstate.runs import Run
from hiddenstate.tasks.speech.commands.listed import Commands
from hiddenstate.tasks.speech.commands.spotting import Event, Spotting
from hiddenstate.tasks.speech.given import Said, answered
from hiddenstate.tasks.speech.predictor import Recogniser
from hiddenstate.tasks.speech.reader import Listening, refuse_ended
from hiddenstate.tasks.speech.spec import SpeechSpec

FILE = "commands.json"
REFUSED = "(no command)"


@dataclass(frozen=True)
class Spotted:
    """A command that was heard, how probable it is (0 to 1), and when its end was heard, in seconds."""

    command: str
    score: float
    time: float


@dataclass(frozen=True)
class Answer:
    """What one recording was answered with.

    spotted: the commands in turn, none where it is refused; highest: the highest score of any command, also
    of one that was refused; seconds: how long the recording is; notes: what is doubtful about it.
    """

    source: str
    spotted: tuple[Spotted, ...]
    highest: float
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def command(self) -> str | None:
        """The first command, None where there is none."""
        return self.spotted[0].command if self.spotted else None

    @property
    def score(self) -> float | None:
        """The score of the first command, None where there is none."""
        return self.spotted[0].score if self.spotted else None

    @property
    def text(self) -> str:
        """The commands, or the refusal."""
        return ", ".join(each.command for each in self.spotted) or REFUSED


@dataclass(frozen=True)
class Spotter:
    """A recogniser that answers with one of its commands alone, and with nothing below its threshold."""

    recogniser: Recogniser
    commands: Commands
    threshold: float

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise InvalidArgument(f"expected a threshold between 0 and 1, came {self.threshold}")

    @property
    def spec(self) -> SpeechSpec:
        """The settings that it was trained with."""
        return self.recogniser.spec

    def spotting(self) -> Spotting:
        """What decides, step by step; events name a command by its place in the list."""
        symbols = self.recogniser.symbols
        columns = [symbols.written.index(token) + 1 for token in self.commands.tokens]
        return Spotting(columns, self.recogniser.step_seconds)

    def at(self, threshold: float | None) -> Spotter:
        """The same with another threshold: a higher one answers less, and more surely."""
        return self if threshold is None else replace(self, threshold=threshold)

    def stream(self) -> CommandStream:
        """Sound that arrives chunk by chunk; see `CommandStream`."""
        return CommandStream(self)

    @overload
    def transcribe(self, recordings: Said) -> Answer: ...  # type: ignore[overload-overlap]  # a str has letters
    @overload
    def transcribe(self, recordings: Sequence[Said]) -> list[Answer]: ...
    def transcribe(self, recordings: Said | Sequence[Said]) -> Answer | list[Answer]:
        """The commands in an audio file, a recording of a corpus, or samples [n] of the recogniser's rate; or
        in each of several.

        Raises DataError for what holds no sound that can be read, InvalidArgument for other samples.
        """
        return answered(recordings, self._answer)

    def _answer(self, given: Said, name: str) -> Answer:
        notes: list[str] = []
        source, parts = self.recogniser.parts(given, name, notes.append)
        stream, found, count = self.stream(), list[Spotted](), 0
        for samples in parts:
            found += stream.feed(samples)
            count += len(samples)
        if not self.recogniser.features.frames_in(count):
            raise DataError(f"{source or name}: {count} samples are too few to hear anything in")
        found += stream.finish()
        return Answer(source, tuple(found), stream.highest, count / self.spec.rate, tuple(notes))

    def spotted(self, event: Event) -> Spotted:
        """An event in words and seconds."""
        time = (event.step + 1) * self.recogniser.step_seconds
        return Spotted(self.commands.texts[event.command], event.score, time)

    # --- on disk ---

    def save(self, run: Run) -> None:
        """Write the recogniser, and commands.json beside it."""
        self.recogniser.save(run)
        kept = {"commands": list(self.commands.texts), "threshold": self.threshold}
        run.write(FILE, json.dumps(kept, ensure_ascii=False, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path, threshold: float | None = None) -> Spotter:
        """Read it from its run; raises RunError where the folder is damaged, or holds no commands."""
        run, recogniser = Run.open(path), Recogniser.load(path)
        where = run.path / FILE
        try:
            kept = json.loads(run.text(FILE))
            commands = Commands(_texts(kept, where), str(where))
            spotter = cls(recogniser, commands, float(kept["threshold"]))
            spotter.spotting()  # each command has its symbol
        except (InvalidArgument, KeyError, TypeError, ValueError, RecursionError) as error:
            raise RunError(f"{where} is damaged: {error}; restore the file or train again") from error
        return spotter.at(threshold)


def _texts(kept: Any, where: Path) -> tuple[str, ...]:
    texts = kept.get("commands") if isinstance(kept, Mapping) else None
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise RunError(f"{where} is damaged: no list of commands; restore the file or train again")
    return tuple(texts)


class CommandStream:
    """Sound that arrives chunk by chunk, without an end: each command is given once, with its time.

    However the samples are cut, the answers are the same. `highest` is the highest score of any command yet.
    """

    def __init__(self, spotter: Spotter) -> None:
        recogniser = spotter.recogniser
        self.spotter, self.highest, self.ended = spotter, 0.0, False
        self.frames, self.listening = recogniser.features.stream(), Listening(recogniser.model)
        self.spotting = spotter.spotting()

    def feed(self, samples: np.ndarray) -> list[Spotted]:
        """Take samples [n], floats from -1 to 1 or int16; give the commands that are certain by then.

        Raises InvalidArgument after `finish`.
        """
        refuse_ended(self.ended, "spotter")
        return self._take(self.listening.feed(self.frames.feed(chunk(samples))))

    def finish(self) -> list[Spotted]:
        """End the sound: the commands that waited for what might follow."""
        refuse_ended(self.ended, "spotter")
        self.ended = True
        found = self._take(self.listening.feed(self.frames.finish()))
        found += self._take(self.listening.finish())
        return found + self._told(self.spotting.finish())

    def _take(self, scores: np.ndarray) -> list[Spotted]:
        return self._told(self.spotting.feed(scores))

    def _told(self, events: Sequence[Event]) -> list[Spotted]:
        self.highest = max([self.highest, *(each.score for each in events)])
        kept = [each for each in events if each.score >= self.spotter.threshold]
        return [self.spotter.spotted(each) for each in kept]
