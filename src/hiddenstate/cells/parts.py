"""The parts that a cell is made of: states, matrices, vectors, masks; and the stages that follow."""

from __future__ import annotations

from dataclasses import dataclass

from hiddenstate.cells.equation import Expr, node


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
