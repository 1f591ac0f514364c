"""MNIST digits read row by row: 28 steps of 28 pixels, a recurrent layer, a linear readout of its end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import overload

import numpy as np
import torch
from measurement import Figures, Task
from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.data.sources import mnist
from hiddenstate.layers import Recurrent
from hiddenstate.train import TrainSettings, fit

Rows = tuple[Tensor, Tensor]  # pictures as rows [T, B, F] and their digits [B]


@dataclass(frozen=True)
class Settings:
    """How digits are learned; `validation` pictures are taken from the training set to choose the epoch."""

    cell: str = "gru"
    hidden: int = 128
    epochs: int = 6
    batch_size: int = 100
    learning_rate: float = 4e-3
    warmup: float = 0.25
    ema_decay: float = 0.998
    dropout: float = 0.2
    label_smoothing: float = 0.05
    validation: int = 5000


class Reader(nn.Module):
    """Rows [T, B, F] -> scores of the digits [B, 10]."""

    def __init__(self, settings: Settings, columns: int) -> None:
        super().__init__()
        self.recurrent = Recurrent(settings.cell, columns, settings.hidden)
        self.dropout = nn.Dropout(settings.dropout)
        self.readout = nn.Linear(settings.hidden, 10)

    def forward(self, rows: Tensor) -> Tensor:
        return self.readout(self.dropout(self.recurrent(rows)[0][-1]))


class EpochBatches(Sequence[Rows]):
    """One epoch's batches, laid out when they are asked for."""

    def __init__(self, pictures: mnist.Pictures, order: np.ndarray, batch_size: int) -> None:
        self.pictures = pictures
        self.parts = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]

    def __len__(self) -> int:
        return len(self.parts)

    @overload
    def __getitem__(self, index: int) -> Rows: ...
    @overload
    def __getitem__(self, index: slice) -> list[Rows]: ...
    def __getitem__(self, index: int | slice) -> Rows | list[Rows]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        chosen = self.parts[index]
        digits = torch.from_numpy(self.pictures.labels[chosen].astype(np.int64))
        return torch.from_numpy(self.pictures.rows(chosen)), digits


def accuracy(module: nn.Module, pictures: mnist.Pictures, indices: np.ndarray) -> float:
    """The share of some pictures whose digit has the highest score."""
    module.eval()
    with torch.no_grad():
        found = [
            int((module(rows).argmax(1) == digits).sum())
            for rows, digits in EpochBatches(pictures, indices, 500)
        ]
    return sum(found) / len(indices)


def learn(data: Mapping[str, mnist.Pictures], settings: Settings, seed: int) -> Figures:
    """Train, choose the epoch on held-out training pictures, and judge once on the test pictures."""
    train, test = data["train"], data["test"]
    order = np.random.default_rng(seed).permutation(len(train.labels))
    held, kept = order[: settings.validation], order[settings.validation :]
    torch.manual_seed(seed)
    module = Reader(settings, train.images.shape[2])

    def batches(epoch: int) -> EpochBatches:
        drawn = np.random.default_rng([seed, epoch]).permutation(kept)
        return EpochBatches(train, drawn, settings.batch_size)

    def loss_of(module: nn.Module, batch: Rows) -> Tensor:
        return functional.cross_entropy(module(batch[0]), batch[1], label_smoothing=settings.label_smoothing)

    chosen = TrainSettings(
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        warmup=settings.warmup,
        ema_decay=settings.ema_decay,
        seed=seed,
    )
    began, cpu = time.perf_counter(), time.process_time()
    fitted = fit(
        module,
        loss_of,
        batches,
        lambda module: {"accuracy": accuracy(module, train, held)},
        chosen,
        size=lambda batch: len(batch[1]),
    )
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    return {
        "accuracy": accuracy(module, test, np.arange(len(test.labels))),
        "validation_accuracy": fitted.best,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
    }


def task(quick: bool = False) -> Task:
    """The digits of $HIDDENSTATE_DATA, the cache or a download; `quick` reads a fiftieth of them."""
    settings = replace(Settings(), epochs=1, hidden=16, validation=100) if quick else Settings()

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        data = mnist.read()
        if quick:
            few = {"train": 1200, "test": 200}
            data = {
                split: mnist.Pictures(part.images[: few[split]], part.labels[: few[split]])
                for split, part in data.items()
            }
        return {variant: learn(data, settings, seed)}

    return Task("mnist_rows", (settings.cell.upper(),), asdict(settings), measure)
