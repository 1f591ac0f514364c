"""How the recogniser learns: batches of recordings of like length, masked and noisy, and CTC's loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.data.batch import Batches, bucketed
from hiddenstate.decode import greedy
from hiddenstate.progress import Lines, Silent
from hiddenstate.runs import Run
from hiddenstate.scores import error_rates
from hiddenstate.tasks.speech.front import steps_of
from hiddenstate.tasks.speech.model import SpeechModel
from hiddenstate.tasks.speech.prepared import Heard, Prepared
from hiddenstate.tasks.speech.spec import SpeechSpec
from hiddenstate.tasks.speech.symbols import BLANK
from hiddenstate.tasks.speech.unsaid import Span, closed, later
from hiddenstate.train import Fitted, TrainSettings, fit

METRIC = "right"  # the share of words, read greedily; among equals the loss decides
LOSS_COUNTS = 1e-3  # so much of the share for a loss of 1, in nats a symbol: before any word is right, all
NEVER = -30.0  # is added to the logarithm of a probability; less would leave some targets without any
PATIENT = 8  # epochs, or half of them all, after which nothing but blanks is no beginning any more


@dataclass(frozen=True)
class SpokenBatch:
    """Steps [T, B, F] with lengths [B], the targets one behind another with theirs [B], and the steps [T, B]
    in which no symbol can be written yet."""

    steps: np.ndarray
    lengths: np.ndarray
    targets: np.ndarray
    target_lengths: np.ndarray
    closed: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)


class EpochBatches(Batches[SpokenBatch]):
    """One epoch's batches, laid out when they are asked for: a pure function of data, seed and epoch."""

    def __init__(self, prepared: Prepared, spec: SpeechSpec, epoch: int) -> None:
        self.prepared, self.spec, self.epoch = prepared, spec, epoch
        self.heard = prepared.heard["train"]
        lengths = np.array([len(each.frames) for each in self.heard])
        self.rows = bucketed(lengths, spec.batch_size, seed=spec.seed, epoch=epoch)

    def laid_out(self, index: int) -> SpokenBatch:
        """The batch of some rows, as training reads it."""
        generator = np.random.default_rng([self.spec.seed, self.epoch, index])
        return batch_of([self.heard[i] for i in self.rows[index]], self.prepared, self.spec, generator)


def batch_of(
    heard: Sequence[Heard],
    prepared: Prepared,
    spec: SpeechSpec,
    generator: np.random.Generator | None = None,
) -> SpokenBatch:
    """Lay recordings out; with a generator as training hears them: at a drawn speed, warped,
    noisy, masked (Park 2019)."""
    rows, parts = list[np.ndarray](), list[tuple[Span, ...]]()
    for each in heard:
        if generator is None:
            frames, spans = prepared.features.normalised(each.frames), each.unsaid
        else:
            frames, spans = _changed(each, prepared, spec, generator)
        rows.append(steps_of(frames, spec.reduce, spec.around))
        parts.append(spans)
    lengths = np.array([len(row) for row in rows])
    steps = np.zeros((lengths.max(), len(rows), rows[0].shape[1]), np.float32)
    shut = np.zeros(steps.shape[:2], bool)
    for place, (row, spans) in enumerate(zip(rows, parts, strict=True)):
        steps[: len(row), place] = row
        shut[: len(row), place] = closed(spans, len(row))
    targets = [each.target for each in heard]
    joined = np.array([symbol for target in targets for symbol in target], dtype=np.int64)
    return SpokenBatch(steps, lengths, joined, np.array([len(target) for target in targets]), shut)


def _changed(
    each: Heard, prepared: Prepared, spec: SpeechSpec, generator: np.random.Generator
) -> tuple[np.ndarray, tuple[Span, ...]]:
    """A recording's frames [N, M] as training hears them this time, and where no word is said yet."""
    change, features = spec.augmentation, prepared.features
    frames = each.changed[generator.integers(len(each.changed))]
    frames = change.louder(change.warped(frames, spec.mels, generator), features, generator)
    amid, before = change.amid_silence(frames, features, generator)
    spans = later(each.unsaid, before / len(amid), len(frames) / len(amid)) if len(amid) else each.unsaid
    frames = features.normalised(change.with_noise(amid, prepared.noises, generator))
    return change.masked(frames, spec.mels, generator), spans


def loss_of(module: nn.Module, batch: SpokenBatch) -> Tensor:
    """CTC's loss a symbol: the transcripts' probabilities, summed over all alignments."""
    lengths = torch.from_numpy(batch.lengths)
    scores = module(torch.from_numpy(batch.steps), lengths)
    sizes = torch.from_numpy(batch.target_lengths)
    if batch.closed.any():
        scores = scores + NEVER * torch.from_numpy(batch.closed)[..., None] * (
            torch.arange(scores.shape[-1]) != BLANK
        )
    return functional.ctc_loss(scores, torch.from_numpy(batch.targets), lengths, sizes, blank=BLANK)


def loss_a_symbol(scores: Sequence[np.ndarray], targets: Sequence[Sequence[int]]) -> float:
    """CTC's loss a symbol of recordings' log probabilities [T, K], their mean."""
    total = 0.0
    for each, target in zip(scores, targets, strict=True):
        sizes = torch.tensor([len(each)]), torch.tensor([len(target)])
        wanted = torch.tensor([list(target)], dtype=torch.long)  # none, where nothing is said
        loss = functional.ctc_loss(torch.from_numpy(each)[:, None], wanted, *sizes)
        total += float(loss) / len(scores)
    return total


def settings_of(spec: SpeechSpec, time_limit: float | None) -> TrainSettings:
    """The loop's settings."""
    return TrainSettings(
        epochs=spec.epochs,
        learning_rate=spec.peak_rate,
        weight_decay=spec.weight_decay,
        schedule="one_cycle",
        warmup=0.15,
        clip=5.0,
        ema_decay=spec.average or None,
        metric=METRIC,
        seed=spec.seed,
        time_limit=time_limit,
    )


def fit_model(
    prepared: Prepared, spec: SpeechSpec, run: Run | None = None, time_limit: float | None = None
) -> tuple[SpeechModel, Fitted]:
    """Build and train the model on the training recordings, judged on those held out, read greedily."""
    torch.manual_seed(spec.seed)
    module = SpeechModel(spec, len(prepared.symbols))
    held = prepared.held_out()
    judge = _Judge(prepared, held, spec.epochs, Lines().say if run is not None else None)

    def batches(epoch: int) -> EpochBatches:
        return EpochBatches(prepared, spec, epoch)

    watch = None if run is not None else Silent()  # a run is what a person waits for
    settings = settings_of(spec, time_limit)
    fitted = fit(module, loss_of, batches, judge.validate, settings, run, size=len, watch=watch)
    return module, fitted


class _Judge:
    """Reads what is held out after every epoch, and says when nothing but blanks comes."""

    def __init__(
        self, prepared: Prepared, held: Sequence[Heard], epochs: int, say: Callable[[str], None] | None
    ) -> None:
        self.held, self.say, self.blank_epochs = held, say, 0
        self.patient = max(PATIENT, epochs // 2)
        self.alphabet = prepared.symbols.alphabet
        self.frames = [prepared.features.normalised(each.frames) for each in held]
        self.targets = [each.target for each in held]

    def validate(self, module: nn.Module) -> dict[str, float]:
        """The shares of words and letters that are wrong, read greedily, the loss, and what counts."""
        scores = cast(SpeechModel, module).reader().scores(self.frames)
        found = [greedy(each, alphabet=self.alphabet).text for each in scores]
        self._notice_blanks(found)
        rates = error_rates([each.text for each in self.held], found)
        words, letters, loss = rates.wer or 0.0, rates.cer or 0.0, loss_a_symbol(scores, self.targets)
        right = 1.0 - words - LOSS_COUNTS * loss
        return {METRIC: right, "words_wrong": words, "letters_wrong": letters, "loss": loss}

    def _notice_blanks(self, found: Sequence[str]) -> None:
        self.blank_epochs = 0 if any(found) else self.blank_epochs + 1
        if self.say is not None and self.blank_epochs == self.patient:
            self.say(
                f"After {self.patient} epochs the output is still blank only. Likely causes: transcripts "
                "that do not belong to their recordings, too few steps for the transcripts (a smaller "
                "reduce), a learning rate too high, or too few recordings or epochs."
            )
