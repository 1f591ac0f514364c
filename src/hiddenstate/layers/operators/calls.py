"""What a call of the operator is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from hiddenstate.cells import Cell


def key_of(cell: Cell) -> str:
    """A cell as the text by which the operator knows it."""
    return json.dumps(cell.as_dict(), sort_keys=True)


@lru_cache(maxsize=1024)
def cell_of(key: str) -> Cell:
    """The cell that a key stands for."""
    return Cell.from_dict(json.loads(key))


@dataclass(frozen=True)
class Plan:
    """What to run and where: a cell by its key, the parameters' names, values to keep, the direction.

    `names` and `keep` are words with a space between; `backend` is one of BACKENDS; a run that is longer than
    `checkpoint_every` steps keeps for its way back only the states of every so many (0: a tape of all).
    """

    key: str
    names: str
    keep: str = ""
    reverse: bool = False
    backend: str = "auto"
    checkpoint_every: int = 0

    def words(self) -> tuple[str, str, str, bool, str]:
        """The plan as the operators take it: what a run gives, however it is parted."""
        return self.key, self.names, self.keep, self.reverse, self.backend


_remembered = lru_cache(maxsize=1024)(Plan)


def plan_of(*fields: Any) -> Plan:
    """A plan of these fields, remembered: making one anew would be felt in a short call.

    A graph is traced once, and torch.compile looks into no cache.
    """
    return Plan(*fields) if torch.compiler.is_compiling() else _remembered(*fields)


def decided_plan(plan: Plan, backend: str) -> Plan:
    """The plan with its backend decided."""
    return plan_of(plan.key, plan.names, plan.keep, plan.reverse, backend, plan.checkpoint_every)


@dataclass(frozen=True)
class Inputs:
    """The tensors of one call: x [T, B, F]; first states [B, width] in the cell's order; parameters in the
    order of the plan's names; masks in the cell's order ([T, B, width] where drawn per step, else [B, width])
    or none; lengths [B]."""

    x: Tensor
    states: Sequence[Tensor]
    parameters: Sequence[Tensor]
    masks: Sequence[Tensor] = ()
    lengths: Tensor | None = None

    def to(self, precision: torch.dtype) -> Inputs:
        """The same in another precision; the lengths stay."""
        states, parameters, masks = (
            [t.to(precision) for t in given] for given in (self.states, self.parameters, self.masks)
        )
        return Inputs(self.x.to(precision), states, parameters, masks, self.lengths)

    def flat(self) -> tuple[Tensor | None, ...]:
        """Every tensor in a row, the lengths first."""
        return (self.lengths, self.x, *self.states, *self.parameters, *self.masks)


@dataclass(frozen=True)
class Counts:
    """How to part a row of tensors again."""

    states: int
    parameters: int

    @classmethod
    def of(cls, inputs: Inputs) -> Counts:
        """The counts of one call."""
        return cls(len(inputs.states), len(inputs.parameters))

    def parted(self, flat: Sequence[Tensor | None]) -> Inputs:
        """The tensors of a row, given their roles back."""
        lengths, x, *rest = flat
        end = self.states + self.parameters
        return Inputs(x, rest[: self.states], rest[self.states : end], rest[end:], lengths)  # type: ignore[arg-type]

    def is_parameter(self, place: int) -> bool:
        """Whether a place in the row is that of a parameter."""
        return 2 + self.states <= place < 2 + self.states + self.parameters
