"""The recogniser in Python: fit on recordings and transcripts, transcribe others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from hiddenstate.data.audio.cache import FeatureCache
from hiddenstate.data.audio.mel import floats
from hiddenstate.data.audio.reading import described
from hiddenstate.data.audio.resampling import resampled
from hiddenstate.data.spoken import Recording, Spoken, SpokenCorpus, divided
from hiddenstate.errors import InvalidArgument, require
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
        return resampled(floats(self.values), self.rate, rate)

    def heard(self, rate: int = 16000) -> tuple[np.ndarray, tuple[str, ...]]:
        """The samples, with nothing to say about them."""
        return self.samples(rate), ()


class SpeechRecognizer:
    """Recognise speech with a recurrent network and CTC (Graves et al. 2006), or spot `commands` alone.

    fit(recordings [N], transcripts [N]) takes paths of audio files or samples [n] of `rate`, holds a tenth
    out for validation, and learns words and letters from the transcripts; transcribe gives a `Transcript`
    each, for commands an `Answer`. bidirectional=False streams, as commands do. `settings` are further fields
    of SpeechSpec. Raises InvalidArgument for settings that cannot be, DataError for recordings that cannot be
    used.
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
    ) -> None:
        fixed = sorted((settings or {}).keys() & FROM_CALL)
        if fixed:
            raise InvalidArgument(
                f"settings cannot hold {', '.join(fixed)}: recordings are those given to fit; leave it out"
            )
        own = {"preset": preset, "cell": cell, "bidirectional": bidirectional, "epochs": epochs, "seed": seed}
        spotted = {"commands": tuple(commands)} if commands else {}
        given = {**own, **spotted, "rate": rate, **(settings or {}), "data": "(in memory)"}
        self.spec = SpeechSpec.from_options(given)
        self._recogniser: Recogniser | Spotter | None = None

    def fit(
        self,
        recordings: Sequence[str | Path | np.ndarray],
        transcripts: Sequence[str],
        speakers: Sequence[str] | None = None,
    ) -> SpeechRecognizer:
        """Train on recordings and what is said in them; with `speakers` whole speakers are held out."""
        require("torch", "fitting a SpeechRecognizer", extra="train")
        from hiddenstate.tasks.speech.commands.material import heard_for
        from hiddenstate.tasks.speech.deciding import decide  # listening needs no torch
        from hiddenstate.tasks.speech.fitting import fit_model
        from hiddenstate.tasks.speech.prepared import prepare
        from hiddenstate.tasks.speech.settled import settled

        names = [None] * len(recordings) if speakers is None else list(speakers)
        if not len(recordings) == len(transcripts) == len(names):
            raise InvalidArgument(
                f"expected a transcript for each recording, and a speaker if any, came {len(recordings)} "
                f"recordings, {len(transcripts)} transcripts and {len(names)} speakers"
            )
        rows = zip(recordings, transcripts, names, strict=True)
        spoken = tuple(self._spoken(number, *row) for number, row in enumerate(rows))
        digest = hashlib.sha256("\0".join(transcripts).encode("utf-8", "surrogatepass")).hexdigest()
        corpus = divided(SpokenCorpus("the recordings given", {"train": spoken}, digest), self.spec.seed)
        spec, _ = settled(self.spec, corpus)
        prepared = prepare(heard_for(corpus, spec), spec, cache=FeatureCache())
        module, _ = fit_model(prepared, spec)
        self._recogniser = decide(prepared, spec, module.reader())
        return self

    def transcribe(self, recordings: Any) -> Any:
        """Write down what is said in a recording, or in a list of them: paths, or samples [n] of `rate`."""
        one = isinstance(recordings, str | Path | np.ndarray)
        found: list[Any] = [*self.recogniser.transcribe([recordings] if one else list(recordings))]
        return found[0] if one else found

    def stream(self) -> SpeechStream | CommandStream:
        """A recording that arrives chunk by chunk; raises Unsupported for a bidirectional recogniser."""
        return self.recogniser.stream()

    @property
    def recogniser(self) -> Recogniser | Spotter:
        """What was trained; raises InvalidArgument before `fit`."""
        if self._recogniser is None:
            raise InvalidArgument("this recogniser has heard nothing yet; call fit(recordings, transcripts)")
        return self._recogniser

    def _spoken(self, number: int, given: str | Path | np.ndarray, text: str, speaker: str | None) -> Spoken:
        if isinstance(given, np.ndarray):
            # it has all that is asked of a recording here
            return cast(Spoken, InMemory(f"recording {number}", given, self.spec.rate, text, speaker))
        path = Path(given).expanduser()
        return Recording(path.name, path, text, described(path).seconds, speaker)
