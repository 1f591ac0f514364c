"""The recogniser as it learns: frames, some read as one step, a recurrent stack, a score for every symbol.

What it has learned, `Reader` applies without torch.
Letters: N frames, T steps, B recordings, M numbers a frame, K symbols with the blank.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from hiddenstate.layers import Recurrent
from hiddenstate.layers.beginning import begin
from hiddenstate.tasks.speech.reader import Reader
from hiddenstate.tasks.speech.spec import SpeechSpec


class SpeechModel(nn.Module):
    """Scores of symbols for every step of a recording, to be read by CTC (Graves et al. 2006)."""

    def __init__(self, spec: SpeechSpec, symbols: int) -> None:
        super().__init__()
        self.spec = spec
        hidden, layers = spec.size
        self.recurrent = Recurrent(
            spec.cell,
            spec.features.width * spec.reduce,
            hidden,
            num_layers=layers,
            bidirectional=spec.bidirectional,
            dropout=spec.dropout if layers > 1 else 0.0,
            activation=spec.activation,
        )
        begin(self.recurrent)
        self.answer = nn.Linear(hidden * (2 if spec.bidirectional else 1), symbols)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """The log probabilities [T, B, K] of steps [T, B, reduce x M] with lengths [B]."""
        output, _ = self.recurrent(steps, lengths=lengths)
        output = functional.dropout(output, self.spec.dropout, self.training)
        scores: Tensor = self.answer(output).log_softmax(-1)
        return scores

    def reader(self) -> Reader:
        """The model as it answers, with a copy of these weights."""
        return Reader(self.spec, {name: value.numpy().copy() for name, value in self.state_dict().items()})
