"""A recogniser laid open: the steps of a recording, its stack, and the scores of symbols in the last step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hiddenstate.data.audio.reading import read
from hiddenstate.infer import Inside
from hiddenstate.tasks.speech.predictor import Recogniser


def inside(path: str | Path) -> Inside:
    """Lay a run open: its texts are the paths of recordings; raises RunError where it is damaged.

    Nothing is answered from a single step of a recording, so there is no head.
    """
    recogniser = Recogniser.load(path)

    def steps(file: str) -> tuple[tuple[str, ...], np.ndarray]:
        frames = recogniser.features.of(read(file, rate=recogniser.spec.rate))
        x = recogniser.model.steps(frames)
        return tuple(f"{step * recogniser.step_seconds:.2f} s" for step in range(len(x))), x

    return Inside(recogniser.model.stack, steps)
