"""WHO REMEMBERS LONGER? Every network at every delay, one after the other, and what came of it as a view."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hiddenstate.cells import Cell
from hiddenstate.errors import require
from hiddenstate.lens.recall.plan import USUAL, Effort, Network, Plan, Size, planned
from hiddenstate.lens.recall.view import CompareView, Measured, view_of
from hiddenstate.lens.recall.watch import Silent

DELAYS = (5, 10, 20, 50, 100, 200)
FEWEST, MOST, SECONDS = 9, 99, 3.0  # rounds in which the time of a step is taken, and how long they last


def compare(
    cells: Sequence[str | Path | Cell] = ("rnn", "lstm", "gru"),
    activation: Sequence[str] = ("tanh",),
    init: Sequence[str] = (USUAL,),
    delays: Sequence[int] = DELAYS,
    *,
    seeds: Sequence[int] = (0,),
    together: bool = False,
    size: Size | None = None,
    effort: Effort | None = None,
) -> CompareView:
    """Compare networks on delayed recall: one for each cell, activation, initialisation and delay is trained.

    All get the same sequences and seeds, and as many units as `size` has room for. `together` trains one for
    all delays, mixed, in place of one for each. Takes minutes.
    Raises InvalidArgument for what cannot be compared, MissingExtra without torch.

    >>> few = Effort(steps=2, judged=8)
    >>> view = compare(("rnn", "gru"), delays=(1, 2), size=Size(units=4), effort=few)
    >>> view.arrays["accuracy"].labels
    {'network': ('rnn', 'gru'), 'delay': (1, 2)}
    """
    plan = planned(cells, activation, init, delays, seeds, together=together, size=size, effort=effort)
    return carried_out(plan, Silent())


def carried_out(plan: Plan, watch: Silent) -> CompareView:
    """Do what is planned; a KeyboardInterrupt passes through once `watch` was told what is finished."""
    require("torch", "comparing networks, which trains them,", extra="train")
    work = _Work(plan, watch)
    began = time.perf_counter()
    watch.begin(work.total)
    try:
        found = [
            work.trained(network, label) for network, label in zip(plan.networks, plan.labels, strict=True)
        ]
        milliseconds = _step_times(plan)
    except KeyboardInterrupt:
        watch.say(f"Stopped: {work.finished} of {work.trainings} networks are finished, nothing is written.")
        raise
    finally:
        watch.end()
    return view_of(plan, found, milliseconds, time.perf_counter() - began)


@dataclass
class _Work:
    """What is done and what is left, in steps of time that are gone through, and what a batch costs more."""

    plan: Plan
    watch: Silent
    done: int = 0
    finished: int = 0

    @property
    def trainings(self) -> int:
        return len(self.plan.networks) * len(self.plan.seeds)

    @property
    def total(self) -> int:
        learned = self.plan.delays[-1:] if self.plan.together else self.plan.delays
        return self.trainings * sum(map(_cost, learned)) * self.plan.effort.steps

    def trained(self, network: Network, label: str) -> Measured:
        """Train one network with every seed, and look at its gradient at the longest delay."""
        plan = self.plan
        rows = []
        for seed in plan.seeds:
            name = f"{label}, seed {seed}" if len(plan.seeds) > 1 else label
            rows.append(
                self._together(network, seed, name) if plan.together else self._each(network, seed, name)
            )
            self.finished += 1
            self.watch.move(self.done, name)
            wide = max(map(len, plan.labels)) + len(name) - len(label)
            self.watch.finished(_line(name.ljust(wide), plan.delays, rows[-1].accuracy))
        return Measured.of_seeds(rows)

    def _each(self, network: Network, seed: int, name: str) -> Measured:
        """One network for each delay."""
        parts = [self._learned(network, seed, delay, (delay,), name) for delay in self.plan.delays]
        accuracy, steps = (
            np.concatenate([getattr(part, of) for part in parts]) for of in ("accuracy", "steps")
        )
        return Measured(accuracy, steps, parts[-1].before, parts[-1].after)

    def _together(self, network: Network, seed: int, name: str) -> Measured:
        """One network for all delays."""
        return self._learned(network, seed, self.plan.delays[-1], self.plan.delays, name)

    def _learned(self, network: Network, seed: int, delay: int, asked: Sequence[int], name: str) -> Measured:
        """One training: judged at the delays asked for, gradients only of the longest."""
        from hiddenstate.lens.recall.gradients import arriving
        from hiddenstate.lens.recall.training import Lesson, begun, judged, learn

        plan, start = self.plan, self.done
        looked_at = delay == plan.delays[-1]
        reader = begun(network, plan.recall, delay, seed)
        lesson = Lesson(plan.recall, plan.effort, seed, delay, plan.together)
        before = arriving(reader, plan.recall, delay, seed) if looked_at else np.empty(0)
        found = learn(
            reader,
            lesson,
            lambda step: self.watch.move(start + step * _cost(delay), f"{name}, delay {delay}"),
        )
        self.done = start + plan.effort.steps * _cost(delay)
        shares = [math.nan if found.diverged else judged(reader, lesson, each) for each in asked]
        after = arriving(reader, plan.recall, delay, seed) if looked_at else np.empty(0)
        return Measured(np.array(shares), np.full(len(asked), float(found.steps)), before, after)


def _cost(delay: int) -> int:
    """How long a training step takes, in steps of time: drawing, readout and Adam take as long as 20."""
    return delay + 20


def _line(name: str, delays: Sequence[int], shares: np.ndarray) -> str:
    """Write how often one network was right at each delay, in percent."""
    shown = (
        f"{delay}: {format(100 * share, '.0f') if math.isfinite(share) else 'diverged'}"
        for delay, share in zip(delays, shares.tolist(), strict=True)
    )
    return f"{name}  {'  '.join(shown)}"


def _step_times(plan: Plan) -> np.ndarray:
    """Milliseconds of a training step at the longest delay: each network in turn, round by round.

    Of each the fastest turn: what a busy machine adds is not the network's (on one with three times as many
    programs as cores medians said 45 ms of what takes 3.7).
    """
    from hiddenstate.lens.recall.training import begun, stepper

    longest, seed = plan.delays[-1], plan.seeds[0]
    steps = [
        stepper(begun(network, plan.recall, longest, seed), plan.recall, longest, plan.effort)
        for network in plan.networks
    ]
    samples: list[list[float]] = [[] for _ in steps]
    start = time.perf_counter()
    for number in range(MOST):
        if number > FEWEST and time.perf_counter() - start > SECONDS:
            break
        for place in np.roll(range(len(steps)), number).tolist():
            began = time.perf_counter()
            steps[place]()
            samples[place].append(time.perf_counter() - began)
    return np.array([1000 * min(each) for each in samples])
