"""Many steps become one summary: attention, the last step, the maximum, the mean."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hiddenstate.errors import InvalidArgument, Unsupported, nearest
from hiddenstate.layers.cell_module import checked_size
from hiddenstate.layers.recurrent import checked_lengths

POOLS = ("last", "max", "mean")


def _checked_steps(steps: Any, size: int | None = None) -> None:
    if not isinstance(steps, Tensor) or steps.dim() != 3 or (size is not None and steps.shape[-1] != size):
        came = list(steps.shape) if isinstance(steps, Tensor) else type(steps).__name__
        raise InvalidArgument(f"expected steps as [T, B, {'H' if size is None else size}], came {came}")


def _valid(steps: Tensor, lengths: Any) -> Tensor:
    """Which steps [T, B] belong to their sequence."""
    counter = torch.arange(steps.shape[0], device=steps.device)[:, None]
    ends = checked_lengths(lengths, steps)
    if ends is None:
        return (counter >= 0).expand(steps.shape[:2])
    return counter < ends


def pool(steps: Tensor, how: str, lengths: Any = None) -> Tensor:
    """Summarise each sequence of steps [T, B, H] as [B, H]: its "last" step, its "max" or its "mean".

    What stands behind a sequence's end is never read; a sequence of length 0 gives zeros.
    Raises InvalidArgument for another word.

    >>> pool(torch.tensor([[[1.0]], [[5.0]], [[3.0]]]), "max", lengths=[1])
    tensor([[1.]])
    """
    _checked_pool(how)
    _checked_steps(steps)
    if steps.shape[0] == 0:
        return steps.new_zeros(steps.shape[1:])
    valid = _valid(steps, lengths)[..., None]
    counts = valid.sum(0)
    if how == "last":
        inside = torch.where(valid, steps, 0.0)
        rows = (counts - 1).clamp(min=0).expand(steps.shape[1:])[None]
        return inside.gather(0, rows)[0]
    if how == "mean":
        return torch.where(valid, steps, 0.0).sum(0) / counts.clamp(min=1)
    highest = torch.where(valid, steps, float("-inf")).amax(0)
    return torch.where(counts > 0, highest, 0.0)


def _checked_pool(how: Any) -> str:
    if not isinstance(how, str) or how not in POOLS:
        raise InvalidArgument(f"expected a way of pooling, came {how!r}; {nearest(str(how), POOLS)}")
    return how


class RunningPool:
    """The summary after every step of a sequence that arrives bit by bit; its last row is `pool` so far.

    >>> RunningPool("mean").feed(torch.tensor([[[1.0]], [[5.0]]])).flatten()
    tensor([1., 3.])
    """

    def __init__(self, how: str) -> None:
        self.how = _checked_pool(how)
        self.total: Tensor | None = None
        self.count = 0

    def feed(self, steps: Tensor) -> Tensor:
        """Take steps [n, B, H] and give the summary after each of them [n, B, H]."""
        _checked_steps(steps)
        if self.how == "last" or len(steps) == 0:
            return steps
        joined = steps if self.total is None else torch.cat([self.total[None], steps])
        running = joined.cummax(0).values if self.how == "max" else joined.cumsum(0)
        running = running[len(joined) - len(steps) :]
        self.total = running[-1]
        if self.how == "max":
            return running
        counts = torch.arange(1, len(steps) + 1, device=steps.device, dtype=steps.dtype) + self.count
        self.count += len(steps)
        return running / counts[:, None, None]


class AdditiveAttention(torch.nn.Module):
    """Attention over the steps of a sequence: softmax of v . tanh(W step + U query), then the weighted sum.

    Without a query (query_size 0) it learns which steps matter. Source: Bahdanau, Cho and Bengio 2015.
    Not to be confused with dot-product attention, which has no layer between step and query.

    >>> summary, weights = AdditiveAttention(4)(torch.ones(3, 2, 4), lengths=[2, 0])
    >>> summary.shape, weights[:, 0]
    (torch.Size([2, 4]), tensor([0.5000, 0.5000, 0.0000], grad_fn=<SelectBackward0>))
    """

    def __init__(self, size: int, units: int | None = None, *, query_size: int = 0) -> None:
        super().__init__()
        self.size, self.query_size = checked_size("size", size), checked_size("query_size", query_size, 0)
        self.units = size if units is None else checked_size("units", units)
        self.steps = torch.nn.Linear(size, self.units)
        self.query = torch.nn.Linear(query_size, self.units, bias=False) if query_size else None
        self.score = torch.nn.Linear(self.units, 1, bias=False)

    def scores(self, steps: Tensor, query: Tensor | None = None) -> Tensor:
        """How much each step matters, before the softmax: [T, B]."""
        inner = self.steps(steps)
        if self.query is not None and query is not None:
            inner = inner + self.query(query)
        elif self.query is not None or query is not None:
            wanted = f"a query [B, {self.query_size}]" if self.query_size else "no query (query_size is 0)"
            raise InvalidArgument(f"expected {wanted}, came {'none' if query is None else list(query.shape)}")
        return self.score(torch.tanh(inner)).squeeze(-1)

    def forward(
        self, steps: Tensor, lengths: Any = None, query: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Summarise steps [T, B, H] as [B, H], with the weights [T, B]; zeros for a length of 0."""
        _checked_steps(steps, self.size)
        valid = _valid(steps, lengths)
        inside = torch.where(valid[..., None], steps, 0.0)
        scores = torch.where(valid, self.scores(inside, query), torch.finfo(steps.dtype).min)
        weights = torch.where(valid, torch.softmax(scores, 0), 0.0) if len(steps) else scores
        return (weights[..., None] * inside).sum(0), weights

    def running(self) -> RunningAttention:
        """The summary after every step of a sequence that arrives bit by bit."""
        if self.query is not None:
            raise Unsupported("a running summary of steps has no query; use an attention with query_size=0")
        return RunningAttention(self)


class RunningAttention:
    """The attention summary after every step of a sequence that arrives bit by bit."""

    def __init__(self, attention: AdditiveAttention) -> None:
        self.attention = attention
        self.highest: Tensor | None = None

    def feed(self, steps: Tensor) -> Tensor:
        """Take steps [n, B, H] and give the summary after each of them [n, B, H]."""
        _checked_steps(steps, self.attention.size)
        rows = []
        for score, step in zip(self.attention.scores(steps), steps, strict=True):
            score = score[:, None]
            if self.highest is None:
                self.highest, self.weight, self.total = score, torch.ones_like(score), step
            else:  # rescaled to the highest score so far, so that no exponential overflows
                highest = torch.maximum(self.highest, score)
                old, new = torch.exp(self.highest - highest), torch.exp(score - highest)
                self.highest, self.weight = highest, self.weight * old + new
                self.total = self.total * old + new * step
            rows.append(self.total / self.weight)
        return torch.stack(rows) if rows else steps
