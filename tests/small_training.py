"""A training small enough to be stopped and resumed many times: `python small_training.py FOLDER` runs it.

Everything that could be forgotten on resuming takes part: dropout (random numbers), batch normalisation
(buffers), an average, both optimisers, a patience counter, epochs of unequal length. Each step prints a line
on stdout and waits for one on stdin, so that a parent decides how far it comes; the end of stdin lets it run.
"""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict

import torch
from torch import Tensor, nn

from hiddenstate.progress import Lines, Silent
from hiddenstate.runs import Run
from hiddenstate.train import TrainSettings, fit

SETTINGS = TrainSettings(
    epochs=4,
    learning_rate=0.02,
    ema_decay=0.9,
    sgd={"head": 0.05},
    patience=3,
    seed=5,
    checkpoint_steps=3,
    checkpoint_seconds=1e9,
)
STEPS = 12 + 13 + 14 + 15


class Tagger(nn.Module):
    """Counts words: embedding, dropout, GRU, batch normalisation, a linear layer."""

    def __init__(self, hidden: int = 12) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 8)
        self.dropout = nn.Dropout(0.3)
        self.recurrent = nn.GRU(8, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.head = nn.Linear(hidden, 3)

    def forward(self, words: Tensor) -> Tensor:
        output, _ = self.recurrent(self.dropout(self.embedding(words)))
        return self.head(self.dropout(self.norm(output[-1])))


def model(hidden: int = 12) -> Tagger:
    """Build the module, always with the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return Tagger(hidden)


def batches(epoch: int) -> list[tuple[Tensor, Tensor]]:
    """Draw an epoch's batches [T, B] and targets [B]; epoch n has 12 + n."""
    generator = torch.Generator().manual_seed(100 + epoch)
    drawn = [torch.randint(9, (6, 7), generator=generator) for _ in range(12 + epoch)]
    return [(words, (words < 3).sum(0) % 3) for words in drawn]


def loss(module: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    return nn.functional.cross_entropy(module(batch[0]), batch[1])


def validate(module: nn.Module) -> dict[str, float]:
    words, targets = batches(1000)[0]
    scores = module(words)
    return {"accuracy": -nn.functional.cross_entropy(scores, targets).item()}


class Told(Silent):
    """Tells a parent process of every step, and waits for its word."""

    def step(self, share: float, loss: float, items: int) -> None:
        print(f"{share:.4f}", flush=True)
        sys.stdin.readline()

    def say(self, text: str) -> None:
        Lines.say(Lines(), text)


def main(folder: str) -> None:
    """Train in a new folder, or go on in an old one."""
    # A parent in the background may have left Ctrl-C ignored, and ignored it would stay.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    try:
        run = Run.open(folder)
    except RuntimeError:
        run = Run.create(folder)
        run.write_spec({"task": "small"})
    fitted = fit(model(), loss, batches, validate, SETTINGS, run, size=lambda batch: 7, watch=Told())
    print(json.dumps({**asdict(fitted), "history": len(fitted.history)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
