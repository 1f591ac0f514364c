"""What speed is promised, regime by regime: the work, who takes part, and the floor of each ratio.

Everything is float32 with as many features as hidden units. A ratio is the best peer's time / ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from hiddenstate import native
from hiddenstate.bench import Comparison, Contender, Effort, Spread, Work, contenders
from hiddenstate.bench.comparison import pinned, timed
from hiddenstate.bench.in_torch import torch_loop
from hiddenstate.bench.ours import NAME, ours, torch_with
from hiddenstate.bench.timing import ratio
from hiddenstate.bench.work import Material, material
from hiddenstate.cells import CELLS
from hiddenstate.derive.encoded import encoded
from hiddenstate.layers.operators import compiled
from hiddenstate.layers.operators.calls import cell_of

HIDDEN = (64, 128, 256, 512)
TORCH_CELLS = ("lstm", "gru", "rnn")
OWN_CELL = Path(__file__).with_name("forget_only.toml")
NEVER_SLOWER = 1 / 1.05
ROOF, SCAN_STEPS = {"inference": 0.85, "training": 0.75}, 4096

Among = Callable[[str], bool]


@dataclass(frozen=True)
class Promise:
    """A floor under one ratio: the line and column of the table, and against whom.

    `value` takes the comparison and gives the ratio and whom it is against; `sense` is ">=" for a floor and
    "<=" for a ceiling.
    """

    line: str
    column: str
    floor: float
    goal: float | None
    value: Callable[[Comparison], tuple[Spread, str] | None]
    sense: str = ">="

    def judged(self, found: Comparison) -> dict[str, Any]:
        """The promise beside what was measured; nothing is judged where no peer took part."""
        row: dict[str, Any] = {"line": self.line, "column": self.column, "sense": self.sense}
        row |= {"floor": self.floor, "goal": self.goal}
        measured = self.value(found)
        if measured is None:
            return row | {"value": None, "against": None, "met": None}
        spread, against = measured
        met = spread.median >= self.floor if self.sense == ">=" else spread.median <= self.floor
        return row | {
            "value": spread.median,
            "low": spread.low,
            "high": spread.high,
            "against": against,
            "met": met,
        }


@dataclass(frozen=True)
class Case:
    """One comparison: a work, who takes part in it, and what is promised of it."""

    name: str
    work: Work
    promises: tuple[Promise, ...]
    take: Callable[[Material], tuple[list[Contender], dict[str, str], list[Contender]]]

    def measure(self, effort: Effort) -> dict[str, Any]:
        """Time it; give the comparison as plain values, with its promises."""
        given = material(self.work)
        with pinned(self.work.threads):
            everyone, absent, yardsticks = self.take(given)
            found = timed(given, everyone, absent, effort, yardsticks)
        return {**found.as_dict(), "promises": [promise.judged(found) for promise in self.promises]}


@dataclass(frozen=True)
class Choice:
    """Which cells and sizes to measure; None: all of the regime. `smallest`: of the sizes only the first."""

    cells: tuple[str, ...] | None = None
    hidden: tuple[int, ...] | None = None
    smallest: bool = False

    def pairs(self, cells: Sequence[str], hidden: Sequence[int]) -> Iterator[tuple[str, int]]:
        """The cells and sizes of a regime that were chosen."""
        for cell in cells:
            for H in hidden[:1] if self.smallest else hidden:
                if cell in (self.cells or cells) and H in (self.hidden or hidden):
                    yield cell, H


def everybody(given: Material) -> tuple[list[Contender], dict[str, str], list[Contender]]:
    """Ours and every peer that is installed."""
    found, absent = contenders(given)
    return found, absent, []


def against_best(
    among: Among = lambda name: not name.startswith(NAME),
) -> Callable[[Comparison], tuple[Spread, str] | None]:
    """The ratio to the fastest of some peers."""

    def value(found: Comparison) -> tuple[Spread, str] | None:
        best = found.best(among)
        return None if best is None else (found.ratio(best), best)

    return value


def floors(values: Sequence[float], goals: Sequence[float | None] = (None,) * 4) -> Mapping[int, Any]:
    """A floor and a goal for each size."""
    return dict(zip(HIDDEN, zip(values, goals, strict=True), strict=True))


STREAM = floors((3.0, 2.0, 1.25, 1.05), (3.5, 2.2, 1.5, 1.1))
STREAM_TORCH = {"lstm": (20, 12, 8, 4), "gru": (15, 8, 4, 1.4), "rnn": (18, 12, 6, 2.5)}
ONE = floors((1.2, 1.1, 1.1, 0.95), (1.5, 1.4, 1.2, 1.0))
BATCH = floors((1.2, 1.1, 1.05, 0.95), (1.5, 1.3, 1.15, 1.0))
TRAINING_LSTM = floors((1.2, 1.1, 1.05, 1.05), (1.5, 1.3, 1.2, 1.15))
TRAINING = floors((1.5, 1.35, 1.25, 1.15), (2.0, 1.7, 1.4, 1.3))
LENGTHS = floors((2.3, 2.5, 2.3, 1.9), (3.5, 3.0, 2.5, 2.2))


def stream(chosen: Choice) -> Iterator[Case]:
    """One step, batch 1, torch tensors in and out."""
    for cell, H in chosen.pairs(TORCH_CELLS, HIDDEN):
        layer = f"torch.nn.{cell.upper()}"
        floor, goal = STREAM[H]
        against_layer = dict(zip(HIDDEN, STREAM_TORCH[cell], strict=True))[H]
        yield Case(
            f"{cell} {H}",
            Work(cell, H, H, kind="stream"),
            (
                Promise(f"streaming step, {cell.upper()}", str(H), floor, goal, against_best()),
                Promise(
                    f"streaming step, {cell.upper()}, against {layer}",
                    str(H),
                    against_layer,
                    None,
                    against_best(lambda name, layer=layer: name.split(",")[0] == layer),  # type: ignore[misc]
                ),
            ),
            everybody,
        )


def inference(chosen: Choice) -> Iterator[Case]:
    """Whole sequences, T = 100, batch 1 and 32."""
    for batch, rows in ((1, ONE), (32, BATCH)):
        for cell, H in chosen.pairs(TORCH_CELLS, HIDDEN):
            line = f"whole sequence, batch {batch}, {cell.upper()}"
            yield Case(
                f"{cell} {H}, batch {batch}",
                Work(cell, H, H, batch, 100),
                (Promise(line, str(H), *rows[H], against_best()),),
                everybody,
            )


def training(chosen: Choice) -> Iterator[Case]:
    """Forward, backward and all gradients, batch 32, T = 50 and 200."""
    for steps in (50, 200):
        for cell, H in chosen.pairs(TORCH_CELLS, HIDDEN):
            rows = TRAINING_LSTM if cell == "lstm" else TRAINING
            yield Case(
                f"{cell} {H}, {steps} steps",
                Work(cell, H, H, 32, steps, "training"),
                (
                    Promise(
                        f"training, batch 32, T = {steps}, {cell.upper()}", str(H), *rows[H], against_best()
                    ),
                ),
                everybody,
            )


def lengths(chosen: Choice) -> Iterator[Case]:
    """Training with lengths drawn from 5 to 100, batch 64; peers padded and packed."""
    for cell, H in chosen.pairs(TORCH_CELLS, HIDDEN):
        line = f"training, lengths 5 to 100, batch 64, {cell.upper()}"
        yield Case(
            f"{cell} {H}",
            Work(cell, H, H, 64, 100, "training", shortest=5),
            (Promise(line, str(H), *LENGTHS[H], against_best()),),
            everybody,
        )


ONE_THREAD = f"{NAME}, 1 thread"


def threads(chosen: Choice) -> Iterator[Case]:
    """Two threads against one, and against the best peer on two."""
    for kind, steps in (("inference", 100), ("training", 50)):
        for cell, H in chosen.pairs(TORCH_CELLS, HIDDEN):
            gain = 1.6 if kind == "training" and H >= 256 else NEVER_SLOWER
            words = f"2 threads, {kind}, {cell.upper()}"
            yield Case(
                f"{cell} {H}, {kind}",
                Work(cell, H, H, 32, steps, kind, threads=2),
                (
                    Promise(
                        f"{words}, against our 1",
                        str(H),
                        gain,
                        None,
                        against_best(lambda name: name == ONE_THREAD),
                    ),
                    Promise(
                        f"{words}, against the best peer's 2",
                        str(H),
                        NEVER_SLOWER,
                        None,
                        against_best(),
                    ),
                ),
                _with_one_thread,
            )


def _with_one_thread(given: Material) -> tuple[list[Contender], dict[str, str], list[Contender]]:
    found, absent, _ = everybody(given)
    return [found[0], ours(given, 1, ONE_THREAD), *found[1:]], absent, []


def roof(chosen: Choice) -> Iterator[Case]:
    """The same operations as plain matrix products of torch: the fraction of that speed."""
    for kind, steps in (("inference", 100), ("training", 50)):
        for cell, H in chosen.pairs(TORCH_CELLS, (256,)):
            line = f"share of sgemm's speed, {kind}, {cell.upper()}"
            yield Case(
                f"{cell} {H}, {kind}",
                Work(cell, H, H, 32, steps, kind),
                (Promise(line, str(H), ROOF[kind], None, against_best()),),
                lambda given: ([ours(given)], {}, [sgemm(given)]),
            )


def sgemm(given: Material) -> Contender:
    """All steps' products in one: [TB, F + H] by [F + H, gates x H], and in training also the two products
    of its gradients."""
    work, w = given.work, given.weights
    joined = torch.cat([w["weight_ih_l0"], w["weight_hh_l0"]], 1)
    rows = torch.randn(work.steps * work.batch, joined.shape[1])
    out = rows @ joined.T
    of_rows, of_joined = torch.empty_like(rows), torch.empty_like(joined)

    def run() -> None:
        torch.mm(rows, joined.T, out=out)
        if work.kind == "training":
            torch.mm(out, joined, out=of_rows)
            torch.mm(out.T, rows, out=of_joined)

    return Contender("torch sgemm", run, dict, inside=lambda: torch_with(work.threads, False))


def other_cells(chosen: Choice) -> Iterator[Case]:
    """Cells that torch lacks and one from a file, training: against our LSTM and against a loop in torch."""
    names = [name for name in CELLS if name not in TORCH_CELLS]
    for name, H in chosen.pairs([*names, OWN_CELL.stem], (64, 256)):
        work = Work(OWN_CELL if name == OWN_CELL.stem else name, H, H, 32, 50, "training")  # type: ignore[arg-type]
        yield Case(
            f"{name} {H}",
            work,
            (
                Promise(f"{name}: time per operation / LSTM's", str(H), 1.3, None, _per_operation, "<="),
                Promise(
                    f"{name}: a torch loop's time / ours",
                    str(H),
                    5.0,
                    None,
                    against_best(),
                ),
            ),
            lambda given: (
                [ours(given), torch_loop(given)],
                {},
                [ours(material(replace(given.work, cell="lstm")), name=OUR_LSTM)],
            ),
        )


OUR_LSTM = f"{NAME}, LSTM"


def _per_operation(found: Comparison) -> tuple[Spread, str]:
    """Our time per floating-point operation / our LSTM's."""
    scale = replace(found.work, cell="lstm").operations / found.work.operations
    spread = ratio(found.samples[next(iter(found.samples))], found.samples[OUR_LSTM])
    return Spread(*(value * scale for value in (spread.median, spread.low, spread.high))), OUR_LSTM


STEP_BY_STEP = f"{NAME}, step by step"


def scan(chosen: Choice) -> Iterator[Case]:
    """minGRU over 4096 steps, batch 1: by a scan over time, and step by step."""
    for name, H in chosen.pairs(("mingru",), HIDDEN):
        line = f"{name}, T = {SCAN_STEPS}, batch 1: step by step / scan"
        yield Case(
            f"{name} {H}",
            Work(name, H, H, 1, SCAN_STEPS),
            (Promise(line, str(H), 3.0, None, against_best(lambda name: name == STEP_BY_STEP)),),
            lambda given: ([ours(given), step_by_step(given)], {}, []),
        )


def step_by_step(given: Material) -> Contender:
    """Ours with nothing taken out of the time loop but the products of x."""
    usual, known = ours(given, name=STEP_BY_STEP), compiled._known

    @lru_cache
    def looped(key: str, names: str, keep: str) -> Any:
        told = encoded(cell_of(key), tuple(keep.split()), native.ops(), native.module().printed(), scan=False)
        return replace(known(key, names, keep), core=native.module().Cell(*told.arguments))

    @contextmanager
    def without_scan() -> Iterator[None]:
        compiled._known = looped
        try:
            with usual.inside():
                yield
        finally:
            compiled._known = known

    inside: Callable[[], AbstractContextManager[None]] = without_scan
    return replace(usual, inside=inside) if native.available() else usual


REGIMES: Mapping[str, Callable[[Choice], Iterator[Case]]] = {
    "stream": stream,
    "inference": inference,
    "training": training,
    "lengths": lengths,
    "threads": threads,
    "roof": roof,
    "cells": other_cells,
    "scan": scan,
}
