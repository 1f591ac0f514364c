"""What do the gates do? Every gate and state over the steps, saturation, and the spans that follow from it.

Letters: T steps, W units, L layers, D directions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hiddenstate.cells.equation import text as written
from hiddenstate.derive.gates import gates as gates_of
from hiddenstate.errors import InvalidArgument
from hiddenstate.infer import Inside
from hiddenstate.lens.opened import Sequence as Read
from hiddenstate.lens.opened import opened, sequence_of
from hiddenstate.lens.pieces import DIRECTIONS, Piece, Place, pieces, places
from hiddenstate.lens.tally import LEFT, RIGHT, Strongest, Tally, factors_of, tallied, to_keep
from hiddenstate.lens.texts import Data, Texts, batches, part_read, texts_of
from hiddenstate.lens.view import Named, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_STEPS = 500  # each shown for itself; of a longer sequence the means of neighbours
MOST_TEXTS = 2000  # that saturation and spans are counted over
WORDS = 4  # that clear or write a unit, named
READING = (
    "A gate lies between 0 (shut) and 1 (open); a state is what the cell carries from step to step. "
    "Where units stand one above the other, those with the longest span are on top.",
    f"Saturated left is the share of steps at which a unit's gate is below {LEFT}, saturated right above "
    f"{RIGHT} (Karpathy, Johnson and Li 2015, Visualizing and understanding recurrent networks). A forget "
    "gate that is open nearly always keeps, one that is shut nearly always clears at every step.",
    "A state that is multiplied by f at every step is down to 1/e of itself after -1/log f steps: the span, "
    "with f as the geometric mean over the steps (Tallec and Ollivier 2018, Can recurrent neural networks "
    "warp time?). What goes round through a matrix, from unit to unit, is not in it.",
)


@dataclass(frozen=True, eq=False)
class GatesView(View):
    """Gates and states [layer, direction, step, unit], saturation and spans [layer, direction, unit].

    Of a gate f, `f.left` and `f.right` are the shares of steps at which it is saturated; of a state c,
    `c.span` is the memory span of each unit in steps, infinite where nothing fades.
    """

    name: ClassVar[str] = "gates"

    def draw(self, figure: Figure) -> None:
        """Draw heat maps above, saturation and spans below."""
        from hiddenstate.lens.drawing.gates import draw

        draw(self, figure)


def gates(
    subject: Any,
    given: Any,
    *,
    layer: int | None = None,
    direction: str | None = None,
    data: Data = None,
    units: int | Sequence[int] = 5,
    whole: bool = False,
) -> GatesView:
    """Show what the gates do while a text, or x [T, F], is read, and how far they let each unit remember.

    Saturation and spans are counted over the run's own examples, or the texts of `data`; without any, over
    the text alone. Of so many `units` that remember longest, or of those listed, the words are told that
    clear and write them. Over 500 steps the values of neighbours are averaged, unless `whole`. Raises
    InvalidArgument for a layer, direction or unit that there is not, and where there is nothing to read.
    """
    inside = opened(subject)
    asked = _asked(units)
    chosen, read = places(inside.stack, layer, direction), sequence_of(inside, given)
    texts, factors = texts_of(inside, data, MOST_TEXTS), factors_of(inside.stack)
    maps, tallies = _Maps(chosen, len(read.x), whole), {place: Tally() for place in chosen}
    for piece in pieces(inside.stack, read.x[:, None], keep=to_keep(inside.stack)):
        if (place := (piece.layer, piece.direction)) in chosen:
            maps.add(piece)
            if not texts.examples:
                tallies[place].add(piece, factors, np.zeros(1, int))
    if texts.examples:
        counted = tallied(
            inside.stack, ((each.numbers, each.x, each.lengths) for each in batches(inside, texts))
        )
        tallies = {place: counted[place] for place in chosen}
    found = _Found(inside, read, texts, maps, tallies)
    arrays = found.arrays()
    facts = {**found.facts(arrays, asked), **part_read(given, read.names)}
    return GatesView(_title(inside, given), arrays, facts, READING)


def _title(inside: Inside, given: Any) -> str:
    what = " ".join(given.split()) if isinstance(given, str) else "its input"
    what = f'"{what[:60]}…"' if len(what) > 61 else f'"{what}"' if isinstance(given, str) else what
    return f"Gates and states of the {inside.stack.cell.name} over {what}"


def _asked(units: Any) -> int | list[int]:
    """How many units to tell of, or which; raises InvalidArgument for anything else."""
    listed = list(units) if isinstance(units, list | tuple | range) else [units]
    least = 0 if isinstance(units, list | tuple | range) else 1
    if not listed or any(isinstance(n, bool) or not isinstance(n, int) or n < least for n in listed):
        raise InvalidArgument(
            "expected how many units to tell of, at least 1, or a list of their numbers counted from 0, came "
            f"{units!r}"
        )
    return units if isinstance(units, int) else listed


class _Maps:
    """Values of every step [layer, direction, step, unit], or the means of so many steps."""

    def __init__(self, chosen: Sequence[Place], T: int, whole: bool) -> None:
        self.every = 1 if whole else -(-T // MOST_STEPS)
        self.layers = sorted({layer for layer, _ in chosen})
        self.ways = sorted({way for _, way in chosen})
        self.steps, self.values = T, dict[str, np.ndarray]()
        self.bins = -(-T // self.every)

    def add(self, piece: Piece) -> None:
        """Add the values of some steps."""
        places = piece.steps[:, 0] // self.every
        for name, value in piece.values.items():
            if name not in self.values:
                shape = (len(self.layers), len(self.ways), self.bins, value.shape[-1])
                self.values[name] = np.zeros(shape)
            at = self.values[name][self.layers.index(piece.layer), self.ways.index(piece.direction)]
            np.add.at(at, places, value[:, 0])

    def mean(self, name: str) -> np.ndarray:
        """The values of a name; the last mean may be over fewer steps."""
        counts = np.full(self.bins, self.every)
        counts[-1] = self.steps - (self.bins - 1) * self.every
        return self.values[name] / counts[:, None]

    def ticks(self, words: Sequence[str]) -> list[str | int]:
        """What each step is called: its word, or its number, or from where to where."""
        if self.every == 1:
            return [int(word) if word == str(place) else word for place, word in enumerate(words)]
        starts = range(1, self.steps + 1, self.every)
        return [f"{start}-{min(start + self.every - 1, self.steps)}" for start in starts]


@dataclass(frozen=True)
class _Found:
    """What was found, to be put into a view."""

    inside: Inside
    read: Read
    texts: Texts
    maps: _Maps
    tallies: Mapping[Place, Tally]

    def arrays(self) -> dict[str, Named]:
        """Gates and states of each step, saturation and spans of each unit."""
        cell, found = self.inside.stack.cell, {}
        gates, states = gates_of(cell), [state.name for state in cell.states]
        ticks = self.maps.ticks(self.read.names)
        for name in (*gates, *states):
            values = self.maps.mean(name)
            labels = {**self.beside, "step": ticks, "unit": range(values.shape[-1])}
            found[name] = Named(values, tuple(labels), labels, "gate" if name in gates else "state")
        for name in gates:
            for side in ("left", "right"):
                shares = [getattr(tally, side)[name] / tally.steps for tally in self.tallies.values()]
                found[f"{name}.{side}"] = self._by_unit(shares, "share of steps")
        for name in factors_of(self.inside.stack):
            spans = [tally.spans(name) for tally in self.tallies.values()]
            found[f"{name}.span"] = self._by_unit(spans, "steps")
        return found

    @property
    def beside(self) -> dict[str, list[Any]]:
        """The ticks of layers and directions."""
        return {"layer": self.maps.layers, "direction": [DIRECTIONS[way] for way in self.maps.ways]}

    def _by_unit(self, rows: Sequence[np.ndarray], unit: str) -> Named:
        values = np.stack(rows).reshape(len(self.maps.layers), len(self.maps.ways), -1)
        labels = {**self.beside, "unit": range(values.shape[-1])}
        return Named(values, tuple(labels), labels, unit)

    def facts(self, arrays: Mapping[str, Named], asked: int | list[int]) -> dict[str, Any]:
        """What a view says beside its numbers."""
        cell, factors = self.inside.stack.cell, factors_of(self.inside.stack)
        memory = next(iter(factors), None)
        found: dict[str, Any] = {
            "cell": cell.name,
            "steps": len(self.read.names),
            "steps_in_a_bin": self.maps.every,
            "gates": list(gates_of(cell)),
            "states": [state.name for state in cell.states],
            "counted_over": str(self.texts) if self.texts.examples else f"this text alone ({self.texts})",
            "counted_steps": next(iter(self.tallies.values())).steps,
            "saturated": {
                name: {side: float(arrays[f"{name}.{side}"].values.mean()) for side in ("left", "right")}
                for name in gates_of(cell)
            },
            "carried": {name: written(root) for name, root in factors.items()},
        }
        if memory is None and isinstance(asked, list):
            raise InvalidArgument(f"nothing can be told of single units: {_no_span(cell.name)}")
        if memory is None:
            return {**found, "span": None, "units": [], "note": _no_span(cell.name)}
        spans = arrays[f"{memory}.span"].values
        shortest, median, longest = np.quantile(spans, (0, 0.5, 1), method="nearest")
        at = {"shortest": shortest, "median": median, "longest": longest}
        found["units_chosen"] = "longest span" if isinstance(asked, int) else "asked for"
        found["span"] = {"state": memory, **at, "without_end": int(np.isinf(spans).sum())}
        chosen = _largest(spans, asked) if isinstance(asked, int) else _listed(spans, asked)
        return {**found, "units": [self._unit(memory, *each) for each in chosen]}

    def _unit(self, memory: str, layer: int, way: int, unit: int) -> dict[str, Any]:
        """One unit: its span, and the words that clear it and write it."""
        place = (self.maps.layers[layer], self.maps.ways[way])
        tally = self.tallies[place]
        return {
            "layer": place[0],
            "direction": DIRECTIONS[place[1]],
            "unit": unit,
            "span": float(tally.spans(memory)[unit]),
            "cleared_by": self._words(tally.cleared[memory], unit, "factor"),
            "written_by": self._words(tally.written[memory], unit, "change"),
        }

    def _words(self, found: Strongest, unit: int, what: str) -> list[dict[str, Any]]:
        """The strongest steps, one for each word."""
        told: dict[str, dict[str, Any]] = {}
        for value, number, step in zip(
            found.values[:, unit], found.texts[:, unit], found.steps[:, unit], strict=True
        ):
            words, text = self.read.names, None
            if self.texts.examples and self.inside.read is not None:
                text = self.texts.examples[number].text
                words, _ = self.inside.read(text)
            told.setdefault(words[step].casefold(), {"word": words[step], what: float(value), "text": text})
            if len(told) == WORDS:
                break
        return list(told.values())


def _largest(spans: np.ndarray, top: int) -> list[tuple[int, ...]]:
    order = np.argsort(-spans, axis=None, kind="stable")[:top]
    return [tuple(int(i) for i in np.unravel_index(place, spans.shape)) for place in order]


def _listed(spans: np.ndarray, units: Sequence[int]) -> list[tuple[int, ...]]:
    for unit in units:
        if unit >= spans.shape[-1]:
            raise InvalidArgument(
                f"there is no unit {unit}: the units are counted from 0, here 0 to {spans.shape[-1] - 1}"
            )
    return [(*place, unit) for place in np.ndindex(spans.shape[:-1]) for unit in units]


def _no_span(cell: str) -> str:
    return (
        f"no state of {cell} is carried over by a factor of its own: what stays goes round through a matrix, "
        "so no span follows from the equations; how far it reaches in fact, `lens gradient` measures"
    )
