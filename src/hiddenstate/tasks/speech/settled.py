"""Settings that nobody gave, settled by what is said in the training recordings.

Single words of a short list: a word by itself is short; letters may not fit into it, its own mean tells it
from others and so is not to be taken out, and nothing in it is said twice, so that no part can be hidden. One
way of reading is enough, and hears more of it before it answers.
More words than that take the larger network, and of little sound more epochs, as do commands that are said
seldom. What lies between keeps the usual settings.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from hiddenstate.data.spoken import SpokenCorpus
from hiddenstate.tasks.speech.commands.listed import Commands
from hiddenstate.tasks.speech.spec import SpeechSpec

LIST, OFTEN = 50, 10  # at most so many words, each said so often on average
TIMES = 6000  # how often each word is heard in training, a recording counted anew in every epoch
FEWEST, MOST = 10, 100  # epochs, of single words
HOURS = 80  # of sound that the larger network hears in training, a recording counted anew in every epoch
FEWEST_LARGE, MOST_LARGE = 20, 70


def settled(spec: SpeechSpec, corpus: SpokenCorpus) -> tuple[SpeechSpec, tuple[str, ...]]:
    """Settle what was not asked for by the training recordings of a corpus; say in a sentence what was done.

    >>> settled(SpeechSpec(data="x"), SpokenCorpus("x", {"train": ()}, ""))[1]
    ()
    """
    spoken = corpus.splits.get("train", ())
    if spec.commands:
        return _settled_for_commands(spec, [each.text for each in spoken])
    said = Counter(each.text for each in spoken)
    words = {word for text in said for word in text.split()}
    own: dict[str, Any]
    if len(words) > LIST:
        why = f"More than {LIST} words are said"
        hours = sum(each.seconds for each in spoken) / 3600
        epochs = _between(HOURS / hours, FEWEST_LARGE, MOST_LARGE)
        own = {
            "preset": "base",
            "epochs": epochs,
            "dropout": 0.15,
        }  # with more of it, many more epochs are needed
    elif said and all(len(text.split()) == 1 for text in said) and len(spoken) >= OFTEN * len(said):
        why = f"Every recording is one of {len(said)} words"
        own = {
            "symbols": "words",
            "bidirectional": False,
            "normalisation": "training",
            "frequency_masks": 0,
            "time_masks": 0,
            "epochs": _between(TIMES * len(said) / len(spoken), FEWEST, MOST),
        }
    else:
        return spec, ()
    free = {name: value for name, value in own.items() if name not in spec.model_fields_set}
    listed = ", ".join(f"{name} {str(value).lower()}" for name, value in free.items())
    return spec.model_copy(update=free), (f"{why}; settled by that: {listed}.",) if free else ()


def _settled_for_commands(spec: SpeechSpec, texts: list[str]) -> tuple[SpeechSpec, tuple[str, ...]]:
    """As many epochs as let each command be heard often, once alone and once in a string in each of them."""
    commands = Commands(spec.commands)
    said = sum(len(commands.said(text)) for text in texts)
    epochs = _between(TIMES * len(commands.texts) / max(1, said), FEWEST, MOST)
    if "epochs" in spec.model_fields_set or epochs == spec.epochs:
        return spec, ()
    why = f"Each command is said {said / len(commands.texts):.0f} times on average; settled by that"
    return spec.model_copy(update={"epochs": epochs}), (f"{why}: epochs {epochs}.",)


def _between(epochs: float, fewest: int, most: int) -> int:
    return int(np.clip(round(epochs), fewest, most))
