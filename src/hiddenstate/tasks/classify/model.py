"""The intent model as it learns: a recurrent reader with a readout, and a wide linear head beside it.

Both heads give logits. What it has learned, `Reader` applies without torch.
Letters: T words, B texts, E width of a word, H hidden units, K answers (intents; out of scope if learned).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.data.batch import Bags, Batch
from hiddenstate.data.vectors import WordVectors
from hiddenstate.data.vocabulary import FIRST_WORD
from hiddenstate.layers.beginning import begin
from hiddenstate.tasks.classify.reader import Reader, as_stored
from hiddenstate.tasks.classify.spec import ClassifySpec
from hiddenstate.tasks.text.readout import Readout
from hiddenstate.tasks.text.recurrent import recurrent_of

FIRST_SPREAD = 0.1  # of the words' and letters' numbers
FIRST_SHARE = 1.5  # of the wide head, until validation decides


@dataclass(frozen=True)
class Logits:
    """What the two heads say, [B, K] each; `wide` is None in a model without it."""

    deep: Tensor
    wide: Tensor | None
    wide_share: Tensor

    def total(self) -> Tensor:
        """The sum that decides."""
        return self.deep if self.wide is None else self.deep + self.wide_share * self.wide


class IntentModel(nn.Module):
    """Reads words one by one and scores the answers.

    Word: its own row plus the mean of its hashed letter n-grams (Bojanowski et al. 2017). The wide head is
    linear in the weighted n-grams of the whole text (Cheng et al. 2016, Wide & deep learning).
    """

    def __init__(self, spec: ClassifySpec, words: int, answers: int) -> None:
        super().__init__()
        self.spec = spec
        self.word = nn.Embedding(words, spec.embedding)
        self.letters = nn.EmbeddingBag(spec.letter_buckets, spec.embedding, mode="mean")
        self.recurrent = recurrent_of(spec)
        directions = 2 if spec.bidirectional else 1
        self.readout = Readout(spec.readout.split(","), spec.hidden, directions)
        self.answer = nn.Linear(self.readout.width, answers)
        if spec.wide:
            self.wide = nn.EmbeddingBag(spec.wide_buckets, answers, mode="sum")
            self.wide_bias = nn.Parameter(torch.zeros(answers))
        share = FIRST_SHARE if spec.wide_share is None else spec.wide_share
        self.register_buffer("wide_share", torch.tensor(share))
        self.wide_share: Tensor
        self.class_weight: Tensor | None = None  # [K], in the loss
        self.kept: tuple[Tensor, Tensor] | None = None  # rows [n] of the word table, and what they stay at
        self._first_values()

    def _first_values(self) -> None:
        """Small words, orthogonal recurrent blocks (Saxe et al. 2014), a wide head that says nothing yet."""
        for table in (self.word, self.letters):
            nn.init.normal_(table.weight, 0.0, FIRST_SPREAD)
        begin(self.recurrent)
        if self.spec.wide:
            nn.init.zeros_(self.wide.weight)

    def begin_with(self, vectors: WordVectors) -> None:
        """Give words the vectors found, brought to the size of the other rows by one factor for all."""
        rows = torch.from_numpy(vectors.places) + FIRST_WORD
        size = float(np.sqrt(np.mean(vectors.values**2))) if vectors.values.size else 0.0
        values = torch.from_numpy(vectors.values) * (FIRST_SPREAD / size if size else 1.0)
        with torch.no_grad():
            self.word.weight[rows] = values
        if not self.spec.tune_vectors:
            self.kept = rows, values
            self.word.weight.register_hook(lambda gradient: gradient.index_fill(0, rows, 0.0))

    def keep_vectors(self) -> None:
        """Undo the decay of vectors that are not to be tuned."""
        if self.kept is not None:
            with torch.no_grad():
                self.word.weight[self.kept[0]] = self.kept[1]

    def forward(self, batch: Batch) -> Logits:
        """Score a batch of texts."""
        return Logits(self.answer_of(self.read(batch)), self.wide_logits(batch), self.wide_share)

    def read(self, batch: Batch) -> Tensor:
        """What the recurrent part makes of each text: the readout [B, R] over all its words."""
        lengths = torch.from_numpy(batch.lengths)
        padded = batch.lengths.min() < len(batch.words)  # without padding there is nothing to step over
        output, _ = self.recurrent(self.words_of(batch), lengths=lengths if padded else None)
        return self.readout(output, lengths)

    def words_of(self, batch: Batch) -> Tensor:
        """The words [T, B, E]; in training some become unknown, and some of their units are dropped."""
        known, words = torch.from_numpy(batch.arrays["known"]), torch.from_numpy(batch.words)
        letters = batch.bags["letters"]
        table = self.word(known) + self.letters(
            torch.from_numpy(letters.ids), torch.from_numpy(letters.offsets)
        )
        x = table[words]
        if self.training and self.spec.word_dropout:
            unknown = torch.rand(words.shape) < self.spec.word_dropout
            x = torch.where(unknown[..., None], self.word.weight[1], x)
        if self.training and self.spec.embedding_dropout:
            # one mask for all words of a text (Gal and Ghahramani 2016)
            x = x * functional.dropout(torch.ones(1, x.shape[1], x.shape[2]), self.spec.embedding_dropout)
        return x

    def answer_of(self, read: Tensor) -> Tensor:
        """The deep logits [B, K] of a readout."""
        logits: Tensor = self.answer(functional.dropout(read, self.spec.dropout, self.training))
        return logits

    def wide_logits(self, batch: Batch) -> Tensor | None:
        """The wide logits [B, K], or None in a model without a wide head."""
        return self.wide_of(batch.bags["wide"]) if self.spec.wide else None

    def wide_of(self, grams: Bags) -> Tensor:
        """The wide logits of weighted n-grams."""
        ids, offsets = torch.from_numpy(grams.ids), torch.from_numpy(grams.offsets)
        weights = torch.from_numpy(grams.weights)
        weights = functional.dropout(weights, self.spec.wide_dropout, self.training)
        summed: Tensor = self.wide(ids, offsets, per_sample_weights=weights)
        return summed + self.wide_bias

    # --- between training and answering ---

    together = 256  # texts in one batch, where all of its steps are kept at once

    @property
    def answers(self) -> int:
        """K: how many answers are scored."""
        return self.answer.out_features

    def scores(self, batch: Batch) -> np.ndarray:
        """The total logits [B, K] in evaluation, which this sets."""
        self.eval()
        with torch.no_grad():
            logits: np.ndarray = self(batch).total().numpy()
        return logits

    def reader(self) -> Reader:
        """The model as it answers, with a copy of these weights."""
        arrays = {name: tensor.numpy().copy() for name, tensor in self.state_dict().items()}
        return Reader(self.spec, arrays)

    def settle(self) -> None:
        """Take on the weights that a run can hold, so that what is decided is decided with those."""
        kept = as_stored(self.spec, self.reader().parameters)
        self.load_state_dict({name: torch.tensor(array) for name, array in kept.items()})

    @classmethod
    def of(cls, reader: Reader) -> IntentModel:
        """The torch model with a reader's weights, in evaluation: to be trained on, or written as ONNX."""
        words, answers = len(reader.parameters["word.weight"]), reader.answers
        model = cls(reader.spec, words, answers)
        model.load_state_dict({name: torch.tensor(array) for name, array in reader.parameters.items()})
        return model.eval()
