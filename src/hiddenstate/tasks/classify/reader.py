"""The intent model as it answers: the trained weights in NumPy, no torch. `IntentModel` is what learns them.

Letters: T words, B texts, E width of a word, W width of the recurrent output, K answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from hiddenstate.data.batch import Batch
from hiddenstate.infer import (
    RunningAttention,
    RunningPool,
    affine,
    bag_sums,
    narrow,
    widen,
)
from hiddenstate.tasks.classify.spec import ClassifySpec
from hiddenstate.tasks.text.encoder import Encoded, Encoder
from hiddenstate.tasks.text.reading import (
    AT_ONCE,
    attention_of,
    different_words,
    readout,
    recurrent_shapes,
    stack_of,
)
from hiddenstate.tasks.text.wide import RunningWide

TOGETHER = 2048  # texts whose different words are looked up once


class Scorer(Protocol):
    """What scores the answers of a batch: `Reader`, or the torch model while it is trained."""

    @property
    def together(self) -> int:
        """How many texts it likes to be given at once."""

    @property
    def answers(self) -> int:
        """K."""

    def scores(self, batch: Batch) -> np.ndarray:
        """The total logits [B, K]."""


def logits_of(scorer: Scorer, encoder: Encoder, encoded: Sequence[Encoded]) -> np.ndarray:
    """The total logits [N, K] of texts, in their order; texts of like length are read together."""
    order = np.argsort([len(each.ids) for each in encoded], kind="stable")
    logits = np.zeros((len(encoded), scorer.answers), dtype=np.float32)
    for start in range(0, len(order), scorer.together):
        rows = order[start : start + scorer.together]
        logits[rows] = scorer.scores(encoder.batch([encoded[i] for i in rows]))
    return logits


def parameter_shapes(spec: ClassifySpec, words: int, answers: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of everything the model learns, for a vocabulary of so many rows and K answers."""
    names, width = spec.readout.split(","), spec.hidden * (2 if spec.bidirectional else 1)
    shapes: dict[str, tuple[int, ...]] = {
        "word.weight": (words, spec.embedding),
        "letters.weight": (spec.letter_buckets, spec.embedding),
        **recurrent_shapes(spec),
        "answer.weight": (answers, width * len(names)),
        "answer.bias": (answers,),
        "wide_share": (),
    }
    if "attention" in names:
        shapes |= {"readout.score.weight": (1, width), "readout.score.bias": (1,)}
    if spec.wide:
        shapes |= {"wide.weight": (spec.wide_buckets, answers), "wide_bias": (answers,)}
    return shapes


# Of these a word is a sum of many rows, in which errors of rounding cancel. The rows of the wide head decide.
TABLES = ("word.weight", "letters.weight")


def stored(spec: ClassifySpec, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The parameters as a run holds them: in half precision, or in 4 and 8 bits."""
    if spec.int8:
        return narrow(parameters, TABLES)
    return {name: array.astype(np.float16) for name, array in parameters.items()}


def as_stored(spec: ClassifySpec, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The parameters in single precision, with what a run cannot hold of them taken off."""
    shapes = {name: array.shape for name, array in parameters.items()}
    return widen(stored(spec, parameters), shapes, "the model")


class Reader:
    """Reads texts and scores the answers, with parameters named and shaped as `parameter_shapes` says.

    With the compiled core a text's scores do not depend on those it is read with, to the last bit.
    """

    together = TOGETHER

    def __init__(self, spec: ClassifySpec, parameters: Mapping[str, np.ndarray]) -> None:
        self.spec, self.parameters = spec, parameters
        self.names = tuple(spec.readout.split(","))
        self.wide_share = float(parameters["wide_share"])
        self.stack = stack_of(spec, parameters)

    @property
    def answers(self) -> int:
        """K: how many answers are scored."""
        return len(self.parameters["answer.bias"])

    def scores(self, batch: Batch) -> np.ndarray:
        """The total logits [B, K]: what the recurrent part says, and its share of what the wide part says."""
        deep = self.deep(batch)
        if not self.spec.wide:
            return deep
        grams = batch.bags["wide"]
        wide = bag_sums(self.parameters["wide.weight"], grams.ids, grams.offsets, grams.weights)
        return self.total(deep, wide)

    def total(self, deep: np.ndarray, wide: np.ndarray) -> np.ndarray:
        """The logits that decide, from those of the deep head and the sums of the wide one."""
        share = deep.dtype.type(self.wide_share)
        return np.asarray(deep + share * (wide + self.parameters["wide_bias"]))

    def deep(self, batch: Batch) -> np.ndarray:
        """The logits [B, K] of the recurrent part."""
        return self.answer_of(self.read(batch))

    def read(self, batch: Batch) -> np.ndarray:
        """What the recurrent part makes of each text: the readout [B, R] over all its words."""
        table, read = different_words(self.parameters, batch), []
        for start in range(0, len(batch), AT_ONCE):
            lengths = batch.lengths[start : start + AT_ONCE]
            words = table[batch.words[: lengths.max(), start : start + AT_ONCE]]
            output, _ = self.stack.run(words, lengths=lengths)
            read.append(readout(self.names, self.spec.hidden, self.parameters, output, lengths))
        return np.concatenate(read)

    def words_of(self, batch: Batch) -> np.ndarray:
        """The words [T, B, E]: each its own row plus the mean of its letter n-grams."""
        return np.asarray(different_words(self.parameters, batch)[batch.words])

    def answer_of(self, read: np.ndarray) -> np.ndarray:
        """The deep logits [..., K] of a readout."""
        return affine(read, self.parameters["answer.weight"], self.parameters["answer.bias"])

    def running_readout(self) -> Callable[[np.ndarray], np.ndarray]:
        """A readout after each of the steps [n, B, W] that it is fed, for a text read forwards only."""
        pools = {name: RunningPool(name) for name in self.names if name != "attention"}
        attention = RunningAttention()

        def feed(output: np.ndarray) -> np.ndarray:
            parts = [
                attention.feed(output, attention_of(self.parameters, output))
                if name == "attention"
                else pools[name].feed(output)
                for name in self.names
            ]
            return np.concatenate(parts, -1)

        return feed


class Listener:
    """A text that arrives word by word, and the logits after each word: those of the text up to there.

    Read forwards only, a word costs the same wherever it stands; a bidirectional model reads each beginning
    of the text anew.
    """

    def __init__(self, reader: Reader, encoder: Encoder) -> None:
        self.reader, self.encoder = reader, encoder
        self.words: list[str] = []
        self.stream = None if reader.spec.bidirectional else reader.stack.stream(batch=1)
        self.readout = reader.running_readout()
        self.wide = (
            RunningWide(reader.parameters["wide.weight"], encoder.rarity) if reader.spec.wide else None
        )

    def feed(self, words: Sequence[str]) -> np.ndarray:
        """Take n words more, and give the logits [n, K] after each of them."""
        self.words += words
        if not words:
            return np.zeros((0, self.reader.answers), np.float32)
        if self.stream is None:
            deep = self._beginnings(len(words))
        else:
            x = self.reader.words_of(self.encoder.batch([self.encoder.bare(words)]))
            deep = self.reader.answer_of(self.readout(self.stream.feed(x)))[:, 0]
        if self.wide is None:
            return deep
        return self.reader.total(deep, np.stack([self.wide.add(word) for word in words]))

    def _beginnings(self, count: int) -> np.ndarray:
        """The deep logits [count, K] of the last beginnings of the text, each read by itself."""
        ends = range(len(self.words) - count + 1, len(self.words) + 1)
        beginnings = [self.encoder.bare(self.words[:end]) for end in ends]
        parts = [beginnings[start : start + TOGETHER] for start in range(0, count, TOGETHER)]
        return np.concatenate([self.reader.deep(self.encoder.batch(part)) for part in parts])
