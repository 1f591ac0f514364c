"""Fit an intent classifier to a split corpus."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.data.batch import Batch, Batches, bucketed
from hiddenstate.data.corpus import Corpus, Example
from hiddenstate.data.vectors import WordVectors, read_vectors
from hiddenstate.progress import Lines, Silent
from hiddenstate.runs import Run
from hiddenstate.tasks.classify.model import IntentModel
from hiddenstate.tasks.classify.reader import logits_of
from hiddenstate.tasks.classify.spec import ClassifySpec
from hiddenstate.tasks.classify.warm import Start
from hiddenstate.tasks.text.encoder import Encoded, Encoder
from hiddenstate.tasks.text.names import telling
from hiddenstate.tasks.text.rejection import softmax
from hiddenstate.tasks.text.typos import noisy
from hiddenstate.train import Fitted, TrainSettings, fit

# The mean probability of the right intent chooses the best epoch: on few texts, accuracy is luck.
CERTAINTY = "certainty"
UNEVEN = 3  # times the examples of the smallest answer
TYPO_NOISE, TYPOS_FROM = 0.4, 30  # share of the longer words, from so many texts an answer
RARE = 4  # examples: what is rarer can hardly be learned, however much it weighs
WIDE_SMOOTHING = 0.15  # label smoothing of the wide head, which is surer of itself than the deep one


@dataclass(frozen=True)
class Prepared:
    """A corpus ready to train on: texts encoded, labels numbered; C intents, then out of scope if learned."""

    encoder: Encoder
    labels: tuple[str, ...]
    learns_scope: bool
    encoded: dict[str, list[Encoded]]
    targets: dict[str, np.ndarray]
    vectors: WordVectors | None = None  # of the words of the vocabulary, in its order
    named: tuple[str, ...] = ()  # the labels whose names are the last examples of training

    @property
    def answers(self) -> int:
        """K: how many answers the model scores."""
        return len(self.labels) + self.learns_scope

    def rows(self, split: str, in_scope: bool) -> tuple[list[Encoded], np.ndarray]:
        """The texts of a split that are in scope, or those that are not, with their targets."""
        keep = np.flatnonzero((self.targets[split] < len(self.labels)) == in_scope)
        return [self.encoded[split][i] for i in keep], self.targets[split][keep]

    def held_out(self) -> tuple[list[Encoded], np.ndarray]:
        """The in-scope texts of validation; of training, where every class was too small to hold any out."""
        texts, targets = self.rows("validation", in_scope=True)
        return (texts, targets) if texts else self.rows("train", in_scope=True)


def prepare(corpus: Corpus, spec: ClassifySpec) -> Prepared:
    """Encode a split corpus; out-of-scope texts have the target C."""
    labels = corpus.labels()
    number = {label: index for index, label in enumerate(labels)}
    used = {
        name: [e for e in examples if e.label in number or spec.out_of_scope or name != "train"]
        for name, examples in corpus.splits.items()
    }
    learns = spec.out_of_scope and any(e.label not in number for e in used["train"])
    texts = [e.text for e in used["train"]]
    tokenise = spec.tokeniser_for(texts)
    names: dict[str, str] = {}
    if spec.label_names:
        names = telling(labels, {word for text in texts for word in tokenise(text)}, tokenise)
        used["train"] += [Example(text, label) for label, text in names.items()]
    encoder = Encoder.build([e.text for e in used["train"]], spec.letter_buckets, spec.wide_buckets, tokenise)
    return Prepared(
        encoder,
        labels,
        learns,
        {name: [encoder.encode(e.text) for e in examples] for name, examples in used.items()},
        {
            name: np.array([number.get(e.label, len(labels)) for e in examples], dtype=np.int64)
            for name, examples in used.items()
        },
        None if spec.vectors is None else read_vectors(spec.vectors, encoder.vocabulary.words),
        tuple(names),
    )


def class_weights(targets: np.ndarray, answers: int, balance: str) -> np.ndarray | None:
    """The weight [K] of each answer's examples, or None where all weigh the same.

    The inverse square root of their number, 1 for a mean example, where the largest answer has UNEVEN times
    as many examples as the smallest. The full inverse would let the few examples of a rare intent decide all;
    one of under RARE counts as of RARE.
    """
    counts = np.bincount(targets, minlength=answers).astype(np.float64)
    taken = np.maximum(counts, RARE)
    if balance == "none" or taken.max() < UNEVEN * taken.min():
        return None
    weights = 1 / np.sqrt(taken)
    return np.asarray(weights * counts.sum() / (weights @ counts), dtype=np.float32)


class EpochBatches(Batches[Batch]):
    """One epoch's batches, laid out when they are asked for: a pure function of data, seed and epoch."""

    def __init__(self, prepared: Prepared, spec: ClassifySpec, epoch: int) -> None:
        self.prepared, self.encoded = prepared, prepared.encoded["train"]
        self.spec, self.epoch, self.noise = spec, epoch, typo_noise(prepared, spec)
        lengths = np.array([len(each.ids) for each in self.encoded])
        _, readings = _rounds(spec, len(lengths))
        self.rows = [
            rows
            for reading in range(epoch * readings, (epoch + 1) * readings)
            for rows in bucketed(lengths, batch_size(spec, len(lengths)), seed=spec.seed, epoch=reading)
        ]

    def laid_out(self, index: int) -> Batch:
        """The batch of some rows, as training reads it."""
        rows = self.rows[index]
        texts = [self.encoded[i] for i in rows]
        if self.noise:
            texts = self._misspelt(texts, np.random.default_rng([self.spec.seed, self.epoch, index]))
        return self.prepared.encoder.batch(texts, self.prepared.targets["train"][rows])

    def _misspelt(self, texts: Sequence[Encoded], generator: np.random.Generator) -> list[Encoded]:
        """Half of the texts with misspelt words, so that a word written well is as certain as it was."""
        words = [
            noisy(each.words, generator, self.noise) if generator.random() < 0.5 else each.words
            for each in texts
        ]
        return self.prepared.encoder.encode_split(words)


def typo_noise(prepared: Prepared, spec: ClassifySpec) -> float:
    """What share of the longer words to misspell: of few texts, each word is needed as it is."""
    if spec.typo_noise is not None:
        return spec.typo_noise
    return TYPO_NOISE if len(prepared.encoded["train"]) >= TYPOS_FROM * prepared.answers else 0.0


def batch_size(spec: ClassifySpec, examples: int) -> int:
    """How many texts a step takes: of a small set fewer, which is as good and takes half the time."""
    return spec.batch_size or min(128, max(64, examples // 20))


def _rounds(spec: ClassifySpec, examples: int) -> tuple[int, int]:
    """How many epochs, and how often each reads the texts: small sets more often, judged no more often."""
    steps = math.ceil(examples / batch_size(spec, examples))
    wanted = max(spec.epochs, math.ceil(spec.least_steps / steps))
    readings = max(1, wanted // spec.epochs)
    return math.ceil(wanted / readings), readings


def loss_of(module: nn.Module, batch: Batch) -> Tensor:
    """Each head is taught on its own, so that both are strong and their sum is stronger still.

    The deep head also sees interpolated sentences (Zhang et al. 2018, mixup, between readouts).
    """
    model, targets = cast(IntentModel, module), torch.from_numpy(batch.targets)
    spec, read = model.spec, model.read(batch)
    weight = model.class_weight
    loss = functional.cross_entropy(
        model.answer_of(read), targets, weight, label_smoothing=spec.label_smoothing
    )
    if spec.mixup:
        loss = loss + 0.5 * _mixed_loss(model, read, targets)
    wide = model.wide_logits(batch)
    if wide is not None:
        loss = loss + functional.cross_entropy(wide, targets, weight, label_smoothing=WIDE_SMOOTHING)
    return loss


def _mixed_loss(module: IntentModel, read: Tensor, targets: Tensor) -> Tensor:
    spec = module.spec
    share = float(torch.distributions.Beta(spec.mixup, spec.mixup).sample())
    share = max(share, 1 - share)
    other = torch.randperm(len(targets))
    logits = module.answer_of(share * read + (1 - share) * read[other])

    def against(answers: Tensor) -> Tensor:
        return functional.cross_entropy(
            logits, answers, module.class_weight, label_smoothing=spec.label_smoothing
        )

    return share * against(targets) + (1 - share) * against(targets[other])


def settings_of(spec: ClassifySpec, examples: int, time_limit: float | None) -> TrainSettings:
    """The loop's settings: small sets are read more often."""
    epochs, _ = _rounds(spec, examples)
    return TrainSettings(
        epochs=epochs,
        learning_rate=spec.learning_rate,
        weight_decay=spec.weight_decay,
        schedule="cosine",
        warmup=0.1,
        clip=1.0,
        ema_decay=spec.average or None,
        metric=CERTAINTY,
        seed=spec.seed,
        time_limit=time_limit,
        betas=(0.9, 0.98),
        sgd={"wide": spec.wide_rate} if spec.wide else {},
    )


def fit_model(
    prepared: Prepared,
    spec: ClassifySpec,
    run: Run | None = None,
    time_limit: float | None = None,
    start: Start | None = None,
) -> tuple[IntentModel, Fitted]:
    """Build and train the model on the training split, validated on in-scope texts, from `start` if given."""
    torch.manual_seed(spec.seed)
    module = IntentModel(spec, prepared.encoder.words, prepared.answers)
    weights = class_weights(prepared.targets["train"], prepared.answers, spec.balance)
    module.class_weight = None if weights is None else torch.from_numpy(weights)
    if prepared.vectors is not None:
        module.begin_with(prepared.vectors)
    if start is not None:
        _warm(module, prepared, start)
    texts, targets = prepared.held_out()

    def validate(_: nn.Module) -> dict[str, float]:
        logits = logits_of(module, prepared.encoder, texts)[:, : len(prepared.labels)]
        probability = softmax(logits)[np.arange(len(targets)), targets]
        return {"accuracy": float((logits.argmax(1) == targets).mean()), CERTAINTY: float(probability.mean())}

    settings = settings_of(spec, len(prepared.encoded["train"]), time_limit)

    def batches(epoch: int) -> EpochBatches:
        return EpochBatches(prepared, spec, epoch)

    watch = None if run is not None else Silent()  # a run is what a person waits for
    fitted = fit(module, loss_of, batches, validate, settings, run, size=len, watch=watch)
    module.keep_vectors()
    return module, fitted


def _warm(module: IntentModel, prepared: Prepared, start: Start) -> None:
    """Give a model the weights of another that still fit it."""
    answers = [*prepared.labels, *([None] if prepared.learns_scope else [])]
    fresh, words = module.reader().parameters, prepared.encoder.vocabulary.words
    found = prepared.vectors
    given = () if found is None else [words[place] for place in found.places.tolist()]
    moved, stayed = start.moved(fresh, words, answers, given)
    if stayed:
        Lines().say(f"Fresh weights, where sizes are others than in the old run: {', '.join(stayed)}.")
    module.load_state_dict({name: torch.tensor(array) for name, array in moved.items()})
    module.keep_vectors()
