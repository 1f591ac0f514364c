"""Fit a tagger to a split corpus."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.data.batch import Batch, Batches, bucketed, spread
from hiddenstate.data.schemes import spans
from hiddenstate.data.tagged import Sentence, TaggedCorpus
from hiddenstate.progress import Silent
from hiddenstate.runs import Run
from hiddenstate.tasks.tag.encoding import TagEncoder, tags_of_units
from hiddenstate.tasks.tag.measures import Answer, measures
from hiddenstate.tasks.tag.model import TagModel
from hiddenstate.tasks.tag.predictor import Tagger
from hiddenstate.tasks.tag.spec import TagSpec
from hiddenstate.tasks.text import rejection
from hiddenstate.tasks.text.rejection import softmax
from hiddenstate.train import Fitted, TrainSettings, fit

NO_INTENT = -1
SHARES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)  # exact in half precision
FEWEST_TO_CALIBRATE = 30  # sentences of validation: fewer are soon all right, and would make it too sure
SMOOTHING, WIDE_SMOOTHING = 0.1, 0.15  # of the intents' labels; the wide head is surer of itself
SHORTEST_EPOCH = 50  # steps: small sets are read several times before validation is asked again
LOOKED_UP = 0.5  # of the values swapped in a slot that has a lookup table, those drawn from it

Values = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Prepared:
    """A corpus ready to train on; pools: values of each slot to swap, those seen and those looked up."""

    encoder: TagEncoder
    tags: tuple[str, ...]
    intents: tuple[str, ...]
    sentences: Mapping[str, tuple[Sentence, ...]]
    pools: Mapping[str, tuple[Values, Values]]

    def targets(self, sentences: Sequence[Sentence]) -> np.ndarray:
        """The number of each sentence's intent; NO_INTENT where it has none that is known."""
        number = {intent: index for index, intent in enumerate(self.intents)}
        return np.array([number.get(each.intent or "", NO_INTENT) for each in sentences], dtype=np.int64)

    def held_out(self) -> tuple[Sentence, ...]:
        """The sentences of validation; of training, where it was too small to hold any out."""
        return self.sentences.get("validation") or self.sentences["train"]

    def read_only(self, sentences: Sequence[Sentence]) -> Batch:
        """A batch without targets: the tags may be unknown ones."""
        return self.encoder.batch([self.encoder.units(each.words) for each in sentences])

    def laid_out(self, sentences: Sequence[Sentence]) -> Batch:
        """A batch with its targets; arrays["tags"] [T, B] are numbers of tags, all of them known."""
        number = {tag: index for index, tag in enumerate(self.tags)}
        units = [self.encoder.units(each.words) for each in sentences]
        rows = [
            [number[tag] for tag in tags_of_units(read, each.tags)]
            for read, each in zip(units, sentences, strict=True)
        ]
        batch = self.encoder.batch(units, self.targets(sentences))
        tags = np.array([tag for row in rows for tag in row], dtype=np.int64)
        arrays = {**batch.arrays, "tags": spread(tags, batch.lengths)}
        return Batch(batch.words, batch.lengths, batch.targets, batch.bags, arrays)


def prepare(corpus: TaggedCorpus, spec: TagSpec) -> Prepared:
    """Number the tags and intents of the training split, and collect its words and values."""
    training = corpus.split("train")
    tags = ("O", *(f"{prefix}-{slot}" for slot in sorted(corpus.slots("train")) for prefix in "BI"))
    intents = tuple(sorted(corpus.intents("train")))
    intents = intents if len(intents) > 1 else ()
    pools = _pools(corpus)
    looked_up = [value for _, values in pools.values() for value in values] if spec.swap else []
    encoder = TagEncoder.build([each.words for each in training], looked_up, spec, bool(intents))
    return Prepared(encoder, tags, intents, corpus.splits, pools)


def _pools(corpus: TaggedCorpus) -> dict[str, tuple[Values, Values]]:
    """The different values of each slot in training, and those of the lookup table of its entity."""
    seen: dict[str, dict[tuple[str, ...], None]] = {slot: {} for slot in corpus.slots("train")}
    for each in corpus.split("train"):
        for span in spans(each.tags):
            seen[span.slot][each.words[span.start : span.end]] = None
    found = {}
    for slot, values in seen.items():
        entity = slot.partition("#")[0].partition(".")[0]
        listed = corpus.lookups.get(slot, corpus.lookups.get(entity, ()))
        found[slot] = tuple(values), tuple(tuple(value.split()) for value in listed if value.split())
    return found


def swapped(
    sentence: Sentence,
    pools: Mapping[str, tuple[Values, Values]],
    share: float,
    generator: np.random.Generator,
) -> Sentence:
    """The sentence with a share of its values replaced by others of their slot (Dai and Adel 2020)."""
    words: list[str] = []
    tags: list[str] = []
    at = 0
    for span in spans(sentence.tags):
        words += sentence.words[at : span.start]
        tags += sentence.tags[at : span.start]
        value = sentence.words[span.start : span.end]
        seen, listed = pools[span.slot]
        if generator.random() < share:
            pool = listed if listed and generator.random() < LOOKED_UP else seen
            value = pool[generator.integers(len(pool))]
        words += value
        tags += [f"B-{span.slot}", *[f"I-{span.slot}"] * (len(value) - 1)]
        at = span.end
    words += sentence.words[at:]
    tags += sentence.tags[at:]
    return Sentence(tuple(words), tuple(tags), sentence.intent)


class EpochBatches(Batches[Batch]):
    """One epoch's batches, laid out when they are asked for: a pure function of data, seed and epoch."""

    def __init__(self, prepared: Prepared, spec: TagSpec, epoch: int) -> None:
        self.prepared, self.spec, self.epoch = prepared, spec, epoch
        self.sentences = prepared.sentences["train"]
        lengths = np.array([len(each.words) for each in self.sentences])
        passes = passes_of(spec, len(lengths))
        self.rows = [
            rows
            for number in range(passes)
            for rows in bucketed(lengths, spec.batch_size, seed=spec.seed, epoch=epoch * passes + number)
        ]

    def laid_out(self, index: int) -> Batch:
        """The batch of some rows, as training reads it."""
        chosen = [self.sentences[i] for i in self.rows[index]]
        if self.spec.swap:
            generator = np.random.default_rng([self.spec.seed, self.epoch, index])
            chosen = [swapped(each, self.prepared.pools, self.spec.swap, generator) for each in chosen]
        return self.prepared.laid_out(chosen)


def loss_of(module: nn.Module, batch: Batch) -> Tensor:
    """The tags' surprise for each word, and beside it that of the intent, each head taught on its own."""
    model, lengths = cast(TagModel, module), torch.from_numpy(batch.lengths)
    heads = model(batch)
    surprise = model.chain(heads.emissions, torch.from_numpy(batch.arrays["tags"]), lengths)
    loss: Tensor = (surprise.sum() / lengths.sum()).float()
    targets = torch.from_numpy(batch.targets)
    if heads.deep is None or not (targets != NO_INTENT).any():
        return loss
    for logits, weight, smoothing in (
        (heads.deep, model.spec.intent_weight, SMOOTHING),
        (heads.wide, 1.0, WIDE_SMOOTHING),
    ):
        if logits is not None and weight:
            loss = loss + weight * functional.cross_entropy(
                logits, targets, ignore_index=NO_INTENT, label_smoothing=smoothing
            )
    return loss


def passes_of(spec: TagSpec, sentences: int) -> int:
    """How often the training sentences are read in one epoch."""
    return math.ceil(SHORTEST_EPOCH / math.ceil(sentences / spec.batch_size))


def settings_of(spec: TagSpec, prepared: Prepared, time_limit: float | None) -> TrainSettings:
    """The loop's settings: small sets are read more often."""
    sentences = len(prepared.sentences["train"])
    passes, steps = passes_of(spec, sentences), math.ceil(sentences / spec.batch_size)
    readings = max(spec.epochs, math.ceil(spec.least_steps / steps))
    return TrainSettings(
        epochs=math.ceil(readings / passes),
        learning_rate=spec.learning_rate,
        weight_decay=spec.weight_decay,
        schedule="cosine",
        warmup=0.1,
        clip=1.0,
        ema_decay=spec.average or None,
        metric="score",
        seed=spec.seed,
        time_limit=time_limit,
        betas=(0.9, 0.98),
        sgd={"wide": spec.wide_rate} if spec.wide and prepared.intents else {},
    )


def fit_model(
    prepared: Prepared, spec: TagSpec, run: Run | None = None, time_limit: float | None = None
) -> tuple[TagModel, Fitted]:
    """Build and train the model on the training split, validated on what is held out."""
    torch.manual_seed(spec.seed)
    module = TagModel(spec, len(prepared.encoder.vocabulary), prepared.tags, len(prepared.intents))
    held = prepared.held_out()

    def validate(_: nn.Module) -> dict[str, float]:
        answers, certainty = _validated(module, prepared, held)
        found = {name: value for name, value in measures(held, answers).items() if value is not None}
        # what is certain rises where few sentences cannot tell one epoch from another
        parts = [found.get("slot_f1", 1.0), found.get("intent_accuracy", 1.0), certainty]
        return {**found, "score": sum(parts) / len(parts)}

    def batches(epoch: int) -> EpochBatches:
        return EpochBatches(prepared, spec, epoch)

    settings = settings_of(spec, prepared, time_limit)
    watch = None if run is not None else Silent()  # a run is what a person waits for
    return module, fit(module, loss_of, batches, validate, settings, run, size=len, watch=watch)


def _validated(
    module: TagModel, prepared: Prepared, sentences: Sequence[Sentence]
) -> tuple[list[Answer], float]:
    """The answers of the model as it is, and the mean probability of the right tag, word by word."""
    tagger = tagger_of(module, prepared, 1.0, {})
    answers = tagger.answers(sentences)
    known = set(prepared.tags)
    certain = [each for each in sentences if known.issuperset(each.tags)]
    shares = []
    for start in range(0, len(certain), 256):
        batch = prepared.laid_out(certain[start : start + 256])
        lengths = torch.from_numpy(batch.lengths)
        emissions = torch.from_numpy(module.scores(batch).emissions)
        surprise = module.chain(emissions, torch.from_numpy(batch.arrays["tags"]), lengths)
        shares += (-surprise / lengths).exp().tolist()
    return answers, float(np.mean(shares)) if shares else 0.0


def tagger_of(
    module: TagModel, prepared: Prepared, temperature: float, synonyms: Mapping[str, str]
) -> Tagger:
    """The tagger that a model makes."""
    parts = prepared.tags, prepared.intents, prepared.encoder, module.reader()
    return Tagger(module.spec, *parts, temperature, synonyms)


def calibrate(module: TagModel, prepared: Prepared) -> float:
    """Weigh the heads of the intent, and fit its temperature, on validation."""
    held = [each for each in prepared.held_out() if each.intent in prepared.intents]
    if not prepared.intents or len(held) < FEWEST_TO_CALIBRATE:
        return 1.0
    targets = prepared.targets(held)
    rows = np.arange(len(held))

    def logits() -> np.ndarray:
        parts = [prepared.read_only(held[i : i + 256]) for i in range(0, len(held), 256)]
        return np.concatenate([module.scores(batch).intents for batch in parts])

    if module.spec.wide and module.spec.wide_share is None:
        module.wide_share.fill_(0.0)
        deep = logits()
        module.wide_share.fill_(1.0)
        wide = logits() - deep

        def surprise(share: float) -> float:
            total = deep + share * wide
            shares = softmax(total / rejection.fit_temperature(total, targets))[rows, targets]
            return -float(np.log(shares + 1e-9).mean())

        module.wide_share.fill_(min(SHARES, key=surprise))
    return rejection.fit_temperature(logits(), targets)
