"""The slow, plain evaluation of a cell: NumPy in float64 is the truth, torch is the differentiable path.

One loop serves both; `Arrays` names the dozen array functions in which they differ.
Letters: T steps, B sequences, F features, H hidden units, P projected units.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.elementwise import FUNCTIONS
from hiddenstate.cells.equation import Expr, node, walk
from hiddenstate.cells.parts import Product
from hiddenstate.errors import InvalidArgument, nearest

NORM_EPSILON = 1e-5
Array = Any  # a NumPy array or a torch tensor; the two never meet in one call


@dataclass(frozen=True)
class Arrays:
    """The functions in which NumPy and torch differ."""

    primitives: Mapping[str, Callable[..., Array]]
    functions: Mapping[str, Callable[..., Array]]
    linear: Callable[[Array, Array, Array | None], Array]
    norm: Callable[[Array], Array]
    where: Callable[[Array, Array, Array], Array]
    stack: Callable[[Sequence[Array]], Array]
    full: Callable[[Array, tuple[int, ...], float], Array]
    take: Callable[[Array, Array], Array]
    split: Callable[[Array, int], Sequence[Array]]
    counter: Callable[[Array, int], Array]


def _numpy_norm(x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + NORM_EPSILON)


NUMPY = Arrays(
    primitives={
        "add": operator.add,
        "sub": operator.sub,
        "mul": operator.mul,
        "div": operator.truediv,
        "max": np.maximum,
        "select": lambda mask, a, b: np.where(np.asarray(mask) > 0, a, b),
        "exp": np.exp,
        "log": np.log,
    },
    functions={name: row.definition for name, row in FUNCTIONS.items()},
    linear=lambda x, weight, bias: x @ weight.T if bias is None else x @ weight.T + bias,
    norm=_numpy_norm,
    where=np.where,
    stack=np.stack,
    full=lambda like, shape, value: np.full(shape, value, dtype=like.dtype),
    take=lambda x, order: x[order, np.arange(x.shape[1])],
    split=lambda x, blocks: np.split(x, blocks, axis=-1),
    counter=lambda like, steps: np.arange(steps),
)


@cache
def torch_arrays() -> Arrays:
    """The same functions in torch, which is imported only when they are asked for."""
    import torch
    from torch.nn import functional

    def maximum(a: Array, b: Array) -> Array:
        if isinstance(a, float) or isinstance(b, float):
            tensor, floor = (b, a) if isinstance(a, float) else (a, b)
            return torch.clamp(tensor, min=floor)
        return torch.maximum(a, b)

    def select(mask: Array, a: Array, b: Array) -> Array:
        if isinstance(mask, float):  # a mask's mean
            return a if mask > 0 else b
        if isinstance(a, float) and isinstance(b, float):
            a = mask.new_full((), a)  # two floats would make a tensor of the default precision
        return torch.where(mask > 0, a, b)

    return Arrays(
        primitives={
            **NUMPY.primitives,
            "max": maximum,
            "select": select,
            "exp": torch.exp,
            "log": torch.log,
        },
        functions={
            "sigmoid": torch.sigmoid,
            "tanh": torch.tanh,
            "relu": torch.relu,
            "leaky_relu": functional.leaky_relu,
            "elu": functional.elu,
            "softplus": lambda x: torch.logaddexp(x, torch.zeros_like(x)),  # F.softplus turns linear at 20
            "softsign": functional.softsign,
            "hard_sigmoid": lambda x, alpha, beta: torch.clamp(alpha * x + beta, 0, 1),
            "silu": functional.silu,
            "gelu": functional.gelu,
            "normal_cdf": torch.special.ndtr,
            "identity": lambda x: x,
            "sin": torch.sin,
            "cos": torch.cos,
            "affine": lambda x, alpha, beta: alpha * x + beta,
            "thresholded_relu": lambda x, alpha: torch.where(x > alpha, x, 0.0),
            "scaled_tanh": lambda x, alpha, beta: alpha * torch.tanh(beta * x),
        },
        linear=functional.linear,
        norm=lambda x: functional.layer_norm(x, x.shape[-1:], eps=NORM_EPSILON),
        where=torch.where,
        stack=lambda values: torch.stack(tuple(values)),
        full=lambda like, shape, value: like.new_full(shape, value),
        take=lambda x, order: x[order, torch.arange(x.shape[1], device=x.device)],
        split=lambda x, blocks: x.chunk(blocks, -1),
        counter=lambda like, steps: torch.arange(steps, device=like.device),
    )


@dataclass(frozen=True)
class Parameters:
    """The learned values of one layer and direction, named as in `Cell.parameter_shapes`."""

    cell: Cell
    values: Mapping[str, Array]

    def product(
        self, arrays: Arrays, letter: str, first: int, blocks: int, operand: Array
    ) -> Sequence[Array]:
        """The products of neighbouring blocks of one stacked matrix with one operand."""
        matrix = self.cell.matrix(letter)
        weight, bias = self.values[matrix.weight], self.values.get(matrix.bias)
        rows = weight.shape[0] // len(self.cell.labels[letter])
        part = slice(first * rows, (first + blocks) * rows)
        whole = blocks == len(self.cell.labels[letter])
        if not whole:
            weight, bias = weight[part], None if bias is None else bias[part]
        return arrays.split(arrays.linear(operand, weight, bias), blocks)


@dataclass(frozen=True)
class _Action:
    """One thing to do in a step: a product of several blocks, one node, or giving a node its name."""

    node: Expr
    product: Product | None = None
    name: str = ""


@cache
def _fixed_leaves(cell: Cell) -> tuple[Expr, ...]:
    """The constants and parameter vectors of a cell."""
    nodes = walk(*(root for _, root in cell.assignments))
    return tuple(n for n in nodes if n.op in ("const", "vector"))


def _reads_input(product: Product) -> bool:
    return product.operand.op == "symbol" and product.operand.name == "x"


@cache
def _plan(cell: Cell) -> tuple[_Action, ...]:
    """What a step does, in order, once the products of the input are there."""
    done: set[Expr] = set()
    actions = []
    leaves = ("const", "previous", "vector", "mask", "matmul", "symbol")
    for stage in cell.stages:
        actions += [
            _Action(product.operand, product=product)
            for product in stage.products
            if not _reads_input(product)
        ]
        for name, root in stage.assignments:
            fresh = [n for n in walk(root) if n.op not in leaves and n not in done]
            done.update(fresh)
            actions += [_Action(n) for n in fresh]
            actions.append(_Action(root, name=name))
    return tuple(actions)


@dataclass(frozen=True)
class Step:
    """What one step computed: every named value, and the next states in the cell's order."""

    values: Mapping[str, Array]
    states: tuple[Array, ...]
    output: Array


class Recurrence:
    """A cell with its parameters, ready to step: leaves that never change are looked up once."""

    def __init__(
        self,
        cell: Cell,
        values: Mapping[str, Array],
        masks: Mapping[str, Array] | None = None,
        arrays: Arrays = NUMPY,
    ) -> None:
        self.cell, self.arrays, self.parameters = cell, arrays, Parameters(cell, values)
        self.previous = tuple(node("previous", name=state.name) for state in cell.states)
        self.symbols = {name: node("symbol", name=name) for name, _ in cell.assignments}
        self.leaves: dict[Expr, Array] = {
            n: n.value if n.op == "const" else values[n.name] for n in _fixed_leaves(cell)
        }
        for mask in cell.masks:  # a mask that is not drawn reads as its mean
            given = None if masks is None else masks[mask.name]
            mean = 1.0 if mask.scaled else 1.0 - mask.rate
            self.leaves[node("mask", name=mask.name)] = mean if given is None else given

    def width(self, name: str) -> int:
        """How many units a named value has."""
        letter, values = self.cell.width_of(node("symbol", name=name)), self.parameters.values
        for matrix in self.cell.matrices:
            if matrix.width == letter:
                return values[matrix.weight].shape[0] // len(self.cell.labels[matrix.letter])
        for vector in self.cell.vectors:
            if vector.width == letter:
                return values[vector.name].shape[0]
        raise InvalidArgument(f"{self.cell.name}: {name!r} has no units of its own, so it cannot be kept")

    def input_products(self, x: Array) -> dict[Expr, Array]:
        """Every product that reads only the input: for one step, or for all steps at once."""
        found: dict[Expr, Array] = {}
        for stage in self.cell.stages:
            for product in filter(_reads_input, stage.products):
                found.update(self._blocks(product, x))
        return found

    def _blocks(self, product: Product, operand: Array) -> Iterator[tuple[Expr, Array]]:
        nodes = product.nodes()
        blocks = self.parameters.product(self.arrays, product.letter, product.first, len(nodes), operand)
        return zip(nodes, blocks, strict=True)

    def step(
        self, inputs: Mapping[Expr, Array], states: Sequence[Array], masks: Mapping[Expr, Array] | None = None
    ) -> Step:
        """One step: from the products of the input and the previous states to the next states."""
        cell = self.cell
        env: dict[Expr, Array] = {**self.leaves, **inputs, **(masks or {})}
        env.update(zip(self.previous, states, strict=True))
        named: dict[str, Array] = {}
        for action in _plan(cell):
            if action.product is not None:
                env.update(self._blocks(action.product, env[action.node]))
            elif action.name:
                named[action.name] = env[self.symbols[action.name]] = env[action.node]
            else:
                env[action.node] = self._apply(action.node, env)
        return Step(named, tuple(named[state.name] for state in cell.states), named[cell.output])

    def _apply(self, n: Expr, env: Mapping[Expr, Array]) -> Array:
        args = [env[arg] for arg in n.args]
        if n.op == "norm":
            return self.arrays.norm(args[0])
        table = self.arrays.functions if n.op == "call" else self.arrays.primitives
        return table[n.name if n.op == "call" else n.op](*args)


def first_states(cell: Cell, like: Array, H: int, P: int, arrays: Arrays = NUMPY) -> tuple[Array, ...]:
    """The declared first value of every state, as [B, width] arrays like `like` [T, B, F]."""
    size = {"H": H, "P": P}
    B = like.shape[1]
    return tuple(arrays.full(like, (B, size[s.width]), s.initial) for s in cell.states)


@dataclass(frozen=True)
class Unrolled:
    """What a whole sequence computed: output [T, B, width], the last states, and what was kept."""

    output: Array
    states: tuple[Array, ...]
    kept: Mapping[str, Array]


def unroll(
    recurrence: Recurrence,
    x: Array,
    states: Sequence[Array],
    *,
    lengths: Array | None = None,
    reverse: bool = False,
    step_masks: Mapping[str, Array] | None = None,
    keep: Sequence[str] = (),
) -> Unrolled:
    """Run a cell over a batch of sequences x [T, B, F], carrying the states from step to step.

    `lengths` [B] ends each sequence on its own: later steps give zeros and leave its states alone, and what
    stands in the padding (NaN even) is never read. `reverse` runs each sequence from its own end. `keep`
    names values (gates, states) to return for every step [T, B, width], zero in the padding; an unknown
    name raises InvalidArgument. `step_masks` [T, B, width] belong to the steps of x in either direction.
    """
    arrays, cell = recurrence.arrays, recurrence.cell
    for name in keep:
        if name not in (known := dict(cell.assignments)):
            raise InvalidArgument(f"{cell.name} computes no {name!r} to keep; {nearest(name, known)}")
    T, zero = x.shape[0], arrays.full(x, (), 0.0)
    valid, order = None, None
    if lengths is not None:
        counter = arrays.counter(x, T)[:, None]
        valid = counter < lengths
        x = arrays.where(valid[..., None], x, zero)
        if reverse:  # each sequence's own steps from last to first; the padding stays where it is
            order = arrays.where(valid, lengths - 1 - counter, counter + 0 * lengths)
            x = arrays.take(x, order)
    inputs = recurrence.input_products(x)
    drawn = {
        node("mask", name=name): mask if order is None else arrays.take(mask, order)
        for name, mask in (step_masks or {}).items()
    }
    names = ("", *keep)
    history: dict[str, list[Array]] = {name: [None] * T for name in names}
    states = tuple(states)
    for t in reversed(range(T)) if reverse and lengths is None else range(T):
        step = recurrence.step(
            {n: z[t] for n, z in inputs.items()}, states, {n: mask[t] for n, mask in drawn.items()}
        )
        values = [step.output, *(step.values[name] for name in keep)]
        if valid is None:
            states = step.states
        else:
            active = valid[t][:, None]
            states = tuple(
                arrays.where(active, new, old) for new, old in zip(step.states, states, strict=True)
            )
            values = [arrays.where(active, value, zero) for value in values]
        for name, value in zip(names, values, strict=True):
            history[name][t] = value
    if T == 0:
        width = recurrence.width
        kept = {name: arrays.full(x, (0, x.shape[1], width(name or cell.output)), 0.0) for name in names}
        return Unrolled(kept.pop(""), states, kept)
    kept = {name: _stacked(arrays, values, order) for name, values in history.items()}
    return Unrolled(kept.pop(""), states, kept)


def _stacked(arrays: Arrays, values: Sequence[Array], order: Array | None) -> Array:
    stacked = arrays.stack(values)
    return stacked if order is None else arrays.take(stacked, order)
