"""The two directions in which states differ most, found over as many states as there are.

Letters: R states, W units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Plane:
    """Two axes [2, W] through a mean [W], and the share of all variance that each explains.

    An axis along which nothing differs is zero.
    """

    mean: np.ndarray
    axes: np.ndarray
    explained: np.ndarray

    def positions(self, states: np.ndarray) -> np.ndarray:
        """Where states [..., W] lie, [..., 2]."""
        return np.asarray((states - self.mean) @ self.axes.T)


class Spread:
    """Mean and covariance of states that come in parts (Chan, Golub and LeVeque 1983)."""

    def __init__(self, width: int) -> None:
        self.count, self.mean, self.scatter = 0, np.zeros(width), np.zeros((width, width))

    def add(self, states: np.ndarray) -> None:
        """Add states [R, W]."""
        if not len(states):
            return
        mean = states.mean(0)
        centred, apart, count = states - mean, mean - self.mean, self.count + len(states)
        self.scatter += centred.T @ centred + np.outer(apart, apart) * (self.count * len(states) / count)
        self.mean, self.count = self.mean + apart * len(states) / count, count

    def plane(self) -> Plane:
        """The principal components (Pearson 1901): of each, the largest entry is positive.

        >>> spread = Spread(2)
        >>> spread.add(np.array([[0.0, 0.0], [3.0, 4.0]]))
        >>> spread.plane().axes[0].round(2).tolist(), spread.plane().explained.tolist()
        ([0.6, 0.8], [1.0, 0.0])
        """
        variances, axes = np.linalg.eigh(self.scatter)  # rising
        chosen = np.zeros((2, len(self.mean)))
        explained, whole = np.zeros(2), float(np.trace(self.scatter))
        for place in range(min(2, len(variances))):
            variance, axis = variances[-1 - place], axes[:, -1 - place]
            if whole > 0 and variance > 1e-12 * whole:
                chosen[place] = axis * np.sign(axis[np.abs(axis).argmax()])
                explained[place] = min(variance / whole, 1.0)
        return Plane(self.mean, chosen, explained)
