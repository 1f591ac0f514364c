"""HOW DO WEIGHTS CHANGE? The loop: forward, loss, back-propagation. It knows a module, a loss and batches.

The whole journey: `fit` (who takes part), `_Training.go` (epochs and batches), `_Training.learn` (one step).
A run killed at any step and resumed gives the same bits as one never stopped, because all that changes is in
the `Learner`, and everything else is a pure function of settings, epoch and the batch's index.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from hiddenstate import pictures, progress
from hiddenstate.checkpoint import Keeper
from hiddenstate.errors import InvalidArgument, RunError, TrainingError, nearest
from hiddenstate.learner import Learner, Position, averaged, make, move_average, tensors_of
from hiddenstate.runs import Run
from hiddenstate.schedule import SCHEDULES
from hiddenstate.stopping import Stopping

Loss = Callable[[nn.Module, Any], Tensor]
Batches = Callable[[int], Sequence[Any]]
Validate = Callable[[nn.Module], Mapping[str, float]]


@dataclass(frozen=True)
class TrainSettings:
    """How to train; raises InvalidArgument for a value that cannot be.

    `warmup` is the share of all steps in which the rate rises (schedule.py), `clip` bounds the gradient.
    `ema_decay` averages the weights (Polyak and Juditsky, 1992); the average is what is validated and kept.
    `metric` names the number of `validate` to be maximised, `patience` how many epochs it may fail to rise.
    `betas` are the decays of AdamW's two moments. `sgd` maps beginnings of parameter names to rates of plain
    gradient descent, which trains these alone.
    `time_limit` counts seconds from the start of this call: it only stops, and never shapes the schedule.

    >>> TrainSettings(epochs=3, schedule="cosine").learning_rate
    0.001
    """

    epochs: int = 20
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    schedule: str = "one_cycle"
    warmup: float = 0.1
    clip: float | None = 1.0
    ema_decay: float | None = None
    metric: str = "accuracy"
    patience: int | None = None
    seed: int = 0
    time_limit: float | None = None
    checkpoint_seconds: float = 30.0
    checkpoint_steps: int | None = None
    betas: tuple[float, float] = (0.9, 0.999)
    sgd: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise InvalidArgument(f"Unknown schedule {self.schedule!r}: {nearest(self.schedule, SCHEDULES)}")
        for name, (kind, low, high) in _LIMITS.items():
            value = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            right = isinstance(value, int | kind) and not isinstance(value, bool)
            if not right or not low <= value <= high:
                word = "a whole number" if kind is int else "a number"
                raise InvalidArgument(f"{name} should be {word} from {low:g} to {high:g}, not {value!r}.")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise InvalidArgument(f"betas should be two decays from 0 to below 1, not {self.betas!r}.")
        for prefix, rate in self.sgd.items():
            if not isinstance(rate, int | float) or not 0 < rate < 1e6:
                raise InvalidArgument(f"sgd[{prefix!r}] should be a rate above 0, not {rate!r}.")


_LIMITS: dict[str, tuple[type, float, float]] = {
    "epochs": (int, 1, 10**9),
    "learning_rate": (float, 1e-12, 1e6),
    "weight_decay": (float, 0, 1e6),
    "warmup": (float, 0, 0.99),
    "clip": (float, 1e-12, 1e12),
    "ema_decay": (float, 0, 1 - 1e-9),
    "patience": (int, 1, 10**9),
    "seed": (int, 0, 2**63 - 1),
    "time_limit": (float, 0, 1e9),
    "checkpoint_seconds": (float, 0, 1e9),
    "checkpoint_steps": (int, 1, 10**12),
}
_OPTIONAL = {"clip", "ema_decay", "patience", "time_limit", "checkpoint_steps"}


@dataclass(frozen=True)
class Fitted:
    """What came of training; the module holds the best weights."""

    stopped: str  # "finished", "patience", "time limit" or "interrupted"
    best: float
    best_epoch: int
    steps: int
    seconds: float
    history: tuple[dict[str, Any], ...]  # the lines of the log


def fit(
    module: nn.Module,
    loss: Loss,
    batches: Batches,
    validate: Validate,
    settings: TrainSettings,
    run: Run | None = None,
    *,
    size: Callable[[Any], int] | None = None,
    watch: progress.Silent | None = None,
) -> Fitted:
    """Train `module` and leave the best weights in it and in `run`; a run that has a state is continued.

    `loss(module, batch)` is a scalar tensor. `batches(epoch)` gives an epoch's batches as a sequence and must
    be a pure function of the epoch; what is random in module and loss must come from torch's generator, which
    is seeded here and given back as it was. `validate(module)` returns named numbers. `size(batch)` counts
    its items, for the mean loss and the display. On a CPU with the same threads, resuming is exact. The first
    Ctrl-C stops after the step, the second at once.

    Raises TrainingError where loss, gradient or metric is not a finite number, and RunError where the run
    cannot be read or written; what was saved before stays.
    """
    averaging = settings.ema_decay is not None
    learner = make(module, settings.weight_decay, averaging, settings.sgd, settings.betas)
    keeper = Keeper(run, learner, asdict(settings))
    with torch.random.fork_rng(devices=[]), Stopping(settings.time_limit) as stopping:
        torch.manual_seed(settings.seed)
        keeper.resume()
        watch = watch or progress.on_stderr("items" if size else "batches")
        size = size or (lambda batch: 1)
        training = _Training(learner, loss, batches, validate, settings, size, watch, keeper, stopping)
        return training.fitted()


def learning_rate(settings: TrainSettings, share: float) -> float:
    """Give the rate when `share` of all training is done, from 0 to 1.

    >>> learning_rate(TrainSettings(schedule="cosine", learning_rate=0.5, warmup=0.2), 0.6)
    0.25
    """
    return settings.learning_rate * SCHEDULES[settings.schedule](share, settings.warmup)


@dataclass
class _Training:
    """One call of `fit`, under way."""

    learner: Learner
    loss: Loss
    batches: Batches
    validate: Validate
    settings: TrainSettings
    size: Callable[[Any], int]
    watch: progress.Silent
    keeper: Keeper
    stopping: Stopping

    def fitted(self) -> Fitted:
        position, keeper = self.learner.position, self.keeper
        self.seconds_before = position.seconds
        self.watch.begin(self.settings.epochs)
        try:
            if position.step:
                self.watch.say(f"Going on from step {position.step}, in epoch {position.epoch + 1}.")
            reason = self.go()
            best, epoch = self.finish(reason)
        except KeyboardInterrupt:
            self.watch.say(f"Stopped at once. {keeper.what_remains()}")
            raise
        finally:
            self.watch.end()
        return Fitted(reason, best, epoch, position.step, position.seconds, tuple(keeper.history))

    # The loop on one screen: epochs, batches, and what one batch changes.

    def go(self) -> str:
        position = self.learner.position
        while (reason := self.reason_to_stop()) is None:
            todays = _checked(self.batches(position.epoch), position)
            self.learner.module.train()
            for index in range(position.batch, len(todays)):
                self.learn(todays[index], len(todays))
                if index + 1 < len(todays) and (reason := self.stopping.reason()):
                    return reason
            self.close_epoch()
        return reason

    def learn(self, batch: Any, batches: int) -> None:
        learner, position, settings = self.learner, self.learner.position, self.settings
        learner.set_rate(self.rate(position.batch, batches), settings.learning_rate)

        loss = self.loss(learner.module, batch)  # 1. forward, and the loss
        self.check_finite("loss", _number(loss))

        learner.module.zero_grad()
        loss.backward()  # 2. back-propagation
        norm = _clip(learner.module, settings.clip)
        self.check_finite("norm of the gradient", norm)

        for optimiser in learner.optimisers:
            optimiser.step()  # 3. the weights change
        items = _items(self.size(batch))
        position.count(items, loss.item(), norm)
        move_average(learner, settings.ema_decay)

        position.seconds = self.seconds_before + self.stopping.seconds()
        share = (position.epoch + position.batch / batches) / settings.epochs
        self.watch.step(share, position.loss_sum / position.items, items)
        self.keeper.save_if_due()

    def rate(self, batch: int, batches: int) -> float:
        """The learning rate of one of this epoch's batches."""
        # The middle of the step, so that neither the first rate nor the last is zero.
        share = (self.learner.position.epoch + (batch + 0.5) / batches) / self.settings.epochs
        return learning_rate(self.settings, share)

    def close_epoch(self) -> None:
        learner, position, metric = self.learner, self.learner.position, self.settings.metric
        measured, weights = self.measure()
        better = position.best is None or measured[metric] > position.best
        entry = {
            "epoch": position.epoch + 1,
            "step": position.step,
            "loss": position.loss_sum / position.items,
            "gradient_norm": position.norm_sum / position.batch,
            "learning_rate": self.rate(position.batch - 1, position.batch),
            "seconds": round(position.seconds, 3),
            "validation": {name: value if math.isfinite(value) else None for name, value in measured.items()},
            "best": better,
        }
        position.next_epoch()
        if better:
            learner.best = weights
            position.best, position.best_epoch, position.waited = measured[metric], position.epoch, 0
            self.keeper.write_weights(weights)
        self.watch.epoch(entry, metric)
        self.keeper.log(entry)
        # The state goes last: after a kill before it, it is older than the rest, which is then written again.
        self.keeper.save_if_due(epoch_end=True)

    def measure(self) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Validate the averaged weights; return the numbers and a copy of these weights."""
        module, metric = self.learner.module, self.settings.metric
        module.eval()
        with averaged(self.learner), torch.no_grad():
            measured = {name: float(value) for name, value in self.validate(module).items()}
            weights = {name: each.clone() for name, each in tensors_of(module).items()}
        if metric not in measured:
            raise InvalidArgument(
                f"validate(module) gave no {metric!r} to maximise: {nearest(metric, measured)}"
            )
        if not math.isfinite(measured[metric]):
            raise TrainingError(
                f"The validation {metric} is {measured[metric]} after step {self.learner.position.step}, and "
                "only a finite number can be the best. Is the validation set empty? "
                f"{self.keeper.what_remains()}"
            )
        return measured, weights

    def reason_to_stop(self) -> str | None:
        position, patience = self.learner.position, self.settings.patience
        if position.epoch >= self.settings.epochs:
            return "finished"
        if patience is not None and position.waited >= patience:
            return "patience"
        return self.stopping.reason()

    def finish(self, reason: str) -> tuple[float, int]:
        """Save; leave the best weights in the module and the run; return their metric and epoch."""
        learner, position, keeper = self.learner, self.learner.position, self.keeper
        keeper.save()
        if reason in ("interrupted", "time limit"):
            self.watch.say(f"Stopped ({reason}) at step {position.step}. {keeper.what_remains()}")
        best, epoch, weights = position.best, position.best_epoch, learner.best
        if position.batch or best is None:
            # Half an epoch may have beaten the best. What is for use may profit from it; the state, saved
            # above, must not know, or the resumed run would differ from one never stopped.
            measured, now = self.measure()
            if best is None or measured[self.settings.metric] > best:
                best, epoch, weights = measured[self.settings.metric], position.epoch + 1, now
        with torch.no_grad():
            for name, each in tensors_of(learner.module).items():
                each.copy_(weights[name])
        learner.module.eval()
        keeper.write_weights(weights)
        if keeper.run is not None and keeper.history:
            keeper.run.write("curves.png", pictures.curves(keeper.history, self.settings.metric))
        return best, epoch

    def check_finite(self, what: str, value: float) -> None:
        if math.isfinite(value):
            return
        position, rate = self.learner.position, self.learner.rate
        if position.step == 0:
            cause = "At the first step the cause is most often the data (NaN, huge numbers) or the loss"
            cure = "check the inputs with torch.isfinite(x).all(), and the loss for log(0) and x / 0"
        else:
            cause = (
                "The usual cause is too high a learning rate; others are NaN in the data, log(0) in the loss"
            )
            cure = f"try learning_rate={self.settings.learning_rate / 10:g}"
            cure += " and clip=1.0" if self.settings.clip is None else ""
        raise TrainingError(
            f"The {what} is {value} where a finite number is needed: step {position.step + 1} (epoch "
            f"{position.epoch + 1}, batch {position.batch + 1}), learning rate {rate:.3g}. {cause}: {cure}. "
            f"{self.keeper.what_remains()}"
        )


def _checked(todays: Sequence[Any], position: Position) -> Sequence[Any]:
    if not isinstance(todays, Sequence):
        came = type(todays).__name__
        raise InvalidArgument(f"batches(epoch) should return a sequence, and gave {came}: use list().")
    if not len(todays):
        raise InvalidArgument("batches(epoch) should return at least one batch. Is the data empty?")
    if position.batch > len(todays):
        raise RunError(
            f"The run goes on from batch {position.batch} of epoch {position.epoch + 1}, which now has only "
            f"{len(todays)}. Give it the data and the batch size it began with."
        )
    return todays


def _number(loss: Tensor) -> float:
    if not isinstance(loss, Tensor) or loss.dim() != 0:
        came = f"a tensor {list(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise InvalidArgument(
            f"loss(module, batch) should return a scalar tensor, and gave {came}: use .mean()."
        )
    return loss.item()


def _items(size: int) -> int:
    if size < 1:
        raise InvalidArgument(
            f"size(batch) should count at least one item, and gave {size}. Leave empty batches out."
        )
    return size


def _clip(module: nn.Module, limit: float | None) -> float:
    """Scale the gradients so that their joint norm is at most `limit`, and return the norm they had."""
    return nn.utils.clip_grad_norm_(module.parameters(), math.inf if limit is None else limit).item()
