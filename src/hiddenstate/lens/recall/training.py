"""HOW IS ONE DELAY LEARNED? From the same sequences by every network, until it is right or time is up."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.layers import Recurrent
from hiddenstate.lens.initialisation import Sizes, initialised
from hiddenstate.lens.recall.plan import Effort, Network
from hiddenstate.lens.recall.task import JUDGED, TRAINING, Recall

LAST = 20  # batches that are looked at to tell whether it has learned


class Reader(nn.Module):
    """A recurrent layer and a linear readout of its last output: x [T, B, F] -> scores [B, symbols]."""

    def __init__(self, network: Network, recall: Recall) -> None:
        super().__init__()
        self.recurrent = Recurrent(network.cell, recall.features, network.units)
        self.readout = nn.Linear(self.recurrent.output_width, recall.symbols)

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(self.recurrent(x)[0][-1])


@dataclass(frozen=True)
class Learned:
    """What came of one training: NaN is the accuracy of a network that diverged."""

    accuracy: float
    steps: int
    diverged: bool


def begun(network: Network, recall: Recall, delay: int, seed: int) -> Reader:
    """A network before training; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reader = Reader(network, recall)
    sizes = Sizes(recall.features, network.units)
    drawn = initialised(network.cell, sizes, network.begins, seed, steps=delay)
    with torch.no_grad():
        for name, values in drawn.items():
            reader.recurrent.get_parameter(name).copy_(torch.from_numpy(values))
    return reader


def learn(
    reader: Reader, recall: Recall, delay: int, effort: Effort, seed: int, told: Callable[[int], None]
) -> Learned:
    """Train with Adam (Kingma and Ba 2015) on fresh sequences, and judge on others; `told(step)` each step.

    It diverged where the loss or the gradient is no finite number; the weights are then those before it.
    """
    parameters = list(reader.parameters())
    optimiser = torch.optim.Adam(parameters, lr=effort.learning_rate, fused=True)
    generator = np.random.default_rng([seed, TRAINING, delay])
    right: deque[float] = deque(maxlen=LAST)
    for step in range(effort.steps):
        x, shown = _tensors(recall, generator, delay, effort.batch)
        scores = reader(x)
        loss = functional.cross_entropy(scores, shown)
        optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, effort.clip)
        if not (math.isfinite(loss.item()) and math.isfinite(norm.item())):
            return Learned(math.nan, step, True)
        for group in optimiser.param_groups:
            group["lr"] = effort.learning_rate * min(1.0, (step + 1) / effort.warmup)
        optimiser.step()
        told(step + 1)
        right.append(_share_right(scores, shown))
        if len(right) == LAST and sum(right) / LAST >= effort.learned:
            return Learned(judged(reader, recall, delay, effort, seed), step + 1, False)
    return Learned(judged(reader, recall, delay, effort, seed), effort.steps, False)


def stepper(reader: Reader, recall: Recall, delay: int, effort: Effort) -> Callable[[], None]:
    """One training step without the optimiser's part, on a batch that stays: what is timed."""
    x, shown = _tensors(recall, np.random.default_rng(0), delay, effort.batch)

    def step() -> None:
        reader.zero_grad()
        functional.cross_entropy(reader(x), shown).backward()

    return step


def judged(reader: Reader, recall: Recall, delay: int, effort: Effort, seed: int) -> float:
    """The share of fresh sequences whose symbol is named, NaN where the scores are no numbers."""
    x, shown = _tensors(recall, np.random.default_rng([seed, JUDGED, delay]), delay, effort.judged)
    with torch.no_grad():
        scores = reader(x)
    return _share_right(scores, shown) if bool(scores.isfinite().all()) else math.nan


def _tensors(recall: Recall, generator: np.random.Generator, delay: int, count: int) -> tuple[Tensor, Tensor]:
    x, shown = recall.draw(generator, delay, count)
    return torch.from_numpy(x), torch.from_numpy(shown)


def _share_right(scores: Tensor, shown: Tensor) -> float:
    return (scores.argmax(1) == shown).float().mean().item()
