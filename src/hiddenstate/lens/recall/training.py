"""HOW IS ONE DELAY LEARNED? From the same sequences by every network, until it is right or time is up."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.layers import Recurrent
from hiddenstate.lens.initialisation import Sizes, initialised
from hiddenstate.lens.recall.plan import Effort, Network
from hiddenstate.lens.recall.task import JUDGED, TRAINING, Recall

AT_ONCE = 250  # sequences that are judged
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
class Lesson:
    """What is to be learned, and how: one delay, or all delays from 1 to it, mixed."""

    recall: Recall
    effort: Effort
    seed: int
    delay: int
    mixed: bool = False

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield fresh sequences without end; where delays are mixed, each as likely as twice as long ones."""
        generator = np.random.default_rng([self.seed, TRAINING, self.delay])
        while True:
            delay = self.delay
            if self.mixed:
                delay = round(math.exp(generator.uniform(0, math.log(self.delay))))
            yield _tensors(self.recall, generator, delay, self.effort.batch)


@dataclass(frozen=True)
class Learned:
    """What came of one training: how many steps it took, and whether the network diverged."""

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


def learn(reader: Reader, lesson: Lesson, told: Callable[[int], None]) -> Learned:
    """Train with Adam (Kingma and Ba 2015) until it is right, or to the last step; `told(step)` each step.

    It diverged where the loss or the gradient is no finite number; the weights are then those before it.
    """
    parameters, effort = list(reader.parameters()), lesson.effort
    optimiser = torch.optim.Adam(parameters, lr=effort.learning_rate, fused=True)
    right: deque[float] = deque(maxlen=LAST)
    batches = lesson.batches()
    for step in range(1, effort.steps + 1):
        x, shown = next(batches)
        scores = reader(x)
        loss = functional.cross_entropy(scores, shown)
        optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, effort.clip)
        if not (math.isfinite(loss.item()) and math.isfinite(norm.item())):
            return Learned(step, True)
        for group in optimiser.param_groups:
            group["lr"] = effort.learning_rate * min(1.0, step / effort.warmup)
        optimiser.step()
        told(step)
        right.append(_share_right(scores, shown))
        if len(right) == LAST and sum(right) / LAST >= effort.learned:
            return Learned(step, False)
    return Learned(effort.steps, False)


def stepper(reader: Reader, recall: Recall, delay: int, effort: Effort) -> Callable[[], None]:
    """One training step without the optimiser's part, on a batch that stays: what is timed."""
    x, shown = _tensors(recall, np.random.default_rng(0), delay, effort.batch)

    def step() -> None:
        reader.zero_grad()
        functional.cross_entropy(reader(x), shown).backward()

    return step


def judged(reader: Reader, lesson: Lesson, delay: int) -> float:
    """The share of fresh sequences whose symbol is named after a delay; NaN where a score is no number."""
    generator = np.random.default_rng([lesson.seed, JUDGED, delay])
    x, shown = _tensors(lesson.recall, generator, delay, lesson.effort.judged)
    with torch.no_grad():  # not all at once: of 2,000 steps the outputs would be half a gigabyte
        scores = torch.cat([reader(part) for part in x.split(AT_ONCE, dim=1)])
    return _share_right(scores, shown) if bool(scores.isfinite().all()) else math.nan


def _tensors(recall: Recall, generator: np.random.Generator, delay: int, count: int) -> tuple[Tensor, Tensor]:
    x, shown = recall.draw(generator, delay, count)
    return torch.from_numpy(x), torch.from_numpy(shown)


def _share_right(scores: Tensor, shown: Tensor) -> float:
    return (scores.argmax(1) == shown).double().mean().item()
