"""A model of two layers that learns a product: each of its steps can be written with torch alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hiddenstate.progress import Silent
from hiddenstate.runs import Run
from hiddenstate.train import Fitted, TrainSettings, fit

EPOCHS, PER_EPOCH = 3, 5
PLAIN = TrainSettings(epochs=EPOCHS, learning_rate=0.05, weight_decay=0.3, clip=0.5, warmup=0.2)


def model() -> nn.Module:
    """Two layers in float64, so that two ways to the same number agree to 1e-12."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1)).double()


def batches(epoch: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(epoch)
    return [torch.randn(8, 4, generator=generator, dtype=torch.float64) for _ in range(PER_EPOCH)]


def loss(module: nn.Module, batch: Tensor) -> Tensor:
    return (module(batch)[:, 0] - batch.prod(1) - 1).square().mean()


def validate(module: nn.Module) -> dict[str, float]:
    return {"accuracy": -loss(module, torch.cat(batches(99))).item()}


def scripted(*values: float) -> Callable[[nn.Module], dict[str, float]]:
    """Validate by a list read off, one number an epoch."""
    left = iter(values)
    return lambda module: {"accuracy": next(left)}


class Recording(Silent):
    """Copies the weights after every step."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.said: list[str] = []
        self.path = [self.now()]

    def now(self) -> dict[str, Tensor]:
        return {name: each.detach().clone() for name, each in self.module.named_parameters()}

    def step(self, share: float, loss: float, items: int) -> None:
        self.path.append(self.now())

    def say(self, text: str) -> None:
        self.said.append(text)


def trained(how: TrainSettings = PLAIN, **other: Any) -> tuple[Fitted, Recording, nn.Module]:
    module = other.pop("module", None) or model()
    watch = Recording(module)
    parts = {"loss": loss, "batches": batches, "validate": validate, **other}
    return fit(module, settings=how, watch=watch, **parts), watch, module


def new_run(path: Path) -> Run:
    run = Run.create(path / "run")
    run.write_spec({"task": "test"})
    return run
