"""The tagger as it learns: a recurrent reader, scores of tags under a chain, and a head for the intent.

What it has learned, `Reader` applies without torch.
Letters: T words, B texts, E width of a word, K tags, C intents (0: none).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.data.batch import Batch
from hiddenstate.data.vocabulary import UNKNOWN
from hiddenstate.layers import ChainLoss
from hiddenstate.layers.beginning import begin
from hiddenstate.tasks.tag.encoding import SHAPES
from hiddenstate.tasks.tag.reader import Reader, Scores, allowed
from hiddenstate.tasks.tag.spec import TagSpec
from hiddenstate.tasks.text.readout import Readout
from hiddenstate.tasks.text.recurrent import recurrent_of

FIRST_SHARE = 1.5  # of the wide head, until validation decides


@dataclass(frozen=True)
class Heads:
    """What is scored: emissions [T, B, K]; logits of intents [B, C], deep and wide (None: no such head)."""

    emissions: Tensor
    deep: Tensor | None
    wide: Tensor | None


class TagModel(nn.Module):
    """Reads a sentence in both directions, tags each word and names the intent.

    Word: its own row, the mean of its hashed letter n-grams (Bojanowski et al. 2017), and its shape. The tags
    form a linear chain (Huang et al. 2015; Lample et al. 2016); the intent is read from the same outputs (Liu
    and Lane 2016), with a head on n-grams beside it.
    """

    def __init__(self, spec: TagSpec, words: int, tags: Sequence[str], intents: int) -> None:
        super().__init__()
        self.spec, self.tags = spec, tuple(tags)
        self.word = nn.Embedding(words, spec.embedding)
        self.letters = nn.EmbeddingBag(spec.letter_buckets, spec.embedding, mode="mean")
        self.shape = nn.Embedding(len(SHAPES), spec.embedding)
        self.recurrent = recurrent_of(spec)
        directions = 2 if spec.bidirectional else 1
        self.tag = nn.Linear(spec.hidden * directions, len(tags))
        self.chain = ChainLoss(*allowed(tags))
        self.intents = intents
        if intents:
            self.readout = Readout(spec.readout.split(","), spec.hidden, directions)
            self.answer = nn.Linear(self.readout.width, intents)
            share = FIRST_SHARE if spec.wide_share is None else spec.wide_share
            self.register_buffer("wide_share", torch.tensor(share if spec.wide else 0.0))
            self.wide_share: Tensor
            if spec.wide:
                self.wide = nn.EmbeddingBag(spec.wide_buckets, intents, mode="sum")
                self.wide_bias = nn.Parameter(torch.zeros(intents))
        self._first_values()

    def _first_values(self) -> None:
        """Small words, orthogonal recurrent blocks (Saxe et al. 2014), a wide head that says nothing yet."""
        for table in (self.word, self.letters):
            nn.init.normal_(table.weight, 0.0, 0.1)
        nn.init.zeros_(self.shape.weight)
        begin(self.recurrent)
        if self.intents and self.spec.wide:
            nn.init.zeros_(self.wide.weight)

    def forward(self, batch: Batch) -> Heads:
        """Score a batch of texts."""
        lengths = torch.from_numpy(batch.lengths)
        padded = batch.lengths.min() < len(batch.words)
        output, _ = self.recurrent(self.words_of(batch), lengths=lengths if padded else None)
        emissions = self.tag(functional.dropout(output, self.spec.dropout, self.training))
        if not self.intents:
            return Heads(emissions, None, None)
        read = functional.dropout(self.readout(output, lengths), self.spec.dropout, self.training)
        return Heads(emissions, self.answer(read), self._wide_logits(batch) if self.spec.wide else None)

    def words_of(self, batch: Batch) -> Tensor:
        """The words [T, B, E]; in training some are hidden, some known by their letters alone."""
        known, words = torch.from_numpy(batch.arrays["known"]), torch.from_numpy(batch.words)
        letters = batch.bags["letters"]
        spelled = self.letters(torch.from_numpy(letters.ids), torch.from_numpy(letters.offsets))
        rows, shapes = self.word(known)[words], torch.from_numpy(batch.arrays["shapes"])
        if not self.training:
            return rows + spelled[words] + self.shape(shapes)
        unknown = self.word.weight[UNKNOWN]
        rows = torch.where((torch.rand(words.shape) < self.spec.unknown)[..., None], unknown, rows)
        if self.spec.lower:
            shapes = torch.where((torch.rand(len(batch)) < self.spec.lower) & (shapes < 4), 0, shapes)
        x = rows + spelled[words] + self.shape(shapes)
        x = torch.where((torch.rand(words.shape) < self.spec.word_dropout)[..., None], unknown, x)
        # one mask for all words of a text (Gal and Ghahramani 2016)
        return x * functional.dropout(torch.ones(1, x.shape[1], x.shape[2]), self.spec.embedding_dropout)

    def _wide_logits(self, batch: Batch) -> Tensor:
        grams = batch.bags["wide"]
        weights = functional.dropout(torch.from_numpy(grams.weights), self.spec.wide_dropout, self.training)
        summed: Tensor = self.wide(
            torch.from_numpy(grams.ids), torch.from_numpy(grams.offsets), per_sample_weights=weights
        )
        return summed + self.wide_bias

    # --- between training and answering ---

    def scores(self, batch: Batch) -> Scores:
        """The scores in evaluation, which this sets: what `Reader.scores` gives."""
        self.eval()
        with torch.no_grad():
            heads = self(batch)
        if heads.deep is None:
            return Scores(heads.emissions.numpy(), np.zeros((len(batch), 0), np.float32))
        total = heads.deep if heads.wide is None else heads.deep + self.wide_share * heads.wide
        return Scores(heads.emissions.numpy(), total.numpy())

    def reader(self) -> Reader:
        """The model as it answers, with a copy of these weights."""
        arrays = {name: tensor.numpy().copy() for name, tensor in self.state_dict().items()}
        return Reader(self.spec, self.tags, arrays)
