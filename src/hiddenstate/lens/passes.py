"""A stack run over sequences in float64, and gone back through: what the views are computed from.

The way back uses the derivatives that are derived from the cell's equations. Of the way there, the states of
every step are kept, T x B x width of them; what a step computes between is computed again on the way back.
Letters: T steps, B sequences, F features, W width of the output, S derivatives taken back at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from hiddenstate.cells import Cell
from hiddenstate.derive.interpreter import Walker
from hiddenstate.derive.reference import Recurrence, unroll
from hiddenstate.errors import InvalidArgument, nearest
from hiddenstate.infer import Stack

Seeds = Mapping[int, np.ndarray]
Found = Mapping[str, np.ndarray]
Watch = Callable[[int, int, int, Found], None]
Take = Callable[[int, np.ndarray], None]


class Pass:
    """One run of a stack over x [T, B, F]; lengths [B] of 0 to T end each sequence on its own.

    `keep` names gates and states to have of every step: kept[name][layer] is [T, B, directions x width].
    `outputs` holds the output [T, B, W] of every layer. What stands in the padding is never read, and zero.
    Raises InvalidArgument for a name that the cell does not compute, and where a number is not finite.

    >>> from hiddenstate.cells import Cell, State, Vector
    >>> cell = Cell("leaky", "h = W x + u * h'", (State("h"),), vectors=(Vector("u"),))
    >>> stack = Stack(cell, 1, 1, {"weight_ih_l0": np.ones((1, 1)), "u_l0": np.array([0.5])})
    >>> Pass(stack, np.ones((3, 1, 1))).output.ravel().tolist()
    [1.0, 1.5, 1.75]
    """

    def __init__(
        self,
        stack: Stack,
        x: np.ndarray,
        lengths: Sequence[int] | np.ndarray | None = None,
        *,
        keep: Sequence[str] = (),
    ) -> None:
        x = np.asarray(x, np.float64)
        if x.ndim != 3 or x.shape[-1] != stack.input_size:
            raise InvalidArgument(f"expected x as [T, B, {stack.input_size}], came {list(x.shape)}")
        known = dict(stack.cell.assignments)
        for name in keep:
            if name not in known:
                raise InvalidArgument(
                    f"{stack.cell.name} computes nothing named {name!r}; {nearest(name, known)}"
                )
        self.stack, (T, B) = stack, x.shape[:2]
        self.lengths = np.full(B, T) if lengths is None else np.asarray(lengths, np.int64)
        refuse_infinite(np.where(_valid(T, self.lengths)[..., None], x, 0.0), "the input")
        first = [value.astype(np.float64) for value in stack.initial_state(B)]
        self._ways: list[list[_Way]] = []
        self.outputs: list[np.ndarray] = []
        for layer, pair in enumerate(stack.suffixes):
            ways = []
            for reverse, suffix in enumerate(pair):
                weights = {
                    name: value.astype(np.float64) for name, value in stack.parameters_of(suffix).items()
                }
                begin = tuple(rows[layer * len(pair) + reverse] for rows in first)
                ways.append(_Way(stack.cell, weights, x, begin, self.lengths, bool(reverse), tuple(keep)))
            self._ways.append(ways)
            x = np.concatenate([way.output for way in ways], -1)
            refuse_infinite(x, f"the output of layer {layer}")
            self.outputs.append(x)
        self.kept = {
            name: [np.concatenate([way.kept[name] for way in ways], -1) for ways in self._ways]
            for name in keep
        }

    @property
    def output(self) -> np.ndarray:
        """The output [T, B, W] of the last layer."""
        return self.outputs[-1]

    def back(
        self,
        seeds: Seeds,
        *,
        take: Take | None = None,
        watched: Sequence[str] = (),
        watch: Watch | None = None,
    ) -> None:
        """Go back through all layers, from derivatives by the output.

        `seeds` gives for some steps the derivatives by that step's output, [S, B, W], as many S at each.
        `take(step, dx)` is told those by a step of the input [S, B, F], and `watch(layer, direction, step,
        found)` those by the values `watched` (states, gates), all their ways to the output together:
        found[name] is [S, B, width]. Either may be told several parts of a step, which add up; what is never
        told is zero.
        Between layers the derivatives of all steps are held, T x S x B x W numbers.
        """
        for layer, ways in reversed(list(enumerate(self._ways))):
            below: dict[int, np.ndarray] = {}
            width = self.outputs[layer].shape[-1] // len(ways)
            for direction, way in enumerate(ways):
                part = slice(direction * width, (direction + 1) * width)
                own = {step: value[..., part] for step, value in seeds.items()}
                for step, dx, found in way.back(own, tuple(watched)):
                    if layer:
                        below[step] = below[step] + dx if step in below else dx
                    elif take is not None:
                        take(step, dx)
                    if watch is not None:
                        watch(layer, direction, step, found)
            seeds = below

    def jacobian(self, layer: int, direction: int, read: int, sequence: int = 0) -> np.ndarray:
        """The derivative [S, S] of one step by the states before it, S the widths of all states together.

        The step is the one that this direction reads as its `read`-th, 0 the first; states as the cell lists
        them, rows by what is after the step. Raises InvalidArgument where the sequence has no such step.
        """
        if not 0 <= read < self.lengths[sequence]:
            raise InvalidArgument(
                f"sequence {sequence} has {self.lengths[sequence]} steps; there is no step {read}"
            )
        width = sum(value.shape[-1] for value in self._ways[layer][direction].first)
        return self.step_back(layer, direction, read, np.eye(width)[:, None], slice(sequence, sequence + 1))[
            :, 0
        ]

    def step_back(
        self, layer: int, direction: int, read: int, seeds: np.ndarray, which: slice = slice(None)
    ) -> np.ndarray:
        """Take derivatives by all states [..., B, S] back through one step alone, of the sequences `which`.

        The step is read as the `read`-th by all of them; what is said of a step after an end is undefined.
        """
        return self._ways[layer][direction].step_back(read, seeds, which)


class _Way:
    """One layer in one direction. `order` [T, B] says which step of x is read as the t-th."""

    def __init__(
        self,
        cell: Cell,
        weights: Mapping[str, np.ndarray],
        x: np.ndarray,
        first: tuple[np.ndarray, ...],
        lengths: np.ndarray,
        reverse: bool,
        keep: tuple[str, ...],
    ) -> None:
        self.cell, self.weights, self.x, self.first, self.lengths = cell, weights, x, first, lengths
        T, B = x.shape[:2]
        self.order = np.broadcast_to(np.arange(T)[:, None], (T, B))
        if reverse:
            self.order = np.where(_valid(T, lengths), lengths - 1 - self.order, self.order)
        states = [state.name for state in cell.states]
        with np.errstate(all="ignore"):  # an overflow shows in the numbers, and is refused there
            found = unroll(
                Recurrence(cell, weights),
                x,
                first,
                lengths=None if (lengths == T).all() else lengths,
                reverse=reverse,
                keep=tuple(dict.fromkeys((*states, *keep))),
            )
        self.output, self.kept = found.output, found.kept

    def back(self, seeds: Seeds, watched: tuple[str, ...]) -> Iterator[tuple[int, np.ndarray, Found]]:
        """Give for every step that has a part in it: its number, the derivatives by x, and those watched."""
        if not seeds:
            return
        walker = Walker(self.cell, self.weights, watched)
        steps = np.isin(self.order, list(seeds)) & _valid(len(self.order), self.lengths)
        B, last = self.x.shape[1], int(np.flatnonzero(steps.any(1)).max(initial=-1))
        lead = next(iter(seeds.values())).shape[:-2]
        nothing = np.zeros((*lead, B, self.output.shape[-1]))
        carried = tuple(np.zeros((*lead, B, value.shape[-1])) for value in self.first)
        for read in reversed(range(last + 1)):
            active = read < self.lengths
            with np.errstate(all="ignore"):  # in the padding, of which nothing is taken
                buffers = walker.step(self._at(self.x, read, active), self._before(read))
                given = sum(
                    (self._only(seeds[step], here) for step, here in self._steps(read, seeds)), nothing
                )
                found = walker.back(buffers, given, carried)
            carried = tuple(
                np.where(active[:, None], new, old)
                for new, old in zip(walker.previous(found), carried, strict=True)
            )
            totals = {name: found[f"total:{name}"] for name in watched}
            for step, here in self._steps(read):
                yield (
                    step,
                    self._only(found["back:x"], here),
                    {name: self._only(value, here) for name, value in totals.items()},
                )

    def step_back(self, read: int, seeds: np.ndarray, which: slice) -> np.ndarray:
        """Derivatives by the states before a step [..., B, S], from those by the states after it."""
        walker = Walker(self.cell, self.weights)
        before = tuple(value[which] for value in self._before(read))
        ends = np.cumsum([value.shape[-1] for value in before])[:-1]
        row = self._at(self.x, read, read < self.lengths)[which]
        with np.errstate(all="ignore"):  # a state may begin at minus infinity
            buffers = walker.step(row, before)
            nothing = np.zeros((*seeds.shape[:-1], self.output.shape[-1]))
            back = walker.previous(walker.back(buffers, nothing, np.split(seeds, ends, -1)))
        return np.concatenate(back, -1)

    def _steps(self, read: int, among: Seeds | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """Which steps of x are the ones read now, and of which sequences [B]."""
        order, active = self.order[read], read < self.lengths
        for step in np.unique(order[active]).tolist():
            if among is None or step in among:
                yield step, (order == step) & active

    def _only(self, value: np.ndarray, here: np.ndarray) -> np.ndarray:
        return value if here.all() else np.where(here[:, None], value, 0.0)

    def _at(self, values: np.ndarray, read: int, active: np.ndarray) -> np.ndarray:
        return np.where(active[:, None], values[self.order[read], np.arange(values.shape[1])], 0.0)

    def _before(self, read: int) -> tuple[np.ndarray, ...]:
        """The states [B, width] before the step that is read as the given one."""
        if read == 0:
            return self.first
        active = read - 1 < self.lengths
        return tuple(self._at(self.kept[state.name], read - 1, active) for state in self.cell.states)


def refuse_infinite(values: np.ndarray, what: str, first: int = 0) -> None:
    """Raise InvalidArgument where not all numbers [T, ...] are finite, naming the first step that has one.

    `first` is the number of the first step given.
    """
    if np.isfinite(values).all():
        return
    step = first + int(np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(1))[0])
    raise InvalidArgument(
        f"{what} is not finite at step {step}, so nothing can be told of it: weights or "
        "input hold NaN or infinity, or have grown past what a number can hold; train again with a smaller "
        "learning rate, or look at the data"
    )


def _valid(T: int, lengths: np.ndarray) -> np.ndarray:
    return np.arange(T)[:, None] < lengths
