"""A trained model laid open: what its recurrent part reads, and what is answered from it.

Letters: T steps, B sequences, F features, W width of the recurrent output, K answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from hiddenstate.infer.stack import Stack


class Running(Protocol):
    """What a head has read so far of B sequences that still arrive; none is changed by what is fed."""

    def feed(self, output: np.ndarray) -> Self:
        """Take the outputs [n, B, W] of n steps more."""

    def scores(self) -> np.ndarray:
        """The scores [B, K] of what was read."""

    def rows(self, which: Sequence[int]) -> Self:
        """These sequences alone, in this order."""

    def beside(self, other: Self) -> Self:
        """All sequences of both."""


class Head(Protocol):
    """What scores the answers from the outputs of a recurrent stack."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The K answers."""

    def scores(self, output: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The scores [B, K] of output [T, B, W] with lengths [B] of one or more."""

    def begun(self, rows: int) -> Running:
        """What is scored while it arrives, of so many sequences that are read forwards."""

    def slopes(self, output: np.ndarray, lengths: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Where the derivative by the scores is wanted [..., B, K], that by the output [T, ..., B, W]."""


@dataclass(frozen=True)
class Example:
    """One text of a run's own data, what it should be answered, and the part of the data that it is in."""

    text: str
    label: str
    split: str


@dataclass(frozen=True)
class Inside:
    """A model's recurrent part with what is before and behind it.

    `read` gives the words of a text (none for an empty one) and their vectors [T, F]. `head` is None where
    nothing is answered from the stack; it sees the recurrent part alone, not what a model weighs beside it.
    `examples` reads the run's own data, and raises DataError where they are gone; None where it keeps none.
    """

    stack: Stack
    read: Callable[[str], tuple[tuple[str, ...], np.ndarray]] | None = None
    head: Head | None = None
    examples: Callable[[], Sequence[Example]] | None = None
