"""Many steps become one summary, without torch: of whole sequences, and of those that still arrive."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiddenstate.errors import InvalidArgument, nearest

POOLS = ("last", "max", "mean")


def _checked(how: str) -> str:
    if how not in POOLS:
        raise InvalidArgument(f"expected a way of pooling, came {how!r}; {nearest(how, POOLS)}")
    return how


def _valid(steps: np.ndarray, lengths: Any) -> np.ndarray:
    """Which steps [T, B] belong to their sequence."""
    T, B = steps.shape[:2]
    ends = np.full(B, T) if lengths is None else np.asarray(lengths)
    return np.asarray(np.arange(T)[:, None] < ends)


def pool(steps: np.ndarray, how: str, lengths: Any = None) -> np.ndarray:
    """Summarise each sequence of steps [T, B, H] as [B, H]: its "last" step, its "max" or its "mean".

    What stands behind a sequence's end is never read; a sequence of length 0 gives zeros.
    Raises InvalidArgument for another word.

    >>> pool(np.array([[[1.0]], [[5.0]], [[3.0]]]), "max", lengths=[1]).tolist()
    [[1.0]]
    """
    _checked(how)
    if len(steps) == 0:
        return np.zeros(steps.shape[1:], steps.dtype)
    valid = _valid(steps, lengths)
    counts = valid.sum(0)
    there, zero = (counts > 0)[:, None], steps.dtype.type(0)
    if how == "last":
        return np.where(there, steps[np.maximum(counts - 1, 0), np.arange(steps.shape[1])], zero)
    if how == "mean":
        inside = _inside(steps, valid, zero)
        return np.asarray(_added(inside) / np.maximum(counts, 1)[:, None].astype(steps.dtype))
    return np.where(there, _inside(steps, valid, steps.dtype.type(-np.inf)).max(0), zero)


def attend(steps: np.ndarray, scores: np.ndarray, lengths: Any = None) -> np.ndarray:
    """The sum [B, H] of steps [T, B, H], weighted by the softmax of scores [T, B]; zeros for length 0."""
    if len(steps) == 0:
        return np.zeros(steps.shape[1:], steps.dtype)
    valid = _valid(steps, lengths)
    scores = np.where(valid, scores, np.finfo(scores.dtype).min)
    weights = np.where(valid, np.exp(scores - scores.max(0)), scores.dtype.type(0))
    total = _added(weights)
    weights = weights / np.where(total > 0, total, scores.dtype.type(1))
    return _added(weights[..., None] * _inside(steps, valid, steps.dtype.type(0)))


def _inside(steps: np.ndarray, valid: np.ndarray, other: Any) -> np.ndarray:
    """The steps that belong to their sequences, and `other` where none is."""
    return steps if valid.all() else np.where(valid[..., None], steps, other)


def _added(steps: np.ndarray) -> np.ndarray:
    """The sum over time, one step after the other.

    NumPy's own order depends on how many sequences there are, and a sequence's sum should not.
    """
    total = steps[0].copy()
    for step in steps[1:]:
        total += step
    return total


class RunningPool:
    """The summary after every step of a sequence that arrives bit by bit; its last row is `pool` so far.

    >>> RunningPool("mean").feed(np.array([[[1.0]], [[5.0]]])).ravel().tolist()
    [1.0, 3.0]
    """

    def __init__(self, how: str) -> None:
        self.how = _checked(how)
        self.total: np.ndarray | None = None
        self.count = 0

    def feed(self, steps: np.ndarray) -> np.ndarray:
        """Take steps [n, B, H] and give the summary after each of them [n, B, H]."""
        if self.how == "last" or len(steps) == 0:
            return steps
        joined = steps if self.total is None else np.concatenate([self.total[None], steps])
        gathered = np.maximum.accumulate(joined) if self.how == "max" else np.cumsum(joined, 0)
        running = gathered[len(joined) - len(steps) :]
        self.total = running[-1]
        if self.how == "max":
            return running
        counts = np.arange(1, len(steps) + 1, dtype=steps.dtype) + steps.dtype.type(self.count)
        self.count += len(steps)
        return np.asarray(running / counts[:, None, None])


class RunningAttention:
    """The same for attention; its last row is `attend` so far."""

    def __init__(self) -> None:
        self.highest: np.ndarray | None = None

    def feed(self, steps: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Take steps [n, B, H] and their scores [n, B], and give the summary after each of them [n, B, H]."""
        rows = []
        for step, score in zip(steps, scores[..., None], strict=True):
            if self.highest is None:
                self.highest, self.weight, self.total = score, np.ones_like(score), step
            else:  # rescaled to the highest score so far, so that no exponential overflows
                highest = np.maximum(self.highest, score)
                old, new = np.exp(self.highest - highest), np.exp(score - highest)
                self.highest, self.weight = highest, self.weight * old + new
                self.total = self.total * old + new * step
            rows.append(self.total / self.weight)
        return np.stack(rows) if rows else steps
