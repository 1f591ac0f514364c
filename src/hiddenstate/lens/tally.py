"""What gates and states do over many texts, unit by unit: saturation, memory spans, strongest steps.

Letters: R steps of sequences, W units, K strongest steps kept a unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hiddenstate.cells.equation import Expr, walk
from hiddenstate.derive.gates import carried, gates
from hiddenstate.errors import InvalidArgument
from hiddenstate.infer import Stack
from hiddenstate.lens.pieces import Piece, Place, pieces

LEFT, RIGHT = 0.1, 0.9  # below and above, a gate counts as saturated (Karpathy, Johnson and Li 2015)
KEPT = 32  # strongest steps of a unit


def factors_of(stack: Stack) -> dict[str, Expr]:
    """The states that carry over by a factor of their own, and that factor."""
    return {name: root for name, root in carried(stack.cell).items() if root is not None}


def to_keep(stack: Stack) -> tuple[str, ...]:
    """The gates, the states, and all that the factors are computed from."""
    cell = stack.cell
    leaves = [n.name for root in factors_of(stack).values() for n in walk(root) if n.op == "symbol"]
    states = [state.name for state in cell.states]
    return tuple(name for name in dict.fromkeys((*gates(cell), *states, *leaves)) if name != "x")


def span(log_factor: np.ndarray) -> np.ndarray:
    """The memory span in steps of a mean logarithm of the factor: -1 / log f (Tallec and Ollivier 2018).

    Infinite where nothing fades, zero where nothing stays.

    >>> span(np.log([0.5, 1.0])).round(6).tolist()
    [1.442695, inf]
    """
    found = np.full(np.shape(log_factor), np.inf)
    np.divide(-1.0, log_factor, out=found, where=log_factor < 0)
    return found + 0.0  # -1 / -inf is a zero without a sign


@dataclass
class Strongest:
    """Of each unit the K steps [K, W] at which a value is largest, or smallest: number of text, and step."""

    smallest: bool = False
    values: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    texts: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), int))
    steps: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), int))

    def add(self, values: np.ndarray, texts: np.ndarray, steps: np.ndarray) -> None:
        """Take values [R, W] of the steps [R] of texts [R] into account."""
        if not self.values.size:
            self.values = np.zeros((0, values.shape[1]))
            self.texts = self.steps = np.zeros((0, values.shape[1]), int)
        wide = np.broadcast_to
        values = np.concatenate([self.values, values])
        texts = np.concatenate([self.texts, wide(texts[:, None], (len(texts), values.shape[1]))])
        steps = np.concatenate([self.steps, wide(steps[:, None], (len(steps), values.shape[1]))])
        ranks = values if self.smallest else -np.abs(values)
        if len(values) > KEPT:
            chosen = np.argpartition(ranks, KEPT - 1, axis=0)[:KEPT]
            values, texts, steps, ranks = (
                np.take_along_axis(each, chosen, 0) for each in (values, texts, steps, ranks)
            )
        order = np.argsort(ranks, axis=0, kind="stable")
        self.values, self.texts, self.steps = (
            np.take_along_axis(each, order, 0) for each in (values, texts, steps)
        )


@dataclass
class Tally:
    """What one layer in one direction did over the steps that were added."""

    steps: int = 0
    left: dict[str, np.ndarray] = field(default_factory=dict)  # how often each unit of a gate [W]
    right: dict[str, np.ndarray] = field(default_factory=dict)
    logs: dict[str, np.ndarray] = field(default_factory=dict)  # sums of log |factor| of each state [W]
    cleared: dict[str, Strongest] = field(default_factory=dict)
    written: dict[str, Strongest] = field(default_factory=dict)

    def add(self, piece: Piece, factors: Mapping[str, Expr], numbers: np.ndarray) -> None:
        """Add the steps of a piece; `numbers` [B] are those of its texts."""
        valid, cell = piece.valid, piece.recurrence.cell
        self.steps += int(valid.sum())
        for name in gates(cell):
            value = piece.values[name][valid]
            self.left[name] = self.left.get(name, 0) + (value < LEFT).sum(0)
            self.right[name] = self.right.get(name, 0) + (value > RIGHT).sum(0)
        texts, steps = np.broadcast_to(numbers, valid.shape)[valid], piece.steps[valid]
        for name, root in factors.items():
            states = piece.values[name]
            factor = np.abs(np.broadcast_to(piece.evaluated(root), states.shape)[valid])
            with np.errstate(divide="ignore"):  # of a factor of 0 nothing stays
                self.logs[name] = self.logs.get(name, 0) + np.log(factor).sum(0)
            change = (states - piece.before[name])[valid]
            self.cleared.setdefault(name, Strongest(smallest=True)).add(factor, texts, steps)
            self.written.setdefault(name, Strongest()).add(change, texts, steps)

    def spans(self, name: str) -> np.ndarray:
        """The memory span [W] of each unit of a state."""
        return span(self.logs[name] / self.steps)


def tallied(stack: Stack, given: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> dict[Place, Tally]:
    """Count over batches of (numbers [B], x [T, B, F], lengths [B]), for each layer and direction.

    Raises InvalidArgument where there is no step at all.
    """
    factors, keep = factors_of(stack), to_keep(stack)
    found: dict[Place, Tally] = {}
    for numbers, x, lengths in given:
        for piece in pieces(stack, x, lengths, keep=keep):
            place = (piece.layer, piece.direction)
            found.setdefault(place, Tally()).add(piece, factors, numbers)
    if not found:
        raise InvalidArgument("there is no word in any of the texts; give others")
    return found
