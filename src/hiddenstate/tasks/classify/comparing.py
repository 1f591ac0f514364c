"""Two runs on the same texts: which intents got better or worse, and could that be chance? NumPy only.

An answer is right where it is the intent asked for, or a refusal of what is out of scope. What decides are
texts of intents that the first run knows: new intents of the second are counted apart, so that they cannot
hide a loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiddenstate.data import sources
from hiddenstate.data.corpus import Corpus
from hiddenstate.data.split import divide
from hiddenstate.errors import DataError
from hiddenstate.runs import Run
from hiddenstate.scores import holm, mcnemar
from hiddenstate.tasks.classify.predictor import Classifier

CHANCE = 0.05  # a p-value below it is called more than chance
OUTSIDE = "(out of scope)"


@dataclass(frozen=True)
class Told:
    """One text, the label it should get and the answers of both; None is out of scope, and a refusal."""

    text: str
    truth: str | None
    first: str | None
    second: str | None

    @property
    def gained(self) -> bool:
        """Only the second is right."""
        return self.second == self.truth != self.first

    @property
    def lost(self) -> bool:
        """Only the first is right."""
        return self.first == self.truth != self.second


def compare(
    first: str | Path,
    second: str | Path,
    data: str,
    *,
    split: str | None = None,
    text: str | None = None,
    label: str | None = None,
) -> dict[str, Any]:
    """Compare two runs on a split of data (None: test where there is one, else all).

    Raises DataError where the data name a label that neither run knows, or have no such split.
    """
    one, other = Classifier.load(first), Classifier.load(second)
    corpus = _divided(sources.read(data, text=text, label=label), [Run.open(first), Run.open(second)])
    name = split or ("test" if "test" in corpus.splits else None)
    examples = corpus.split(name) if name else [e for each in corpus.splits.values() for e in each]
    if not examples:
        raise DataError(f"{corpus.name}: the split {name!r} is empty; choose another with --split.")
    outside = {one.out_of_scope, other.out_of_scope, corpus.out_of_scope} - {None}
    known = {*one.labels, *other.labels} | outside
    if strange := sorted({e.label for e in examples} - known):
        raise DataError(
            f"{corpus.name}: neither run was trained on {', '.join(map(repr, strange[:5]))}. Correct the "
            "spelling, or take those rows out."
        )
    texts = [e.text for e in examples]
    truths = [None if e.label in outside else e.label for e in examples]
    answers = zip(texts, truths, one.given(texts), other.given(texts), strict=True)
    found = compared([Told(*each) for each in answers], one.labels, other.labels)
    return {"first": str(first), "second": str(second), "data": corpus.name, "split": name, **found}


def compared(told: Sequence[Told], first: Sequence[str], second: Sequence[str]) -> dict[str, Any]:
    """Count what changed; first and second are the intents that each knows."""
    fresh = set(second) - set(first)
    judged = [each for each in told if each.truth not in fresh]
    new = [each for each in told if each.truth in fresh]
    intents = per_intent(told, fresh)
    gained, lost = sum(each.gained for each in judged), sum(each.lost for each in judged)
    p = mcnemar(gained, lost)
    return {
        "n": len(judged),
        "first_right": _share(judged, "first"),
        "second_right": _share(judged, "second"),
        "points": 100 * (gained - lost) / len(judged) if judged else None,
        "gained": gained,
        "lost": lost,
        "p": p,
        "within_chance": p >= CHANCE,
        "new_n": len(new),
        "new_right": _share(new, "second"),
        "only_first": sorted(set(first) - set(second)),
        "only_second": sorted(fresh),
        "intents": intents,
        "refusals": refusals(told),
        "changed": [
            {**vars(each), "change": "gained" if each.gained else "lost" if each.lost else "wrong in both"}
            for each in told
            if each.first != each.second
        ],
    }


def per_intent(told: Sequence[Told], fresh: set[str]) -> list[dict[str, Any]]:
    """A row for each intent that is asked for, those that lost most first.

    p is McNemar's for this intent alone, p_all the same raised by Holm's method, for so many tests at once.
    """
    by: dict[str | None, list[Told]] = {}
    for each in told:
        by.setdefault(each.truth, []).append(each)
    rows: list[dict[str, Any]] = []
    for label, group in by.items():
        gained, lost = sum(each.gained for each in group), sum(each.lost for each in group)
        rows.append(
            {
                "label": label,
                "n": len(group),
                "first_right": _share(group, "first"),
                "second_right": _share(group, "second"),
                "gained": gained,
                "lost": lost,
                "p": mcnemar(gained, lost),
                "new": label in fresh,
            }
        )
    raised = iter(holm([row["p"] for row in rows if not row["new"]]))
    for row in rows:
        row["p_all"] = None if row["new"] else next(raised)
    return sorted(rows, key=lambda row: (row["gained"] - row["lost"], row["label"] or OUTSIDE))


def refusals(told: Sequence[Told]) -> dict[str, int]:
    """How many texts are refused now and were not, and the other way, in scope and out of it."""
    now = [each for each in told if each.second is None and each.first is not None]
    then = [each for each in told if each.first is None and each.second is not None]
    return {
        "in_scope_now_refused": sum(each.truth is not None for each in now),
        "in_scope_now_accepted": sum(each.truth is not None for each in then),
        "out_of_scope_now_refused": sum(each.truth is None for each in now),
        "out_of_scope_now_accepted": sum(each.truth is None for each in then),
    }


def is_worse(found: Mapping[str, Any], tolerance: float) -> bool:
    """Whether the second is worse by more than so many points."""
    # counted, not subtracted as fractions: two texts of 400 are half a point and no more
    return bool(100 * (found["lost"] - found["gained"]) > tolerance * found["n"])


def _share(told: Sequence[Told], side: str) -> float | None:
    return sum(getattr(each, side) == each.truth for each in told) / len(told) if told else None


def _divided(corpus: Corpus, runs: Sequence[Run]) -> Corpus:
    """The data that a run was trained on are divided as it did: its test texts judge."""
    for run in runs:
        known = run.spec().get("data", {})
        if corpus.sha256 == known.get("sha256") and known.get("indices"):
            return divide(corpus, known["indices"])
    return corpus
