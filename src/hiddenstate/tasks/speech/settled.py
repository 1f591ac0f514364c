"""Settings that nobody gave, settled by what is said in the training recordings.

Single words of a short list: a word by itself is short; letters may not fit into it, its own mean tells it
from others and so is not to be taken out, and nothing in it is said twice, so that no part can be hidden. One
way of reading is enough, and hears more of it before it answers.
More words than that take the larger network, and of little sound more epochs, as do commands that are said
seldom. What lies between keeps the usual settings. Nothing is listened to above what was recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from hiddenstate.data.spoken import Spoken, SpokenCorpus
from hiddenstate.tasks.speech.commands.listed import Commands
from hiddenstate.tasks.speech.spec import SpeechSpec

RATE, LOWEST = 16000, 2000  # samples a second: the usual, and the fewest that can be listened to
LIST, OFTEN = 50, 10  # at most so many words, each said so often on average
TIMES = 10_000  # how often each word is heard in training, a recording counted anew in every epoch
COMMANDED = 6000  # the same of commands, which are heard in strings
FEWEST, MOST = 10, 100  # epochs, of single words
HOURS = 80  # of sound that the larger network hears in training, a recording counted anew in every epoch
FEWEST_LARGE, MOST_LARGE = 20, 70


def settled(spec: SpeechSpec, corpus: SpokenCorpus) -> tuple[SpeechSpec, tuple[str, ...]]:
    """Settle what was not asked for by the training recordings of a corpus; say in sentences what was done.

    >>> settled(SpeechSpec(data="x"), SpokenCorpus("x", {"train": ()}, ""))[1]
    ()
    """
    spoken, notes = corpus.splits.get("train", ()), list[str]()
    by_words = _by_commands if spec.commands else _by_words
    for why, own in (_by_rate(spoken), by_words(spec, spoken)):
        free = {name: value for name, value in own.items() if name not in spec.model_fields_set}
        if free:
            listed = ", ".join(f"{name} {str(value).lower()}" for name, value in free.items())
            notes.append(f"{why}; settled by that: {listed}.")
            spec = spec.model_copy(update=free)
    return spec, tuple(notes)


def _by_rate(spoken: Sequence[Spoken]) -> tuple[str, dict[str, Any]]:
    """Above half of the highest rate nothing was recorded."""
    highest = max((each.rate for each in spoken), default=RATE)
    own = {"rate": max(highest, LOWEST)} if highest < RATE else {}
    return f"No recording has more than {highest:,} samples a second", own


def _by_words(spec: SpeechSpec, spoken: Sequence[Spoken]) -> tuple[str, dict[str, Any]]:
    said = Counter(each.text for each in spoken)
    words = {word for text in said for word in text.split()}
    if len(words) > LIST:
        hours = sum(each.seconds for each in spoken) / 3600
        return f"More than {LIST} words are said", {
            "preset": "base",
            "epochs": _between(HOURS / hours, FEWEST_LARGE, MOST_LARGE),
            "dropout": 0.15,  # with more of it, many more epochs are needed
        }
    if said and all(len(text.split()) == 1 for text in said) and len(spoken) >= OFTEN * len(said):
        one_way = {} if spec.normalisation == "speaker" else {"bidirectional": False}
        return f"Every recording is one of {len(said)} words", {
            "symbols": "words",
            **one_way,
            "normalisation": "training",
            "frequency_masks": 0,
            "time_masks": 0,
            "epochs": _between(TIMES * len(said) / len(spoken), FEWEST, MOST),
        }
    return "", {}


def _by_commands(spec: SpeechSpec, spoken: Sequence[Spoken]) -> tuple[str, dict[str, Any]]:
    """As many epochs as let each command be heard often, once alone and once in a string in each of them."""
    commands = Commands(spec.commands)
    said = sum(len(commands.said(each.text)) for each in spoken)
    epochs = _between(COMMANDED * len(commands.texts) / max(1, said), FEWEST, MOST)
    why = f"Each command is said {said / len(commands.texts):.0f} times on average"
    return why, {"epochs": epochs} if epochs != spec.epochs else {}


def _between(epochs: float, fewest: int, most: int) -> int:
    return int(np.clip(round(epochs), fewest, most))
