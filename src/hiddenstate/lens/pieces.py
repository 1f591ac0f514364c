"""A stack run over sequences piece by piece: what its cell computes, a few hundred steps at a time.

Between layers the outputs are held, T x B x W numbers; gates and states only of the piece at hand.
Letters: T steps, n of them in a piece, B sequences, F features, W width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.cells.equation import Expr, node, walk
from hiddenstate.derive.reference import NUMPY, Recurrence, unroll
from hiddenstate.errors import InvalidArgument, nearest
from hiddenstate.infer import Stack
from hiddenstate.lens.passes import refuse_infinite

STEPS = 256  # of a piece
DIRECTIONS = ("forward", "backward")
Place = tuple[int, int]  # a layer and a direction, both counted from 0


@dataclass(frozen=True)
class Piece:
    """What a layer computes in one direction over some steps, in the order in which it reads them.

    `steps` [n, B] says which step of x each is, `valid` [n, B] whether the sequence is that long; `x`
    [n, B, F] is what the layer reads. `values` [n, B, W] are those kept, `before` the states [n, B, W] that
    each step began with.
    """

    layer: int
    direction: int
    steps: np.ndarray
    valid: np.ndarray
    x: np.ndarray
    values: Mapping[str, np.ndarray]
    before: Mapping[str, np.ndarray]
    recurrence: Recurrence

    def evaluated(self, root: Expr) -> np.ndarray:
        """The value [n, B, W] of an expression over what is kept, x and the states before."""
        known: dict[Expr, np.ndarray | float] = {node("symbol", name="x"): self.x, **self.recurrence.leaves}
        known |= {node("symbol", name=name): value for name, value in self.values.items()}
        known |= {node("previous", name=name): value for name, value in self.before.items()}
        for n in walk(root):
            if n in known:
                continue
            args = [known[arg] for arg in n.args]
            if n.op == "const":
                known[n] = n.value
            elif n.op == "vector":
                known[n] = self.recurrence.parameters.values[n.name]
            elif n.op == "matmul":
                letter, _, label = n.name.partition("_")
                first = self.recurrence.cell.labels[letter].index(label)
                known[n] = self.recurrence.parameters.product(NUMPY, letter, first, 1, args[0])[0]
            elif n.op == "norm":
                known[n] = NUMPY.norm(args[0])
            else:
                known[n] = (NUMPY.functions[n.name] if n.op == "call" else NUMPY.primitives[n.op])(*args)
        return np.asarray(known[root], np.float64)


def pieces(
    stack: Stack, x: np.ndarray, lengths: np.ndarray | None = None, *, keep: Sequence[str] = ()
) -> Iterator[Piece]:
    """Run a stack over x [T, B, F] in float64, layer by layer and direction by direction.

    `lengths` [B] of 0 to T end each sequence. States and output are always among what is kept, and zero in
    the padding. Raises InvalidArgument where a number is not finite.
    """
    (T, B), cell = x.shape[:2], stack.cell
    lengths = np.full(B, T) if lengths is None else np.asarray(lengths)
    valid, counter = np.arange(T)[:, None] < lengths, np.arange(T)[:, None]
    x = np.where(valid[..., None], x.astype(np.float64), 0.0)
    refuse_infinite(x, "the input")
    first = [value.astype(np.float64) for value in stack.initial_state(B)]
    names = tuple(dict.fromkeys((cell.output, *(state.name for state in cell.states), *keep)))
    for layer, pair in enumerate(stack.suffixes):
        outputs = []
        for direction, suffix in enumerate(pair):
            weights = {name: value.astype(np.float64) for name, value in stack.parameters_of(suffix).items()}
            order = np.where(valid, lengths - 1 - counter, counter) if direction else counter + 0 * lengths
            begin = tuple(rows[layer * len(pair) + direction] for rows in first)
            recurrence = Recurrence(cell, weights)
            output = np.zeros((T, B, recurrence.width(cell.output)))
            for piece in _along((layer, direction), recurrence, x, begin, (order, valid), names):
                output[piece.steps, np.arange(B)] = piece.values[cell.output]
                yield piece
            outputs.append(output)
        x = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, -1)


def _along(
    place: Place,
    recurrence: Recurrence,
    x: np.ndarray,
    states: tuple[np.ndarray, ...],
    read: tuple[np.ndarray, np.ndarray],
    names: Sequence[str],
) -> Iterator[Piece]:
    """Go along one layer in one direction; `read` [T, B] are the steps in order, and which there are."""
    columns, named = np.arange(x.shape[1]), [state.name for state in recurrence.cell.states]
    for start in range(0, len(x), STEPS):
        steps, valid = (rows[start : start + STEPS] for rows in read)
        here = x[steps, columns]
        with np.errstate(all="ignore"):  # an overflow shows in the numbers, and is refused there
            found = unroll(
                recurrence, here, states, lengths=None if valid.all() else valid.sum(0), keep=names
            )
        for name in names:
            if name in named or name == recurrence.cell.output:
                _refuse(found.kept[name], steps, f"{name} of layer {place[0]}")
        before = {
            name: np.concatenate([old[None], found.kept[name][:-1]])
            for name, old in zip(named, states, strict=True)
        }
        yield Piece(*place, steps, valid, here, found.kept, before, recurrence)
        states = found.states


def _refuse(values: np.ndarray, steps: np.ndarray, what: str) -> None:
    """Raise InvalidArgument where a number is not finite, naming its step of x."""
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values).all(-1))[0]
        placed = np.zeros((int(steps[row, column]) + 1, 1))
        placed[-1] = np.nan
        refuse_infinite(placed, what)


def places(stack: Stack, layer: int | None, direction: str | None) -> list[Place]:
    """The layers and directions that are chosen; None chooses all. Raises InvalidArgument for others.

    >>> from hiddenstate.cells import CELLS
    >>> shapes = {"weight_ih_l0": (1, 1), "weight_hh_l0": (1, 1)}
    >>> places(Stack(CELLS["rnn"], 1, 1, {name: np.zeros(shape) for name, shape in shapes.items()}), 0, None)
    [(0, 0)]
    """
    count = stack.num_layers
    if layer is not None and (isinstance(layer, bool) or layer not in range(count)):
        there = "0 alone" if count == 1 else f"0 to {count - 1}"
        raise InvalidArgument(f"there is no layer {layer!r}: the layers are counted from 0, here {there}")
    if direction is not None and direction not in DIRECTIONS:
        raise InvalidArgument(f"there is no direction {direction!r}; {nearest(str(direction), DIRECTIONS)}")
    if direction == "backward" and not stack.bidirectional:
        raise InvalidArgument("nothing reads backward here: the stack has the direction forward alone")
    layers = range(count) if layer is None else (layer,)
    ways = range(1 + stack.bidirectional) if direction is None else (DIRECTIONS.index(direction),)
    return [(each, way) for each in layers for way in ways]
