"""How much of each earlier input the hidden state still holds, after every step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hiddenstate.data.vocabulary import MAX_WORDS
from hiddenstate.errors import InvalidArgument, nearest
from hiddenstate.infer import Inside, Stack
from hiddenstate.lens.memory_view import MEASURES, MemoryView, Told, direction_of, evenly, view_of
from hiddenstate.lens.occlusion import Held, occlusion
from hiddenstate.lens.opened import opened, sequence_of
from hiddenstate.lens.passes import refuse_infinite
from hiddenstate.lens.slopes import integrated, jacobians

MOST_PARTS = 200  # inputs told apart; more are joined with their neighbours
READ_ANEW = 5_000_000  # steps of rows that may be read where each beginning is read anew
LOOKED_BACK = 1_600  # steps that may be gone back, over all moments


def memory(
    subject: Any,
    given: Any,
    *,
    measure: str = "occlusion",
    step: int | None = None,
    parts: int | None = None,
    moments: int | None = None,
    baseline: Any = None,
) -> MemoryView:
    """Tell after each step which share of the hidden state each earlier input still holds.

    `subject` is a run's path, a recurrent layer, a stack; `given` a text, or numbers [T, F]. `step` reads the
    first so many alone. At most `parts` inputs are told apart (neighbours are joined), after `moments` of
    them. `measure`: occlusion, jacobian, or integrated, from `baseline` [F] (zeros unless given). The hidden
    state is the output of the last layer; of one that reads both ways, each beginning is read anew.

    Raises InvalidArgument where nothing can be read or said, Unsupported without a recurrent layer.

    >>> from hiddenstate.cells import Cell, State, Vector
    >>> cell = Cell("leaky", "h = W x + u * h'", (State("h"),), vectors=(Vector("u"),))
    >>> stack = Stack(cell, 1, 1, {"weight_ih_l0": np.ones((1, 1)), "u_l0": np.array([0.5])})
    >>> memory(stack, np.ones((2, 1)), measure="jacobian").arrays["share"].values[1].round(3).tolist()
    [0.333, 0.667]
    """
    if measure not in MEASURES:
        raise InvalidArgument(f"unknown measure {measure!r}; {nearest(measure, MEASURES)}")
    if baseline is not None and measure != "integrated":
        raise InvalidArgument(f"a baseline is where integrated gradients begin; {measure} has none")
    inside = opened(subject)
    sequence = sequence_of(inside, given)
    names, x = sequence.names, sequence.x.astype(inside.stack.dtype)
    if step is not None:
        _within("step", step, len(names), "the steps that were read")
        names, x = names[:step], x[:step]
    refuse_infinite(x, "the input")
    ends = _ends(inside.stack, len(x), measure, parts)
    looked = _moments(len(x), len(ends), measure, moments)
    facts: dict[str, Any] = dict(direction_of(inside.stack))
    if isinstance(given, str) and len(sequence.names) == MAX_WORDS:
        facts["read"] = f"no more than {MAX_WORDS} words of a text are read"
    if measure == "occlusion":
        found = _occluded(inside, x, ends, looked)
    elif measure == "jacobian":
        found = jacobians(inside, x, ends, looked)
    else:
        start = _baseline(baseline, x.shape[1])
        found, complete = integrated(inside, x, start, ends, looked)
        facts |= {
            "baseline": "zeros in place of every input" if baseline is None else "the one that was given",
            "points": complete.points,
            "missed": complete.missed,
            "complete": complete.holds,
        }
    labels = () if inside.head is None else inside.head.labels
    text = given if isinstance(given, str) and step is None and "read" not in facts else None
    return view_of(measure, Told(names, tuple(ends), tuple(looked), tuple(found), text), labels, facts)


def _occluded(inside: Inside, x: np.ndarray, ends: Sequence[int], looked: Sequence[int]) -> list[Held]:
    running, found, wanted = occlusion(inside), [], set(looked)
    for part, (first, last) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        held = running.feed(x[first:last])
        if part in wanted:
            found.append(held)
    return found


def _ends(stack: Stack, steps: int, measure: str, asked: int | None) -> list[int]:
    """After which step each part ends: every step, or parts of nearly the same length."""
    if asked is not None:
        _within("parts", asked, None, "the inputs told apart")
    most = MOST_PARTS if asked is None else asked
    if asked is None and stack.bidirectional and measure == "occlusion":
        most = min(most, max(8, int((READ_ANEW / steps) ** 0.5)))
    count = min(steps, most)
    return [last + 1 for last in evenly(steps, count)]


def _moments(steps: int, parts: int, measure: str, asked: int | None) -> list[int]:
    """After which parts to look, chosen evenly, the last among them."""
    if asked is not None:
        _within("moments", asked, None, "the moments looked at")
    most = parts if measure == "occlusion" else max(1, LOOKED_BACK // steps)
    count = min(parts, most if asked is None else asked)
    return evenly(parts, count)


def _within(name: str, value: int, most: int | None, what: str) -> None:
    limit = "or more" if most is None else f"to {most}"
    if not isinstance(value, int) or value < 1 or (most is not None and value > most):
        raise InvalidArgument(f"{name}: expected a whole number of 1 {limit}, {what}; came {value!r}")


def _baseline(given: Any, F: int) -> np.ndarray:
    found = np.zeros(F) if given is None else np.asarray(given, np.float64)
    if found.shape != (F,) or not np.isfinite(found).all():
        raise InvalidArgument(f"expected a baseline of {F} finite numbers, came {list(found.shape)}")
    return found
