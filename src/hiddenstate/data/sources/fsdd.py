"""The Free Spoken Digit Dataset (Jackson et al., 2018): six speakers, each digit 50 times; and strings of
digits."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from hiddenstate.data import archives
from hiddenstate.data.audio.reading import described
from hiddenstate.data.spoken import Joined, Recording, SpokenCorpus
from hiddenstate.errors import DataError, InvalidArgument, nearest

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEST = range(5)  # indices: the official ones
VALIDATION = range(9, 50, 9)  # spread, as early takes differ from late ones, and both are to be learned from
STRINGS = {"train": 3000, "validation": 300, "test": 300}
LENGTHS = (3, 7)  # digits of a string
PAUSES = (0.05, 0.35)  # seconds
NAME = re.compile(r"(\d)_([a-z]+)_(\d+)")
CURE = (
    "Get it with: git clone --branch v1.0.10 https://github.com/Jakobovski/free-spoken-digit-dataset fsdd, "
    "and set HIDDENSTATE_DATA to the folder it is in."
)


def read(left_out: str | None = None) -> SpokenCorpus:
    """Read single digits: the official test (indices 0 to 4), every ninth for validation, the rest to train.

    With a speaker left out, all that this speaker says is the test and nothing else is.

    Raises DataError where the data is not in $HIDDENSTATE_DATA, InvalidArgument for an unknown speaker.
    """
    splits, sha256 = _digits(left_out)
    return SpokenCorpus("fsdd" if left_out is None else f"fsdd:{left_out}", splits, sha256)


def connected(left_out: str | None = None, seed: int = 0) -> SpokenCorpus:
    """Join single digits of one speaker to strings of 3 to 7 with pauses, those of each split within it.

    Raises as `read` does.
    """
    digits, sha256 = _digits(left_out)
    strings = {
        name: _strings(digits[name], count, seed + place)
        for place, (name, count) in enumerate(STRINGS.items())
    }
    called = "fsdd_connected" if left_out is None else f"fsdd_connected:{left_out}"
    return SpokenCorpus(called, strings, hashlib.sha256(f"{sha256} {seed}".encode()).hexdigest())


def _digits(left_out: str | None) -> tuple[dict[str, tuple[Recording, ...]], str]:
    """Read the header of every recording; return them by split, and a SHA-256 of their names and sizes."""
    folder = archives.folder("fsdd", "recordings", ("recordings.tar.xz", "recordings.tar.gz"), CURE)
    paths = sorted(folder.glob("*.wav"))
    names = [name for path in paths if (name := NAME.fullmatch(path.stem))]
    if not paths or len(names) < len(paths):
        raise DataError(
            f"{folder}: expected recordings called like 7_jackson_32.wav, came {len(paths)} files, "
            f"{len(paths) - len(names)} of other names. {CURE}"
        )
    speakers = {name[2] for name in names}
    if left_out is not None and left_out not in speakers:
        raise InvalidArgument(f"fsdd has no speaker {left_out!r}; {nearest(left_out, speakers)}")
    digest = hashlib.sha256()
    splits: dict[str, list[Recording]] = {"train": [], "validation": [], "test": []}
    for path, name in zip(paths, names, strict=True):
        told = described(path)
        digest.update(f"{path.name} {told.samples}".encode())
        recording = Recording(path.stem, path, WORDS[int(name[1])], told.seconds, name[2], rate=told.rate)
        splits[_split(name[2], int(name[3]), left_out)].append(recording)
    return {name: tuple(each) for name, each in splits.items()}, digest.hexdigest()


def _split(speaker: str, index: int, left_out: str | None) -> str:
    if speaker == left_out or (left_out is None and index in TEST):
        return "test"
    return "validation" if index in VALIDATION else "train"


def _strings(recordings: Sequence[Recording], count: int, seed: int) -> tuple[Joined, ...]:
    """Draw speakers in turn, then lengths, digits and recordings of them, each with the same chance."""
    generator = np.random.default_rng(seed)
    said: dict[str, dict[str, list[Recording]]] = defaultdict(lambda: defaultdict(list))
    for each in recordings:
        said[str(each.speaker)][each.text].append(each)
    speakers, strings = sorted(said), []
    for number in range(count):
        takes = said[speakers[number % len(speakers)]]
        words = generator.choice(sorted(takes), generator.integers(LENGTHS[0], LENGTHS[1] + 1))
        parts = tuple(takes[word][generator.integers(len(takes[word]))] for word in words)
        pauses = tuple(np.round(generator.uniform(*PAUSES, len(parts) + 1), 3).tolist())
        name = f"{speakers[number % len(speakers)]}_{number}"
        strings.append(Joined(name, parts, pauses, seed=int(generator.integers(2**31))))
    return tuple(strings)
