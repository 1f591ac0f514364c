"""HOW LARGE IS A STEP? The learning rate as a pure function of how much of all training is done.

`share` runs from 0 to 1. All rise while it is below `warmup`, and give a factor of the largest rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable


def one_cycle(share: float, warmup: float) -> float:
    """Half a cosine up from 1/25, half a cosine down to 1/250,000 (Smith, 2018).

    Not to be confused with torch's OneCycleLR, which moves Adam's first beta as well.

    >>> one_cycle(0.0, 0.3), one_cycle(0.3, 0.3)
    (0.04, 1.0)
    """
    if share < warmup:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * share / warmup)) / 2
    return 4e-6 + (1 - 4e-6) * cosine(share, warmup)


def cosine(share: float, warmup: float) -> float:
    """A line up from zero, half a cosine down to zero (Loshchilov and Hutter, 2017).

    >>> cosine(0.1, 0.2), cosine(0.6, 0.2)
    (0.5, 0.5)
    """
    if share < warmup:
        return share / warmup
    return (1 + math.cos(math.pi * (share - warmup) / (1 - warmup))) / 2


def constant(share: float, warmup: float) -> float:
    """A line up from zero, then always the same."""
    return share / warmup if share < warmup else 1.0


SCHEDULES: dict[str, Callable[[float, float], float]] = {
    "one_cycle": one_cycle,
    "cosine": cosine,
    "constant": constant,
}
