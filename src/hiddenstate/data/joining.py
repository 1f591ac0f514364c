"""Old data and new ones as one corpus: who keeps which split, and what the two disagree about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hiddenstate.data.corpus import SPLITS, Corpus, Example, check_trainable
from hiddenstate.data.duplicates import groups_of
from hiddenstate.data.split import FEWEST, Division, carve
from hiddenstate.data.words import tokenise

SHOWN = 3


@dataclass(frozen=True)
class Joined:
    """Two corpora as one, divided; in each split the first `old[split]` examples are the old ones.

    new_labels: intents that the old data did not have; notes: what a person should know, in sentences.
    """

    division: Division
    old: Mapping[str, int]
    new_labels: tuple[str, ...]
    notes: tuple[str, ...]


def join(old: Corpus, new: Corpus, seed: int, *, validation: float = 0.1, test: float = 0.1) -> Joined:
    """Put new examples to old ones, which stay in the splits they are in.

    New examples stay in the splits that their file names, and those it does not name are carved out of its
    rows. A new near-duplicate of an old text goes to that text's split, so that no test text is trained on.
    What is there already, text and label, is not taken twice. Raises DataError for what cannot be trained on.
    """
    notes = list(new.notes)
    new = _one_name(old, new, notes)
    rows = _fresh(old, new, notes)
    notes += _disagreements(old, [example for _, example in rows])
    wanted = {"test": test, "validation": validation}
    wanted = {name: part for name, part in wanted.items() if name not in new.splits}
    splits = _placed(old, rows, wanted, seed)
    name = old.name if old.name.endswith(f" + {new.name}") else f"{old.name} + {new.name}"
    outside = old.out_of_scope if old.out_of_scope is not None else new.out_of_scope
    joined = Corpus(name, splits, outside, "")
    check_trainable(joined)
    counts = joined.counts("train")
    small = tuple(sorted(label for label, count in counts.items() if count < FEWEST))
    fresh = tuple(label for label in joined.labels() if label not in set(old.labels()))
    sizes = {name: len(examples) for name, examples in old.splits.items()}
    return Joined(Division(joined, {}, small), sizes, fresh, (*notes, *_look_alike(old.labels(), fresh)))


def _one_name(old: Corpus, new: Corpus, notes: list[str]) -> Corpus:
    """Give what is out of scope the name it has in the old data."""
    if None in (old.out_of_scope, new.out_of_scope) or old.out_of_scope == new.out_of_scope:
        return new
    notes.append(f"{new.name} calls out of scope {new.out_of_scope!r}, here it is {old.out_of_scope!r}.")
    outside = str(old.out_of_scope)
    splits = {
        name: tuple(Example(e.text, outside) if e.label == new.out_of_scope else e for e in examples)
        for name, examples in new.splits.items()
    }
    return Corpus(new.name, splits, outside, new.sha256, new.notes)


def _fresh(old: Corpus, new: Corpus, notes: list[str]) -> list[tuple[str, Example]]:
    """The new examples with their splits, without those that are there already."""
    there = {example for examples in old.splits.values() for example in examples}
    rows = [(name, each) for name in SPLITS for each in new.splits.get(name, ())]
    fresh = [row for row in rows if row[1] not in there]
    if again := len(rows) - len(fresh):
        notes.append(f"{again} of the {len(rows)} rows of {new.name} are in the old data: not taken twice.")
    return fresh


def _disagreements(old: Corpus, new: Sequence[Example]) -> list[str]:
    """Say which texts have one label in the old data and another in the new."""
    labels = {_said(e.text): e.label for examples in old.splits.values() for e in examples}
    found = [
        f"{each.text!r} ({labels[words]!r}, now {each.label!r})"
        for each in new
        if (words := _said(each.text)) and labels.get(words, each.label) != each.label
    ]
    if not found:
        return []
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return [
        f"Texts with another label than in the old data, both kept: {', '.join(found[:SHOWN])}{more}. "
        "Correct one of the two."
    ]


def _said(text: str) -> tuple[str, ...]:
    """The words of a text without its signs."""
    return tuple(word for word in tokenise(text) if any(map(str.isalnum, word)))


def _look_alike(old: Sequence[str], fresh: Sequence[str]) -> list[str]:
    """Say which new labels are old ones but for case, spaces and signs."""

    def bare(label: str) -> str:
        return "".join(sign for sign in label.casefold() if sign.isalnum())

    known = {bare(label): label for label in old}
    pairs = [f"{label!r} ({known[bare(label)]!r})" for label in fresh if bare(label) in known]
    return [f"New intents that look like old ones: {', '.join(pairs[:SHOWN])}."] if pairs else []


def _placed(
    old: Corpus, rows: Sequence[tuple[str, Example]], wanted: Mapping[str, float], seed: int
) -> dict[str, tuple[Example, ...]]:
    """Old examples where they are, new ones behind them: with what they resemble, or dealt."""
    texts = [(name, each) for name in SPLITS for each in old.splits.get(name, ())]
    groups = groups_of([each.text for _, each in (*texts, *rows)])
    held = {group: name for (name, _), group in zip(texts, groups, strict=False)}  # SPLITS end with test
    splits: dict[str, list[Example]] = defaultdict(list)
    for name, each in texts:
        splits[name].append(each)
    dealt: list[Example] = []
    for (name, each), group in zip(rows, groups[len(texts) :], strict=True):
        if group in held:
            splits[held[group]].append(each)
        elif name == "train" and wanted:
            dealt.append(each)
        else:
            splits[name].append(each)
    if dealt:
        indices = carve([e.text for e in dealt], [e.label for e in dealt], wanted, seed)
        for name, places in indices.items():
            splits[name] += [dealt[place] for place in places]
    return {name: tuple(splits[name]) for name in SPLITS if splits[name]}
