"""Networks before any training, and the random sequences that they read: what an initialisation is judged on.

Letters: T steps, B sequences, F features, H hidden units.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.cells import Cell, resolve
from hiddenstate.errors import InvalidArgument, nearest
from hiddenstate.infer import Stack
from hiddenstate.lens.initialisation import INITIALISATIONS, Sizes, initialised

MOST = 2**28  # weights, or numbers of the sequences: 2 GiB
MOST_NETWORKS = 12
COMPARED = ("cell", "initialisation", "activation")


@dataclass(frozen=True)
class Fresh:
    """A network with freshly drawn weights, and B sequences of T steps from N(0, 1) for it to read.

    The same seed gives the same sequences to every network. Raises InvalidArgument for values that cannot be.

    >>> Fresh("rnn", hidden=8, steps=3, activation="relu").name
    'rnn relu'
    """

    cell: str | Path | Cell = "lstm"
    hidden: int = 64
    steps: int = 100
    batch: int = 32
    features: int = 32
    layers: int = 1
    bidirectional: bool = False
    initialisation: str = "default"
    activation: str | None = None
    seed: int = 0
    resolved: Cell = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("hidden", "steps", "batch", "features", "layers"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise InvalidArgument(f"{name} expects a whole number of 1 or more, came {value!r}")
        if self.initialisation not in INITIALISATIONS:
            near = nearest(str(self.initialisation), INITIALISATIONS)
            raise InvalidArgument(f"unknown initialisation {self.initialisation!r}: {near}")
        cell = resolve(self.cell).with_activations(self.activation)
        width = max(self.features, 2 * self.hidden)
        weights = cell.parameter_count(width, self.hidden) * self.layers * (2 if self.bidirectional else 1)
        if max(weights, self.steps * self.batch * self.features) > MOST:
            raise InvalidArgument(
                f"hidden={self.hidden}, layers={self.layers}, steps={self.steps}, batch={self.batch} need "
                f"more than {MOST:,} numbers; make one of them smaller"
            )
        object.__setattr__(self, "resolved", cell)

    @property
    def name(self) -> str:
        """Cell, initialisation and activation, where they are not the usual ones."""
        initialisation = None if self.initialisation == "default" else self.initialisation
        return " ".join(filter(None, (self.resolved.name, initialisation, self.activation)))

    def stack(self) -> Stack:
        """The network. Raises Unsupported where the cell cannot begin in the way that is asked for."""
        sizes = Sizes(self.features, self.hidden, self.layers, self.bidirectional)
        parameters = initialised(self.resolved, sizes, self.initialisation, self.seed, self.steps)
        return Stack(
            self.resolved,
            self.features,
            self.hidden,
            parameters,
            num_layers=self.layers,
            bidirectional=self.bidirectional,
        )

    def sequences(self) -> list[np.ndarray]:
        """B sequences [T, F]."""
        return list(
            np.random.default_rng([self.seed, 1]).normal(size=(self.batch, self.steps, self.features))
        )


def networks(**settings: Any) -> list[Fresh]:
    """One network for each combination of cells, initialisations and activations, each one or several.

    Raises InvalidArgument for a setting that there is none of, for none or too many networks, or one twice.

    >>> [each.name for each in networks(cell=("rnn", "lstm"), initialisation="orthogonal")]
    ['rnn orthogonal', 'lstm orthogonal']
    """
    known = [each.name for each in fields(Fresh) if each.init]
    for name in settings:
        if name not in known:
            raise InvalidArgument(f"a fresh network has no setting {name!r}: {nearest(name, known)}")
    several = {name: _several(settings.pop(name)) for name in COMPARED if name in settings}
    chosen = [
        Fresh(**settings, **dict(zip(several, values, strict=True)))
        for values in itertools.product(*several.values())
    ]
    return comparable(chosen)


def comparable(chosen: Sequence[Fresh]) -> list[Fresh]:
    """Return networks that can stand side by side: each once, all reading the same sequences.

    Raises InvalidArgument where they cannot.
    """
    names = [each.name for each in chosen]
    if not chosen or len(chosen) > MOST_NETWORKS:
        raise InvalidArgument(
            f"{len(chosen)} networks: expected 1 to {MOST_NETWORKS} combinations of cells, initialisations "
            "and activations; leave some out"
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidArgument(f"{twice!r} is asked for twice; leave it out once")
    for name in (each.name for each in fields(Fresh) if each.init and each.name not in COMPARED):
        values = {getattr(each, name) for each in chosen}
        if len(values) > 1:
            raise InvalidArgument(
                f"networks side by side differ in cell, initialisation and activation alone; {name} is "
                f"{' and '.join(map(str, sorted(values)))}: make it one"
            )
    return list(chosen)


def _several(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]
