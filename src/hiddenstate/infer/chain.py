"""Scores of tags, and of one tag after another, -> the best sequence, and how probable parts of it are.

A linear chain (Lafferty et al. 2001): a sequence of tags scores its emissions, a start, an end, and a
transition between every two. What is not allowed scores minus infinity. Letters: T words, B texts, K tags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AT_ONCE = 2**20  # paths between tags that are compared at once: 4 MB


@dataclass(frozen=True)
class Chain:
    """What scores the order of tags: transitions [K, K] (from, to), start [K] and end [K]."""

    transitions: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def best(self, emissions: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The best tags [T, B] under emissions [T, B, K] (Viterbi 1967); 0 behind the end of a text.

        >>> chain = Chain(np.array([[0.0, -np.inf], [0.0, 0.0]]), np.zeros(2), np.zeros(2))
        >>> chain.best(np.array([[[2.0, 0.0]], [[0.0, 1.0]]]), np.array([2]))[:, 0].tolist()
        [0, 0]
        """
        B, K = emissions.shape[1:]
        size = max(1, AT_ONCE // K**2)
        parts = [slice(start, start + size) for start in range(0, B, size)]
        found = [self._best(emissions[:, part], lengths[part]) for part in parts]
        return np.concatenate(found, 1) if found else np.zeros((len(emissions), 0), np.int64)

    def _best(self, emissions: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """`best` for some texts, whose paths between all tags are laid out at once."""
        T, B, _ = emissions.shape
        came = np.zeros(emissions.shape, np.int32)
        score = self.start + emissions[0] if T else np.zeros((B, len(self.start)))
        into = np.ascontiguousarray(self.transitions.T)  # [to, from]
        for step in range(1, T):
            paths = score[:, None, :] + into
            came[step] = paths.argmax(-1)
            reached = np.take_along_axis(paths, came[step][..., None], -1)[..., 0] + emissions[step]
            score = np.where((step < lengths)[:, None], reached, score)
        best, rows = np.zeros((T, B), np.int64), np.arange(B)
        tag = (score + self.end).argmax(-1)
        for step in range(T - 1, -1, -1):
            inside = step < lengths
            best[step, inside] = tag[inside]
            tag = np.where(inside, came[step, rows, tag], tag)
        return best

    def beliefs(self, emissions: np.ndarray) -> Beliefs:
        """All that is needed to say how probable parts of one text [T, K] of a word or more are."""
        emissions = emissions.astype(np.float64)
        moves = np.exp(self.transitions.astype(np.float64))
        forward, backward = np.empty_like(emissions), np.empty_like(emissions)
        with np.errstate(divide="ignore"):  # the logarithm of what is not allowed
            forward[0] = self.start + emissions[0]
            for step in range(1, len(emissions)):
                highest = forward[step - 1].max()
                forward[step] = (
                    emissions[step] + highest + np.log(np.exp(forward[step - 1] - highest) @ moves)
                )
            backward[-1] = self.end
            for step in range(len(emissions) - 2, -1, -1):
                onward = emissions[step + 1] + backward[step + 1]
                highest = onward.max()
                backward[step] = highest + np.log(moves @ np.exp(onward - highest))
        return Beliefs(self, emissions, forward, backward)


@dataclass(frozen=True)
class Beliefs:
    """One text's emissions [T, K], and the sums over all that may come before and after each tag [T, K]."""

    chain: Chain
    emissions: np.ndarray
    forward: np.ndarray
    backward: np.ndarray

    @property
    def total(self) -> float:
        """The logarithm of the sum over all sequences."""
        return log_sum(self.forward[-1] + self.chain.end)

    def tags(self) -> np.ndarray:
        """The probability [T, K] of each tag at each word."""
        return np.asarray(np.exp(self.forward + self.backward - self.total))

    def span(self, start: int, end: int, first: int, inside: int) -> float:
        """The probability that words[start:end] are tagged `first`, then `inside`, and the next is not."""
        score, tag = self.forward[start, first], first
        for step in range(start + 1, end):
            score = score + self.chain.transitions[tag, inside] + self.emissions[step, inside]
            tag = inside
        if end == len(self.emissions):
            onward = float(self.chain.end[tag])
        else:
            after = self.chain.transitions[tag] + self.emissions[end] + self.backward[end]
            onward = log_sum(np.delete(after, inside))
        return float(np.exp(score + onward - self.total))


def log_sum(scores: np.ndarray) -> float:
    """The logarithm of the sum of the exponentials of scores [K], one of them finite.

    >>> round(np.exp(log_sum(np.log([1.0, 2.0, 5.0]))).item(), 9)
    8.0
    """
    highest = scores.max()
    return float(highest + np.log(np.exp(scores - highest).sum()))
