"""A trained recogniser, ready to listen. NumPy and the compiled core: no torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from hiddenstate.data.audio.features import Features
from hiddenstate.data.audio.noticing import whole
from hiddenstate.data.audio.reading import LONGEST, blocks
from hiddenstate.decode import Decoded, NGram, PrefixBeam
from hiddenstate.errors import DataError, InvalidArgument, RunError
from hiddenstate.infer import widen
from hiddenstate.runs import Run
from hiddenstate.tasks.speech.given import Said, answered
from hiddenstate.tasks.speech.listening import Weights, search_of
from hiddenstate.tasks.speech.reader import Reader, parameter_shapes
from hiddenstate.tasks.speech.spec import SpeechSpec
from hiddenstate.tasks.speech.symbols import Symbols

if TYPE_CHECKING:
    from hiddenstate.tasks.speech.stream import Heard, SpeechStream

ARPA = "language.arpa"
AT_ONCE = 10.0  # seconds of a file that are read and heard at once: an hour takes no more memory
ANSWERS = 3  # how many texts a transcript names


@dataclass(frozen=True)
class SpokenWord:
    """A word, when it was said (seconds from the beginning), and how sure of it the recogniser is, 0 to 1."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Transcript:
    """What was said in one recording.

    source: its file or name, "" for samples; seconds: how long it is; others: the next best texts, with the
    logarithm of how much less probable they are than this one; notes: what is doubtful about the recording.
    """

    source: str
    text: str
    words: tuple[SpokenWord, ...]
    seconds: float
    others: tuple[tuple[str, float], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recogniser:
    """Features, model, symbols and search together; `load` reads them from a run."""

    spec: SpeechSpec
    features: Features
    symbols: Symbols
    model: Reader
    lm: NGram | None
    vocabulary: tuple[str, ...]  # the words that can be said; none: all that the symbols spell
    weights: Weights

    @property
    def step_seconds(self) -> float:
        """How long one step of the model is."""
        return self.features.step * self.spec.reduce

    @cached_property
    def search(self) -> PrefixBeam:
        """The search that it answers with; its tables of words are made once."""
        return search_of(self.spec, self.symbols, self.lm, self.vocabulary, self.weights)

    @overload
    def transcribe(self, recordings: Said) -> Transcript: ...  # type: ignore[overload-overlap]  # a str has letters
    @overload
    def transcribe(self, recordings: Sequence[Said]) -> list[Transcript]: ...
    def transcribe(self, recordings: Said | Sequence[Said]) -> Transcript | list[Transcript]:
        """Write down what is said in an audio file, in a recording of a corpus, or in samples [n] of the
        recogniser's rate, floats from -1 to 1 or int16; or in each of several.

        Raises DataError for what holds no sound that can be read, InvalidArgument for other samples.
        """
        return answered(recordings, self._transcript)

    def scores(self, samples: np.ndarray) -> np.ndarray:
        """The log probabilities [T, K] of symbols in the steps of samples [n]."""
        frames = self.features.of(samples)
        if not len(frames):
            raise DataError(
                f"{len(samples)} samples are less than one window of {1000 * self.features.window:.0f} ms: "
                "nothing can be heard in them"
            )
        return self.model.scores([frames])[0]

    def _transcript(self, given: Said, name: str) -> Transcript:
        notes: list[str] = []
        source, parts = self.parts(given, name, notes.append)
        if self.spec.bidirectional:
            samples = np.concatenate([*parts])
            found = self.transcript_of(
                self.search.decode(self.scores(samples), most=ANSWERS), len(samples) / self.spec.rate
            )
        else:
            found = self._listened(parts)
        return replace(found, source=source, notes=tuple(notes))

    def parts(self, given: Said, name: str, tell: Callable[[str], None]) -> tuple[str, Iterable[np.ndarray]]:
        """What a recording is called, and its samples bit by bit; in the end it is told what is doubtful.

        `name` is what errors call samples that have no name.
        """
        if isinstance(given, str | Path):
            return str(given), blocks(given, self.spec.rate, AT_ONCE, longest=LONGEST, tell=tell)
        if isinstance(given, np.ndarray):
            source, (samples, notes) = "", whole(given, self.spec.rate, name)
        else:
            source, (samples, notes) = given.name, given.heard(self.spec.rate)
        for note in notes:
            tell(note)
        return source, [samples]

    def _listened(self, parts: Iterable[np.ndarray]) -> Transcript:
        """The parts of a recording as they are heard while somebody speaks, utterance by utterance."""
        stream, heard, count = self.stream(), list["Heard"](), 0
        for samples in parts:
            count += len(samples)
            heard += [each for each in stream.feed(samples) if each.final]
        return _joined([*heard, stream.finish()], count / self.spec.rate)

    def transcript_of(self, found: Sequence[Decoded], seconds: float, start: float = 0.0) -> Transcript:
        """The best of some answers as a transcript, the next ones beside it; it begins at `start`."""
        step, best = self.step_seconds, found[0]
        words = tuple(
            SpokenWord(
                word.text, start + word.start * step, start + min(word.end * step, seconds), word.confidence
            )
            for word in best.words
        )
        others = tuple((each.text, each.total - best.total) for each in found[1:ANSWERS])
        return Transcript("", best.text, words, seconds, others)

    def stream(self) -> SpeechStream:
        """A recording that arrives chunk by chunk; see `SpeechStream`."""
        from hiddenstate.tasks.speech.stream import SpeechStream

        return SpeechStream(self)

    # --- on disk ---

    def save(self, run: Run) -> None:
        """Write what listening needs beside spec.json: model.json, weights in half precision, the n-grams."""
        described = {
            "features": self.features.as_dict(),
            "symbols": self.symbols.as_dict(),
            "vocabulary": list(self.vocabulary),
            "weights": {"alpha": self.weights.alpha, "beta": self.weights.beta},
            "language_model": self.lm is not None,
        }
        run.write("model.json", json.dumps(described, ensure_ascii=False, indent=1) + "\n")
        if self.lm is not None:
            run.write(ARPA, self.lm.arpa())
        arrays = {name: value.astype(np.float16) for name, value in self.model.parameters.items()}
        run.write_weights(arrays)

    @classmethod
    def load(cls, path: str | Path) -> Recogniser:
        """Read a recogniser from its run; raises RunError where the folder is damaged or too new."""
        run = Run.open(path)
        spec = SpeechSpec.from_run(run.spec().get("spec", {}), str(run.path / "spec.json"))
        where = str(run.path / "model.json")
        described = _described(run, where)
        symbols = Symbols.from_dict(described["symbols"], where)
        try:
            features = Features.from_dict(described["features"])
            weights = Weights(**{name: float(value) for name, value in described["weights"].items()})
        except (InvalidArgument, TypeError, ValueError) as error:
            raise RunError(f"{where} is damaged: {error}; restore the file or train again") from error
        fits = f"{run.path / 'weights.safetensors'} does not fit {where}; train again"
        arrays = widen(run.weights(), parameter_shapes(spec, len(symbols)), fits)
        lm = NGram.read_arpa(run.path / ARPA) if described["language_model"] else None
        vocabulary = tuple(described["vocabulary"])
        return cls(spec, features, symbols, Reader(spec, arrays), lm, vocabulary, weights)


def _joined(heard: Sequence[Heard], seconds: float) -> Transcript:
    """Utterances of one recording as one transcript; others are named where there is one utterance."""
    spoken = [each for each in heard if each.transcript.text] or [heard[-1]]
    words = tuple(word for each in spoken for word in each.transcript.words)
    others = spoken[0].transcript.others if len(spoken) == 1 else ()
    return Transcript("", " ".join(each.transcript.text for each in spoken), words, seconds, others)


def _described(run: Run, where: str) -> dict[str, Any]:
    """Read model.json and check that it has what it should."""
    try:
        described = json.loads(run.text("model.json"))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{where} is damaged: {error}; restore the file or train again") from error
    wanted = {
        "features": dict,
        "symbols": dict,
        "vocabulary": list,
        "weights": dict,
        "language_model": bool,
    }
    for name, kind in wanted.items():
        if not isinstance(described, dict) or not isinstance(described.get(name), kind):
            raise RunError(f"{where} is damaged: no valid {name!r}; restore the file or train again")
    if not all(isinstance(word, str) for word in described["vocabulary"]):
        raise RunError(f"{where} is damaged: a word that is none; restore the file or train again")
    result: dict[str, Any] = described
    return result
