"""How far does a state reach? Lyapunov exponents of the step Jacobians, and the memory capacity curve.

Letters: T steps, B sequences, W width of the output, S the widths of all states of a layer together.
"""

from __future__ import annotations

import numpy as np

from hiddenstate.errors import InvalidArgument
from hiddenstate.lens.passes import Pass

SETTLING = 0.2  # of the steps, in which directions turn to where the dynamics stretch them, and states forget
TINY = 1e-300  # what is stretched less is lost
RIDGE = 1e-9  # of the largest squared singular value: units that are copies of each other have no inverse


def exponents(run: Pass, layer: int, count: int, seed: int = 0) -> np.ndarray:
    """The largest Lyapunov exponents [B, count] of one layer in nats a step, the largest first.

    Orthonormal directions are taken back through the steps and made orthonormal again after each (Benettin,
    Galgani, Giorgilli and Strelcyn 1980; Engelken, Wolf and Abbott 2023); a transposed product has the same
    singular values, so going back gives the same exponents. Minus infinity: a direction that is lost at once.
    Raises InvalidArgument where there are fewer than three steps.
    """
    T, B = run.outputs[layer].shape[:2]
    if T < 3:
        raise InvalidArgument(f"exponents are means over steps: expected 3 or more, came {T}")
    width = len(run.jacobian(layer, 0, 1))
    count = min(count, width)
    random = np.random.default_rng(seed).normal(size=(B, width, count))
    directions = np.linalg.qr(random)[0]
    sums, taken = np.zeros((B, count)), 0
    for read in reversed(range(1, T)):  # before the first step a state may be no number
        back = run.step_back(layer, 0, read, np.moveaxis(directions, -1, 0))
        directions, triangle = np.linalg.qr(np.moveaxis(back, 0, -1))
        if read < T - SETTLING * T:
            stretched = np.abs(np.diagonal(triangle, axis1=-2, axis2=-1))
            with np.errstate(divide="ignore"):
                sums += np.where(stretched > TINY, np.log(stretched), -np.inf)
            taken += 1
    return -np.sort(-sums / taken, -1)


def kaplan_yorke(spectrum: np.ndarray) -> float:
    """The dimension in which the dynamics live: how many exponents can be summed before the sum is negative.

    Zero where the first is negative: all trajectories meet. As large as the spectrum where it never is.

    >>> kaplan_yorke(np.array([0.5, 0.0, -1.0]))
    2.5
    """
    sums = np.cumsum(spectrum)
    if spectrum[0] < 0:
        return 0.0
    last = int(np.flatnonzero(sums >= 0)[-1])
    if last + 1 == len(spectrum):
        return float(len(spectrum))
    return float(last + 1 + sums[last] / abs(spectrum[last + 1]))


def capacity(output: np.ndarray, signal: np.ndarray, lags: int) -> np.ndarray:
    """How much of a signal [T, B] of each lag ago a linear readout of output [T, B, W] tells.

    It is the squared correlation of the best linear readout with the signal (Jaeger 2001, Short term memory
    in echo state networks), fitted to half of the sequences and judged on the others: 1 is all, 0 nothing.
    Raises InvalidArgument where there are fewer than two sequences, or fewer steps than lags.
    """
    T, B = signal.shape
    begin = max(lags, int(SETTLING * T))
    if B < 2 or begin >= T:
        raise InvalidArgument(f"expected 2 sequences of more than {begin} steps, came {B} of {T}")
    half = B // 2
    found = np.zeros(lags)
    fit, judge = (
        output[begin:, part].reshape(-1, output.shape[-1]) for part in (slice(half), slice(half, B))
    )
    mean = fit.mean(0)
    left, sizes, right = np.linalg.svd(fit - mean, full_matrices=False)
    inverse = sizes / (sizes**2 + RIDGE * max(float(sizes[0]) ** 2, TINY))
    for lag in range(lags):
        wanted = signal[begin - lag : T - lag]
        own, other = wanted[:, :half].ravel(), wanted[:, half:].ravel()
        readout = right.T @ (inverse * (left.T @ (own - own.mean())))
        told = (judge - mean) @ readout
        spread = told.std() * other.std()
        if spread > 0:
            together = float(((told - told.mean()) * (other - other.mean())).mean() / spread)
            found[lag] = max(0.0, together) ** 2
    return found
