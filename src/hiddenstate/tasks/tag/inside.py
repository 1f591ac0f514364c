"""A tagger laid open: its words as vectors, its stack, and the head of its intents. NumPy only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hiddenstate.infer import Head, Inside
from hiddenstate.tasks.tag.predictor import Tagger
from hiddenstate.tasks.text.head import AnswerHead, LastHead


def inside(path: str | Path) -> Inside:
    """Lay a run open; raises RunError where it is damaged.

    The head names the intent from the recurrent part; of a tagger without intents it tags the last word.
    """
    tagger = Tagger.load(path)
    model, parameters = tagger.model, tagger.model.parameters

    def read(text: str) -> tuple[tuple[str, ...], np.ndarray]:
        units = tagger.units(text)
        if not units.words:
            return (), np.zeros((0, model.spec.embedding), np.float32)
        return units.words, model.words_of(tagger.encoder.batch([units]))[:, 0]

    head: Head = LastHead(tagger.tags, parameters["tag.weight"], parameters["tag.bias"])
    if tagger.intents:
        head = AnswerHead(tagger.intents, model.names, model.spec.hidden, parameters)
    return Inside(model.stack, read, head)
