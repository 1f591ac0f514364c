"""How a recurrent stack may begin: its parameters drawn before any training, by the ways of the papers.

Letters: F features, H hidden units, P projected units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hiddenstate.cells import Cell, Matrix
from hiddenstate.cells.equation import Expr, walk
from hiddenstate.errors import InvalidArgument, Unsupported, nearest
from hiddenstate.infer.stack import stack_shapes
from hiddenstate.lens.one_step import keeping

INITIALISATIONS: Mapping[str, str] = {
    "default": "uniform in ±1/sqrt(H), as torch and this package draw",
    "uniform": "uniform with the variance 2/(fan in + fan out), biases 0 (Glorot and Bengio 2010)",
    "orthogonal": "recurrent blocks orthogonal, biases 0 (Saxe, McClelland and Ganguli 2014)",
    "identity": "recurrent blocks the identity, input weights N(0, 0.001), biases 0 "
    "(Le, Jaitly and Hinton 2015)",
    "chrono": "default, and gate biases that keep for 1 to T-1 steps (Tallec and Ollivier 2018)",
}


@dataclass(frozen=True)
class Sizes:
    """The sizes of a stack. `proj_size` 0 is hidden_size, as everywhere."""

    input_size: int
    hidden_size: int
    num_layers: int = 1
    bidirectional: bool = False
    proj_size: int = 0


def initialised(cell: Cell, sizes: Sizes, how: str, seed: int, steps: int = 100) -> dict[str, np.ndarray]:
    """Draw the parameters of a stack in float64, under the names of `stack_shapes`.

    `how` is a name of INITIALISATIONS; "chrono" reads from `steps` how long is to be kept.
    Raises InvalidArgument for another name, Unsupported where a cell has nothing to begin in that way.

    >>> from hiddenstate.cells import CELLS
    >>> initialised(CELLS["rnn"], Sizes(1, 2), "identity", seed=0)["weight_hh_l0"].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if how not in INITIALISATIONS:
        raise InvalidArgument(f"unknown initialisation {how!r}: {nearest(how, INITIALISATIONS)}")
    shapes = stack_shapes(
        cell,
        sizes.input_size,
        sizes.hidden_size,
        num_layers=sizes.num_layers,
        bidirectional=sizes.bidirectional,
        proj_size=sizes.proj_size,
    )
    random = np.random.default_rng(seed)
    bound = 1 / np.sqrt(sizes.hidden_size)
    declared = {v.name: (v.low, v.high) for v in (*cell.vectors, *cell.norm_vectors) if v.low is not None}
    found = {}
    for name, shape in shapes.items():
        low, high = declared.get(name.rpartition("_l")[0], (-bound, bound))
        found[name] = random.uniform(low, high, shape)
    if how != "default":
        _WAYS[how](cell, found, random, steps)
    return found


def keeping_gates(cell: Cell) -> Iterator[tuple[str, int]]:
    """Yield the sigmoid gates that keep a state, by their block, and 1, or -1 where the complement keeps.

    >>> from hiddenstate.cells import CELLS
    >>> [list(keeping_gates(CELLS[name])) for name in ("lstm", "gru", "mgu", "rnn")]
    [[('f', 1)], [('z', 1)], [('f', -1)], []]
    """
    roots = dict(cell.assignments)
    for each in keeping(cell):
        root = roots[each.gate]
        if root.op == "call" and root.name == "sigmoid":
            labels = _input_blocks(root.args[0], roots)
            if len(labels) == 1:
                yield labels.pop(), -1 if each.turned else 1


def _input_blocks(root: Expr, roots: Mapping[str, Expr]) -> set[str]:
    """The labels of the blocks of products with x that a value is a plain sum of; none where it is not."""
    if root.op == "symbol" and root.name in roots:
        return _input_blocks(roots[root.name], roots)
    if any(n.op not in ("add", "matmul", "symbol", "previous", "mul", "vector") for n in walk(root)):
        return set()
    return {n.name.partition("_")[2] for n in walk(root) if n.op == "matmul" and n.args[0].name == "x"}


@dataclass(frozen=True)
class _Block:
    """One block of a stacked matrix: its rows of weights, and of biases (none where there are none)."""

    of_input: bool
    weight: np.ndarray
    bias: np.ndarray


def _blocks(cell: Cell, found: Mapping[str, np.ndarray]) -> Iterator[_Block]:
    for suffix in _suffixes(cell, found):
        for matrix in cell.matrices:
            count = len(cell.labels[matrix.letter])
            bias = found[matrix.bias + suffix] if matrix.bias else np.zeros(count)
            rows = np.split(found[matrix.weight + suffix], count)
            for weight, shift in zip(rows, np.split(bias, count), strict=True):
                yield _Block(_reads_input(cell, matrix), weight, shift)


def _suffixes(cell: Cell, found: Mapping[str, np.ndarray]) -> list[str]:
    first = cell.matrices[0].weight
    return [name.removeprefix(first) for name in found if name.startswith(f"{first}_l")]


def _reads_input(cell: Cell, matrix: Matrix) -> bool:
    operand = next(n.args[0] for n in cell.matmuls() if n.name.partition("_")[0] == matrix.letter)
    return operand.op == "symbol" and operand.name == "x"


def _uniform(cell: Cell, found: dict[str, np.ndarray], random: np.random.Generator, steps: int) -> None:
    for block in _blocks(cell, found):
        bound = np.sqrt(6 / sum(block.weight.shape))
        block.weight[:] = random.uniform(-bound, bound, block.weight.shape)
        block.bias[:] = 0


def _orthogonal(cell: Cell, found: dict[str, np.ndarray], random: np.random.Generator, steps: int) -> None:
    _refuse_without_recurrent_product(cell, "orthogonal")
    _uniform(cell, found, random, steps)
    for block in _blocks(cell, found):
        if not block.of_input:
            rows, columns = block.weight.shape
            q, r = np.linalg.qr(random.normal(size=(max(rows, columns), min(rows, columns))))
            q = q * np.sign(np.diag(r))  # otherwise not all rotations would be equally likely
            block.weight[:] = q if rows >= columns else q.T


def _identity(cell: Cell, found: dict[str, np.ndarray], random: np.random.Generator, steps: int) -> None:
    _refuse_without_recurrent_product(cell, "identity")
    for block in _blocks(cell, found):
        shape = block.weight.shape
        block.weight[:] = random.normal(0, 0.001, shape) if block.of_input else np.eye(*shape)
        block.bias[:] = 0


def _chrono(cell: Cell, found: dict[str, np.ndarray], random: np.random.Generator, steps: int) -> None:
    kept, matrix = dict(keeping_gates(cell)), next(m for m in cell.matrices if _reads_input(cell, m))
    if not kept or not matrix.bias:
        raise Unsupported(
            f"chrono sets the bias of the gate that keeps the state, and {cell.name} has no such bias; "
            "choose another initialisation, or a cell such as lstm or gru"
        )
    for block in _blocks(cell, found):
        block.bias[:] = 0
    labels = cell.labels[matrix.letter]
    for suffix in _suffixes(cell, found):
        biases = dict(zip(labels, np.split(found[matrix.bias + suffix], len(labels)), strict=True))
        for label, sign in kept.items():
            spans = np.log(random.uniform(1, max(2, steps - 1), biases[label].shape))
            biases[label][:] = sign * spans
            if label == "f" and "i" in biases:  # opens as seldom as the forget gate closes
                biases["i"][:] = -spans


def _refuse_without_recurrent_product(cell: Cell, how: str) -> None:
    if all(_reads_input(cell, matrix) for matrix in cell.matrices):
        raise Unsupported(
            f"{how} is said of the matrix that reads what is fed back, and {cell.name} has none; "
            "choose default or uniform"
        )


_WAYS: Mapping[str, Callable[[Cell, dict[str, np.ndarray], np.random.Generator, int], None]] = {
    "uniform": _uniform,
    "orthogonal": _orthogonal,
    "identity": _identity,
    "chrono": _chrono,
}
