"""The recogniser as it learns: steps of some frames, convolutions, a recurrent stack, scores of symbols.

What it has learned, `Reader` applies without torch.
Letters: N frames, T steps, B recordings, M numbers a frame, K symbols with the blank.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.layers import Recurrent
from hiddenstate.layers.beginning import begin
from hiddenstate.tasks.speech.front import AROUND, NARROW, WIDE, front_width
from hiddenstate.tasks.speech.reader import Reader
from hiddenstate.tasks.speech.spec import SpeechSpec


class Front(nn.Module):
    """Two convolutions over the frames and mels of each step, as in Deep Speech 2 (Amodei, 2016)."""

    def __init__(self, spec: SpeechSpec) -> None:
        super().__init__()
        self.frames = spec.reduce + 2 * AROUND, spec.deltas + 1, spec.mels
        planes, channels = spec.deltas + 1, spec.channels
        self.early = nn.Conv2d(planes, channels, WIDE, stride=(1, 2), padding=(0, WIDE // 2))
        kernel = spec.reduce, NARROW
        self.late = nn.Conv2d(channels, channels, kernel, stride=(1, 2), padding=(0, NARROW // 2))
        for each in (self.early, self.late):
            nn.init.kaiming_normal_(each.weight, nonlinearity="relu")

    def forward(self, steps: Tensor) -> Tensor:
        """What the recurrent layers read [T, B, W] of steps [T, B, frames x planes x mels]."""
        images = steps.reshape(-1, *self.frames).transpose(1, 2)
        found = self.late(self.early(images).relu()).relu()
        return found.reshape(*steps.shape[:2], -1)


class SpeechModel(nn.Module):
    """Scores of symbols for every step of a recording, to be read by CTC (Graves et al. 2006)."""

    def __init__(self, spec: SpeechSpec, symbols: int) -> None:
        super().__init__()
        self.spec = spec
        hidden, layers = spec.size
        self.front = Front(spec) if spec.channels else nn.Identity()
        self.recurrent = Recurrent(
            spec.cell,
            front_width(spec),
            hidden,
            num_layers=layers,
            bidirectional=spec.bidirectional,
            dropout=spec.dropout if layers > 1 else 0.0,
            activation=spec.activation,
        )
        begin(self.recurrent)
        self.answer = nn.Linear(hidden * (2 if spec.bidirectional else 1), symbols)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """The log probabilities [T, B, K] of steps [T, B, F] with lengths [B]."""
        output, _ = self.recurrent(self.front(steps), lengths=lengths)
        output = functional.dropout(output, self.spec.dropout, self.training)
        scores: Tensor = self.answer(output).log_softmax(-1)
        return scores

    def reader(self) -> Reader:
        """The model as it answers, with a copy of these weights."""
        return Reader(self.spec, {name: value.numpy().copy() for name, value in self.state_dict().items()})
