"""Recordings -> what training reads: frames at several speeds, targets, and what cannot be learned, named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.data.audio.augment import faster
from hiddenstate.data.audio.features import Features
from hiddenstate.data.spoken import Spoken, SpokenCorpus
from hiddenstate.decode.ctc import fewest_frames
from hiddenstate.errors import DataError
from hiddenstate.tasks.speech.spec import SpeechSpec
from hiddenstate.tasks.speech.symbols import Symbols, normal

LISTED = 5  # recordings, in a sentence


@dataclass(frozen=True)
class Heard:
    """One recording: its plain frames [N, M], the ids of its transcript, and for training its frames at other
    speeds and with noise."""

    recording: Spoken
    frames: np.ndarray
    target: tuple[int, ...]
    changed: tuple[np.ndarray, ...] = ()
    noisy: tuple[np.ndarray, ...] = ()

    @property
    def text(self) -> str:
        """The transcript."""
        return normal(self.recording.text)


@dataclass(frozen=True)
class Prepared:
    """A corpus as it is trained on; `notes` say what was left out."""

    features: Features
    symbols: Symbols
    heard: Mapping[str, tuple[Heard, ...]]
    notes: tuple[str, ...]

    def held_out(self) -> tuple[Heard, ...]:
        """What choices are made on: validation, or training where there is none."""
        return self.heard.get("validation") or self.heard["train"]


def prepare(
    corpus: SpokenCorpus, spec: SpeechSpec, tell: Callable[[int, int], None] | None = None
) -> Prepared:
    """Hear every recording of a divided corpus; `tell(done, of)` is told how far it is.

    Raises DataError for a split without recordings, and for recordings or transcripts that cannot be used,
    unless the settings leave those out.
    """
    symbols = Symbols.of((each.text for each in corpus.splits["train"]), spec.symbols)
    heard: dict[str, tuple[Heard, ...]] = {}
    faults: list[str] = []
    total, done = sum(map(len, corpus.splits.values())), 0
    for name, recordings in corpus.splits.items():
        kept = []
        for number, each in enumerate(recordings):
            generator = np.random.default_rng([spec.seed, number]) if name == "train" else None
            try:
                kept.append(_heard(each, spec, symbols, generator))
            except DataError as error:
                faults.append(str(error))
            done += 1
            if tell is not None:
                tell(done, total)
        heard[name] = tuple(kept)
    notes = _refused_or_noted(faults, spec.skip_bad)
    if not heard["train"]:
        raise DataError(f"{corpus.name} has no recording to learn from; give some with transcripts")
    plain = (frames for each in heard["train"] for frames in (each.frames, *each.changed))
    return Prepared(spec.features.fitted(plain), symbols, heard, notes)


def _heard(
    recording: Spoken, spec: SpeechSpec, symbols: Symbols, generator: np.random.Generator | None
) -> Heard:
    """Raises DataError where a recording cannot be read, or its transcript cannot be learned from it."""
    target, features = symbols.encode(recording.text), spec.features
    samples = recording.samples(spec.rate)
    frames, changed, noisy = features.plain(samples), [], []
    if generator is not None:
        augmentation = replace(spec.augmentation, noise_share=1.0)
        for speed in augmentation.speeds:
            other = samples if speed == 1 else faster(samples, speed)
            changed.append(frames if speed == 1 else features.plain(other))
            if spec.noise:
                noisy.append(features.plain(augmentation.with_noise(other, generator)))
    least, shortest = fewest_frames(target), min(map(len, (frames, *changed)))
    if least > (steps := -(-shortest // spec.reduce)):
        raise DataError(
            f"{recording.name}: its transcript {recording.text!r} takes {least} steps at least, and the "
            f"recording has {steps} of {1000 * features.step * spec.reduce:.0f} ms (at its fastest); take a "
            "smaller reduce, correct the transcript, or leave it out"
        )
    return Heard(recording, frames, tuple(target), tuple(changed), tuple(noisy))


def _refused_or_noted(faults: Sequence[str], skip: bool) -> tuple[str, ...]:
    if not faults:
        return ()
    if not skip:
        raise DataError(
            f"{len(faults)} recordings cannot be used (--skip-bad goes on without them):\n"
            + "\n".join(faults)
        )
    more = f" and {len(faults) - LISTED} more" if len(faults) > LISTED else ""
    return (f"Left out {len(faults)} recordings: {'; '.join(faults[:LISTED])}{more}.",)
