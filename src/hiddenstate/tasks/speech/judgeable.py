"""What of recordings can be judged, and what no recogniser could have had right."""

from __future__ import annotations

from collections.abc import Sequence

from hiddenstate.data.audio.cache import refuse
from hiddenstate.data.spoken import Spoken
from hiddenstate.decode.ctc import fewest_frames
from hiddenstate.errors import DataError
from hiddenstate.tasks.speech.predictor import Recogniser
from hiddenstate.tasks.speech.symbols import listed, normal

SHOWN = 5  # words or recordings, in a sentence


def judgeable(
    recordings: Sequence[Spoken], recogniser: Recogniser, skip_bad: bool, left_out: Sequence[str] = ()
) -> tuple[list[Spoken], list[str]]:
    """The recordings that can be read, and what a person should know of them and of their transcripts.

    left_out: what is wrong with others, which are listed and counted with those found here.

    Raises DataError that lists those which cannot be used; with skip_bad they are left out, and noted.
    """
    kept: list[Spoken] = []
    faults = [*left_out]
    notes: list[str] = []
    for each in recordings:
        try:
            notes += each.heard(recogniser.spec.rate)[1]
            kept.append(each)
        except DataError as error:
            faults.append(str(error))
    told = refuse(faults, len(recordings) + len(left_out), skip_bad)
    if not recogniser.spec.commands:  # of which other words are to be refused
        notes += [*_unwritable(kept, recogniser), *_too_fast(kept, recogniser)]
    return kept, [*dict.fromkeys(notes), *told]


def can_be_heard(recording: Spoken, rate: int) -> bool:
    """Whether a recording can be read."""
    try:
        recording.heard(rate)
    except DataError:
        return False
    return True


def _unwritable(recordings: Sequence[Spoken], recogniser: Recogniser) -> list[str]:
    """Words of transcripts that are not in the recogniser's list, or that its symbols do not spell."""
    found: dict[str, None] = {}
    count = 0
    for each in recordings:
        strange = [word for word in normal(each.text).split() if not _can_write(word, recogniser)]
        found |= dict.fromkeys(strange)
        count += bool(strange)
    if not found:
        return []
    return [
        f"In {count} of {len(recordings)} transcripts are words that this recogniser cannot write, which "
        f"count as wrong: {listed([repr(word) for word in found], SHOWN)}."
    ]


def _can_write(word: str, recogniser: Recogniser) -> bool:
    if recogniser.vocabulary:
        return word in recogniser.vocabulary
    try:
        recogniser.symbols.encode(word)
    except DataError:
        return False
    return True


def _too_fast(recordings: Sequence[Spoken], recogniser: Recogniser) -> list[str]:
    """Recordings with fewer steps than their transcripts take: all of it cannot be recognised in them."""
    names = []
    for each in recordings:
        try:
            least = fewest_frames(recogniser.symbols.encode(each.text))
        except DataError:  # named already
            continue
        frames = 1 + (each.seconds - recogniser.features.window) / recogniser.features.step
        if least > -(-int(frames) // recogniser.spec.reduce):
            names.append(each.name)
    if not names:
        return []
    return [
        f"{len(names)} of {len(recordings)} recordings have fewer steps than their transcripts take, and "
        f"cannot be recognised rightly: {listed(names, SHOWN)}."
    ]
