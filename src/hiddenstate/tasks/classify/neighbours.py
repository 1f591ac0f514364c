"""The training texts nearest to a text, by what the model itself makes of both. NumPy only.

Near is a high cosine between two readouts, each less the mean readout of the training texts. A run keeps of
every training text its readout on a few axes, in 8 bits: they choose candidates, which are then read again
and compared exactly.
Letters: N texts, R width of the readout, D axes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.errors import RunError
from hiddenstate.runs import Run
from hiddenstate.tasks.classify import doubts
from hiddenstate.tasks.classify.predictor import Classifier

FILE = "neighbours.safetensors"
ARRAYS = ("mean", "axes", "codes", "others", "ahead")
AXES = 64
SAMPLE = 8192  # texts that choose the axes
CHUNK = 2048  # texts read at once
CANDIDATES = 64  # compared exactly
AROUND = 10  # texts nearest to a neighbour that are asked whether its label is right
MOST = 6  # of them with one other label count as saying that it is not
SURE, LEANING = 0.35, 0.15  # by how much the words of all other texts must be for it, without them and with


@dataclass(frozen=True)
class Neighbour:
    """A training text near to another, its label, and how near.

    times: how often it stands there with that label. doubt: another label that it should perhaps have, and
    why in words; None where there is no doubt.
    """

    text: str
    label: str
    similarity: float
    times: int = 1
    doubt: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Memory:
    """Training texts with labels, and their readouts: mean [R], axes [R, D], codes [N, D].

    others [N]: the row of a text with the label that the words of all other texts give this one, and by how
    much it is ahead [N] of its own (see doubts.py).
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...]
    mean: np.ndarray
    axes: np.ndarray
    codes: np.ndarray
    others: np.ndarray
    ahead: np.ndarray

    @classmethod
    def build(cls, classifier: Classifier, texts: Sequence[str], labels: Sequence[str]) -> Memory:
        """Read all texts, and keep what is needed to find them again."""
        chosen = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), SAMPLE)).astype(np.int64))
        sample = readouts(classifier, [texts[i] for i in chosen])
        mean = sample.mean(0)
        axes = _widest(sample - mean).astype(np.float16)
        parts = [
            _codes((readouts(classifier, texts[start : start + CHUNK]) - mean) @ axes.astype(np.float32))
            for start in range(0, len(texts), CHUNK)
        ]
        rest = _others(classifier, texts, labels)
        return cls(tuple(texts), tuple(labels), mean, axes, np.concatenate(parts), *rest)

    def save(self, run: Run, examples: str) -> None:
        """Write what is not in the copy of the examples, which has this sha256."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        run.write_arrays(FILE, arrays, {"examples": examples})

    @classmethod
    def load(cls, run: Run, texts: Sequence[str], labels: Sequence[str], examples: str) -> Memory:
        """Read it back, for the training texts of the copy with this sha256; raises RunError for another."""
        arrays, notes = run.arrays(FILE)
        shapes = [arrays[name].shape if name in arrays else () for name in ARRAYS]
        mean, axes, codes, *rows = shapes
        fits = [len(each) for each in shapes] == [1, 2, 2, 1, 1]
        fits = fits and axes == mean + codes[1:] and {codes[:1], *rows} == {(len(texts),)}
        fits = fits and bool(((arrays["others"] >= 0) & (arrays["others"] < len(texts))).all())
        if not fits or notes.get("examples") != examples:
            raise RunError(
                f"{run.path / FILE} does not belong to the examples beside it. Copy both from where the run "
                "is whole, or train again."
            )
        return cls(tuple(texts), tuple(labels), *(arrays[name] for name in ARRAYS))

    def nearest(self, classifier: Classifier, text: str, count: int) -> list[Neighbour]:
        """The nearest training texts with different words or labels, the nearest first."""
        read = readouts(classifier, [text])[0] - self.mean
        candidates = self._candidates(_codes((read @ self.axes.astype(np.float32))[None])[0], CANDIDATES)
        found = readouts(classifier, [self.texts[i] for i in candidates]) - self.mean
        similar = (found @ read) / np.maximum(np.linalg.norm(found, axis=1) * np.linalg.norm(read), 1e-12)
        order = np.lexsort((candidates, -similar))  # of equally near ones, the first of the file
        times: Counter[tuple[str, str]] = Counter()
        first: dict[tuple[str, str], int] = {}
        for place in order.tolist():
            row = int(candidates[place])
            key = (_words(classifier, self.texts[row]), self.labels[row])
            times[key] += 1
            first.setdefault(key, place)
        chosen = list(first.items())[:count]
        return [
            self._neighbour(classifier, int(candidates[place]), float(similar[place]), times[key])
            for key, place in chosen
        ]

    def _neighbour(self, classifier: Classifier, row: int, similarity: float, times: int) -> Neighbour:
        return Neighbour(self.texts[row], self.labels[row], similarity, times, *self.doubted(classifier, row))

    def doubted(self, classifier: Classifier, row: int) -> tuple[str | None, str | None]:
        """The label that a training text should perhaps have, and why; None twice where there is no doubt.

        It is doubted where the words of all other texts speak for another label by SURE (see doubts.py), or
        by LEANING, and MOST of the AROUND texts nearest to it (of other words) have that label too.
        """
        label, ahead = self.labels[int(self.others[row])], float(self.ahead[row])
        if label == self.labels[row] or ahead < LEANING:
            return None, None
        around = self._around(classifier, row)
        votes = sum(self.labels[other] == label for other in around)
        if votes >= MOST:
            return label, f"as {votes} of the {len(around)} texts nearest to it"
        return (label, "as its words in other texts say") if ahead >= SURE else (None, None)

    def _around(self, classifier: Classifier, row: int) -> list[int]:
        """The AROUND training texts nearest to one of them, without those of the same words."""
        words = _words(classifier, self.texts[row])
        near = self._candidates(self.codes[row], 4 * AROUND + 1)
        others = [other for other in near.tolist() if other != row]
        return [other for other in others if _words(classifier, self.texts[other]) != words][:AROUND]

    def _candidates(self, code: np.ndarray, count: int) -> np.ndarray:
        """The rows whose codes [N, D] are nearest to a code [D], in the order of the file."""
        codes = self.codes.astype(np.float32)
        lengths = np.maximum(np.linalg.norm(codes, axis=1), 1.0)
        similar = codes @ code.astype(np.float32) / lengths
        return np.argsort(-similar, kind="stable")[:count]


def _others(
    classifier: Classifier, texts: Sequence[str], labels: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """For each text a row with the label that the others give it, and by how much that is ahead."""
    _, first, targets = np.unique(np.array(labels), return_index=True, return_inverse=True)
    encoder = classifier.encoder
    best, ahead = doubts.others_say(encoder.encode_texts(texts), targets, encoder.wide_buckets)
    return first[best].astype(np.int32), ahead.astype(np.float16)


def readouts(classifier: Classifier, texts: Sequence[str]) -> np.ndarray:
    """The readouts [N, R] of texts, those of like length read together."""
    encoded = classifier.encoder.encode_texts(texts)
    order = np.argsort([len(each.ids) for each in encoded], kind="stable")
    found: np.ndarray | None = None
    for start in range(0, len(order), CHUNK):
        rows = order[start : start + CHUNK]
        read = classifier.model.read(classifier.encoder.batch([encoded[i] for i in rows]))
        if found is None:
            found = np.empty((len(encoded), read.shape[1]), read.dtype)
        found[rows] = read
    return np.empty((0, 0), np.float32) if found is None else found


def _widest(rows: np.ndarray) -> np.ndarray:
    """The D orthonormal axes [R, D] along which rows [N, R] vary most (Halko et al., 2011)."""
    axes = min(AXES, *rows.shape)
    start = np.random.default_rng(0).standard_normal((rows.shape[1], axes)).astype(rows.dtype)
    for _ in range(4):  # each pass turns the axes further towards the widest ones
        start, _ = np.linalg.qr(rows.T @ (rows @ start))
    return start


def _codes(rows: np.ndarray) -> np.ndarray:
    """Rows in 8 bits, the largest number of each as 127: a cosine does not ask for lengths."""
    largest = np.maximum(np.abs(rows).max(1, keepdims=True), 1e-12)
    return np.rint(127 * rows / largest).astype(np.int8)


def _words(classifier: Classifier, text: str) -> str:
    return " ".join(classifier.encoder.words_of(text)[0])
