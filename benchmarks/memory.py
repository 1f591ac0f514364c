"""Three tasks that only memory solves: adding (Hochreiter and Schmidhuber, 1997), copying (as in Arjovsky,
Shah and Bengio, 2016), and digits read pixel by pixel, 784 steps (Le, Jaitly and Hinton, 2015).

Gates start with biases that spread the units' memory over all spans of the task (Tallec and Ollivier, 2018),
recurrent matrices orthogonal. Sequences to add or to copy are drawn afresh for every batch and grow during
the first part of training; those that are judged always have the full length.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, overload

import digits
import numpy as np
import torch
from measurement import Figures, Task
from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.data.sources import mnist
from hiddenstate.layers import Recurrent
from hiddenstate.train import Fitted, TrainSettings, fit

CELLS = {"LSTM": "lstm", "GRU": "gru"}
LETTERS, COPIED = 8, 10  # letters to choose from, and how many are to be copied
BLANK, RECALL = LETTERS, LETTERS + 1
TRAINING, VALIDATION, TEST = range(3)  # three streams of drawn sequences that never meet

Batch = tuple[Tensor, Tensor]  # inputs [T, B, F] and what is wanted
Draw = Callable[[np.random.Generator, int, int], Batch]


@dataclass(frozen=True)
class Settings:
    """How drawn sequences are learned; they have their full length after `grown` of all training."""

    hidden: int = 64
    epochs: int = 20
    batches: int = 100  # in an epoch
    batch_size: int = 50
    learning_rate: float = 5e-3
    warmup: float = 0.05
    grown: float = 0.4
    shortest: int = 10
    validation: int = 500
    test: int = 2000


@dataclass(frozen=True)
class PixelSettings:
    """How pixels are learned: as many epochs as `minutes` have room for, and never longer than `limit`.

    `span` is about two rows: what must be remembered longer is learned, from gates that forget sooner.
    """

    cell: str = "gru"
    hidden: int = 96
    most_epochs: int = 20
    span: int = 60
    batch_size: int = 32
    learning_rate: float = 3e-3
    warmup: float = 0.05
    ema_decay: float = 0.998
    validation: int = 2000
    minutes: float = 50
    limit: float = 57


class Reader(nn.Module):
    """A recurrent layer and a linear readout of chosen steps: [T, B, F] -> [chosen, B, outputs]."""

    def __init__(self, cell: str, inputs: int, hidden: int, outputs: int, span: int) -> None:
        super().__init__()
        self.recurrent = Recurrent(cell, inputs, hidden)
        self.readout = nn.Linear(hidden, outputs)
        remember(self.recurrent, hidden, span)

    def forward(self, x: Tensor, steps: slice = slice(-1, None)) -> Tensor:
        return self.readout(self.recurrent(x)[0][steps])


def remember(layer: nn.Module, hidden: int, span: int) -> None:
    """Let an LSTM's or GRU's units forget at rates between one step and `span`; matrices orthogonal."""
    weights, bias = layer.weight_hh_l0, layer.bias_ih_l0
    with torch.no_grad():
        for gate in weights.split(hidden):
            nn.init.orthogonal_(gate)
        bias.zero_()
        layer.bias_hh_l0.zero_()
        # second stands what keeps the state: f of the LSTM's i, f, g, o and z of the GRU's r, z, n
        bias[hidden : 2 * hidden] = torch.empty(hidden).uniform_(1, max(span - 1, 2)).log()
        if len(bias) == 4 * hidden:
            bias[:hidden] = -bias[hidden : 2 * hidden]


def adding(generator: np.random.Generator, length: int, count: int) -> Batch:
    """Numbers from 0 to 1 beside marks [T, B, 2], one mark in each half; their sums [B]."""
    numbers = generator.random((length, count), dtype=np.float32)
    marks, column = np.zeros_like(numbers), np.arange(count)
    half = length // 2
    first, second = generator.integers(0, half, count), generator.integers(half, length, count)
    marks[first, column] = marks[second, column] = 1
    sums = numbers[first, column] + numbers[second, column]
    return torch.from_numpy(np.stack([numbers, marks], 2)), torch.from_numpy(sums)


def copying(generator: np.random.Generator, delay: int, count: int) -> Batch:
    """Ten letters, a delay of blanks whose last is the sign to recall, ten blanks [T + 20, B, 10].

    Wanted [T + 20, B] are blanks, and the ten letters at the end. A delay under ten has as few letters.
    """
    copied = min(COPIED, delay)
    letters = torch.from_numpy(generator.integers(0, LETTERS, (copied, count)))
    symbols = torch.full((delay + 2 * copied, count), BLANK)
    wanted = symbols.clone()
    symbols[:copied] = wanted[-copied:] = letters
    symbols[-copied - 1] = RECALL
    return functional.one_hot(symbols, LETTERS + 2).float(), wanted


def squared_error(module: nn.Module, batch: Batch) -> Tensor:
    """The mean squared error of the sums; always answering 1 gives 0.167."""
    return functional.mse_loss(module(batch[0])[0, :, 0], batch[1])


def cross_entropy(module: nn.Module, batch: Batch) -> Tensor:
    """The mean over all steps; without memory the best is 10 ln 8 / (T + 20)."""
    return functional.cross_entropy(module(batch[0], slice(None)).flatten(0, 1), batch[1].flatten())


@dataclass(frozen=True)
class Problem:
    """What is drawn, how wide it is and the answer, and what is judged by which loss."""

    name: str
    draw: Draw
    widths: tuple[int, int]
    loss: Callable[[nn.Module, Batch], Tensor]
    figure: str
    lengths: tuple[int, ...]
    settings: Settings = field(default_factory=Settings)

    def memoryless(self, length: int) -> float:
        """The loss of the best answer that remembers nothing."""
        if self.name == "adding":
            return 1 / 6  # the variance of a sum
        copied = min(COPIED, length)
        return copied * math.log(LETTERS) / (length + 2 * copied)


ADDING = Problem("adding", adding, (2, 1), squared_error, "squared_error", (100, 200))
COPYING = Problem(
    "copy",
    copying,
    (LETTERS + 2, LETTERS + 1),
    cross_entropy,
    "cross_entropy",
    (50, 100),
    Settings(hidden=128, batches=300, learning_rate=3e-3, grown=0.8, shortest=1),
)


@dataclass(frozen=True)
class Drawn(Sequence[Batch]):
    """One epoch's batches, drawn when they are asked for: a pure function of seed, epoch and index."""

    draw: Draw
    length: int
    settings: Settings
    seed: int
    epoch: int

    def __len__(self) -> int:
        return self.settings.batches

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | list[Batch]:
        chosen = range(len(self))[index]
        if isinstance(chosen, range):
            return [self[i] for i in chosen]
        generator = np.random.default_rng([self.seed, TRAINING, self.epoch, chosen])
        return self.draw(generator, self.length_at(chosen), self.settings.batch_size)

    def length_at(self, index: int) -> int:
        """How long the sequences of a batch are: doubling in equal times, then full."""
        share = (self.epoch + index / len(self)) / self.settings.epochs
        shortest = min(self.settings.shortest, self.length)
        grown = min(1.0, share / self.settings.grown) if self.settings.grown else 1.0
        return round(shortest * (self.length / shortest) ** grown)


@contextmanager
def without_denormals() -> Iterator[None]:
    """Take numbers under 1e-38 as zero: gradients of long sequences end there, where processors crawl."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def learn(problem: Problem, cell: str, length: int, settings: Settings, seed: int) -> Figures:
    """Train on drawn sequences, choose the epoch on others, and judge once on fresh ones."""
    torch.manual_seed(seed)
    inputs, outputs = problem.widths
    module = Reader(cell, inputs, settings.hidden, outputs, length)
    held = problem.draw(np.random.default_rng([seed, VALIDATION]), length, settings.validation)
    chosen = TrainSettings(
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_decay=0.0,
        schedule="cosine",
        warmup=settings.warmup,
        metric="minus_loss",
        seed=seed,
    )

    def batches(epoch: int) -> Drawn:
        return Drawn(problem.draw, length, settings, seed, epoch)

    def validate(module: nn.Module) -> dict[str, float]:
        return {"minus_loss": -problem.loss(module, held).item()}

    with without_denormals():
        clock = Clock()
        fit(module, problem.loss, batches, validate, chosen, size=lambda batch: batch[0].shape[1])
        taken = clock.figures()
        fresh = problem.draw(np.random.default_rng([seed, TEST]), length, settings.test)
        with torch.no_grad():
            loss = problem.loss(module, fresh).item()
    return {problem.figure: loss, "of_memoryless": loss / problem.memoryless(length), **taken}


class Clock:
    """Seconds of the clock on the wall and of the processor, since it was made."""

    def __init__(self) -> None:
        self.began, self.cpu = time.perf_counter(), time.process_time()

    def figures(self) -> dict[str, float]:
        """Both, rounded."""
        return {
            "seconds": round(time.perf_counter() - self.began, 1),
            "cpu_seconds": round(time.process_time() - self.cpu, 1),
        }


class PixelReader(Reader):
    """Pixels [T, B, 1] from 0 to 1 -> scores [B, 10] after the last pixel."""

    def forward(self, x: Tensor, steps: slice = slice(-1, None)) -> Tensor:
        return super().forward((x - 0.13) / 0.31, steps)[-1]  # mean and deviation of all training pixels


def by_pixels(pictures: mnist.Pictures) -> mnist.Pictures:
    """Pictures of one column, so that their rows are their pixels."""
    return mnist.Pictures(pictures.images.reshape(len(pictures.images), -1, 1), pictures.labels)


def pixel_loss(module: nn.Module, batch: Batch) -> Tensor:
    """The cross-entropy of the digits."""
    return functional.cross_entropy(module(batch[0]), batch[1])


def epochs_within(step: Callable[[], object], steps: int, settings: PixelSettings) -> int:
    """How many epochs of so many steps `minutes` have room for; tries one step, then measures three."""
    step()
    clock = Clock()
    for _ in range(3):
        step()
    seconds = (time.perf_counter() - clock.began) / 3 * steps
    return max(1, min(settings.most_epochs, int(settings.minutes * 60 / seconds)))


def learn_pixels(data: Mapping[str, mnist.Pictures], settings: PixelSettings, seed: int) -> Figures:
    """Train, choose the epoch on held-out training pictures, and judge once on the test pictures."""
    train, test = by_pixels(data["train"]), by_pixels(data["test"])
    order = np.random.default_rng(seed).permutation(len(train.labels))
    held, kept = order[: settings.validation], order[settings.validation :]
    torch.manual_seed(seed)
    module = PixelReader(settings.cell, 1, settings.hidden, 10, settings.span)

    def batches(epoch: int) -> digits.EpochBatches:
        drawn = np.random.default_rng([seed, epoch]).permutation(kept)
        return digits.EpochBatches(train, drawn, settings.batch_size)

    with without_denormals():
        clock, today = Clock(), batches(0)
        epochs = epochs_within(lambda: pixel_loss(module, today[0]).backward(), len(today), settings)
        chosen = TrainSettings(
            epochs=epochs,
            learning_rate=settings.learning_rate,
            weight_decay=0.0,
            schedule="cosine",
            warmup=settings.warmup,
            ema_decay=settings.ema_decay,
            seed=seed,
            time_limit=max(0.0, settings.limit * 60 - (time.perf_counter() - clock.began)),
        )
        fitted: Fitted = fit(
            module,
            pixel_loss,
            batches,
            lambda module: {"accuracy": digits.accuracy(module, train, held)},
            chosen,
            size=lambda batch: len(batch[1]),
        )
        taken = clock.figures()
        accuracy = digits.accuracy(module, test, np.arange(len(test.labels)))
    finished = {"epochs": float(len(fitted.history)), "planned_epochs": float(epochs)}
    return {"accuracy": accuracy, "validation_accuracy": fitted.best, **finished, **taken}


def task(problem: Problem, quick: bool = False) -> Task:
    """LSTM and GRU at every length, the same sequences and the same training."""
    settings = problem.settings
    if quick:
        settings = replace(settings, epochs=1, batches=2, hidden=8, validation=10, test=10)
    variants = {
        f"{name}, T={length}": (cell, length) for length in problem.lengths for name, cell in CELLS.items()
    }

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        return {variant: learn(problem, *variants[variant], settings, seed)}

    described: dict[str, Any] = {**asdict(settings), "lengths": problem.lengths}
    return Task(problem.name, tuple(variants), described, measure)


def pixels(quick: bool = False) -> Task:
    """The digits of $HIDDENSTATE_DATA, the cache or a download, one seed; `quick` reads a few of them."""
    settings = PixelSettings()
    if quick:
        settings = replace(settings, most_epochs=1, hidden=4, validation=20, batch_size=20)

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        data = mnist.read()
        if quick:
            data = {split: mnist.Pictures(part.images[:60], part.labels[:60]) for split, part in data.items()}
        return {variant: learn_pixels(data, settings, seed)}

    return Task("pixels", (settings.cell.upper(),), asdict(settings), measure, most_seeds=1)
