"""What reaches a classifier besides clean sentences: misspelt words, and no language at all.

The misspelt test texts are those of `tasks/text/typos.py` with seeds that training never takes. Random
strings and runs of keys are drawn here; no classifier has seen any.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hiddenstate.data.corpus import Corpus, Example
from hiddenstate.tasks import classify
from hiddenstate.tasks.classify.baseline import Snapshot
from hiddenstate.tasks.text.typos import misspelt

STRINGS = MASHES = 500
ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "abcdefghijklmnopqrstuvwxyz0123456789!#$%&()*+,-./:;<=>?@[]^_{|}~",
    "äöüßéèñçøåžšłжщюядλωπξאבגשعغقن中文日本語かなカナ한국어हिनदीไทย€£½∑√♞☂",
)
ROWS = ("asdfghjkl;", "asdf", "jkl;", "qwertyuiop", "zxcvbnm,", "fghj")


def random_strings(seed: int, count: int = STRINGS) -> list[str]:
    """Strings of 4 to 40 signs, drawn evenly: letters, digits, punctuation or many scripts; some spaces."""
    generator, found = np.random.default_rng([1, seed]), []
    for number in range(count):
        alphabet = [*ALPHABETS[number % len(ALPHABETS)], " ", " "]
        signs = generator.choice(alphabet, int(generator.integers(4, 41)))
        found.append("".join(signs).strip() or "x")
    return found


def mashes(seed: int, count: int = MASHES) -> list[str]:
    """One to five runs over a row of the keyboard, of 3 to 9 keys: along it, back, or to and fro."""
    generator, found = np.random.default_rng([2, seed]), []
    for _ in range(count):
        runs = []
        for _ in range(int(generator.integers(1, 6))):
            keys = ROWS[int(generator.integers(len(ROWS)))]
            length, way = int(generator.integers(3, 10)), int(generator.integers(3))
            if way == 2:
                runs.append("".join(generator.choice([*keys], length)))
            else:
                start = int(generator.integers(len(keys)))
                run = (keys * 4)[start : start + length]
                runs.append(run[::-1] if way else run)
        found.append(" ".join(runs))
    return found


def refused(classifier: classify.Classifier, texts: Sequence[str]) -> float:
    """The share of texts that are refused."""
    return float(np.mean([not each.in_scope for each in classifier.predict(texts)]))


def nonsense(classifier: classify.Classifier, seed: int) -> dict[str, float]:
    """The shares of random strings and of runs of keys that are refused at the shipped threshold."""
    return {
        "strings_refused": refused(classifier, random_strings(seed)),
        "mashes_refused": refused(classifier, mashes(seed)),
    }


def under_typos(
    classifier: classify.Classifier, corpus: Corpus, seed: int, rival: Snapshot | None
) -> dict[str, dict[str, float]]:
    """Accuracy on misspelt in-scope test texts, and what was lost: of the model and of a snapshot."""
    held = [each for each in corpus.split("test") if each.label in classifier.labels]
    clean = [each.text for each in held]
    wrong = [misspelt(text, 100_000 * seed + number) for number, text in enumerate(clean)]

    def ours(texts: Sequence[str]) -> list[str]:
        best = classifier.probabilities(texts).argmax(1)
        return [classifier.labels[index] for index in best.tolist()]

    found = {"model": _lost(held, ours(clean), ours(wrong))}
    if rival is not None:
        found["rival"] = _lost(held, rival.scored(clean)[1], rival.scored(wrong)[1])
    return found


def _lost(held: Sequence[Example], clean: Sequence[str], wrong: Sequence[str]) -> dict[str, float]:
    right, still = (
        float(np.mean([each.label == label for each, label in zip(held, labels, strict=True)]))
        for labels in (clean, wrong)
    )
    return {"typo_accuracy": still, "typo_lost": right - still}
