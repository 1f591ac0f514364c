"""DELAYED RECALL: one of eight symbols is shown, noise follows for a delay, then the symbol is asked for.

Noise without end is what makes it hard for a network without gates: a state that holds against noise is one
through which the gradient vanishes (Bengio, Simard and Frasconi 1994, Learning long-term dependencies with
gradient descent is difficult).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TRAINING, JUDGED, LOOKED_AT = range(3)  # streams of drawn sequences that never meet


@dataclass(frozen=True)
class Recall:
    """What is drawn: K symbols, and the deviation of the noise in their K inputs.

    At step 0 the input of the symbol is 1 and so is one more, which says "now". Then come `delay` steps of
    noise in all K; after the last the symbol is asked for.
    """

    symbols: int = 8
    noise: float = 1.0

    @property
    def features(self) -> int:
        """F: an input a symbol, and one that says "now"."""
        return self.symbols + 1

    def draw(self, generator: np.random.Generator, delay: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return sequences x [delay + 1, count, F] and the symbols that were shown [count].

        >>> x, shown = Recall(symbols=3).draw(np.random.default_rng(0), delay=4, count=2)
        >>> x.shape, x[0].tolist(), shown.tolist()
        ((5, 2, 4), [[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]], [2, 1])
        """
        shown = generator.integers(0, self.symbols, count)
        x = np.zeros((delay + 1, count, self.features), np.float32)
        x[0, np.arange(count), shown] = x[0, :, -1] = 1
        noise = generator.standard_normal((delay, count, self.symbols), dtype=np.float32)
        x[1:, :, :-1] = self.noise * noise
        return x, shown
