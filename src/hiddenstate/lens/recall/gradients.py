"""HOW MUCH OF THE GRADIENT ARRIVES? From the loss at the end back to the states of each earlier step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from hiddenstate.lens.opened import opened
from hiddenstate.lens.passes import Pass
from hiddenstate.lens.recall.task import LOOKED_AT, Recall

if TYPE_CHECKING:
    from hiddenstate.lens.recall.training import Reader

SEQUENCES = 32


def arriving(reader: Reader, recall: Recall, delay: int, seed: int) -> np.ndarray:
    """The gradient's norm at every distance 0..delay from the end, as a share of that at the end.

    The gradient of the cross-entropy by the states of a step, all states of the cell together, in float64;
    the median over sequences of each one's share. NaN where it cannot be had: for numbers that are not
    finite, and where no loss is left of any sequence.
    """
    x, shown = recall.draw(np.random.default_rng([seed, LOOKED_AT, delay]), delay, SEQUENCES)
    unknown = np.full(delay + 1, math.nan)
    with torch.no_grad():
        if not bool(reader(torch.from_numpy(x)).isfinite().all()):
            return unknown
    stack = opened(reader.recurrent).stack
    run = Pass(stack, x)
    weight = reader.readout.weight.detach().double().numpy()
    scores = run.output[-1] @ weight.T + reader.readout.bias.detach().double().numpy()
    likely = np.exp(scores - scores.max(-1, keepdims=True))
    slopes = likely / likely.sum(-1, keepdims=True)
    slopes[np.arange(len(shown)), shown] -= 1
    squares = np.zeros((delay + 1, len(shown)))
    names = tuple(state.name for state in stack.cell.states)

    def watch(layer: int, direction: int, step: int, found: Mapping[str, np.ndarray]) -> None:
        for name in names:
            squares[delay - step] += (found[name][0] ** 2).sum(-1)

    run.back({delay: (slopes @ weight)[None]}, watched=names, watch=watch)
    norms = np.sqrt(squares)
    sure = norms[0] == 0  # no loss at all is left of these sequences
    if not np.isfinite(norms).all() or sure.all():
        return unknown
    return np.median(norms[:, ~sure] / norms[0, ~sure], axis=1)
