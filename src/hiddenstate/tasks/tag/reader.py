"""The tagger as it answers: the trained weights in NumPy, no torch. `TagModel` is what learns them.

Letters: T words, B texts, E width of a word, W width of the recurrent output, K tags, C intents (0: none).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.data.batch import Batch
from hiddenstate.infer import Chain, affine, bag_sums
from hiddenstate.tasks.tag.encoding import SHAPES
from hiddenstate.tasks.tag.spec import TagSpec
from hiddenstate.tasks.text.reading import AT_ONCE, different_words, readout, recurrent_shapes, stack_of


@dataclass(frozen=True)
class Scores:
    """Of a batch: emissions [T, B, K] of tags, logits [B, C] of intents."""

    emissions: np.ndarray
    intents: np.ndarray


def allowed(tags: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Which tags may begin [K], and which may follow which [K, K]: an I- goes on with its own slot alone.

    >>> allowed(["O", "B-a", "I-a"])[1].astype(int).tolist()
    [[1, 1, 0], [1, 1, 1], [1, 1, 1]]
    """
    inside = np.array([tag.startswith("I-") for tag in tags])
    same = np.array([[one[1:] == other[1:] and one != "O" for other in tags] for one in tags])
    return ~inside, ~inside[None, :] | same


def parameter_shapes(spec: TagSpec, words: int, tags: int, intents: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of everything the model learns."""
    names, width = spec.readout.split(","), spec.hidden * (2 if spec.bidirectional else 1)
    shapes: dict[str, tuple[int, ...]] = {
        "word.weight": (words, spec.embedding),
        "letters.weight": (spec.letter_buckets, spec.embedding),
        "shape.weight": (len(SHAPES), spec.embedding),
        **recurrent_shapes(spec),
        "tag.weight": (tags, width),
        "tag.bias": (tags,),
        "chain.transitions": (tags, tags),
        "chain.start": (tags,),
        "chain.end": (tags,),
    }
    if not intents:
        return shapes
    shapes |= {"answer.weight": (intents, width * len(names)), "answer.bias": (intents,), "wide_share": ()}
    if "attention" in names:
        shapes |= {"readout.score.weight": (1, width), "readout.score.bias": (1,)}
    if spec.wide:
        shapes |= {"wide.weight": (spec.wide_buckets, intents), "wide_bias": (intents,)}
    return shapes


class Reader:
    """Reads sentences and scores tags and intents, with parameters as `parameter_shapes` says."""

    def __init__(self, spec: TagSpec, tags: Sequence[str], parameters: Mapping[str, np.ndarray]) -> None:
        self.spec, self.parameters = spec, parameters
        self.names = tuple(spec.readout.split(","))
        self.stack = stack_of(spec, parameters)
        starts, follows = allowed(tags)
        self.chain = Chain(
            np.where(follows, parameters["chain.transitions"], -np.inf),
            np.where(starts, parameters["chain.start"], -np.inf),
            parameters["chain.end"],
        )

    @property
    def intents(self) -> int:
        """C: how many intents are scored."""
        return len(self.parameters.get("answer.bias", ()))

    def scores(self, batch: Batch) -> Scores:
        """Score a batch, some texts at a time: a text's scores do not depend on those it is read with."""
        table, emissions, intents = different_words(self.parameters, batch), [], []
        for start in range(0, len(batch), AT_ONCE):
            texts = slice(start, start + AT_ONCE)
            lengths = batch.lengths[texts]
            steps = lengths.max()
            output, _ = self.stack.run(self._words(table, batch, steps, texts), lengths=lengths)
            scored = affine(output, self.parameters["tag.weight"], self.parameters["tag.bias"])
            emissions.append(np.pad(scored, ((0, len(batch.words) - steps), (0, 0), (0, 0))))
            if self.intents:
                intents.append(self._intents(output, lengths))
        deep = np.concatenate(intents) if intents else np.zeros((len(batch), 0), np.float32)
        return Scores(np.concatenate(emissions, 1), self._with_wide(deep, batch))

    def words_of(self, batch: Batch) -> np.ndarray:
        """The words [T, B, E]: each its own row, the mean of its letter n-grams, and its shape."""
        table = different_words(self.parameters, batch)
        return self._words(table, batch, len(batch.words), slice(None))

    def _words(self, table: np.ndarray, batch: Batch, steps: int, texts: slice) -> np.ndarray:
        shapes = self.parameters["shape.weight"][batch.arrays["shapes"][:steps, texts]]
        return np.asarray(table[batch.words[:steps, texts]] + shapes)

    def _intents(self, output: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The deep logits [B, C] of output [T, B, W]."""
        read = readout(self.names, self.spec.hidden, self.parameters, output, lengths)
        return affine(read, self.parameters["answer.weight"], self.parameters["answer.bias"])

    def _with_wide(self, deep: np.ndarray, batch: Batch) -> np.ndarray:
        """The logits that decide: those of the recurrent part and a share of those of the n-grams."""
        if not (self.intents and self.spec.wide):
            return deep
        grams = batch.bags["wide"]
        wide = bag_sums(self.parameters["wide.weight"], grams.ids, grams.offsets, grams.weights)
        share = deep.dtype.type(self.parameters["wide_share"])
        return np.asarray(deep + share * (wide + self.parameters["wide_bias"]))
