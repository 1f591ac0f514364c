"""yesno (OpenSLR 1): 60 recordings of one man, eight times yes or no in each."""

from __future__ import annotations

import hashlib
import re

import numpy as np

from hiddenstate.data import archives
from hiddenstate.data.audio.reading import described
from hiddenstate.data.spoken import Recording, SpokenCorpus
from hiddenstate.errors import DataError

HELD_OUT = 12
SEED = 1
NAME = re.compile(r"[01](_[01]){7}")
CURE = "Get waves_yesno.tar.gz from https://www.openslr.org/1/ and put it there."


def read() -> SpokenCorpus:
    """Read 48 recordings for training and 12 for test, drawn once and for all: no official split exists.

    Raises DataError where they are not found and cannot be downloaded, or are not as they were published.
    """
    folder = archives.folder("yesno", "waves_yesno", ("waves_yesno.tar.gz", "waves_yesno.tar.xz"), CURE)
    paths = sorted(path for path in folder.glob("*.wav") if NAME.fullmatch(path.stem))
    if len(paths) != 60:
        raise DataError(
            f"{folder}: expected 60 recordings called like 0_1_1_0_0_1_1_0.wav, came {len(paths)}."
        )
    digest, recordings = hashlib.sha256(), []
    for path in paths:
        told = described(path)
        digest.update(f"{path.name} {told.samples}".encode())
        text = " ".join({"1": "yes", "0": "no"}[sign] for sign in path.stem.split("_"))
        recordings.append(Recording(path.stem, path, text, told.seconds, speaker="one", rate=told.rate))
    held = set(np.random.default_rng(SEED).permutation(60)[:HELD_OUT].tolist())
    splits = {
        "train": tuple(each for row, each in enumerate(recordings) if row not in held),
        "test": tuple(each for row, each in enumerate(recordings) if row in held),
    }
    return SpokenCorpus("yesno", splits, digest.hexdigest())
