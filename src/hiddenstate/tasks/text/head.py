"""The head that answers from what a recurrent stack read, and its derivative. NumPy only.

Letters: T words, B texts, W width of the recurrent output, H units a direction, R width of the readout,
K answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from hiddenstate.infer import affine
from hiddenstate.tasks.text.reading import attention_of, readout
from hiddenstate.tasks.text.running_head import RunningHead


@dataclass(frozen=True)
class AnswerHead:
    """Scores answers from a readout of all words: the deep head of `classify`, and of `tag`'s intents."""

    labels: tuple[str, ...]
    names: Sequence[str]  # of the readout's parts
    hidden: int
    parameters: Mapping[str, np.ndarray]

    def scores(self, output: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The scores [B, K] of output [T, B, W] with lengths [B] of one or more."""
        read = readout(self.names, self.hidden, self.parameters, output, lengths)
        return self._answer(read)

    def begun(self, rows: int) -> RunningHead:
        """What is scored while it arrives, of so many texts that are read forwards."""
        width = self.parameters["answer.weight"].shape[1] // len(self.names)
        attention = partial(attention_of, self.parameters) if "attention" in self.names else None
        return RunningHead.begun(self.names, self._answer, attention, rows, width)

    def _answer(self, read: np.ndarray) -> np.ndarray:
        return affine(read, self.parameters["answer.weight"], self.parameters["answer.bias"])

    def slopes(self, output: np.ndarray, lengths: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """From a derivative by the scores [..., B, K] to that by the output [T, ..., B, W]."""
        parts = np.split(wanted @ self.parameters["answer.weight"], len(self.names), -1)
        return np.asarray(
            sum(self._part(name, output, lengths, part) for name, part in zip(self.names, parts, strict=True))
        )

    def _part(self, name: str, output: np.ndarray, lengths: np.ndarray, part: np.ndarray) -> np.ndarray:
        """What one part [..., B, W] of the readout hands back to the outputs [T, ..., B, W]."""
        T, B, W = output.shape
        found = np.zeros((T, *part.shape), np.result_type(output, part))
        valid = np.arange(T)[:, None] < lengths
        if name == "attention":
            return self._attention(output, valid, part)
        if name == "mean":
            shares = valid / lengths
            return found + shares.reshape(T, *[1] * (part.ndim - 2), B, 1) * part
        if name == "max":
            places = np.where(valid[..., None], output, -np.inf).argmax(0)
            here = np.arange(T)[:, None, None] == places
            return found + here.reshape(T, *[1] * (part.ndim - 2), B, W) * part
        last = np.arange(T)[:, None] == lengths - 1  # [T, B]; of the other direction the last is the first
        first = np.broadcast_to(np.arange(T)[:, None] == 0, (T, B))
        here = np.where(np.arange(W) < self.hidden, last[..., None], first[..., None])
        return found + here.reshape(T, *[1] * (part.ndim - 2), B, W) * part

    def _attention(self, output: np.ndarray, valid: np.ndarray, part: np.ndarray) -> np.ndarray:
        scores = np.where(valid, attention_of(self.parameters, output), -np.inf)
        weights = np.exp(scores - scores.max(0))
        weights /= weights.sum(0)
        steps = np.where(valid[..., None], output, 0.0)
        total = (weights[..., None] * steps).sum(0)
        T, B, W = output.shape
        lead = (T, *[1] * (part.ndim - 2), B)
        # the weight of a step moves with how far its output lies along the derivative from the mean
        along = ((steps - total).reshape(*lead, W) * part).sum(-1, keepdims=True)
        held = weights.reshape(*lead, 1)
        return np.asarray(held * part + held * along * self.parameters["readout.score.weight"][0])


@dataclass(frozen=True)
class LastHead:
    """Scores what is said of the last word alone: the tags of a tagger that knows no intents."""

    labels: tuple[str, ...]
    weight: np.ndarray
    bias: np.ndarray

    def scores(self, output: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The scores [B, K] of output [T, B, W] with lengths [B] of one or more."""
        return self._answer(output[lengths - 1, np.arange(output.shape[1])])

    def begun(self, rows: int) -> RunningHead:
        """What is scored while it arrives, of so many texts that are read forwards."""
        return RunningHead.begun(("last",), self._answer, None, rows, self.weight.shape[1])

    def _answer(self, last: np.ndarray) -> np.ndarray:
        return affine(last, self.weight, self.bias)

    def slopes(self, output: np.ndarray, lengths: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """From a derivative by the scores [..., B, K] to that by the output [T, ..., B, W]."""
        T, B, _ = output.shape
        here = np.arange(T)[:, None] == lengths - 1
        return np.asarray(here.reshape(T, *[1] * (wanted.ndim - 2), B, 1) * (wanted @ self.weight))
