"""The tile program of a cell: what one step and its back-propagation do to a block of units x rows.

A program is a list of stages. A stage first makes whole-row values (matrix products, their transposes,
normalisations), then runs straight-line code in SSA form over blocks: instruction k defines register k.
Both read and write named buffers:

    product:R_i   a block of a product            state:c    a previous state    next:c    a new state
    row:3         a normalised or transposed row  vector:u   a parameter         mask:keep_h
    tape:2        kept by each step for backward  value:1    passed between the stages of one step
    operand:0     what a matrix reads, kept       deviation:0  1 / standard deviation of a row, kept
    adjoint:c     of a new state                  adjoint:   of the output       wish:i    of a kept value
    delta:0       adjoint of products' blocks     back:c     adjoint of a previous state
    sum:p_i       adjoint of a parameter, to be summed over rows and steps
    total:c       adjoint of a named value, all its ways to the loss together, where somebody watches it

Derivatives are taken from a function's output where they can be; what backward needs is loaded where it is
kept anyway (states), recomputed where that is cheap, and left on the tape otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.equation import Expr, node, walk
from hiddenstate.cells.parts import Product
from hiddenstate.derive.gradient import ZERO, adjoints, joined

_CHEAP = ("add", "sub", "mul", "max", "select")
_LEAVES = ("const", "symbol", "previous", "vector", "mask", "adjoint", "inverse_deviation")
_ROWS = ("matmul", "norm", "product_back", "norm_back")
_LEAVE = ("sum:", "output:", "kept:", "back:", "total:")  # what leaves a step is not read by it again


@dataclass(frozen=True)
class Instruction:
    """Register k = op(registers): a load from or store to `buffer`, a constant, a primitive or a function."""

    op: str
    args: tuple[int, ...] = ()
    buffer: str = ""
    constants: tuple[float, ...] = ()


@dataclass(frozen=True)
class RowWork:
    """Whole-row values made before a stage's code.

    product: targets[k] = sources[0] @ block k of the matrix, transposed, + bias.
    product_back: targets[0] = sum over k of sources[k] @ block k.
    norm: targets = the normalised row and 1 / its standard deviation. norm_back: the reverse.
    """

    op: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    product: Product | None = None


@dataclass(frozen=True)
class TileStage:
    """Row work, then straight-line code over blocks."""

    rows: tuple[RowWork, ...]
    code: tuple[Instruction, ...]


@dataclass(frozen=True)
class TileProgram:
    """Forward and backward stages of one step; see `tile_program`.

    inputs: the products of x, done for all steps at once before the loop. operands: product -> the buffer it
    reads. deltas: block -> the buffer of its adjoint. tape: buffer -> the value it holds.
    """

    cell: Cell
    inputs: tuple[Product, ...]
    operands: Mapping[Product, str]
    forward: tuple[TileStage, ...]
    backward: tuple[TileStage, ...]
    deltas: Mapping[str, str]
    tape: Mapping[str, Expr]


@cache
def tile_program(cell: Cell, wishes: tuple[str, ...] = (), watched: tuple[str, ...] = ()) -> TileProgram:
    """Derive the program of a cell; `wishes` names values that have a gradient of their own at every step,
    `watched` those whose adjoint is wanted.

    >>> from hiddenstate.cells import CELLS
    >>> list(tile_program(CELLS["lstm"]).tape.values())[:2]  # the gates; tanh(c) is computed again
    [sigmoid(W_i x + R_i h'), sigmoid(W_f x + R_f h')]
    """
    graph = _Graph(cell, wishes, watched)
    tape = {n: f"tape:{k}" for k, n in enumerate(graph.taped())}
    forward = _Layout(graph.forward_places(), graph.products)
    for state in cell.states:
        forward.store(graph.values[state.name], f"next:{state.name}")
    forward.store(graph.values[cell.output], "output:")
    for name in wishes:
        forward.store(graph.values[name], f"kept:{name}")
    for n, buffer in (*tape.items(), *graph.operands.items()):
        forward.store(n, buffer)
    backward = _Layout(graph.backward_places(tape), graph.products)
    deltas = graph.deltas()
    for n, buffer in (*deltas.items(), *graph.leaf_adjoints(), *graph.totals()):
        backward.store(n, buffer)
    return TileProgram(
        cell=cell,
        inputs=tuple(p for p in graph.products if p.operand is _X),
        operands={p: graph.operands.get(p.operand, "x") for p in graph.products},
        forward=forward.stages(),
        backward=backward.stages(),
        deltas={
            name: deltas[graph.adjoint.get(block, ZERO)]
            for p in graph.products
            for name, block in zip(p.names(), p.nodes(), strict=True)
        },
        tape={buffer: n for n, buffer in tape.items()},
    )


_X = node("symbol", name="x")


class _Graph:
    """The graph of one step with names replaced by what they stand for, and the adjoints of its nodes."""

    def __init__(self, cell: Cell, wishes: tuple[str, ...], watched: tuple[str, ...]) -> None:
        self.cell, self.values, self.watched = cell, joined(cell), watched
        symbols = {node("symbol", name=name): root for name, root in self.values.items()}
        self.products = tuple(
            Product(p.letter, p.labels, p.first, symbols.get(p.operand, p.operand))
            for stage in cell.stages
            for p in stage.products
        )
        read = dict.fromkeys(p.operand for p in self.products if p.operand is not _X)
        self.operands = {
            n: f"state:{n.name}" if n.op == "previous" else f"operand:{k}" for k, n in enumerate(read)
        }
        groups = {n: tuple(p for p in self.products if p.operand is n) for n in read}
        seeds: dict[Expr, Expr] = {}
        named = [(cell.output, "adjoint:"), *((s.name, f"adjoint:{s.name}") for s in cell.states)]
        for name, buffer in [*named, *((name, f"wish:{name}") for name in wishes)]:
            root, seed = self.values[name], node("adjoint", name=buffer)
            seeds[root] = node("add", (seeds[root], seed)) if root in seeds else seed
        self.adjoint = adjoints(seeds, groups)
        self.nodes = list(walk(*self.values.values()))

    def _leaves(self) -> dict[Expr, str]:
        kinds = {"vector": "vector", "mask": "mask", "previous": "state"}
        return {n: f"{kinds[n.op]}:{n.name}" for n in self.nodes if n.op in kinds}

    def _deviations(self) -> dict[Expr, str]:
        norms = [n for n in self.nodes if n.op == "norm"]
        return {node("inverse_deviation", n.args): f"deviation:{k}" for k, n in enumerate(norms)}

    def forward_places(self) -> dict[Expr, str]:
        """Where forward code finds what it does not compute: leaves, and the products of x."""
        inputs = [p for p in self.products if p.operand is _X]
        blocks = (pair for p in inputs for pair in zip(p.nodes(), p.names(), strict=True))
        made = {block: f"product:{name}" for block, name in blocks}
        return {**self._leaves(), **made, **self._deviations()}

    def backward_places(self, tape: Mapping[Expr, str]) -> dict[Expr, str]:
        """Where backward code finds what it does not compute: leaves, adjoints, new states and the tape."""
        found = {**self._leaves(), **self._deviations(), **tape}
        for n in walk(*self.adjoint.values()):
            if n.op == "adjoint":
                found[n] = n.name
        for state in self.cell.states:  # every step's new states are kept in any case
            found.setdefault(self.values[state.name], f"next:{state.name}")
        return {**{n: buffer for n, buffer in self.operands.items() if n not in found}, **found}

    def deltas(self) -> dict[Expr, str]:
        """A buffer for each different adjoint of a product's block: blocks that are summed share one."""
        blocks = [block for p in self.products for block in p.nodes()]
        different = dict.fromkeys(self.adjoint.get(block, ZERO) for block in blocks)
        return {n: f"delta:{k}" for k, n in enumerate(different)}

    def leaf_adjoints(self) -> list[tuple[Expr, str]]:
        """The adjoint and its buffer for every previous state and every per-unit parameter."""
        leaves = [(node("previous", name=state.name), f"back:{state.name}") for state in self.cell.states]
        for vector in (*self.cell.vectors, *self.cell.norm_vectors):
            leaves.append((node("vector", name=vector.name), f"sum:{vector.name}"))
        return [(self.adjoint.get(leaf, ZERO), buffer) for leaf, buffer in leaves]

    def totals(self) -> list[tuple[Expr, str]]:
        """The adjoint and its buffer for every value that is watched."""
        return [(self.adjoint.get(self.values[name], ZERO), f"total:{name}") for name in self.watched]

    def taped(self) -> list[Expr]:
        """The values that backward reads and that are neither kept anyway nor cheap to have again."""
        forward, free = set(self.nodes), set(self.backward_places({}))
        needed: dict[Expr, None] = {}
        wanted = (root for root, _ in (*self.leaf_adjoints(), *self.totals()))
        for n in walk(*self.deltas(), *wanted):
            if n not in forward and n.op != "inverse_deviation":
                needed.update(dict.fromkeys(arg for arg in n.args if arg in forward and arg.op != "const"))
        order = [n for n in self.nodes if n in needed and n not in free]

        def cheap(n: Expr) -> bool:
            return n.op in _CHEAP or (n.op == "call" and n.args[0] in free)

        tape = {n for n in order if not cheap(n)}
        for n in order:
            again: dict[Expr, bool] = {}
            for part in walk(n):
                kept = part in free or part in tape or part.op == "const"
                again[part] = kept or (cheap(part) and all(again[arg] for arg in part.args))
            if not again[n]:
                tape.add(n)
        return [n for n in order if n in tape]


class _Layout:
    """Lay expressions out as stages: each node as early as the whole rows that it reads allow."""

    def __init__(self, places: Mapping[Expr, str], products: tuple[Product, ...]) -> None:
        self.places, self.products = dict(places), products
        self.stores: list[tuple[Expr, str]] = []

    def store(self, n: Expr, buffer: str) -> None:
        """Ask for a value to be written to a buffer."""
        self.stores.append((n, buffer))

    def stages(self) -> tuple[TileStage, ...]:
        """Give every node its stage, then write each stage's code."""
        nodes = list(self._reachable())
        self.level: dict[Expr, int] = {}
        for n in nodes:
            self.level[n] = self._level(n)
        self.buffers = dict(self.places)
        for n, buffer in self.stores:  # what is stored anyway is found there by later stages
            if n.op not in _ROWS and not buffer.startswith(_LEAVE):
                self.buffers.setdefault(n, buffer)
        self._pass_between_stages(nodes)
        return tuple(self._stage(k, nodes) for k in range(max(self.level.values(), default=0) + 1))

    def _reachable(self) -> Iterable[Expr]:
        """Every node to compute, operands first; what has a place is not looked into."""
        seen: set[Expr] = set()
        stack = [(n, False) for n, _ in reversed(self.stores)]
        while stack:
            n, ready = stack.pop()
            if ready:
                yield n
            elif n not in seen:
                seen.add(n)
                stack.append((n, True))
                if n not in self.places:
                    stack.extend((arg, False) for arg in reversed(n.args))

    def _level(self, n: Expr) -> int:
        if n in self.places:
            return 0
        below = [self.level[arg] + (n.op in _ROWS and self._made_by_code(arg)) for arg in n.args]
        return max(below, default=0)

    def _made_by_code(self, n: Expr) -> bool:
        """Whether a value comes out of blocks, so that its row is whole only when the stage is over."""
        return n not in self.places and n.op not in (*_ROWS, *_LEAVES)

    def _pass_between_stages(self, nodes: Iterable[Expr]) -> None:
        """Give a buffer to what one stage computes and a later one, or row work, reads."""
        for n in nodes:
            for arg in () if n in self.places else n.args:
                later = self.level[n] > self.level[arg] or n.op in _ROWS
                if later and arg not in self.buffers and self._made_by_code(arg):
                    self.buffers[arg] = f"value:{len(self.buffers)}"
                    self.stores.append((arg, self.buffers[arg]))

    def _stage(self, level: int, nodes: Iterable[Expr]) -> TileStage:
        here = [n for n in nodes if self.level[n] == level]
        rows = [self._row_work(n) for n in here if n.op in _ROWS and n not in self.places]
        self.code: list[Instruction] = []
        self.register: dict[Expr, int] = {}
        for n in here:
            if self._made_by_code(n):
                self._compute(n)
        for n, buffer in self.stores:
            if self.level[n] == level and self.places.get(n) != buffer:
                self.code.append(Instruction("store", (self._value(n),), buffer))
        return TileStage(tuple(dict.fromkeys(rows)), tuple(self.code))

    def _row_work(self, n: Expr) -> RowWork:
        if n.op == "matmul":
            product = next(p for p in self.products if n in p.nodes())
            targets = tuple(f"product:{name}" for name in product.names())
            self.buffers.update(zip(product.nodes(), targets, strict=True))
            return RowWork("product", (self.buffers[product.operand],), targets, product)
        sources = tuple(self.buffers[arg] for arg in n.args)
        if n.op == "norm":
            target = self.buffers.setdefault(n, f"row:{len(self.buffers)}")
            return RowWork("norm", sources, (target, self.places[node("inverse_deviation", n.args)]))
        target = self.buffers.setdefault(n, f"row:{len(self.buffers)}")
        if n.op == "norm_back":
            return RowWork("norm_back", sources, (target,))
        letter, first = n.name.split()
        product = next(p for p in self.products if (p.letter, p.first) == (letter, int(first)))
        return RowWork("product_back", sources, (target,), product)

    def _compute(self, n: Expr) -> None:
        constants: tuple[float, ...] = ()
        args, op = n.args, n.op
        if op == "call":
            args, constants, op = n.args[:1], tuple(arg.value for arg in n.args[1:]), n.name
        registers = tuple(self._value(arg) for arg in args)
        self.code.append(Instruction(op, registers, constants=constants))
        self.register[n] = len(self.code) - 1

    def _value(self, n: Expr) -> int:
        """The register that holds a value, loaded at its first use in the stage."""
        if n not in self.register:
            if n.op == "const":
                self.code.append(Instruction("const", constants=(n.value,)))
            else:
                self.code.append(Instruction("load", buffer=self.buffers[n]))
            self.register[n] = len(self.code) - 1
        return self.register[n]
