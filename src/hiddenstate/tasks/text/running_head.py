"""What a head has read of texts that still arrive, a row each; rows can be copied and put beside others.

A text that goes two ways from here on is one row twice. Letters: B rows, W width of the recurrent output,
K answers, R width of the readout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

Map = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class RunningHead:
    """The readout's parts `names` so far, and how scores [B, K] are made of a readout [B, R].

    `attention` gives how much each row of output [B, W] matters: [B]. `so_far` holds what was read.
    """

    names: Sequence[str]
    answer: Map
    attention: Map | None
    so_far: Mapping[str, np.ndarray]

    @classmethod
    def begun(
        cls, names: Sequence[str], answer: Map, attention: Map | None, rows: int, width: int
    ) -> RunningHead:
        """Nothing is read yet, of so many rows: the readout is zeros, as it is of a text without words."""
        zeros = {name: np.zeros((rows, width)) for name in ("last", "max", "mean", "attention")}
        return cls(names, answer, attention, {**zeros, "count": np.zeros(rows), "peak": np.zeros(rows)})

    def feed(self, output: np.ndarray) -> RunningHead:
        """Take the outputs [n, B, W] of n steps more."""
        found = dict(self.so_far)
        for step in output.astype(np.float64):
            first = (found["count"] == 0)[:, None]
            found["last"] = step
            found["max"] = np.where(first, step, np.maximum(found["max"], step))
            found["mean"] = found["mean"] + (step - found["mean"]) / (found["count"] + 1)[:, None]
            if self.attention is not None:
                found |= _attended(self.attention(step), found, step)
            found["count"] = found["count"] + 1
        return replace(self, so_far=found)

    def scores(self) -> np.ndarray:
        """The scores [B, K] of what was read."""
        return self.answer(np.concatenate([self.so_far[name] for name in self.names], -1))

    def rows(self, which: Sequence[int]) -> RunningHead:
        """These rows alone, in this order."""
        return replace(self, so_far={name: value[list(which)] for name, value in self.so_far.items()})

    def beside(self, other: RunningHead) -> RunningHead:
        """All rows of both."""
        return replace(
            self,
            so_far={name: np.concatenate([value, other.so_far[name]]) for name, value in self.so_far.items()},
        )


def _attended(score: np.ndarray, found: Mapping[str, np.ndarray], step: np.ndarray) -> dict[str, np.ndarray]:
    """The mean weighted by softmax; `peak` is the logarithm of the sum of all weights so far."""
    total = np.where(found["count"] == 0, score, np.logaddexp(found["peak"], score))
    share = np.exp(score - total)[:, None]
    return {"attention": found["attention"] * (1 - share) + share * step, "peak": total}
