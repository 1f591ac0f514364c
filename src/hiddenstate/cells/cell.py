"""A cell: frozen data that says what one step computes, and checks its own laws when it is built."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from hiddenstate.cells import elementwise, laws
from hiddenstate.cells.equation import Expr, Names, const, node, parse_equations, substitute, text, walk
from hiddenstate.cells.parts import MATRICES, Mask, Matrix, Product, Stage, State, Vector, from_values
from hiddenstate.errors import InvalidArgument, nearest

_TABLES: Mapping[str, Any] = {"states": State, "matrices": Matrix, "vectors": Vector, "masks": Mask}
_MAPPINGS = ("orders", "activations")


def _frozen(mapping: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(mapping))


@dataclass(frozen=True, eq=False)
class Cell:
    """What one step computes: equations over the input x and the previous states.

    `states` are carried; `output` is what the layer returns (the first state unless said). `orders` gives
    other libraries' block order of the stacked matrices. Raises InvalidArgument where a law is broken.
    Equations in the notation of `cells/equation.py`.

    >>> tanh_cell = Cell("mine", "h = tanh(W x + R h')", (State("h"),))
    >>> tanh_cell.parameter_count(F=100, H=10)  # 110 x 10 weights, and two biases as in torch
    1120
    """

    name: str
    equations: str
    states: tuple[State, ...]
    title: str = ""
    paper: str = ""
    note: str = ""
    output: str = ""
    matrices: tuple[Matrix, ...] = ()
    vectors: tuple[Vector, ...] = ()
    masks: tuple[Mask, ...] = ()
    orders: Mapping[str, str] = field(default_factory=dict)
    activations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lines = (line.strip() for line in self.equations.strip().splitlines())
        object.__setattr__(self, "equations", "\n".join(lines))
        object.__setattr__(self, "orders", _frozen(self.orders))
        object.__setattr__(self, "activations", _frozen(self.activations))
        known = {matrix.letter: matrix for matrix in (*MATRICES, *self.matrices)}
        letters = list(dict.fromkeys(n.name.partition("_")[0] for n in self.matmuls()))
        laws.check_declared(self, letters)
        for letter in letters:
            default = Matrix(letter, f"weight_{letter.lower()}", f"bias_{letter.lower()}")
            known.setdefault(letter, default)
        object.__setattr__(self, "matrices", tuple(known[letter] for letter in letters))
        object.__setattr__(self, "output", self.output or (self.states[0].name if self.states else ""))
        laws.check(self)

    # --- identity: a cell is its text ---

    def as_dict(self) -> dict[str, Any]:
        """The cell as plain values, ready for JSON."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for name in _TABLES:
            values[name] = [dataclasses.asdict(row) for row in values[name]]
        values.update({name: dict(values[name]) for name in _MAPPINGS})
        for state in values["states"]:
            state["initial"] = repr(state["initial"]) if math.isinf(state["initial"]) else state["initial"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Cell:
        """Build a cell from plain values, as `as_dict` gives them and TOML and JSON hold them.

        Raises InvalidArgument for an unknown or missing field and a value of the wrong kind.
        """
        given: dict[str, Any] = {"states": (), **values}
        known = {f.name for f in dataclasses.fields(cls)}
        for key, value in given.items():
            if key not in known:
                raise InvalidArgument(f"a cell has no field {key!r}; {nearest(str(key), known)}")
            if key in _TABLES:
                if not isinstance(value, list | tuple):
                    raise InvalidArgument(f"the field {key!r} of a cell takes a list, came {value!r}")
                given[key] = tuple(from_values(_TABLES[key], _with_infinity(entry)) for entry in value)
            elif key in _MAPPINGS:
                if not isinstance(value, Mapping) or any(not isinstance(v, str) for v in value.values()):
                    raise InvalidArgument(
                        f"the field {key!r} of a cell takes names with their text, came {value!r}"
                    )
            elif not isinstance(value, str):
                raise InvalidArgument(f"the field {key!r} of a cell takes text, came {value!r}")
        for key in ("name", "equations"):
            if key not in given:
                raise InvalidArgument(f"a cell has no {key}; expected at least a name, equations and states")
        return cls(**given)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cell) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash((self.name, self.equations, self.states, self.masks, tuple(self.activations.items())))

    def __reduce__(self) -> tuple[object, ...]:
        return Cell.from_dict, (self.as_dict(),)

    def __deepcopy__(self, memo: object) -> Cell:
        return self

    # --- what follows from the text ---

    @cached_property
    def _written(self) -> tuple[tuple[str, Expr], ...]:
        names = Names(
            frozenset(state.name for state in self.states),
            frozenset(vector.name for vector in self.vectors),
            frozenset(mask.name for mask in self.masks),
            frozenset(elementwise.FUNCTIONS),
        )
        return parse_equations(self.equations, names)

    def matmuls(self) -> list[Expr]:
        """Every matrix product in the equations."""
        return [n for n in walk(*(root for _, root in self._written)) if n.op == "matmul"]

    @cached_property
    def slots(self) -> Mapping[str, str]:
        """The activation of each equation that has one, by the name it defines: what may be replaced."""
        return MappingProxyType({name: _call_text(call) for name, call in self._calls().items()})

    def _calls(self) -> dict[str, Expr]:
        calls = {}
        for name, root in self._written:
            found = [n for n in walk(root) if n.op == "call"]
            if len(found) == 1:
                calls[name] = found[0]
        return calls

    @cached_property
    def assignments(self) -> tuple[tuple[str, Expr], ...]:
        """The equations as expressions, with the chosen activations in place."""
        calls, chosen = self._calls(), {}
        for name, written in self.activations.items():
            if name not in calls:
                raise InvalidArgument(f"{self.name} has no activation named {name!r}; {nearest(name, calls)}")
            chosen[name] = elementwise.activation(written, calls[name].args[0])
        return tuple(
            (name, _with_defaults(substitute(root, {calls[name]: chosen[name]} if name in chosen else {})))
            for name, root in self._written
        )

    @cached_property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """The blocks of each stacked matrix, in the order in which the equations name them."""
        found: dict[str, list[str]] = {matrix.letter: [] for matrix in self.matrices}
        for matmul in self.matmuls():
            letter, _, label = matmul.name.partition("_")
            if label not in found[letter]:
                found[letter].append(label)
        return MappingProxyType({letter: tuple(blocks) for letter, blocks in found.items()})

    @cached_property
    def norm_vectors(self) -> tuple[Vector, ...]:
        """The gain (first 1) and shift (first 0) of each normalisation."""
        names = dict.fromkeys(
            n.name for n in walk(*(root for _, root in self.assignments)) if n.op == "vector"
        )
        declared = {vector.name for vector in self.vectors}
        first = {"gain": 1.0, "shift": 0.0}
        return tuple(
            Vector(name, first[name.partition("_")[0]], first[name.partition("_")[0]])
            for name in names
            if name not in declared
        )

    @cached_property
    def levels(self) -> Mapping[Expr, int]:
        """The stage in which each node of the equations is computed."""
        level: dict[Expr, int] = {}
        defined: dict[str, int] = {}
        for name, root in self.assignments:
            for n in walk(root):
                below = max((level[arg] for arg in n.args), default=0)
                if n.op == "symbol":
                    below = defined.get(n.name, 0)
                elif n.op in ("matmul", "norm") and n.args[0].op == "symbol" and n.args[0].name != "x":
                    below += 1  # a product, or a mean over the units, needs the whole vector to be there
                level[n] = below
            defined[name] = level[root]
        return MappingProxyType(level)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The equations grouped into stages: products, normalisations, pointwise assignments."""
        nodes = list(walk(*(root for _, root in self.assignments)))
        stages = []
        for level in range(max(self.levels.values()) + 1):
            here = [n for n in nodes if self.levels[n] == level]
            stages.append(
                Stage(
                    self._products([n for n in here if n.op == "matmul"]),
                    tuple(n for n in here if n.op == "norm"),
                    tuple(pair for pair in self.assignments if self.levels[pair[1]] == level),
                )
            )
        return tuple(stages)

    def _products(self, matmuls: list[Expr]) -> tuple[Product, ...]:
        """Join neighbouring blocks of one matrix that multiply the same operand into one product."""
        products: list[Product] = []
        for matrix in self.matrices:
            for first, label in enumerate(self.labels[matrix.letter]):
                name = f"{matrix.letter}_{label}" if label else matrix.letter
                for matmul in (n for n in matmuls if n.name == name):
                    operand, last = matmul.args[0], products[-1] if products else None
                    joined = last and (last.letter, last.operand) == (matrix.letter, operand)
                    if last and joined and last.first + len(last.labels) == first:
                        products[-1] = dataclasses.replace(last, labels=(*last.labels, label))
                    else:
                        products.append(Product(matrix.letter, (label,), first, operand))
        return tuple(products)

    def block_order(self, library: str, letter: str = "W") -> tuple[int, ...]:
        """Where each block of another library's stacked matrix stands in ours: `ours[order]` is theirs.

        Raises InvalidArgument for a library whose order the cell does not state.

        >>> from hiddenstate.cells import CELLS
        >>> CELLS["lstm"].block_order("onnx")  # i o f g there, i f g o here
        (0, 3, 1, 2)
        """
        if library not in self.orders:
            raise InvalidArgument(
                f"{self.name} states no block order for {library!r}; {nearest(library, self.orders)}"
            )
        ours = self.labels[letter]
        theirs = [ours.index(label) for label in self.orders[library].split() if label in ours]
        return tuple(theirs) if len(theirs) == len(ours) else tuple(range(len(ours)))

    @cached_property
    def _named_widths(self) -> dict[str, str]:
        known = {"x": "F"}
        for name, root in self.assignments:
            known[name] = self._width(root, known)
        return known

    def width_of(self, root: Expr) -> str:
        """The width letter of a value, "" for a constant."""
        return self._width(root, self._named_widths)

    def _width(self, root: Expr, named: Mapping[str, str]) -> str:
        if root.op == "symbol":
            return named[root.name]
        if root.op == "matmul":
            return self.matrix(root.name.partition("_")[0]).width
        carriers: dict[str, tuple[State, ...] | tuple[Mask, ...]] = {
            "previous": self.states,
            "mask": self.masks,
        }
        for kind, rows in carriers.items():
            if root.op == kind:
                return next(row.width for row in rows if row.name == root.name)
        if root.op == "vector":
            declared = next((v.width for v in self.vectors if v.name == root.name), None)
            return declared or ""  # a normalisation's vectors take the width of what they scale
        found = {self._width(arg, named) for arg in root.args} - {""}
        if len(found) > 1:
            raise InvalidArgument(
                f"{self.name}: {text(root)} mixes widths {' and '.join(sorted(found))}; "
                "a matrix brings a vector to another width"
            )
        return found.pop() if found else ""

    def matrix(self, letter: str) -> Matrix:
        """The stacked matrix of a letter."""
        return next(matrix for matrix in self.matrices if matrix.letter == letter)

    def parameter_shapes(
        self, F: int, H: int, P: int | None = None, bias: bool = True
    ) -> dict[str, tuple[int, ...]]:
        """The name and shape of every parameter: stacked matrices [blocks x width, operand], biases, vectors.

        >>> from hiddenstate.cells import CELLS
        >>> CELLS["gru"].parameter_shapes(F=3, H=2)["weight_hh"]
        (6, 2)
        """
        size = {"F": F, "H": H, "P": H if P is None else P}
        shapes: dict[str, tuple[int, ...]] = {}
        for matrix in self.matrices:
            first = next(n for n in self.matmuls() if n.name.partition("_")[0] == matrix.letter)
            rows = len(self.labels[matrix.letter]) * size[matrix.width]
            shapes[matrix.weight] = (rows, size[self.width_of(first.args[0])])
        for matrix in self.matrices:
            if matrix.bias and bias:
                shapes[matrix.bias] = (shapes[matrix.weight][0],)
        for vector in (*self.vectors, *self.norm_vectors):
            shapes[vector.name] = (size[self.vector_width(vector)],)
        return shapes

    def vector_width(self, vector: Vector) -> str:
        """The width letter of a parameter vector."""
        if vector in self.vectors:
            return vector.width
        wanted = node("vector", name=vector.name)
        for n in walk(*(root for _, root in self.assignments)):
            if wanted in n.args:
                return self.width_of(n)
        return "H"

    def parameter_count(self, F: int, H: int, P: int | None = None, bias: bool = True) -> int:
        """How many numbers are learned."""
        return sum(math.prod(shape) for shape in self.parameter_shapes(F, H, P, bias).values())

    def replace(self, **changes: Any) -> Cell:
        """The same cell with other fields."""
        return dataclasses.replace(self, **changes)

    def with_activations(self, chosen: str | Mapping[str, str] | None) -> Cell:
        """The cell with other activations: by slot, or one name for every slot that is tanh.

        By slot they may also be written as "h=relu, f=hard_sigmoid(0.2, 0.5)".

        >>> from hiddenstate.cells import CELLS
        >>> dict(CELLS["rnn"].with_activations("relu").activations)
        {'h': 'relu'}
        """
        if chosen is None:
            return self
        if isinstance(chosen, str) and "=" in chosen.partition("(")[0]:
            chosen = _by_slot(chosen)
        if isinstance(chosen, str):
            squashing = [name for name, call in self.slots.items() if call == "tanh"]
            if not squashing:
                slots = ", ".join(self.slots)
                raise InvalidArgument(
                    f"{self.name} has no tanh to make {chosen!r}; name a slot, one of: {slots}"
                )
            chosen = dict.fromkeys(squashing, chosen)
        if not isinstance(chosen, Mapping):
            raise InvalidArgument(f"expected an activation, or activations by slot, came {chosen!r}")
        return self.replace(activations={**self.activations, **chosen})


def _with_infinity(entry: Any) -> Any:
    """Read a state's first value where it is written as text: JSON has no infinity."""
    infinities = {"inf": math.inf, "-inf": -math.inf}
    if isinstance(entry, Mapping) and str(entry.get("initial")) in infinities:
        return {**entry, "initial": infinities[str(entry["initial"])]}
    return entry


def _call_text(call: Expr) -> str:
    constants = ", ".join(text(arg) for arg in call.args[1:])
    return f"{call.name}({constants})" if constants else call.name


def _with_defaults(root: Expr) -> Expr:
    """Fill in the constants that a function's use leaves out."""
    mapping: dict[Expr, Expr] = {}
    for n in walk(root):
        if n.op == "call":
            values = list(elementwise.FUNCTIONS[n.name].parameters.values())
            if len(n.args) - 1 > len(values):
                most = f"{1 + len(values)} values at most" if values else "one value"
                raise InvalidArgument(f"{n.name}() takes {most}, came {len(n.args)}")
            missing = tuple(const(value) for value in values[len(n.args) - 1 :])
            mapping[n] = node("call", (*n.args, *missing), n.name)
    if all(old is new for old, new in mapping.items()):
        return root
    done: dict[Expr, Expr] = {}
    for n in walk(root):  # innermost first, so that a call inside a call is filled in as well
        args = tuple(done[arg] for arg in n.args)
        extra = mapping[n].args[len(args) :] if n in mapping else ()
        done[n] = node(n.op, (*args, *extra), n.name, n.value)
    return done[root]


def _by_slot(written: str) -> dict[str, str]:
    """Read "h=relu, f=hard_sigmoid(0.2, 0.5)"; raises InvalidArgument for anything else."""
    one = r"\s*(\w+)\s*=\s*(\w+\s*(?:\([^()]*\))?)\s*"
    if not re.fullmatch(f"{one}(?:,{one})*", written):
        raise InvalidArgument(
            f"expected activations by slot, as in 'h=relu, f=hard_sigmoid', came {written!r}"
        )
    return {match[1]: match[2] for match in re.finditer(one, written)}
