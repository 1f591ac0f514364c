"""Who takes part, whether all compute the same, and who is faster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from hiddenstate import native
from hiddenstate.bench import in_jax, in_onnx, in_torch
from hiddenstate.bench.ours import NAME, ours
from hiddenstate.bench.timing import Contender, Effort, Spread, difference, interleaved, ratio
from hiddenstate.bench.work import STREAM, TRAINING, Material, Work, material
from hiddenstate.errors import HiddenStateError

PAUSE = 0.015  # longer than the threads of any contender spin
TOLERANCE = 1e-3  # of the largest number: float32, summed in another order over thousands of steps


@dataclass(frozen=True)
class Comparison:
    """What was measured: the seconds of a call in each round, by contender, the first of them ours.

    `absent` says of each peer that did not take part why; `differ` how far each was from ours.
    """

    work: Work
    samples: Mapping[str, Sequence[float]]
    absent: Mapping[str, str]
    differ: Mapping[str, float]
    core: Mapping[str, str]

    @property
    def times(self) -> dict[str, Spread]:
        """Median and quartiles of each contender, in seconds."""
        return {name: Spread.of(values) for name, values in self.samples.items()}

    @property
    def peers(self) -> list[str]:
        """All but the first."""
        return list(self.samples)[1:]

    def best(self, among: Callable[[str], bool] = lambda name: not name.startswith(NAME)) -> str | None:
        """The fastest peer by its median, None where there is none; what is ours is no peer."""
        medians = {name: Spread.of(self.samples[name]).median for name in self.peers if among(name)}
        return min(medians, key=lambda name: medians[name]) if medians else None

    def ratio(self, peer: str) -> Spread:
        """A peer's time / ours."""
        return ratio(self.samples[peer], self.samples[next(iter(self.samples))])

    def as_dict(self) -> dict[str, Any]:
        """Plain values, times in milliseconds."""
        best = self.best()
        first, *others = (_milliseconds(name, spread) for name, spread in self.times.items())
        return {
            "work": self.work.as_dict(),
            **self.core,
            "rounds": len(next(iter(self.samples.values()))),
            "ours": first,
            "peers": [{**row, "ratio": self.ratio(row["name"]).as_dict()} for row in others],
            "best_peer": best,
            "ratio": None if best is None else self.ratio(best).as_dict(),
            "gigaflops": self.work.operations / self.times[next(iter(self.samples))].median / 1e9,
            "differences": dict(self.differ),
            "absent": dict(self.absent),
        }


def _milliseconds(name: str, spread: Spread) -> dict[str, Any]:
    return {"name": name, **{key: 1000 * value for key, value in spread.as_dict().items()}}


def compare(work: Work, effort: Effort | None = None) -> Comparison:
    """Time this library beside every peer that is installed, after all have given the same numbers.

    Raises HiddenStateError where a peer's result differs from ours.
    """
    given = material(work)
    with pinned(work.threads):
        everyone, absent = contenders(given)
        return timed(given, everyone, absent, effort or Effort())


def contenders(given: Material) -> tuple[list[Contender], dict[str, str]]:
    """Ours first, then the peers; and of those that are absent, why."""
    found = [ours(given)]
    if in_torch.has_layer(given):
        found += in_torch.torch_layers(given)
    elif given.work.kind != STREAM:
        found.append(in_torch.torch_loop(given))
    found += in_onnx.onnx_runtimes(given)
    found += in_jax.jax_scan(given)
    reasons = {
        "onnxruntime": in_onnx.why_absent(given, "onnxruntime"),
        "OpenVINO": in_onnx.why_absent(given, "openvino"),
        "JAX": in_jax.why_absent(given),
    }
    return found, {name: reason for name, reason in reasons.items() if reason is not None}


def timed(
    given: Material,
    everyone: Sequence[Contender],
    absent: Mapping[str, str],
    effort: Effort,
    yardsticks: Sequence[Contender] = (),
) -> Comparison:
    """Check that all agree with the first, then time them in turn, and with them yardsticks that compute
    something else.

    Between calls of training, and of work on several threads, torch takes an optimiser's step: a team of
    threads that sleeps or spins is found by the next call as in practice. Beside peers with threads of their
    own torch does it with one, so that its team does not keep theirs from the cores.
    """
    differ = agreement(everyone)
    working = given.work.kind == TRAINING or given.work.threads > 1
    between = {"between": optimiser_step(given)} if working else {}
    pause = PAUSE if given.work.threads > 1 else 0.0
    samples = interleaved([*everyone, *yardsticks], effort, pause=pause, **between)
    return Comparison(given.work, samples, dict(absent), differ, core())


def agreement(everyone: Sequence[Contender]) -> dict[str, float]:
    """How far the answers of all are from the first one's; raises HiddenStateError beyond TOLERANCE."""
    first, *others = everyone
    with first.inside():
        expected = first.answer()
    found = {}
    for each in others:
        with each.inside():
            found[each.name] = difference(each.answer(), expected)
        if not found[each.name] <= TOLERANCE:
            raise HiddenStateError(
                f"{each.name} was expected to compute what {first.name} computes, and differs by "
                f"{found[each.name]:.2g} of the largest number (at most {TOLERANCE:g}); nothing was timed. "
                "Please report this with the command that led here"
            )
    return found


def optimiser_step(given: Material) -> Callable[[], None]:
    """One step of Adam on tensors as large as the weights, with the threads of the work."""
    standing_in = [torch.zeros_like(value).requires_grad_() for value in given.weights.values()]
    for value in standing_in:
        value.grad = torch.ones_like(value)
    optimiser = torch.optim.Adam(standing_in)
    optimiser.step()  # makes what it keeps here, where gradients are on

    def step() -> None:
        optimiser.step()

    return step


def core() -> dict[str, str]:
    """The backend that runs single precision on a CPU, and the compiled core's instruction set."""
    if not native.available():
        return {"backend": "reference", "isa": "none"}
    return {"backend": "native", "isa": native.isa()}


@contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Keep this thread, and those that it starts, on so many cores, where the system offers that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-threads:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


__all__ = ["NAME", "Comparison", "compare", "contenders", "pinned", "timed"]
