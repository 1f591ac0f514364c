"""Embedded Reber strings (Hochreiter and Schmidhuber, 1997): which symbols may come next?

Training sees strings alone, never the grammar: at each step the loss is the cross-entropy of the symbol that
came next. A test string is right where, at every step, each legal symbol is more probable than every illegal
one. The last symbol but one repeats the second, whatever stands between.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from measurement import Figures, Task
from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.data.batch import bucketed, pad
from hiddenstate.data.sources import reber
from hiddenstate.layers import Recurrent
from hiddenstate.train import TrainSettings, fit

SYMBOLS = len(reber.SYMBOLS)
CELLS = {"LSTM": "lstm", "plain RNN": "rnn"}


@dataclass(frozen=True)
class Settings:
    """How the strings are drawn and learned; all strings of a seed are different from one another."""

    train: int = 3000
    validation: int = 500
    test: int = 1000
    hidden: int = 32
    epochs: int = 30
    batch_size: int = 8
    learning_rate: float = 0.01
    forget_bias: float = 2.0  # the LSTM's memory starts open (Gers, Schmidhuber, Cummins, 2000)


class Strings(NamedTuple):
    """Padded strings: symbols [T, B] from 1, next symbols [T, B] (0 = none), legal [T, B, 7], lengths [B]."""

    symbols: Tensor
    following: Tensor
    legal: Tensor
    lengths: Tensor


class Predictor(nn.Module):
    """A recurrent layer over symbols and a linear readout of every step: Strings -> scores [T, B, 7]."""

    def __init__(self, cell: str, settings: Settings) -> None:
        super().__init__()
        hidden = settings.hidden
        self.recurrent = Recurrent(cell, SYMBOLS, hidden)
        self.readout = nn.Linear(hidden, SYMBOLS)
        if cell == "lstm":
            with torch.no_grad():  # the gates stand in the order i, f, g, o
                self.recurrent.bias_ih_l0[hidden : 2 * hidden] = settings.forget_bias

    def forward(self, strings: Strings) -> Tensor:
        inputs = functional.one_hot(strings.symbols, SYMBOLS + 1)[..., 1:].float()
        output, _ = self.recurrent(inputs, lengths=strings.lengths)
        return self.readout(output)


def layout(strings: Sequence[reber.ReberString]) -> Strings:
    """Pad strings; the last symbol of each is only predicted, never read."""
    numbers = [np.array([1 + reber.SYMBOLS.index(symbol) for symbol in each.symbols]) for each in strings]
    symbols, lengths = pad([row[:-1] for row in numbers])
    following, _ = pad([row[1:] for row in numbers])
    legal = np.zeros((*symbols.shape, SYMBOLS), dtype=bool)
    for column, each in enumerate(strings):
        for step, choices in enumerate(each.following):
            legal[step, column, [reber.SYMBOLS.index(symbol) for symbol in choices]] = True
    return Strings(*(torch.from_numpy(array) for array in (symbols, following, legal, lengths)))


def loss_of(module: nn.Module, strings: Strings) -> Tensor:
    """The cross-entropy of the symbols that came next, a mean over all of them."""
    scores = module(strings)
    return functional.cross_entropy(scores.flatten(0, 1), strings.following.flatten() - 1, ignore_index=-1)


def right_steps(scores: Tensor, strings: Strings) -> Tensor:
    """Which steps [T, B] are right: all legal symbols above all illegal ones; padding counts as right."""
    lowest = scores.masked_fill(~strings.legal, torch.inf).amin(2)
    highest = scores.masked_fill(strings.legal, -torch.inf).amax(2)
    return (lowest > highest) | (strings.following == 0)


def right(scores: Tensor, strings: Strings) -> Tensor:
    """Which strings [B] are right at each step."""
    return right_steps(scores, strings).all(0)


def right_at_last_but_one(scores: Tensor, strings: Strings) -> Tensor:
    """Which strings [B] have the long-distance symbol right, the last but one."""
    step, row = strings.lengths - 2, torch.arange(len(strings.lengths))
    return scores[step, row].argmax(1) == strings.following[step, row] - 1


def learn(cell: str, settings: Settings, seed: int) -> Figures:
    """Train on drawn strings, choose the epoch on others, and judge once on a third part."""
    count = settings.train + settings.validation + settings.test
    drawn = reber.embedded(count, seed)
    order = np.random.default_rng(seed).permutation(count)  # short strings are drawn first: mix the parts
    parts = np.split(order, [settings.train, settings.train + settings.validation])
    train, held, fresh = ([drawn[i] for i in part] for part in parts)
    lengths = np.array([len(each.symbols) for each in train])
    torch.manual_seed(seed)
    module = Predictor(cell, settings)
    validation, test = layout(held), layout(fresh)

    def batches(epoch: int) -> list[Strings]:
        indices = bucketed(lengths, settings.batch_size, seed=seed, epoch=epoch)
        return [layout([train[i] for i in rows]) for rows in indices]

    def validate(module: nn.Module) -> dict[str, float]:
        scores = module(validation)
        return {
            "accuracy": right(scores, validation).double().mean().item(),
            "log_likelihood": -loss_of(module, validation).item(),  # chooses the epoch: it has no ties
        }

    chosen = TrainSettings(
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        metric="log_likelihood",
        seed=seed,
    )
    began, cpu = time.perf_counter(), time.process_time()
    fitted = fit(module, loss_of, batches, validate, chosen, size=lambda strings: len(strings.lengths))
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    with torch.no_grad():
        scores = module(test)
    return {
        "accuracy": right(scores, test).double().mean().item(),
        "steps_right": right_steps(scores, test)[test.following > 0].double().mean().item(),
        "last_but_one": right_at_last_but_one(scores, test).double().mean().item(),
        "validation_accuracy": fitted.history[fitted.best_epoch - 1]["validation"]["accuracy"],
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
    }


def task(quick: bool = False) -> Task:
    """LSTM and plain RNN, as many units, the same strings and the same training."""
    settings = Settings()
    if quick:
        settings = replace(settings, train=200, validation=50, test=50, epochs=1)

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        return {variant: learn(CELLS[variant], settings, seed)}

    described: dict[str, Any] = {**asdict(settings), "cells": CELLS}
    return Task("reber", tuple(CELLS), described, measure)
