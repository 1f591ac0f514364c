"""The snapshot baseline: the same frames, loss and search without memory. What does remembering bring?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.progress import Silent
from hiddenstate.tasks.speech.fitting import METRIC, EpochBatches, loss_a_symbol, loss_of, settings_of
from hiddenstate.tasks.speech.front import steps_of
from hiddenstate.tasks.speech.prepared import Prepared
from hiddenstate.tasks.speech.spec import SpeechSpec
from hiddenstate.train import fit

AROUND = 5  # steps to each side that are seen together: about a third of a second
WIDTH = 384
EPOCHS = 30  # it has learned what it can by then
RATE = 0.0015  # of learning; at the recogniser's, which is higher, some of its trainings come to nothing
NAME = "snapshot (a window of steps, no memory)"


class WindowModel(nn.Module):
    """Scores the symbols of a step from the steps around it alone: two hidden layers, no state."""

    def __init__(self, spec: SpeechSpec, symbols: int) -> None:
        super().__init__()
        self.spec = spec
        wide = spec.features.width * spec.reduce * (2 * AROUND + 1)
        self.first, self.second = nn.Linear(wide, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.answer = nn.Linear(WIDTH, symbols)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """The log probabilities [T, B, K] of steps [T, B, F]; lengths [B] are not needed."""
        padded = functional.pad(steps, (0, 0, 0, 0, AROUND, AROUND))
        windows = padded.unfold(0, 2 * AROUND + 1, 1).flatten(2)
        drop = self.spec.dropout
        hidden = functional.dropout(self.first(windows).relu(), drop, self.training)
        hidden = functional.dropout(self.second(hidden).relu(), drop, self.training)
        scores: Tensor = self.answer(hidden).log_softmax(-1)
        return scores


@dataclass(frozen=True)
class Window:
    """A trained window model, and what its training took."""

    module: WindowModel
    seconds: float

    @classmethod
    def fit(cls, prepared: Prepared, spec: SpeechSpec) -> Window:
        """Train it on what the recogniser is trained on, for fewer epochs."""
        began = time.perf_counter()
        own = {"epochs": min(spec.epochs, EPOCHS), "learning_rate": RATE, "convolved": 0}
        shorter = spec.model_copy(update=own)
        torch.manual_seed(spec.seed)
        module = WindowModel(shorter, len(prepared.symbols))
        held = [prepared.features.normalised(each.frames) for each in prepared.held_out()]
        targets = [each.target for each in prepared.held_out()]

        def validate(_: nn.Module) -> dict[str, float]:
            found = Window(module, 0.0).scores(held)
            return {METRIC: -loss_a_symbol(found, targets)}

        def batches(epoch: int) -> EpochBatches:
            return EpochBatches(prepared, shorter, epoch)

        fit(module, loss_of, batches, validate, settings_of(shorter, None), size=len, watch=Silent())
        return cls(module, time.perf_counter() - began)

    def scores(self, recordings: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The log probabilities [T, K] of each recording's frames [N, M]."""
        self.module.eval()
        found = []
        with torch.no_grad():
            for frames in recordings:
                steps = torch.from_numpy(steps_of(frames, self.module.spec.reduce))[:, None]
                found.append(self.module(steps, torch.tensor([len(steps)]))[:, 0].numpy())
        return found

    def bytes(self) -> int:
        """What its numbers would take on disk, in half precision as the recogniser's."""
        return 2 * sum(parameter.numel() for parameter in self.module.parameters())
