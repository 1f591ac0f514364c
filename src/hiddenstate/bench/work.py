"""What is computed: a cell and its sizes, and the numbers that every contender gets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from hiddenstate.cells import Cell, resolve
from hiddenstate.cells.equation import walk
from hiddenstate.errors import InvalidArgument, nearest
from hiddenstate.layers import Recurrent

STREAM, INFERENCE, TRAINING = KINDS = ("stream", "inference", "training")
CHECKED_STEPS = 4  # of a stream, whose steps are compared one by one
_SEED = 20


@dataclass(frozen=True)
class Work:
    """What is timed, in float32.

    kind "stream": one step of one sequence, fed with what the step before left. "inference": a whole batch of
    sequences. "training": the same forward and backward, with the gradients of the input and of all weights.
    `shortest`: the lengths are uniform from there to `steps`; 0: all sequences are equally long.

    Raises InvalidArgument for values that cannot be.

    >>> Work("lstm", hidden=4, features=3, batch=2, steps=5).operations
    2760
    """

    cell: str | Cell
    hidden: int
    features: int
    batch: int = 1
    steps: int = 1
    kind: str = INFERENCE
    shortest: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "cell", resolve(self.cell))
        for name in ("hidden", "features", "batch", "steps", "threads"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InvalidArgument(
                    f"expected {name} to be a whole number of at least 1, came {value!r}; for example "
                    "hidden=128, features=40, batch=32, steps=100, threads=1"
                )
        if self.kind not in KINDS:
            raise InvalidArgument(f"expected a kind of work, came {self.kind!r}; {nearest(self.kind, KINDS)}")
        if self.kind == STREAM and (self.batch, self.steps) != (1, 1):
            raise InvalidArgument(
                f"a stream takes one step of one sequence, came batch={self.batch} and steps={self.steps}; "
                "use batch=1 and steps=1, or kind='inference'"
            )
        if not 0 <= self.shortest <= self.steps:
            raise InvalidArgument(
                f"expected the shortest of the lengths between 0 (all are equal) and {self.steps}, "
                f"came {self.shortest}"
            )

    @property
    def recurrence(self) -> Cell:
        """The cell, whether it was named, given, or read from a file."""
        return resolve(self.cell)

    @property
    def operations(self) -> int:
        """Floating-point operations of one call: two for each weight of a product, one for each elementwise
        operation or function; three times that in training. Padding does not count."""
        cell, sizes = self.recurrence, {"H": self.hidden, "P": self.hidden}
        shapes = cell.parameter_shapes(self.features, self.hidden, self.hidden)
        products = sum(2 * math.prod(shapes[matrix.weight]) for matrix in cell.matrices)
        leaves = ("const", "symbol", "previous", "vector", "mask", "matmul")
        nodes = [n for n in walk(*(root for _, root in cell.assignments)) if n.op not in leaves]
        elementwise = sum(sizes[cell.width_of(n)] for n in nodes)
        return (products + elementwise) * self._steps_in_all * (3 if self.kind == TRAINING else 1)

    @property
    def _steps_in_all(self) -> int:
        return int(self._lengths.sum())

    @cached_property
    def _lengths(self) -> Tensor:
        if not self.shortest:
            return torch.full((self.batch,), self.steps)
        drawn = torch.Generator().manual_seed(_SEED)
        lengths = torch.randint(self.shortest, self.steps + 1, (self.batch,), generator=drawn)
        lengths[0] = self.steps
        return lengths

    @property
    def lengths(self) -> Tensor | None:
        """The length of each sequence [B], None where all are equally long."""
        return self._lengths if self.shortest else None

    def as_dict(self) -> dict[str, Any]:
        """The work as plain values; the cell by its name."""
        names = ("hidden", "features", "batch", "steps", "kind", "shortest", "threads")
        return {"cell": self.recurrence.name, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True)
class Material:
    """The numbers that every contender gets: weights by torch's names, x [T, B, F], lengths [B] or None, and
    the adjoint of the output [T, B, width], zero in the padding."""

    work: Work
    weights: Mapping[str, Tensor]
    x: Tensor
    lengths: Tensor | None
    adjoint: Tensor

    @property
    def steps(self) -> range:
        """The steps of x."""
        return range(len(self.x))


def material(work: Work) -> Material:
    """Draw the numbers of a work, the same ones every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        layer = Recurrent(work.recurrence, work.features, work.hidden)
        weights = {name: value.detach().clone() for name, value in layer.named_parameters()}
        steps = CHECKED_STEPS if work.kind == STREAM else work.steps
        x = torch.randn(steps, work.batch, work.features)
        adjoint = torch.randn(steps, work.batch, layer.output_width)
    if work.lengths is not None:
        within = torch.arange(steps)[:, None] < work.lengths
        adjoint = adjoint * within[..., None]
    return Material(work, weights, x, work.lengths, adjoint)
