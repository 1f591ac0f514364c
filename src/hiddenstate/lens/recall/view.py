"""WHAT WAS FOUND? Recall against delay, the gradient on its way back, the time of a step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from hiddenstate.lens.fading import fading
from hiddenstate.lens.initialisation import INITIALISATIONS
from hiddenstate.lens.recall.plan import Plan
from hiddenstate.lens.view import Named, Tick, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEPT = 0.9  # right so often counts as recalled
PAPERS = (
    "That a state which holds against noise lets the gradient vanish: Hochreiter 1991; Bengio, Simard and "
    "Frasconi 1994. The way around it: Hochreiter and Schmidhuber 1997, Long short-term memory."
)


@dataclass(frozen=True, eq=False)
class Measured:
    """What came of one network: accuracy and training steps [seed, delay], gradients [seed, distance]."""

    accuracy: np.ndarray
    steps: np.ndarray
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of_seeds(cls, rows: Sequence[Measured]) -> Measured:
        """Put together what came of each seed."""
        return cls(*(np.array([getattr(row, each.name) for row in rows]) for each in fields(cls)))


@dataclass(frozen=True, eq=False)
class CompareView(View):
    """Networks side by side: accuracy by delay, gradient by distance before and after training, time."""

    name = "compare"

    def draw(self, figure: Figure) -> None:
        """Draw accuracy and time above, the gradient before and after training below."""
        from hiddenstate.lens.recall.picture import draw

        draw(self, figure)


def view_of(plan: Plan, found: Sequence[Measured], milliseconds: np.ndarray, seconds: float) -> CompareView:
    """Put what was found into a view: medians over the seeds, of those that did not diverge."""
    labels, delays = plan.labels, plan.delays
    network: dict[str, Sequence[Tick]] = {"network": labels}
    by_delay = {**network, "delay": delays}
    by_distance = {**network, "distance": range(delays[-1] + 1)}
    every = np.array([each.accuracy for each in found])
    accuracy = _median(every)
    of_end = "share of the gradient at the end"
    arrays = {
        "accuracy": Named(accuracy, ("network", "delay"), by_delay, "share recalled"),
        "training_steps": Named(
            _median(np.array([each.steps for each in found])), ("network", "delay"), by_delay, "steps"
        ),
        "gradient_before": Named(
            _median(np.array([each.before for each in found])),
            ("network", "distance"),
            by_distance,
            of_end,
        ),
        "gradient_after": Named(
            _median(np.array([each.after for each in found])),
            ("network", "distance"),
            by_distance,
            of_end,
        ),
        "milliseconds": Named(milliseconds, ("network",), network, "ms"),
    }
    if len(plan.seeds) > 1:
        axes = ("network", "seed", "delay")
        arrays["accuracy_by_seed"] = Named(every, axes, by_delay | {"seed": plan.seeds}, "share recalled")
    facts = _facts(plan, arrays, every, seconds)
    cells = ", ".join(dict.fromkeys(each.cell.name for each in plan.networks))
    return CompareView(f"Recall after a delay: {cells}", arrays, facts, reading(plan))


def _median(values: np.ndarray) -> np.ndarray:
    """The median over the seeds (the second axis) of what is a number; NaN where nothing is."""
    known = np.isfinite(values).any(1)
    filled = np.where(known[:, None], values, 0.0)
    return np.where(known, np.nanmedian(filled, axis=1), math.nan)


def _facts(plan: Plan, arrays: Mapping[str, Named], every: np.ndarray, seconds: float) -> dict[str, Any]:
    rows = _rows(plan, arrays)
    accuracy: dict[str, Any] = {}
    for row in rows:
        accuracy.setdefault(row["cell"], row["accuracy"])  # the first of a cell stands under its name alone
    accuracy |= {row["label"]: row["accuracy"] for row in rows}
    diverged = [
        f"{plan.labels[network]}, delay {plan.delays[delay]}, seed {plan.seeds[seed]}"
        for network, seed, delay in np.argwhere(~np.isfinite(every)).tolist()
    ]
    return {
        "verdict": verdict(rows, plan.delays, 1 / plan.recall.symbols),
        "accuracy": accuracy,
        "chance": 1 / plan.recall.symbols,
        "networks": rows,
        "delays": plan.delays,
        "together": plan.together,
        "seeds": plan.seeds,
        "diverged": diverged,
        "left_out": plan.left_out,
        "settings": {**asdict(plan.effort), **asdict(plan.recall)},
        "seconds": round(seconds, 1),
    }


def _rows(plan: Plan, arrays: Mapping[str, Named]) -> list[dict[str, Any]]:
    rows = []
    for place, (network, label) in enumerate(zip(plan.networks, plan.labels, strict=True)):
        shares = arrays["accuracy"].values[place].tolist()
        row = {
            "label": label,
            "cell": network.cell.name,
            "activation": network.activation,
            "replaces": ", ".join(network.replaced),
            "init": network.init,
            "begins": network.begins,
            "units": network.units,
            "parameters": network.parameters,
            "accuracy": {
                str(delay): share if math.isfinite(share) else None
                for delay, share in zip(plan.delays, shares, strict=True)
            },
            "recalls_to": recalled_to(shares, plan.delays),
            "milliseconds": float(arrays["milliseconds"].values[place]),
        }
        for when in ("before", "after"):
            curve = arrays[f"gradient_{when}"].values[place]
            found = fading(curve[:, None]) if np.isfinite(curve).any() else None
            row[f"gradient_{when}"] = found and found.word
            row[f"half_life_{when}"] = found and found.half_life_by_factor
            row[f"arrives_{when}"] = found and float(curve[-1])
        rows.append(row)
    return rows


def recalled_to(shares: Sequence[float], delays: Sequence[int]) -> int:
    """The longest delay up to which all are recalled nine times of ten; 0 where already the first is not.

    >>> recalled_to([1.0, 0.95, 0.3, 0.97], (5, 10, 20, 50))
    10
    """
    kept = 0
    for share, delay in zip(shares, delays, strict=True):
        if not share >= KEPT:
            break
        kept = delay
    return kept


def verdict(rows: Sequence[Mapping[str, Any]], delays: Sequence[int], chance: float) -> str:
    """Who recalls how far, and what of the gradient arrives, in words."""
    sentences = []
    for kept in sorted({row["recalls_to"] for row in rows}, reverse=True):
        same = [row for row in rows if row["recalls_to"] == kept]
        names = _listed([row["label"] for row in same])
        verb = "recalls" if len(same) == 1 else "recall"
        if kept == delays[-1]:
            sentences.append(f"{names} {verb} the symbol after every delay to {kept} steps.")
        elif kept:
            sentences.append(f"{names} {verb} it to {kept} steps{_beyond(same, kept, delays)}.")
        else:
            verb = "does" if len(same) == 1 else "do"
            sentences.append(f"{names} {verb} not recall it even after {delays[0]} steps.")
    sentences.append(f"Recalled: right in {100 * KEPT:g} % or more, at this delay and every shorter one.")
    if any(row["recalls_to"] < delays[-1] for row in rows):
        sentences.append(f"Guessing is right in {100 * chance:.3g} %.")
    known = {row["label"]: row["arrives_before"] for row in rows if row["arrives_before"] is not None}
    if len(known) > 1:
        least, most = (choose(known, key=lambda label: known[label]) for choose in (min, max))
        sentences.append(
            f"Before training, of the gradient {shown_share(known[least])} arrives over {delays[-1]} steps "
            f"in {least} and {shown_share(known[most])} in {most}."
        )
    return " ".join(sentences)


def _beyond(rows: Sequence[Mapping[str, Any]], kept: int, delays: Sequence[int]) -> str:
    """What is left at the next delay."""
    delay = next(delay for delay in delays if delay > kept)
    shares = [row["accuracy"][str(delay)] for row in rows]
    if any(share is None for share in shares):
        return f" and diverges at {delay}" if len(rows) == 1 else ""
    low, high = (100 * edge(shares) for edge in (min, max))
    span = f"{low:.0f} %" if round(low) == round(high) else f"{low:.0f} to {high:.0f} %"
    return f" ({span} at {delay})"


def shown_share(share: float) -> str:
    """Write a share of the gradient.

    >>> shown_share(0.25), shown_share(3.2e-9), shown_share(14.0)
    ('25 %', '3e-09', '14 times as much')
    """
    if share >= 10:
        return f"{share:.3g} times as much"
    return f"{100 * share:.3g} %" if share >= 1e-3 else f"{share:.0e}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def reading(plan: Plan) -> tuple[str, ...]:
    """How to read it."""
    recall, effort, longest = plan.recall, plan.effort, plan.delays[-1]
    middle = f", the median of {len(plan.seeds)} seeds" if len(plan.seeds) > 1 else ""
    trained = "every point is a network of its own, trained at that delay alone"
    if plan.together:
        trained = f"every curve is one network, trained on delays from 1 to {longest} mixed"
    return (
        f"Each step's input has {recall.symbols} numbers and a mark. At the first step one of "
        f"{recall.symbols} symbols is shown; noise follows for the delay; then the symbol is asked for.",
        f"Accuracy: {trained}{middle}, for at most {effort.steps} steps of {effort.batch} sequences, and "
        f"judged on {effort.judged} fresh ones. All see the same sequences. The dotted line is guessing. "
        f"Recalled: right in {100 * KEPT:g} % or more, at this delay and every shorter one.",
        f"Gradient: the norm of the loss's derivative by the states (h, and c where there is one), so many "
        f"steps before the end, beside that at the end; delay {longest}, before and after training. A line "
        "that goes down straight is a gradient that vanishes; where nothing arrives, nothing is learned.",
        f"Time: the way there and back of {effort.batch} sequences of {longest + 1} steps, the fastest of "
        "several turns.",
        PAPERS,
        *(
            f"{name}: {INITIALISATIONS[name]}."
            for name in dict.fromkeys(network.begins for network in plan.networks)
        ),
    )
