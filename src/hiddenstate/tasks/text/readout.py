"""From the outputs of all words to one vector a text: last, max, mean, attention, side by side, in torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Readout(nn.Module):
    """Joins several ways of summing up the outputs [T, B, directions x H] of a text of some length.

    last: the output after the last word (of the first word, for the direction that reads backwards).
    attention: a learned score for each word, softmax over the words (Bahdanau et al. 2015).
    """

    def __init__(self, names: Sequence[str], hidden: int, directions: int) -> None:
        super().__init__()
        self.names, self.hidden, self.directions = tuple(names), hidden, directions
        self.width = hidden * directions * len(self.names)
        if "attention" in self.names:
            self.score = nn.Linear(hidden * directions, 1)

    def forward(self, output: Tensor, lengths: Tensor) -> Tensor:
        """The readout [B, width] of outputs [T, B, directions x H] with lengths [B] of one or more."""
        steps = torch.arange(output.shape[0])[:, None]
        valid = (steps < lengths)[..., None]
        output = output.masked_fill(~valid, 0.0)
        found = []
        for name in self.names:
            if name == "last":
                found.append(self._last(output, lengths))
            elif name == "max":
                found.append(output.masked_fill(~valid, -torch.inf).amax(0))
            elif name == "mean":
                found.append(output.sum(0) / lengths[:, None])
            else:
                weight = self.score(output).masked_fill(~valid, -torch.inf).softmax(0)
                found.append((weight * output).sum(0))
        return torch.cat(found, -1)

    def _last(self, output: Tensor, lengths: Tensor) -> Tensor:
        forward = output[lengths - 1, torch.arange(len(lengths)), : self.hidden]
        return torch.cat([forward, output[0, :, self.hidden :]], -1)
