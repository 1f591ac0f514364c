"""The recogniser in Python: fit on recordings and transcripts, transcribe others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from hiddenstate.data.audio.cache import FeatureCache, refuse
from hiddenstate.data.audio.noticing import whole
from hiddenstate.data.audio.reading import described
from hiddenstate.data.audio.resampling import resampled
from hiddenstate.data.spoken import Recording, Spoken, SpokenCorpus, divided, said
from hiddenstate.errors import DataError, InvalidArgument, require
from hiddenstate.tasks.speech.commands.spotter import CommandStream, Spotter
from hiddenstate.tasks.speech.predictor import Recogniser
from hiddenstate.tasks.speech.spec import SpeechSpec
from hiddenstate.tasks.speech.stream import SpeechStream

FROM_CALL = {"task", "data", "skip_bad"}  # settings that have no say over recordings that are given


@dataclass(frozen=True, eq=False)
class InMemory:
    """A recording that lies in no file: values [n] between -1 and 1, or int16, `rate` of them a second."""

    name: str
    values: np.ndarray
    rate: int
    text: str
    speaker: str | None = None

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.values) / self.rate

    def samples(self, rate: int = 16000) -> np.ndarray:
        """The samples [n] float32 at a rate."""
        return self.heard(rate)[0]

    def heard(self, rate: int = 16000) -> tuple[np.ndarray, tuple[str, ...]]:
        """The samples, and sentences on what is doubtful about them."""
        samples, notes = whole(self.values, self.rate, self.name)
        return resampled(samples, self.rate, rate), notes


class SpeechRecognizer:
    """Recognise speech with a recurrent network and CTC (Graves et al. 2006), or spot `commands` alone.

    fit(recordings [N], transcripts [N]) takes paths of audio files or samples [n] of `rate`, holds a tenth
    out for validation, and learns words and letters from the transcripts; transcribe gives a `Transcript`
    each, for commands an `Answer`. bidirectional=False streams, as commands do. hidden, layers: in place of
    the preset's. `settings` are further fields of SpeechSpec. notes: what `fit` found doubtful. Raises
    InvalidArgument for settings that cannot be, DataError for recordings that cannot be used.
    """

    def __init__(
        self,
        preset: str = "small",
        cell: str = "lstm",
        bidirectional: bool | None = None,
        epochs: int | None = None,
        seed: int = 0,
        rate: int = 16000,
        settings: dict[str, Any] | None = None,
        commands: Sequence[str] = (),
        hidden: int | None = None,
        layers: int | None = None,
    ) -> None:
        fixed = sorted((settings or {}).keys() & FROM_CALL)
        if fixed:
            raise InvalidArgument(
                f"settings cannot hold {', '.join(fixed)}: recordings are those given to fit; leave it out"
            )
        own = {"preset": preset, "cell": cell, "bidirectional": bidirectional, "epochs": epochs, "seed": seed}
        own |= {name: size for name, size in (("hidden", hidden), ("layers", layers)) if size is not None}
        spotted = {"commands": tuple(commands)} if commands else {}
        given = {**own, **spotted, "rate": rate, **(settings or {}), "data": "(in memory)"}
        self.spec = SpeechSpec.from_options(given)
        self.notes: tuple[str, ...] = ()
        self._recogniser: Recogniser | Spotter | None = None

    def fit(
        self,
        recordings: Sequence[str | Path | np.ndarray],
        transcripts: Sequence[str],
        speakers: Sequence[str] | None = None,
        skip_bad: bool = False,
    ) -> SpeechRecognizer:
        """Train on recordings and what is said in them; with `speakers` whole speakers are held out.

        Raises DataError that lists all recordings which cannot be used; skip_bad notes and leaves them out.
        """
        require("torch", "fitting a SpeechRecognizer", extra="train")
        from hiddenstate.tasks.speech.commands.material import heard_for
        from hiddenstate.tasks.speech.deciding import decide  # listening needs no torch
        from hiddenstate.tasks.speech.fitting import fit_model
        from hiddenstate.tasks.speech.prepared import prepare
        from hiddenstate.tasks.speech.settled import settled

        for each, what in ((recordings, "recordings"), (transcripts, "transcripts")):
            if isinstance(each, str | Path):
                raise InvalidArgument(f"expected a list of {what}, came one; put it in a list")
        names = [None] * len(recordings) if speakers is None else list(speakers)
        if not len(recordings) == len(transcripts) == len(names):
            raise InvalidArgument(
                f"expected a transcript for each recording, and a speaker if any, came {len(recordings)} "
                f"recordings, {len(transcripts)} transcripts and {len(names)} speakers"
            )
        given = self._given(zip(recordings, transcripts, names, strict=True))
        if len(given) < 2:  # too few to go on: these faults are all
            refuse(given.left_out, len(recordings), skip_bad)
        corpus = divided(given, self.spec.seed)
        spec, _ = settled(self.spec.model_copy(update={"skip_bad": skip_bad}), corpus)
        learned = heard_for(corpus, spec)
        prepared = prepare(learned, spec, cache=FeatureCache())
        module, _ = fit_model(prepared, spec)
        self._recogniser = decide(prepared, spec, module.reader())
        self.notes = (*learned.notes, *prepared.notes)
        return self

    def transcribe(self, recordings: Any) -> Any:
        """Write down what is said in a recording, or in a list of them: paths, or samples [n] of `rate`."""
        return self.recogniser.transcribe(recordings)

    def stream(self) -> SpeechStream | CommandStream:
        """A recording that arrives chunk by chunk; raises Unsupported for a bidirectional recogniser."""
        return self.recogniser.stream()

    @property
    def recogniser(self) -> Recogniser | Spotter:
        """What was trained; raises InvalidArgument before `fit`."""
        if self._recogniser is None:
            raise InvalidArgument("this recogniser has heard nothing yet; call fit(recordings, transcripts)")
        return self._recogniser

    def _given(self, rows: Iterable[tuple[Any, Any, str | None]]) -> SpokenCorpus:
        """The recordings whose headers and transcripts can be used; what is wrong with others is left out."""
        spoken, faults, texts = list[Spoken](), list[str](), list[str]()
        for number, (given, text, speaker) in enumerate(rows):
            if not isinstance(given, str | Path | np.ndarray):
                raise _not(given, number, "recordings as paths or as arrays of samples")
            if not isinstance(text, str):
                raise _not(text, number, "transcripts as strings")
            texts.append(text)
            name = f"recording {number}" if isinstance(given, np.ndarray) else str(given)
            try:
                said(text)
            except DataError as error:
                faults.append(f"{name}: {error}")
                continue
            try:
                spoken.append(self._spoken(name, given, text, speaker))
            except DataError as error:
                faults.append(str(error))
        digest = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
        splits = {"train": tuple(spoken)}
        return SpokenCorpus("the recordings given", splits, digest, left_out=tuple(faults))

    def _spoken(self, name: str, given: str | Path | np.ndarray, text: str, speaker: str | None) -> Spoken:
        if isinstance(given, np.ndarray):
            # it has all that is asked of a recording here
            return cast(Spoken, InMemory(name, given, self.spec.rate, text, speaker))
        path = Path(given).expanduser()
        return Recording(path.name, path, text, described(path).seconds, speaker)


def _not(given: Any, number: int, expected: str) -> InvalidArgument:
    return InvalidArgument(f"expected {expected}, came {type(given).__name__} at index {number}; convert it")
