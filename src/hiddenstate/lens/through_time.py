"""Does the gradient vanish on its way back through time? Of a run, a layer, or networks not trained yet.

Letters: T steps, N sequences, L layers, D directions, C states.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.errors import InvalidArgument, Unsupported, nearest
from hiddenstate.infer import Stack
from hiddenstate.lens.fading import EXPLODING, QUANTILES, VANISHING, Fading, fading, quantiles, worst
from hiddenstate.lens.fresh import Fresh, comparable, networks
from hiddenstate.lens.gradient_view import GradientView, said
from hiddenstate.lens.norms import Begin, Norms, from_last, from_loss, norms_back
from hiddenstate.lens.one_step import OneStep, one_step
from hiddenstate.lens.opened import opened
from hiddenstate.lens.passes import Pass
from hiddenstate.lens.pieces import DIRECTIONS
from hiddenstate.lens.reading import Reading, places_of, reading_of
from hiddenstate.lens.view import Named, Tick

ORIGINS = ("both", "last", "loss")
EXAMPLES = 256  # of a run's own; of more as many are taken


@dataclass(frozen=True)
class Back:
    """The way back from one origin through one network: norms, and how they fade in each of its parts."""

    network: str
    origin: str
    norms: Norms
    fading: Mapping[tuple[int, int, str], Fading]

    @property
    def main(self) -> tuple[int, int, str]:
        """The layer and direction that changes it most, all of its states together."""
        state = self.norms.states[-1]
        return worst({key: found for key, found in self.fading.items() if key[2] == state})


def gradient(
    subject: Any = None,
    given: Any = None,
    label: Any = None,
    *,
    origin: str | None = None,
    examples: int = EXAMPLES,
    seed: int = 0,
    **fresh: Any,
) -> GradientView:
    """The norm of the gradient by every state at every step, on its way back through time.

    `subject` is a run, a layer, a model that is laid open, a `Fresh` network or several; or leave it out and
    name cell=, hidden=, steps=, batch=, features=, layers=, bidirectional=, initialisation=, activation= of
    networks not trained yet (several cells, initialisations, activations in a list). `given` is a text, a
    list of texts, a Path of a data file or vectors [T, F] or [T, N, F]; without it a run's own examples are
    read. `origin` is where the gradient sets out: "last" from the last output alone (the Jacobian dh_T/dh_t),
    "loss" from the cross-entropy of the run's answer with `label` (without one: the label of the example, or
    the predicted one), "both". Raises InvalidArgument, Unsupported or DataError for what cannot be read.

    >>> view = gradient(cell="rnn", initialisation="orthogonal", hidden=8, steps=20, batch=4, features=3)
    >>> view.facts["word"], view.arrays["last"].axes
    ('vanishing', ('layer', 'direction', 'state', 'quantile', 'distance'))
    """
    if origin is not None and origin not in ORIGINS:
        raise InvalidArgument(f"unknown origin {origin!r}: {nearest(origin, ORIGINS)}")
    if subject is None:
        subject = networks(**{"seed": seed, **fresh})
    elif fresh:
        name = next(iter(fresh))
        raise InvalidArgument(f"{name} is said of a network not trained yet; give a run or layer, or {name}")
    if isinstance(subject, Fresh):
        subject = [subject]
    if isinstance(subject, list | tuple):
        if not subject or not all(isinstance(each, Fresh) for each in subject):
            raise InvalidArgument("expected a run, a layer, or a list of Fresh networks")
        return _of_fresh(comparable(subject), given, label, origin)
    return _of_one(subject, given, label, origin, examples, seed)


def _of_fresh(subjects: Sequence[Fresh], given: Any, label: Any, origin: str | None) -> GradientView:
    if given is not None or label is not None:
        raise InvalidArgument("networks not trained yet read random sequences; leave text and label out")
    if origin in ("loss", "both"):
        raise Unsupported(
            f"origin {origin!r} needs a trained answer, and a network not trained yet has none; take 'last'"
        )
    ways, steps = [], {}
    subjects, left_out = _possible(subjects)
    for each in subjects:
        stack, sequences = each.stack(), each.sequences()
        name = each.name
        ways.append(_back(name, "last", stack, sequences, from_last(stack, len(sequences), each.seed)))
        steps[name] = one_step(stack, sequences, each.seed)
    first = subjects[0]
    what = f"{first.batch} random sequences of {first.steps:,} steps"
    title = f"Gradient through time before training: {', '.join(each.name for each in subjects)}"
    if len(subjects) > 4:
        title = f"Gradient through time of {len(subjects)} networks before training"
    facts: dict[str, Any] = {"hidden": first.hidden, "features": first.features, "layers": first.layers}
    facts |= {"left_out": left_out} if left_out else {}
    return _view(title, what, ways, steps, {**facts, "sequences": first.batch, "seed": first.seed})


def _possible(subjects: Sequence[Fresh]) -> tuple[list[Fresh], list[str]]:
    """Leave out the networks that cannot begin as asked for, and why; raises Unsupported where all are."""
    possible, why = [], dict[str, Unsupported]()
    for each in subjects:
        try:
            replace(each, hidden=1, features=1, layers=1).stack()
        except Unsupported as error:
            why[str(error)] = error
        else:
            possible.append(each)
    if not possible:
        raise next(iter(why.values()))
    return possible, list(why)


def _of_one(
    subject: Any, given: Any, label: Any, origin: str | None, examples: int, seed: int
) -> GradientView:
    inside = opened(subject)
    if origin in ("loss", "both") and inside.head is None:
        raise Unsupported(
            f"origin {origin!r} needs a head that answers from the layer, and there is none; take 'last'"
        )
    reading = reading_of(inside, given, label, examples)
    wanted = origin or ("both" if inside.head is not None else "last")
    name, stack, ways = _name_of(subject), inside.stack, []
    facts: dict[str, Any] = {}
    if wanted in ("last", "both"):
        begin = from_last(stack, len(reading.sequences), seed)
        ways.append(_back(name, "last", stack, reading.sequences, begin))
    if inside.head is not None:
        answers, said_of = _answers(inside, reading)
        facts["label"] = said_of
        if wanted in ("loss", "both"):
            begin = from_loss(inside.head, answers)
            ways.append(_back(name, "loss", stack, reading.sequences, begin))
    elif label is not None:
        raise InvalidArgument(
            "a label is said of a run that answers, and this layer has no head; leave it out"
        )
    facts |= {"sequences": len(reading.sequences), "seed": seed}
    if reading.words is not None:
        facts["words"] = list(reading.words)
    steps = {name: one_step(stack, reading.sequences, seed)}
    return _view(f"Gradient through time of {name}: {reading.what}", reading.what, ways, steps, facts)


def _name_of(subject: Any) -> str:
    if isinstance(subject, str | Path):
        return Path(subject).absolute().name
    stack = opened(subject).stack
    return f"{stack.cell.name} with {stack.output_width // (2 if stack.bidirectional else 1)} units"


def _answers(inside: Any, reading: Reading) -> tuple[np.ndarray, str]:
    """The place of each sequence's label, and in words what they are: given, or predicted."""
    places = places_of(reading.labels, inside.head.labels)
    missing = [each for each, place in enumerate(places) if place is None]
    for each in missing:
        run = Pass(inside.stack, np.asarray(reading.sequences[each])[:, None])
        places[each] = int(inside.head.scores(run.output, run.lengths)[0].argmax())
    if len(places) == 1:
        return np.array(places), f"{inside.head.labels[places[0]]}{' (predicted)' if missing else ''}"
    of = "their own" if not missing else f"{len(places) - len(missing)} their own, {len(missing)} predicted"
    return np.array(places), of if len(missing) < len(places) else "predicted"


def _back(network: str, origin: str, stack: Stack, sequences: Sequence[np.ndarray], begin: Begin) -> Back:
    norms = norms_back(stack, sequences, begin)
    values = norms.values
    found = {
        (layer, direction, state): fading(values[layer, direction, place])
        for layer in range(values.shape[0])
        for direction in range(values.shape[1])
        for place, state in enumerate(norms.states)
    }
    return Back(network, origin, norms, found)


def _view(
    title: str,
    what: str,
    ways: Sequence[Back],
    steps: Mapping[str, Mapping[tuple[int, int], OneStep]],
    facts: Mapping[str, Any],
) -> GradientView:
    """Put together what was found; the first way back gives the verdict where there is one network."""
    several = len(steps) > 1
    arrays = {f"{way.origin} {way.network}" if several else way.origin: _array(way.norms) for way in ways}
    counts = (~np.isnan(ways[0].norms.values[0, 0, 0])).sum(1)
    arrays["sequences"] = Named(counts, ("distance",), {"distance": range(len(counts))}, "sequences")
    for name, found in steps.items():
        arrays[f"step norm {name}" if several else "step norm"] = _step_norms(found)
    mains = {way.network: way for way in ways if way.origin == ways[0].origin}
    main = {name: way.fading[way.main] for name, way in mains.items()}
    one = next(iter(main.values()))
    shared = {"word": one.word, "factor": one.factor, "half_life": one.half_life} if not several else {}
    return GradientView(
        title,
        arrays,
        {
            "verdict": _verdict(main),
            **shared,
            "thresholds": one.thresholds,
            "from": said(ways[0].origin),
            "what": what,
            "main": {name: f"layer {way.main[0]}, {DIRECTIONS[way.main[1]]}" for name, way in mains.items()},
            "ways": list(_rows(ways)),
            "why": list(_why(mains, main, steps)),
            "step": [
                {"network": name, "layer": layer, "direction": DIRECTIONS[direction], **each.as_dict()}
                for name, found in steps.items()
                for (layer, direction), each in found.items()
            ],
            **facts,
        },
        _reading(ways),
    )


def _verdict(main: Mapping[str, Fading]) -> str:
    """Say how it fades, of several networks in groups."""
    if len(main) == 1:
        one = next(iter(main.values()))
        return f"{_upper(one.sentence())}." + (f" {_upper(one.pace())}." if one.factor is not None else "")
    limits = {"vanishing": f"below {100 * VANISHING:g} %", "exploding": f"above {EXPLODING:g} times"}
    parts = []
    for word in dict.fromkeys(found.word for found in main.values()):
        named = [
            f"{name} (x {found.factor:.4g} a step)" if found.factor is not None else name
            for name, found in main.items()
            if found.word == word
        ]
        limit = (
            f" ({limits[word]} of the gradient is left {_span(main):,} steps back)" if word in limits else ""
        )
        parts.append(f"{_upper(word)}{limit}: {', '.join(named)}.")
    return " ".join(parts)


def _span(main: Mapping[str, Fading]) -> int:
    return max(found.span for found in main.values())


def _array(norms: Norms) -> Named:
    values = norms.values
    found = np.stack(
        [
            quantiles(values[layer, direction, place])
            for layer, direction, place in np.ndindex(values.shape[:3])
        ]
    )
    shape = (*values.shape[:3], len(QUANTILES), values.shape[3])
    return Named(
        found.reshape(shape),
        ("layer", "direction", "state", "quantile", "distance"),
        {
            "layer": range(shape[0]),
            "direction": DIRECTIONS[: shape[1]],
            "state": norms.states,
            "quantile": QUANTILES,
            "distance": range(shape[4]),
        },
        "norm",
    )


def _step_norms(found: Mapping[tuple[int, int], OneStep]) -> Named:
    places = next(iter(found.values())).places
    layers, directions = 1 + max(layer for layer, _ in found), 1 + max(each for _, each in found)
    values = np.stack([each.norms for each in found.values()]).reshape(layers, directions, len(places))
    axes = ("layer", "direction", "sequence:step")
    ticks: tuple[Sequence[Tick], ...] = (range(layers), DIRECTIONS[:directions], places)
    labels = dict(zip(axes, ticks, strict=True))
    return Named(values, axes, labels, "largest singular value")


def _rows(ways: Sequence[Back]) -> Iterator[dict[str, Any]]:
    for way in ways:
        for (layer, direction, state), found in way.fading.items():
            place = {"layer": layer, "direction": DIRECTIONS[direction], "state": state}
            yield {"network": way.network, "origin": way.origin, **place, **found.as_dict()}


def _why(
    mains: Mapping[str, Back],
    main: Mapping[str, Fading],
    steps: Mapping[str, Mapping[tuple[int, int], OneStep]],
) -> Iterator[str]:
    """Say why a step back shrinks a gradient, with what was measured beside what can be said before."""
    for name, way in mains.items():
        step, found = steps[name][way.main[:2]], main[name]
        measured = (
            f"a measured step stretches at most x {np.median(step.norms):.3g} (median of "
            f"{len(step.norms)} steps; largest {step.norms.max():.3g})"
        )
        head = f"{name}: " if len(mains) > 1 else ""
        if step.bound is not None:
            parts = " and ".join(f"{part} = {value:.4g}" for part, value in step.bound.parts.items())
            must = "so it may vanish or explode"
            if step.bound.factor < 1 + 1e-9:
                must = "so it must vanish" if step.bound.factor < 1 - 1e-9 else "so it cannot explode"
            text = (
                f"{head}{parts} allow a factor of {step.bound.factor:.4g} a step at most, {must}; {measured}"
            )
        else:
            text = f"{head}its gates multiply the state, so the weights alone give no bound; {measured}"
        for state, share in step.kept.items():
            text += f"; its gate keeps {100 * share:.3g} % of {state} a step on average"
        actual = "" if found.factor is None else f"; the gradient went with {found.factor:.4g} a step"
        yield f"{text}{actual}."


def _reading(ways: Sequence[Back]) -> tuple[str, ...]:
    sentences = [
        "A line is the norm of the gradient by the state after a step: the median over the sequences, its "
        "band from 10 to 90 %. The axis is logarithmic: a straight line down is a fixed factor a step. Right "
        "is further back in time, from the end that each direction reads last.",
    ]
    if any(way.origin == "last" for way in ways):
        sentences.append(
            "From the last output alone: the gradient of random directions of h_T (root mean square of "
            "four), the size of the Jacobian dh_T/dh_t; all of it has gone back through time."
        )
    if any(way.norms.values.shape[1] > 1 and way.norms.values.shape[0] > 1 for way in ways):
        sentences.append(
            "Below the top layer, where a direction begins is where the other ends: its gradient grows there "
            "again, for the upper layers' other direction sets out nearby."
        )
    if any(way.origin == "loss" for way in ways):
        sentences.append(
            "From the loss, the cross-entropy of the recurrent part's answer: a head that looks at every "
            "step (max, mean, attention) reaches early steps directly, not through time."
        )
    sentences += [
        "The factor is the median slope over all pairs of steps (Theil 1950; Sen 1968). The bound, and why "
        "gradients vanish: Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural "
        "networks; Bengio, Simard and Frasconi 1994, Learning long-term dependencies with gradient descent "
        "is difficult.",
    ]
    return tuple(sentences)


def _upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
