"""Recordings -> what training reads: frames at several speeds, targets, and what cannot be learned, named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hiddenstate.data.audio.cache import FeatureCache, Gathered, gathered, refuse
from hiddenstate.data.audio.features import Features
from hiddenstate.data.audio.noises import Noises
from hiddenstate.data.spoken import Spoken, SpokenCorpus
from hiddenstate.decode.ctc import fewest_frames
from hiddenstate.errors import DataError
from hiddenstate.tasks.speech import unsaid
from hiddenstate.tasks.speech.spec import PIECES, SpeechSpec
from hiddenstate.tasks.speech.symbols import Symbols, normal

LONGEST = 120.0  # seconds of a recording to learn from; all of a batch take as many steps as its longest


@dataclass(frozen=True)
class Heard:
    """One recording: its plain frames [N, M], the ids of its transcript, and for training its frames at the
    speeds that are drawn from and the parts of it in which no word can have been said yet."""

    recording: Spoken
    frames: np.ndarray
    target: tuple[int, ...]
    changed: tuple[np.ndarray, ...] = ()
    unsaid: tuple[unsaid.Span, ...] = ()

    @property
    def text(self) -> str:
        """The transcript."""
        return normal(self.recording.text)


@dataclass(frozen=True)
class Prepared:
    """A corpus as it is trained on; `notes` say what is doubtful and what was left out."""

    features: Features
    symbols: Symbols
    heard: Mapping[str, tuple[Heard, ...]]
    noises: Noises
    notes: tuple[str, ...]

    def held_out(self) -> tuple[Heard, ...]:
        """What choices are made on: validation, or training where there is none."""
        return self.heard.get("validation") or self.heard["train"]


def prepare(
    corpus: SpokenCorpus,
    spec: SpeechSpec,
    tell: Callable[[int, int], None] | None = None,
    cache: FeatureCache | None = None,
) -> Prepared:
    """Hear every recording of a divided corpus; `tell(done, of)` is told how far it is.

    Raises DataError for a split without recordings, and for recordings or transcripts that cannot be used,
    unless the settings leave those out.
    """
    texts = [each.text for each in corpus.splits["train"]]
    symbols = Symbols.of(texts, spec.symbols, spec.pieces or PIECES)
    total, done = sum(map(len, corpus.splits.values())), 0
    heard: dict[str, tuple[Heard, ...]] = {}
    notes: list[str] = list(_notes_on(symbols, spec))
    faults: list[str] = []
    for name, recordings in corpus.splits.items():

        def told(count: int, before: int = done) -> None:
            if tell is not None:
                tell(before + count, total)

        speeds = spec.augmentation.speeds if name == "train" else ()
        short = [each for each in recordings if each.seconds <= LONGEST]
        faults += [_too_long(each) for each in recordings if each.seconds > LONGEST]
        found = gathered(short, spec.features, cache, speeds=speeds, told=told)
        heard[name] = tuple(_learnable(found, spec, symbols, faults))
        faults += found.faults
        notes += found.notes
        done += len(recordings)
    notes += refuse(faults, total, spec.skip_bad)
    if not heard["train"]:
        raise DataError(f"{corpus.name} has no recording to learn from; give some with transcripts")
    frames = [each.frames for each in heard["train"]]
    plain = (rows for each in heard["train"] for rows in (each.frames, *each.changed))
    noises = Noises.of(spec.features, frames, spec.seed)
    return Prepared(spec.features.fitted(plain), symbols, heard, noises, tuple(dict.fromkeys(notes)))


def _notes_on(symbols: Symbols, spec: SpeechSpec) -> Iterator[str]:
    if spec.pieces is not None and len(symbols.written) < spec.pieces:
        yield (
            f"{len(symbols.written)} pieces of words where {spec.pieces} were asked for: no others stand in "
            "the training transcripts twice."
        )


def _too_long(recording: Spoken) -> str:
    return (
        f"{recording.name}: expected at most {LONGEST:g} seconds to learn from, came "
        f"{recording.seconds:.0f}; cut it at pauses, or give its pieces by offset and duration"
    )


def _learnable(found: Gathered, spec: SpeechSpec, symbols: Symbols, faults: list[str]) -> Iterator[Heard]:
    """The recordings from which their transcripts can be learned; others are added to the faults."""
    rows = zip(found.recordings, found.plain, found.changed, strict=True)
    held_back = unsaid.known(found.recordings, spec)
    for recording, frames, changed in rows:
        try:
            target = symbols.encode(recording.text)
        except DataError as error:
            faults.append(f"{recording.name}: {error}")
            continue
        least, shortest = fewest_frames(target), min(map(len, (frames, *changed)))
        if changed:
            shortest = spec.augmentation.fewest_frames(shortest)
        if least > (steps := -(-shortest // spec.reduce)):
            faults.append(
                f"{recording.name}: its transcript {recording.text!r} takes {least} steps at least, and the "
                f"recording has {steps} of {1000 * spec.features.step * spec.reduce:.0f} ms (at its fastest);"
                " take a smaller reduce, correct the transcript, or leave it out"
            )
            continue
        spans = unsaid.spans(recording, frames, spec) if held_back else ()
        yield Heard(recording, frames, tuple(target), changed, spans)
