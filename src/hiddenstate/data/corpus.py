"""What a corpus is: labelled texts, in splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hiddenstate.errors import DataError, InvalidArgument, nearest

SPLITS = ("train", "validation", "test")
MOST_LABELS = 2000
NEARLY_UNIQUE = 0.5  # labels that most rows share with none
FEW_ROWS, FEWEST_ROWS = 20, 200  # with fewer than the latter, an intent of one text each may be all there is


@dataclass(frozen=True, slots=True)
class Example:
    """One text and the label it should get."""

    text: str
    label: str


@dataclass(frozen=True)
class Corpus:
    """Labelled texts in splits (any of `SPLITS`), one label of which may mean "none of the others".

    A file without splits is all "train"; `split.split` carves the rest out of it. `sha256` is that of the
    file as read, so that a saved run can tell whether it still has the same data before it. `notes` are
    sentences: what a person should know of how it was read.

    Raises InvalidArgument for a split of another name.

    >>> corpus = Corpus("tiny", {"train": (Example("hi", "greet"), Example("hm", "oos"))}, "oos", "")
    >>> corpus.labels(), len(corpus)
    (('greet',), 2)
    """

    name: str
    splits: Mapping[str, tuple[Example, ...]]
    out_of_scope: str | None
    sha256: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.splits:
            if name not in SPLITS:
                raise InvalidArgument(f"{self.name}: unknown split {name!r}; {nearest(name, SPLITS)}")

    def __len__(self) -> int:
        return sum(len(examples) for examples in self.splits.values())

    def split(self, name: str) -> tuple[Example, ...]:
        """Return the examples of one split.

        Raises DataError where the corpus has no such split.
        """
        if name not in self.splits:
            raise DataError(f"{self.name} has no split {name!r}; {nearest(name, self.splits)}")
        return self.splits[name]

    def texts(self, split: str) -> list[str]:
        """Return the texts of one split, in order."""
        return [example.text for example in self.split(split)]

    def targets(self, split: str) -> list[str]:
        """Return the labels of one split, in the order of its texts."""
        return [example.label for example in self.split(split)]

    def labels(self) -> tuple[str, ...]:
        """Return the in-scope labels of all splits, sorted."""
        return tuple(sorted(self._labels_of(*self.splits)))

    def counts(self, split: str) -> Counter[str]:
        """Count the examples of each label in one split, out-of-scope ones included."""
        return Counter(self.targets(split))

    def _labels_of(self, *splits: str) -> set[str]:
        found = {example.label for name in splits for example in self.splits.get(name, ())}
        return found - {self.out_of_scope} if self.out_of_scope is not None else found


def check_trainable(corpus: Corpus) -> None:
    """Check that a classifier can be trained on the corpus and judged on its other splits.

    Raises DataError for no training examples, fewer than two in-scope classes, more than `MOST_LABELS`,
    labels nearly all different, or one that a later split asks for and the training split never shows.
    """
    trained = corpus._labels_of("train")
    if not corpus.splits.get("train"):
        found = ", ".join(corpus.splits) or "none"
        raise DataError(
            f"{corpus.name}: expected examples in the split 'train', came none (splits found: {found}). "
            "Name the rows to train on 'train', or leave the split column out and they are divided for you."
        )
    if len(trained) < 2:
        came = f"only {min(trained)!r}" if trained else f"only {corpus.out_of_scope!r} (out of scope)"
        raise DataError(
            f"{corpus.name}: expected at least two classes to tell apart in the training split, came {came}. "
            "Add examples of another label, or name the column that holds the labels with --label."
        )
    rows, texts = len(corpus.splits["train"]), len({example.text for example in corpus.splits["train"]})
    if rows >= FEW_ROWS and len(trained) > NEARLY_UNIQUE * rows and texts < NEARLY_UNIQUE * len(trained):
        raise DataError(
            f"{corpus.name}: expected labels that repeat, came {len(trained):,} different labels but only "
            f"{texts:,} different texts. Are the columns swapped? Name them with --text and --label."
        )
    if rows >= FEWEST_ROWS and len(trained) > NEARLY_UNIQUE * rows:
        raise DataError(
            f"{corpus.name}: expected labels that repeat, came {len(trained):,} different ones in {rows:,} "
            "rows. Is this the column of an id, or of the texts? Name the right one with --label, or write "
            "several texts for each intent."
        )
    if len(trained) > MOST_LABELS:
        raise DataError(
            f"{corpus.name}: expected at most {MOST_LABELS:,} labels, came {len(trained):,}. Telling so many "
            "apart takes more memory and time than a small model is worth: name another column with --label, "
            "or join labels into groups."
        )
    for name in SPLITS[1:]:
        unseen = sorted(corpus._labels_of(name) - trained)
        if unseen:
            listed = ", ".join(repr(label) for label in unseen[:5]) + (", ..." if len(unseen) > 5 else "")
            raise DataError(
                f"{corpus.name}: every label of the {name} split must have training examples, but {listed} "
                f"{'has' if len(unseen) == 1 else 'have'} none. Add some to the training split, correct the "
                "spelling, or take those rows out."
            )
