"""A linear chain over tags as it learns: how improbable are the right tags, among all sequences allowed?

What it has learned, `infer.Chain` applies without torch. Letters: T words, B texts, K tags.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hiddenstate.errors import InvalidArgument

LEAST = 1e-300  # a sum that is nothing, as a number that has a logarithm


class ChainLoss(nn.Module):
    """The conditional random field of Lafferty et al. (2001); what is not allowed has no probability.

    `starts` [K] and `follows` [K, K] (from, to) say which tags may begin and which may follow which. Raises
    InvalidArgument where they are not so, or no tag may begin.

    >>> loss = ChainLoss(np.ones(2, bool), np.ones((2, 2), bool))
    >>> tags = torch.zeros(3, 1, dtype=torch.long)
    >>> loss(torch.zeros(3, 1, 2), tags, torch.tensor([3])).exp().round().item()
    8.0
    """

    def __init__(self, starts: np.ndarray, follows: np.ndarray) -> None:
        super().__init__()
        K = len(starts)
        if follows.shape != (K, K) or not starts.any():
            raise InvalidArgument(
                "expected starts [K] with a tag that may begin and follows [K, K], came "
                f"{list(starts.shape)} and {list(follows.shape)}"
            )
        self.transitions = nn.Parameter(torch.zeros(K, K))
        self.start, self.end = nn.Parameter(torch.zeros(K)), nn.Parameter(torch.zeros(K))
        self.register_buffer("starts", torch.tensor(starts), persistent=False)
        self.register_buffer("follows", torch.tensor(follows), persistent=False)
        self.starts: Tensor
        self.follows: Tensor

    def forward(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Minus the log probability [B] of tags [T, B] under emissions [T, B, K], in double precision."""
        emissions = emissions.double()
        transitions = self.transitions.double().masked_fill(~self.follows, -torch.inf)
        start = self.start.double().masked_fill(~self.starts, -torch.inf)
        inside = torch.arange(len(tags))[:, None] < lengths
        total = self._total(emissions, transitions, start, inside)
        return total - self._score(emissions, transitions, start, tags, inside)

    def _total(self, emissions: Tensor, transitions: Tensor, start: Tensor, inside: Tensor) -> Tensor:
        """The logarithm [B] of the sum over all sequences: step by step, as products of matrices."""
        moves, sums = transitions.exp(), start + emissions[0]
        for step in range(1, len(emissions)):
            highest = sums.amax(1, keepdim=True)
            onward = ((sums - highest).exp() @ moves).clamp_min(LEAST).log() + highest + emissions[step]
            sums = torch.where(inside[step][:, None], onward, sums)
        return torch.logsumexp(sums + self.end.double(), 1)

    def _score(
        self, emissions: Tensor, transitions: Tensor, start: Tensor, tags: Tensor, inside: Tensor
    ) -> Tensor:
        """The score [B] of the right tags."""
        chosen = emissions.gather(2, tags[..., None])[..., 0]
        moves = transitions[tags[:-1], tags[1:]]
        last = tags.gather(0, inside.sum(0, keepdim=True) - 1)[0]
        zero = emissions.new_zeros(())
        score = torch.where(inside, chosen, zero).sum(0) + start[tags[0]] + self.end.double()[last]
        return score + torch.where(inside[1:], moves, zero).sum(0)
