"""The parts that a cell is made of: states, matrices, vectors, masks; and the stages that follow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from hiddenstate.cells.equation import Expr, node
from hiddenstate.errors import InvalidArgument, nearest


@dataclass(frozen=True)
class State:
    """A value carried from step to step: its width letter, first value, and the domain tests draw from.

    `zoned` says whether zoneout may hold it back: not where states are only meaningful together.
    """

    name: str
    width: str = "H"
    initial: float = 0.0
    low: float = -1.0
    high: float = 1.0
    zoned: bool = True


@dataclass(frozen=True)
class Matrix:
    """A stacked weight matrix: its letter in the equations, its parameter names, and how many rows a block
    has. A matrix without a bias leaves `bias` empty."""

    letter: str
    weight: str
    bias: str = ""
    width: str = "H"


@dataclass(frozen=True)
class Vector:
    """A learned per-unit vector: drawn uniformly from [low, high], without these drawn like the matrices."""

    name: str
    low: float | None = None
    high: float | None = None
    width: str = "H"


@dataclass(frozen=True)
class Mask:
    """A random 0/1 input of a cell: 0 with probability `rate`, drawn for each step or once for a sequence.

    `scaled` divides the ones by 1 - rate and reads as 1 when not training (dropout); otherwise the mask
    reads as its mean when not training (zoneout).
    """

    name: str
    rate: float
    per: str = "step"
    scaled: bool = False
    width: str = "H"


Part = TypeVar("Part", State, Matrix, Vector, Mask)
_KINDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "float": (float, int),
    "float | None": (float, int, type(None)),
}


def from_values(kind: type[Part], values: Any) -> Part:
    """Build a state, matrix, vector or mask from plain values; InvalidArgument says what does not fit."""
    what = kind.__name__.lower()
    if not isinstance(values, Mapping):
        raise InvalidArgument(f"expected a {what} with its fields, as in {{name: 'h'}}, came {values!r}")
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for key, value in values.items():
        if key not in fields:
            raise InvalidArgument(f"a {what} has no field {key!r}; {nearest(str(key), fields)}")
        allowed = _KINDS[str(fields[key].type)]
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise InvalidArgument(f"the field {key!r} of a {what} takes a {fields[key].type}, came {value!r}")
    for f in fields.values():
        if f.default is dataclasses.MISSING and f.name not in values:
            raise InvalidArgument(f"a {what} has no {f.name}; came {dict(values)!r}")
    return kind(**values)


MATRICES = (
    Matrix("W", "weight_ih", "bias_ih"),
    Matrix("R", "weight_hh", "bias_hh"),
    Matrix("P", "weight_hr", "", "P"),
    Matrix("V", "weight_ho", "bias_ho", "P"),
)


@dataclass(frozen=True)
class Product:
    """One matrix product of a stage: rows [first, first + len(labels)) of a stacked matrix, in blocks."""

    letter: str
    labels: tuple[str, ...]
    first: int
    operand: Expr

    def nodes(self) -> tuple[Expr, ...]:
        """The expression node of each block, in order."""
        return self._nodes

    @cached_property
    def _nodes(self) -> tuple[Expr, ...]:  # asked for at every step
        return tuple(node("matmul", (self.operand,), name) for name in self.names())

    def names(self) -> tuple[str, ...]:
        """The name of each block as it stands in the equations."""
        return tuple(f"{self.letter}_{label}" if label else self.letter for label in self.labels)


@dataclass(frozen=True)
class Stage:
    """Matrix products, then row normalisations, then pointwise assignments."""

    products: tuple[Product, ...]
    norms: tuple[Expr, ...]
    assignments: tuple[tuple[str, Expr], ...]
