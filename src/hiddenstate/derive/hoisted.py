"""What a step computes from x alone, taken out of the time loop: the scan of minGRU and minLSTM.

Where no matrix reads the state, all but the recurrence itself can be done for many steps at once. What is
left of these cells is one product and one sum a step, h = a h' + b (Feng et al. 2024, "Were RNNs All We
Needed?"); the sums are made in the order of the steps, so the bits are those of the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hiddenstate.cells.cell import Cell
from hiddenstate.derive.tile import Instruction, TileStage

HOIST = "hoist:"


@dataclass(frozen=True)
class Hoisted:
    """One step's code in two: the head is the same for any state, the tail is next = a * state + b.

    linear: the tail's buffers: a, b, the state, then where next goes.
    """

    head: tuple[Instruction, ...]
    tail: tuple[Instruction, ...]
    linear: tuple[str, ...]


def hoisted(cell: Cell, stages: Sequence[TileStage]) -> Hoisted | None:
    """Split a cell's forward code, or None where a step is more than a product and a sum after what x gives.

    >>> from hiddenstate.cells import CELLS
    >>> from hiddenstate.derive.tile import tile_program
    >>> hoisted(CELLS["mingru"], tile_program(CELLS["mingru"]).forward).linear
    ('hoist:0', 'hoist:1', 'state:h', 'next:h', 'output:')
    """
    if len(stages) != 1 or stages[0].rows or any(mask.per == "sequence" for mask in cell.masks):
        return None
    code = stages[0].code
    waits: set[int] = set()
    for k, i in enumerate(code):
        if i.buffer.startswith("state:") or any(arg in waits for arg in i.args):
            waits.add(k)
    crossing = {arg for k in waits for arg in code[k].args if arg not in waits}
    worked_out = [k for k in crossing if code[k].op not in ("load", "const")]
    if not worked_out:
        return None
    handed = {k: f"{HOIST}{n}" for n, k in enumerate(sorted(worked_out))}
    head = [i for k, i in enumerate(code) if k not in waits]
    place = {k: n for n, k in enumerate(k for k in range(len(code)) if k not in waits)}
    head = [Instruction(i.op, tuple(place[arg] for arg in i.args), i.buffer, i.constants) for i in head]
    head += [Instruction("store", (place[k],), buffer) for k, buffer in handed.items()]
    tail: list[Instruction] = []
    at: dict[int, int] = {}
    for k in sorted(waits | crossing):
        i = Instruction("load", buffer=handed[k]) if k in handed else code[k]
        at[k] = len(tail)
        tail.append(Instruction(i.op, tuple(at[arg] for arg in i.args), i.buffer, i.constants))
    linear = _linear(tail)
    return Hoisted(tuple(head), tuple(tail), linear) if linear else None


def _linear(tail: Sequence[Instruction]) -> tuple[str, ...]:
    """The buffers of next = a * state + b, or none where the tail is something else."""
    loads = {k: i.buffer for k, i in enumerate(tail) if i.op == "load"}
    work = [(k, i) for k, i in enumerate(tail) if i.op not in ("load", "store")]
    stores = [i for i in tail if i.op == "store"]
    if [i.op for _, i in work] != ["mul", "add"]:
        return ()
    (product, mul), (total, add) = work
    factors, terms = [loads.get(arg, "") for arg in mul.args], [loads.get(arg, "") for arg in add.args]
    state = [buffer for buffer in factors if buffer.startswith("state:")]
    a = [buffer for buffer in factors if buffer.startswith(HOIST)]
    b = [buffer for buffer in terms if buffer.startswith(HOIST)]
    whole = product in add.args and all(i.args == (total,) for i in stores)
    if not (whole and len(state) == len(a) == len(b) == 1):
        return ()
    return (a[0], b[0], state[0], *(i.buffer for i in stores))
