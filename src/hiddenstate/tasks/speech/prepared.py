"""Recordings -> what training reads: frames at several speeds, targets, and what cannot be learned, named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.data.audio.cache import FeatureCache, Gathered, gathered, refuse
from hiddenstate.data.audio.features import Features
from hiddenstate.data.audio.noises import Noises
from hiddenstate.data.spoken import Spoken, SpokenCorpus
from hiddenstate.decode.ctc import fewest_frames
from hiddenstate.errors import DataError
from hiddenstate.tasks.speech import unsaid
from hiddenstate.tasks.speech.language import Language
from hiddenstate.tasks.speech.spec import PIECES, SpeechSpec
from hiddenstate.tasks.speech.symbols import QUOTED, Symbols, listed, normal
from hiddenstate.tasks.text.markdown import flat

LONGEST = 120.0  # seconds of a recording to learn from; all of a batch take as many steps as its longest


@dataclass(frozen=True)
class Heard:
    """One recording: its plain frames [N, M], the ids of its transcript, and for training its frames at the
    speeds that are drawn from and the parts of it in which no word can have been said yet.

    learnable: whether some alignment writes its transcript; held-out ones without are judged all the same.
    """

    recording: Spoken
    frames: np.ndarray
    target: tuple[int, ...]
    changed: tuple[np.ndarray, ...] = ()
    unsaid: tuple[unsaid.Span, ...] = ()
    learnable: bool = True

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
    language: Language
    notes: tuple[str, ...]

    def held_out(self) -> tuple[Heard, ...]:
        """What choices are made on: validation, as far as it can be written, or training where none can."""
        held = tuple(each for each in self.heard.get("validation", ()) if each.learnable)
        return held or self.heard["train"]


def prepare(
    corpus: SpokenCorpus,
    spec: SpeechSpec,
    tell: Callable[[int, int], None] | None = None,
    cache: FeatureCache | None = None,
) -> Prepared:
    """Hear every recording of a divided corpus; `tell(done, of)` is told how far it is.

    Raises DataError for a split without recordings, and one that lists all recordings and transcripts that
    cannot be used, those among them which the corpus left out; with skip_bad they are noted. As
    `Language.of` does for files of words.
    """
    texts = [each.text for each in corpus.splits["train"]]
    symbols = Symbols.of(texts, spec.symbols, spec.pieces or PIECES)
    language = Language.of(texts, symbols, spec)
    total, done = len(corpus), 0
    heard: dict[str, tuple[Heard, ...]] = {}
    notes: list[str] = [*_notes_on(symbols, spec), *language.notes]
    faults = [*corpus.left_out]
    for name, recordings in corpus.splits.items():

        def told(count: int, before: int = done) -> None:
            if tell is not None:
                tell(before + count, total)

        speeds = spec.augmentation.speeds if name == "train" else ()
        short = [each for each in recordings if each.seconds <= LONGEST]
        faults += [_too_long(each) for each in recordings if each.seconds > LONGEST]
        found = gathered(short, spec.features, cache, speeds=speeds, told=told)
        known = tuple(_known(found, spec, symbols))
        notes += found.notes
        if name == "train":
            faults += [_impossible(each, spec, symbols) for each in known if not each.learnable]
            known = tuple(each for each in known if each.learnable)
        else:
            notes += _only_judged(known, name, symbols)
        heard[name] = known
        faults += found.faults
        done += len(recordings)
    left_out = refuse(faults, total + len(corpus.left_out), spec.skip_bad)
    if not heard["train"]:
        raise DataError(f"{corpus.name} has no recording to learn from; give some with transcripts")
    frames = [each.frames for each in heard["train"]]
    plain = (rows for each in heard["train"] for rows in (each.frames, *each.changed))
    noises = Noises.of(spec.features, frames, spec.seed)
    features, said = spec.features.fitted(plain), (*dict.fromkeys(notes), *left_out)
    return Prepared(features, symbols, heard, noises, language, said)


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


def _known(found: Gathered, spec: SpeechSpec, symbols: Symbols) -> Iterator[Heard]:
    """The recordings with the ids of their transcripts, and whether they can be learned from."""
    held_back = unsaid.known(found.recordings, spec)
    for recording, frames, changed in zip(found.recordings, found.plain, found.changed, strict=True):
        strange = symbols.strange(recording.text)
        target = () if strange else tuple(symbols.encode(recording.text))
        learnable = not strange and fewest_frames(target) <= _steps(frames, changed, spec)
        spans = unsaid.spans(recording, frames, spec) if held_back and learnable else ()
        yield Heard(recording, frames, target, changed, spans, learnable)


def _steps(frames: np.ndarray, changed: tuple[np.ndarray, ...], spec: SpeechSpec) -> int:
    """The fewest steps that a recording may have, at its fastest."""
    shortest = min(map(len, (frames, *changed)))
    return -(-(spec.augmentation.fewest_frames(shortest) if changed else shortest) // spec.reduce)


def _impossible(each: Heard, spec: SpeechSpec, symbols: Symbols) -> str:
    """Why a recording cannot be learned from."""
    if symbols.strange(each.text):
        return f"{each.recording.name}: {symbols.refusal(each.text)}"
    return (
        f"{each.recording.name}: its transcript {flat(each.text, QUOTED)!r} takes "
        f"{fewest_frames(each.target)} steps at least, and the recording has "
        f"{_steps(each.frames, each.changed, spec)} of {1000 * spec.features.step * spec.reduce:.0f} ms (at "
        "its fastest); take a smaller reduce, correct the transcript, or leave it out"
    )


def _only_judged(known: Sequence[Heard], split: str, symbols: Symbols) -> Iterator[str]:
    """What of a held-out split nobody can have right, in sentences that name the recordings."""
    strange = [(each, found) for each in known if (found := symbols.strange(each.text))]
    fast = [each.recording.name for each in known if not each.learnable and not symbols.strange(each.text)]
    if strange:
        said = [f"{each.recording.name} ({', '.join(map(repr, found))})" for each, found in strange]
        yield (
            f"{len(said)} of {len(known)} recordings of {split} say what no training transcript has, which "
            f"counts as wrong: {listed(said)}."
        )
    if fast:
        yield (
            f"{len(fast)} of {len(known)} recordings of {split} have fewer steps than their transcripts "
            f"take, and cannot be recognised rightly: {listed(fast)}."
        )
    if known and split == "validation" and not any(each.learnable for each in known):
        yield "No recording of validation can be written, so choices are made on what is trained on."
