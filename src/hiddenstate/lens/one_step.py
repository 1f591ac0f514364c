"""What does one step do to a gradient? The largest singular values of measured step Jacobians.

Letters: T steps, F features, S the widths of all states of a layer together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.cells import Cell
from hiddenstate.cells.equation import const
from hiddenstate.derive.gates import carried
from hiddenstate.infer import Stack
from hiddenstate.lens.bound import Bound, bound_of
from hiddenstate.lens.norms import HELD
from hiddenstate.lens.passes import Pass

MOST, FEWEST, WORK = 32, 4, 2e9  # Jacobians that are looked at, fewer where S**3 is large


@dataclass(frozen=True)
class Keeping:
    """A gate whose value, or 1 - it where `turned`, multiplies a state on its way to the next step."""

    state: str
    gate: str
    turned: bool


def keeping(cell: Cell) -> Iterator[Keeping]:
    """Yield the gate that keeps each state, where it is one value of its own.

    >>> from hiddenstate.cells import CELLS
    >>> [(each.state, each.gate, each.turned) for each in keeping(CELLS["mgu"])]
    [('h', 'f', True)]
    """
    named = dict(cell.assignments)
    for state, factor in carried(cell).items():
        turned = factor is not None and factor.op == "sub" and factor.args[0] is const(1)
        gate = factor.args[1] if turned and factor is not None else factor
        if gate is not None and gate.op == "symbol" and gate.name in named:
            yield Keeping(state, gate.name, turned)


@dataclass(frozen=True)
class OneStep:
    """What was measured in one layer and direction, beside the bound where the equation gives one.

    `norms` are largest singular values, each of the step named in `places` as sequence:step; `kept` is how
    much of a state its gate keeps on average.
    """

    norms: np.ndarray
    places: tuple[str, ...]
    bound: Bound | None
    kept: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """What a program reads."""
        return {
            "step_norm_median": float(np.median(self.norms)),
            "step_norm_max": float(self.norms.max()),
            "steps_measured": len(self.norms),
            "bound": None if self.bound is None else self.bound.factor,
            "bound_parts": None if self.bound is None else dict(self.bound.parts),
            "kept": self.kept,
        }


def one_step(stack: Stack, sequences: Sequence[np.ndarray], seed: int) -> dict[tuple[int, int], OneStep]:
    """Measure each layer and direction on steps drawn from sequences [T, F].

    Raises InvalidArgument where a number is not finite.
    """
    random = np.random.default_rng(seed)
    kept = list(keeping(stack.cell))
    gates = tuple(dict.fromkeys(each.gate for each in kept))
    order = random.permutation(len(sequences))
    longest = max(map(len, sequences))
    room = max(1, HELD // (longest * max(stack.output_width, stack.input_size) * 8))
    chosen = [sequences[each] for each in order[: min(MOST, room)]]
    lengths = np.array([len(x) for x in chosen])
    x = np.zeros((lengths.max(), len(chosen), stack.input_size))
    for column, each in enumerate(chosen):
        x[: len(each), column] = each
    run = Pass(stack, x, lengths, keep=gates)
    there = np.arange(len(x))[:, None] < lengths
    places = _drawn(stack, lengths, random)
    names = tuple(f"{order[sequence]}:{step}" for sequence, step in places)
    found = {}
    for layer, pair in enumerate(stack.suffixes):
        for direction, suffix in enumerate(pair):
            weights = {k: v.astype(np.float64) for k, v in stack.parameters_of(suffix).items()}
            means = {}
            for each in kept:
                halves = np.split(run.kept[each.gate][layer], len(pair), -1)
                mean = float(halves[direction][there].mean())
                means[each.state] = 1 - mean if each.turned else mean
            norms = [_largest(run.jacobian(layer, direction, step, sequence)) for sequence, step in places]
            found[layer, direction] = OneStep(np.array(norms), names, bound_of(stack.cell, weights), means)
    return found


def _drawn(stack: Stack, lengths: np.ndarray, random: np.random.Generator) -> list[tuple[int, int]]:
    """Some steps of the sequences, each once; a first step only of those that have no other."""
    width = sum(value.shape[-1] for value in stack.initial_state(1))
    count = int(np.clip(WORK / width**3, FEWEST, MOST))
    firsts = np.minimum(1, lengths - 1)
    ends = np.cumsum(lengths - firsts)
    places = np.sort(random.choice(ends[-1], min(count, ends[-1]), replace=False))
    sequences = np.searchsorted(ends, places, side="right")
    steps = places - (ends - lengths)[sequences]
    return list(zip(sequences.tolist(), steps.tolist(), strict=True))


def _largest(jacobian: np.ndarray) -> float:
    """The largest singular value: of the squares' largest eigenvalue no digit is lost."""
    with np.errstate(all="ignore"):
        squares = jacobian @ jacobian.T
    return float(np.sqrt(max(0.0, np.linalg.eigvalsh(squares)[-1]))) if np.isfinite(squares).all() else np.inf
