"""Settings that nobody gave, settled by the recordings where these are single words of a short list.

A word by itself is short: letters may not fit into it, its own mean tells it from others and so is not to be
taken out, and nothing in it is said twice, so that no part can be hidden. Sentences keep the usual settings.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from hiddenstate.data.spoken import SpokenCorpus
from hiddenstate.tasks.speech.spec import SpeechSpec

LIST, OFTEN = 50, 10  # at most so many words, each said so often on average
TIMES = 6000  # how often each word is heard in training, a recording counted anew in every epoch
FEWEST, MOST = 10, 100  # epochs


def settled(spec: SpeechSpec, corpus: SpokenCorpus) -> tuple[SpeechSpec, tuple[str, ...]]:
    """Settle what was not asked for by the training recordings of a corpus; say in a sentence what was done.

    >>> settled(SpeechSpec(data="x"), SpokenCorpus("x", {"train": ()}, ""))[1]
    ()
    """
    if spec.commands:
        return spec, ()
    said = Counter(each.text for each in corpus.splits.get("train", ()))
    count = sum(said.values())
    single = all(len(text.split()) == 1 for text in said)
    if not said or not single or len(said) > LIST or count < OFTEN * len(said):
        return spec, ()
    epochs = int(np.clip(round(TIMES * len(said) / count), FEWEST, MOST))
    own: dict[str, Any] = {
        "symbols": "words",
        "normalisation": "training",
        "frequency_masks": 0,
        "time_masks": 0,
        "epochs": epochs,
    }
    free = {name: value for name, value in own.items() if name not in spec.model_fields_set}
    listed = ", ".join(f"{name} {value}" for name, value in free.items())
    note = f"Every recording is one of {len(said)} words; settled by that: {listed}."
    return spec.model_copy(update=free), (note,) if free else ()
