"""What the tests of the compiled core run: float32 calls of a cell, parts of them, their truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from cell_cases import drawn
from hiddenstate import native
from hiddenstate.cells import Cell
from hiddenstate.layers.operators import Inputs, Plan, key_of, unroll

ISAS = native.isas()


@dataclass(frozen=True)
class Sizes:
    """How large a call is."""

    T: int
    B: int
    F: int
    H: int
    P: int


# widths that are no whole number of tiles; more than one tile; more rows than a block has
SMALL, WIDE = Sizes(5, 5, 3, 19, 7), Sizes(6, 41, 37, 83, 21)


@contextmanager
def running(isa: str, threads: int = 1) -> Iterator[None]:
    """Run an instruction set on so many threads, and what ran before afterwards."""
    before = native.isa(), torch.get_num_threads()
    native.select_isa(isa)
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        native.select_isa(before[0])
        torch.set_num_threads(before[1])


@dataclass(frozen=True)
class Call:
    """One layer in one direction over a batch, everything in it drawn."""

    cell: Cell
    x: Tensor
    states: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]
    masks: tuple[Tensor, ...]
    lengths: Tensor | None = None
    reverse: bool = False
    keep: tuple[str, ...] = ()

    @property
    def leaves(self) -> tuple[Tensor, ...]:
        """What has a gradient: x, the first states, the parameters."""
        return (self.x, *self.states, *self.parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """What the leaves are called."""
        states = [f"state {state.name}" for state in self.cell.states]
        return ("x", *states, *self.cell.parameter_shapes(1, 1, 1))

    def with_leaves(self, leaves: Sequence[Tensor]) -> Call:
        end = 1 + len(self.states)
        return replace(self, x=leaves[0], states=tuple(leaves[1:end]), parameters=tuple(leaves[end:]))

    def run(self, backend: str = "native") -> list[Tensor]:
        """The output [T, B, width], the last states, the kept values; with a tape if a leaf asks for one."""
        names = " ".join(self.cell.parameter_shapes(1, 1, 1))
        plan = Plan(key_of(self.cell), names, " ".join(self.keep), self.reverse, backend)
        return unroll(plan, Inputs(self.x, self.states, self.parameters, self.masks, self.lengths))

    def gradients(self, seeds: Sequence[Tensor], backend: str = "native") -> tuple[list[Tensor], ...]:
        """What `run` gives, and the gradients of every leaf where the results' adjoints are `seeds`."""
        asked = self.with_leaves([leaf.detach().requires_grad_() for leaf in self.leaves])
        found = asked.run(backend)
        grads = torch.autograd.grad(found, asked.leaves, list(seeds), allow_unused=True)
        whole = [torch.zeros_like(x) if g is None else g for x, g in zip(asked.leaves, grads, strict=True)]
        return [value.detach() for value in found], whole

    def moved(self, seed: int) -> Call:
        """The same with every leaf's numbers moved at random, each by one unit in its last place or not."""
        generator = torch.Generator().manual_seed(seed)
        steps = [torch.randint(-1, 2, leaf.shape, generator=generator) for leaf in self.leaves]
        near = zip(self.leaves, steps, strict=True)
        return self.with_leaves([leaf.nextafter(leaf + step) for leaf, step in near])

    def part(self, rows: slice = slice(None), steps: slice = slice(None), **changes) -> Call:
        """Some of the sequences, some of the steps."""
        masks = [
            mask[steps, rows] if shape.per == "step" else mask[rows]
            for mask, shape in zip(self.masks, self.cell.masks, strict=True)
        ]
        lengths = None if self.lengths is None else self.lengths[rows]
        states = tuple(state[rows] for state in self.states)
        same = {"x": self.x[steps, rows], "states": states, "masks": tuple(masks), "lengths": lengths}
        return replace(self, **(same | changes))

    def double(self) -> Call:
        """The same in float64."""
        masks = tuple(mask.double() for mask in self.masks)
        return replace(self.with_leaves([leaf.double() for leaf in self.leaves]), masks=masks)


def call_of(cell: Cell, sizes: Sizes = SMALL, seed: int = 0, **options) -> Call:
    """Draw a call: first states from their domain, weights that keep the gates at work at any width."""
    scale = 0.7 * min(1.0, (8 / (sizes.H + 1)) ** 0.5)
    case = drawn(cell, seed, sizes.T, sizes.B, scale, (sizes.F, sizes.H, sizes.P))
    single = [torch.from_numpy(np.asarray(a)).float() for a in (case.x, *case.states)]
    parameters = tuple(torch.from_numpy(value).float() for value in case.parameters.values())
    masks = tuple(torch.from_numpy(case.masks[mask.name]).float() for mask in cell.masks)
    return Call(cell, single[0], tuple(single[1:]), parameters, masks, **options)


def every_value(cell: Cell) -> tuple[str, ...]:
    """Everything that a cell's equations name."""
    return tuple(dict(cell.assignments))


def seeds_for(found: Sequence[Tensor], seed: int = 7) -> list[Tensor]:
    """Adjoints of results: every one of them counts."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(value.shape, generator=generator).to(value.dtype) for value in found]


def assert_same_bits(found: Sequence[Tensor], expected: Sequence[Tensor], what: object = "") -> None:
    """Every number is the same float, its sign of zero included."""
    assert len(found) == len(expected), what
    for place, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert one.shape == other.shape, (what, place)
        same = one.contiguous().view(torch.int32) == other.contiguous().view(torch.int32)
        if not same.all():
            worst = (one - other).abs().max().item()
            raise AssertionError(f"{what}, result {place}: {int((~same).sum())} differ, by up to {worst:.3g}")


class Allowance:
    """How much of what law 6 allows is used: 4 times the error of the float32 reference, and 8 ulp.

    An error is the largest of all tensors of a kind, each in units of the last place of its largest number:
    in a tensor by itself the reference may be exact by luck. That number counts as `smallest` where it is
    less: what 1 - y * y of a saturated unit leaves is the rounding of y alone. Of several runs of the
    reference the largest error counts.
    """

    def __init__(self, smallest: float = 0.0) -> None:
        self.errors: dict[str, list[float]] = {}
        self.smallest = smallest

    def add(self, kind: str, found: Tensor, truth: Tensor, *judges: Tensor) -> None:
        """Take one tensor in, beside the float64 truth and what runs of the float32 reference gave."""
        if truth.numel() == 0:
            return
        ulp = float(np.spacing(np.float32(max(truth.abs().max().item(), self.smallest))))
        worst = self.errors.setdefault(kind, [0.0, 0.0])
        for place, value in enumerate((found, *judges)):
            error = (value.double() - truth).abs().max().item() / ulp
            assert error == error, f"among the {kind} one is not a number"
            worst[min(place, 1)] = max(worst[min(place, 1)], error)

    def used(self) -> dict[str, float]:
        """For each kind, the share of the allowance: at most 1 where the law holds."""
        return {kind: mine / (4 * reference + 8) for kind, (mine, reference) in self.errors.items()}

    def check(self) -> None:
        """Assert the law."""
        for kind, (mine, reference) in self.errors.items():
            said = f"{kind}: an error of {mine:.3g} ulp, where the reference has {reference:.3g}"
            assert mine <= 4 * reference + 8, said
