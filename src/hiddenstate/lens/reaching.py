"""How far does a state reach? Does a disturbance fade, and how many steps back can be read out of the state?

Letters: T steps, B sequences, F features, W width of the output, L layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.infer import Inside
from hiddenstate.lens.fresh import Fresh
from hiddenstate.lens.lyapunov import capacity, exponents, kaplan_yorke
from hiddenstate.lens.opened import opened
from hiddenstate.lens.passes import Pass
from hiddenstate.lens.reading import reading_of
from hiddenstate.lens.view import Named, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS, BATCH, FEATURES = 500, 16, 1  # of the random drive; one number a step, as memory capacity is defined
FOLLOWED = 2  # sequences whose exponents are taken
EXPONENTS, LAGS = 32, 100  # at most
EDGE = 0.005  # nats a step, on either side of neither fading nor growing
TOLD = 0.5  # of a signal's variance, for a step to count as remembered
EXAMPLES = 256
READING = (
    "A Lyapunov exponent is the mean logarithm of what a step does to a small disturbance of the state, in "
    "nats a step. Below zero it fades, to 1/e in -1/exponent steps; above zero it grows, and the state "
    "depends more on where it began than on what was read (from step Jacobians by Benettin et al. 1980; of "
    "recurrent networks Engelken, Wolf and Abbott 2023, Lyapunov spectra of chaotic recurrent neural "
    "networks; Vogt et al. 2022, On Lyapunov exponents for RNNs).",
    "The memory capacity curve is the squared correlation between a signal of some steps ago and the best "
    "linear readout of the state now, on sequences it was not fitted to; its sum is the memory capacity in "
    "steps, the number of units at most (Jaeger 2001, Short term memory in echo state networks).",
)


class HorizonView(View):
    """Exponents [layer, index] and capacity [layer, lag], with facts horizon, largest_exponent, capacity."""

    name: ClassVar[str] = "horizon"

    def draw(self, figure: Figure) -> None:
        """Draw the spectrum left and the memory capacity curve right."""
        from hiddenstate.lens.drawing import Curve, lines
        from hiddenstate.lens.drawing.sheet import entitle

        entitle(figure, self.title)
        figure.set_size_inches(10, 4)
        left, right = figure.subplots(1, 2)
        for axes, name, across, down in (
            (left, "exponents", "index of the exponent", "exponent, nats a step"),
            (right, "capacity", "steps back", "share that can be read out"),
        ):
            array = self.arrays[name]
            places = np.array(array.labels[array.axes[1]])
            named = array.values.shape[0] > 1
            rows = [np.where(np.isfinite(row), row, np.nan) for row in array.values]
            curves = [Curve(f"layer {k}" if named else "", places, row) for k, row in enumerate(rows)]
            lines(axes, curves, across=across, down=down)
        left.set_title("Lyapunov exponents: below 0 a disturbance fades", fontsize=9, loc="left")
        total = f"{self.facts['capacity'][-1]:.3g}"
        right.set_title(f"Memory capacity: {total} steps in all", fontsize=9, loc="left")
        left.axhline(0, color="#666666", linewidth=0.9, linestyle=(0, (1, 2)))
        right.set_ylim(-0.02, 1.02)


def horizon(
    subject: Any = None, *, steps: int = STEPS, batch: int = BATCH, seed: int = 0, **fresh: Any
) -> HorizonView:
    """How far back a state reaches: the Lyapunov spectrum, and the memory capacity curve.

    `subject` is a run, a layer or a `Fresh` network; or leave it out and name cell=, hidden=, layers=,
    initialisation=, activation=, features= of a network not trained yet. It is driven by B random sequences
    of T steps: numbers from N(0, 1), or of a run words drawn from its own examples one by one. The signal to
    be remembered is the first principal component of what is read. Raises InvalidArgument where there are too
    few steps or sequences, Unsupported where a stack also reads from the end.

    >>> view = horizon(cell="rnn", initialisation="orthogonal", activation="identity", hidden=4, steps=60)
    >>> abs(view.facts["largest_exponent"]) < 1e-9
    True
    """
    for name, value, least in (("steps", steps, 20), ("batch", batch, 2)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise InvalidArgument(f"{name} expects a whole number of {least} or more, came {value!r}")
    if subject is None:
        subject = Fresh(**{"features": FEATURES, **fresh, "steps": steps, "batch": batch, "seed": seed})
    elif fresh:
        raise InvalidArgument(
            f"{next(iter(fresh))} is said of a network not trained yet; leave it or the run out"
        )
    if isinstance(subject, Fresh):
        stack, x = subject.stack(), np.stack(subject.sequences(), 1)
        what, drive = f"{subject.name} before training", "random numbers"
    else:
        inside = opened(subject)
        stack, (x, drive) = inside.stack, _drive(inside, steps, batch, seed)
        what = Path(subject).absolute().name if isinstance(subject, str | Path) else stack.cell.name
    if stack.bidirectional:
        raise Unsupported(
            "this stack also reads from the end, so that no step is the last; take one that goes forward"
        )
    run = Pass(stack, x)
    followed = Pass(stack, x[:, :FOLLOWED])
    spectra = [exponents(followed, layer, EXPONENTS, seed).mean(0) for layer in range(stack.num_layers)]
    signal = _signal(x)
    lags = min(LAGS, max(1, int(0.2 * len(x))))
    curves = np.stack([capacity(output, signal, lags) for output in run.outputs])
    return _view(
        f"How far back {what} reaches", spectra, curves, {"drive": drive, "sequences": batch, "seed": seed}
    )


def _drive(inside: Inside, steps: int, batch: int, seed: int) -> tuple[np.ndarray, str]:
    """Random sequences [T, B, F] of what a stack is used to read, and in words what they are."""
    random = np.random.default_rng([seed, 1])
    if inside.read is None:
        return random.normal(size=(steps, batch, inside.stack.input_size)), "random numbers"
    reading = reading_of(inside, None, None, EXAMPLES)
    words = np.concatenate(reading.sequences)
    return words[random.integers(len(words), size=(steps, batch))], f"words drawn from {reading.what}"


def _signal(x: np.ndarray) -> np.ndarray:
    """The first principal component [T, B] of what is read [T, B, F]."""
    flat = x.reshape(-1, x.shape[-1]).astype(np.float64)
    flat = flat - flat.mean(0)
    _, directions = np.linalg.eigh(flat.T @ flat)
    return (flat @ directions[:, -1]).reshape(x.shape[:2])


def _view(
    title: str, spectra: Sequence[np.ndarray], curves: np.ndarray, facts: dict[str, Any]
) -> HorizonView:
    layers = range(len(spectra))
    count = max(map(len, spectra))
    table = np.full((len(spectra), count), np.nan)
    for layer, spectrum in enumerate(spectra):
        table[layer, : len(spectrum)] = spectrum
    largest = float(max(spectrum[0] for spectrum in spectra))
    top = curves[-1]
    below = np.flatnonzero(top < TOLD)
    remembered = int(below[0]) if below.size else len(top)
    recalled = "Less than half of what is read can be read out of the state at once"
    if remembered:
        ago = {1: "just now", 2: "a step ago"}.get(remembered, f"up to {remembered - 1} steps ago")
        recalled = f"Half or more of what was read {ago} can be read out of the state"
    return HorizonView(
        title,
        {
            "exponents": Named(
                table, ("layer", "index"), {"layer": layers, "index": range(1, count + 1)}, "nats a step"
            ),
            "capacity": Named(
                curves,
                ("layer", "lag"),
                {"layer": layers, "lag": range(curves.shape[1])},
                "squared correlation",
            ),
        },
        {
            "verdict": f"{_said(largest)} {recalled}; memory capacity {top.sum():.3g} steps.",
            "largest_exponent": largest,
            "horizon": -1 / largest if largest < 0 else None,
            "dimension": [kaplan_yorke(spectrum) for spectrum in spectra],
            "capacity": curves.sum(1).tolist(),
            "remembered": remembered,
            "thresholds": {"edge": EDGE, "told": TOLD},
            **facts,
        },
        READING,
    )


def _said(largest: float) -> str:
    if largest == -math.inf:
        return "Contracting at once: a disturbance is gone after a step."
    factor = f"x {math.exp(largest):.4g} a step"
    if largest < -EDGE:
        return f"Contracting: a disturbance falls to 1/e within {-1 / largest:.3g} steps ({factor})."
    if largest <= EDGE:
        return f"At the edge: a disturbance neither fades nor grows ({factor}, within {EDGE} nats)."
    return f"Chaotic: a disturbance grows e-fold within {1 / largest:.3g} steps ({factor})."
