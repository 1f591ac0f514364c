"""The little language in which one step of a recurrent cell is written.

    i = sigmoid(W_i x + R_i h')       a capital name is a matrix, applied to what follows it
    c = f * c' + i * g                * is elementwise; c' is the value of c one step earlier
    h = o * tanh(c)                   functions come from the table in `elementwise.py`

`max(a, b)`, `exp(a)`, `log(a)`, `select(mask, a, b)` (a where mask > 0, else b) and `norm(a)` (layer
normalisation across the units) complete it. Parsing executes nothing: a cell may come from any file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from hiddenstate.errors import InvalidArgument, nearest

PRIMITIVES = {"add": 2, "sub": 2, "mul": 2, "div": 2, "max": 2, "select": 3, "exp": 1, "log": 1}
_INFIX = {"+": ("add", 1), "-": ("sub", 1), "*": ("mul", 2), "/": ("div", 2)}
_CALLABLE = ("max", "select", "exp", "log", "norm")
LONGEST_LINE = 250  # parts of one equation: what nests deeper than this may exhaust the interpreter's stack
_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][-+]?\d+)?)|([^\W\d]\w*'?)|([-+*/(),]))")


@dataclass(frozen=True, eq=False)
class Expr:
    """One node of an expression; equal nodes are the same object, so graphs share their parts.

    op is a primitive, or one of: const (value), symbol, previous, vector, mask (name), matmul (name of
    the matrix, one operand), norm, call (name of an elementwise function, its argument, its constants).
    """

    op: str
    args: tuple[Expr, ...] = ()
    name: str = ""
    value: float = 0.0

    def __repr__(self) -> str:
        return text(self)

    def __deepcopy__(self, memo: object) -> Expr:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return node, (self.op, self.args, self.name, self.value)


def node(op: str, args: tuple[Expr, ...] = (), name: str = "", value: float = 0.0) -> Expr:
    """Make a node, or find the one made before."""
    return _made(op, args, name, value)


_made = cache(Expr)


def const(value: float) -> Expr:
    """Make a constant."""
    return node("const", value=float(value) + 0.0)  # -0 would be found as 0, or 0 as -0: whichever came first


def walk(*roots: Expr) -> Iterator[Expr]:
    """Visit every node below the roots once, operands before the node that uses them."""
    seen: set[Expr] = set()
    stack = [(root, False) for root in reversed(roots)]
    while stack:
        current, ready = stack.pop()
        if ready:
            yield current
        elif current not in seen:
            seen.add(current)
            stack.append((current, True))
            stack.extend((arg, False) for arg in reversed(current.args))


def substitute(root: Expr, mapping: dict[Expr, Expr]) -> Expr:
    """Replace whole nodes of an expression by others."""
    done: dict[Expr, Expr] = {}
    for current in walk(root):
        if current in mapping:
            done[current] = mapping[current]
        elif current.args:
            args = tuple(done[arg] for arg in current.args)
            done[current] = node(current.op, args, current.name, current.value)
        else:
            done[current] = current
    return done[root]


_PRECEDENCE = {"add": 1, "sub": 1, "mul": 2, "div": 2, "matmul": 3}
_SIGN = {"add": " + ", "sub": " - ", "mul": " * ", "div": " / "}


def text(root: Expr, outer: int = 0) -> str:
    """Write an expression in the language it was read from; parsing it gives the same node again."""
    if root.op == "const":
        return repr(root.value).removesuffix(".0")
    if root.op == "previous":
        return root.name + "'"
    if not root.args:
        return root.name
    level = _PRECEDENCE.get(root.op, 9)
    if root.op == "matmul":
        written = f"{root.name} {text(root.args[0], 9)}"
    elif is_negation(root):
        level, written = 2, f"-{text(root.args[1], 3)}"
    elif root.op in _SIGN:
        # operators group from the left, so the right-hand side must bind tighter than the operator itself
        left, right = text(root.args[0], level), text(root.args[1], level + 1)
        written = left + _SIGN[root.op] + right
    else:
        name = root.name if root.op == "call" else root.op
        return f"{name}({', '.join(text(arg) for arg in root.args)})"
    return f"({written})" if level < outer else written


def is_negation(root: Expr) -> bool:
    """Whether an expression is what the sign in front of a value makes: 0 - value."""
    return root.op == "sub" and root.args[0] is const(0) and root.args[1].op != "const"


@dataclass(frozen=True)
class Names:
    """What a name in an equation may stand for, besides what the equations themselves define."""

    states: frozenset[str]
    vectors: frozenset[str]
    masks: frozenset[str]
    functions: frozenset[str]


def parse_equations(source: str, names: Names) -> tuple[tuple[str, Expr], ...]:
    """Read `name = expression` lines into assignments, in their order.

    An operand of a matrix or of norm() that is itself an expression gets an assignment of its own.
    Raises InvalidArgument with the line and a caret under what is wrong.
    """
    assignments: dict[str, Expr] = {}
    for line in source.strip().splitlines():
        if line.strip() and not line.strip().startswith("#"):
            _Line(line.strip(), names, assignments).assignment()
    return tuple(assignments.items())


def parse(source: str, symbols: tuple[str, ...], functions: frozenset[str] = frozenset()) -> Expr:
    """Read one expression over the given symbols (the derivatives of `elementwise.py` are written so)."""
    names = Names(frozenset(), frozenset(), frozenset(), functions)
    line = _Line(source, names, {name: node("symbol", name=name) for name in symbols})
    root = line.expression()
    line.expect_end()
    return root


class _Line:
    """A parser by precedence climbing for one line."""

    def __init__(self, line: str, names: Names, assignments: dict[str, Expr]) -> None:
        self.line, self.names, self.assignments = line, names, assignments
        self.tokens, self.at = self._tokens(line), 0
        if len(self.tokens) > LONGEST_LINE:
            raise InvalidArgument(
                f"expected at most {LONGEST_LINE} names, numbers and signs in one equation, came "
                f"{len(self.tokens)} in {line[:40]!r}...; give its parts names of their own"
            )

    def _tokens(self, line: str) -> list[tuple[str, int]]:
        head, equals, _ = line.partition("=")
        position = len(head) + 1 if equals else 0
        tokens = []
        while position < len(line.rstrip()):
            match = _TOKEN.match(line, position)
            if match is None:
                position += len(line[position:]) - len(line[position:].lstrip())
                raise self.error(f"{line[position]!r} is not part of the language", position)
            kind = match.lastindex or 0
            tokens.append((match[kind], match.start(kind)))
            position = match.end()
        return tokens

    def error(self, message: str, position: int | None = None) -> InvalidArgument:
        if position is None:
            position = self.tokens[self.at][1] if self.at < len(self.tokens) else len(self.line)
        return InvalidArgument(f"{message}\n  {self.line}\n  {' ' * position}^")

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise self.error(f"expected {expected or 'a value'}, came {token or 'the end of the line'}")
        self.at += 1
        return token

    def expect_end(self) -> None:
        if self.peek():
            raise self.error(f"expected an operator or the end of the line, came {self.peek()!r}")

    def assignment(self) -> None:
        name, equals, _ = self.line.partition("=")
        name = name.strip()
        if not equals or not re.fullmatch(r"[^\W\d]\w*", name) or name[0].isupper():
            raise self.error("expected `name = expression` with a lower-case name", 0)
        if name in {"x", *_CALLABLE} | self.names.vectors | self.names.masks | self.names.functions:
            raise self.error(f"{name!r} already stands for something else; choose another name", 0)
        if name in self.assignments:
            raise self.error(f"{name!r} is defined twice; every symbol is defined once", 0)
        root = self.expression()
        self.expect_end()
        self.assignments[name] = root

    def expression(self, binding: int = 1) -> Expr:
        left = self.factor()
        while self.peek() in _INFIX and _INFIX[self.peek()][1] >= binding:
            op, level = _INFIX[self.take()]
            left = node(op, (left, self.expression(level + 1)))
        return left

    def factor(self) -> Expr:
        token = self.peek()
        if token == "-":
            self.take()
            inner = self.factor()
            return const(-inner.value) if inner.op == "const" else node("sub", (const(0), inner))
        if token == "(":
            self.take()
            inner = self.expression()
            self.take(")")
            return inner
        if token[:1].isdecimal():
            return self.number()
        if token[:1].isupper():
            return self.matrix()
        if not token or token in "+*/),":
            raise self.error(f"expected a value, came {token or 'the end of the line'}")
        after = self.tokens[self.at + 1][0] if self.at + 1 < len(self.tokens) else ""
        return self.function() if after == "(" else self.symbol()

    def number(self) -> Expr:
        value = float(self.peek())
        if value == float("inf"):
            raise self.error(f"{self.peek()} is beyond the largest number, about 1.8e308")
        self.take()
        return const(value)

    def matrix(self) -> Expr:
        name = self.take()
        if self.peek() == "" or self.peek() in "+-*/),":
            raise self.error(
                f"the matrix {name} is applied to nothing; write what it multiplies, as in {name} x"
            )
        return node("matmul", (self.materialised(self.factor(), name),), name)

    def materialised(self, operand: Expr, name: str) -> Expr:
        """Give an operand that is an expression a name: products and norms read whole vectors."""
        if operand.op in ("symbol", "previous"):
            return operand
        if not operand.args:
            raise self.error(f"{name} expects a vector that changes from step to step, came {text(operand)}")
        for known, root in self.assignments.items():
            if root is operand:
                return node("symbol", name=known)
        fresh = f"into_{name}"
        while fresh in self.assignments:
            fresh += "_"
        self.assignments[fresh] = operand
        return node("symbol", name=fresh)

    def function(self) -> Expr:
        start, name = self.at, self.take()
        if name not in _CALLABLE and name not in self.names.functions:
            self.at = start
            raise self.error(
                f"unknown function {name!r}: {nearest(name, [*_CALLABLE, *self.names.functions])}"
            )
        self.take("(")
        args = [self.expression()]
        while self.peek() == ",":
            self.take()
            args.append(self.expression())
        self.take(")")
        place, takes = self.tokens[start][1], 1 if name == "norm" else PRIMITIVES.get(name)
        if takes and len(args) != takes:
            values = "one value" if takes == 1 else f"{takes} values"
            raise self.error(f"{name}() takes {values}, came {len(args)}", place)
        if name == "norm":
            return self.norm(args[0])
        if all(arg.op == "const" for arg in args):
            raise self.error(f"{name}() of constants alone is a constant; write its value", place)
        if name in _CALLABLE:
            return node(name, tuple(args))
        if any(arg.op != "const" for arg in args[1:]):
            raise self.error(f"after its argument, {name}() takes constants only", place)
        return node("call", tuple(args), name)

    def norm(self, inner: Expr) -> Expr:
        if not is_product_sum(inner):
            inner = self.materialised(inner, "norm")
        label = norm_label(inner)
        scaled = node("mul", (node("norm", (inner,)), node("vector", name=f"gain_{label}")))
        return node("add", (scaled, node("vector", name=f"shift_{label}")))

    def symbol(self) -> Expr:
        token = self.take()
        name = token.rstrip("'")
        if token.endswith("'"):
            if name in self.names.states:
                return node("previous", name=name)
            self.at -= 1
            raise self.error(f"{token} is the previous value of a state, and {name!r} is not declared as one")
        if name in self.assignments or name == "x":
            return node("symbol", name=name)
        for kind in ("vectors", "masks"):
            if name in getattr(self.names, kind):
                return node(kind[:-1], name=name)
        self.at -= 1
        known = [*self.assignments, *self.names.vectors, *self.names.masks, "x"]
        hint = f"write {name}' for its previous value" if name in self.names.states else nearest(name, known)
        raise self.error(f"{name!r} is not defined above this line; {hint}")


def is_product_sum(root: Expr) -> bool:
    """Whether an expression is one matrix product, or a sum of them."""
    return root.op == "matmul" or (root.op == "add" and all(is_product_sum(arg) for arg in root.args))


def norm_label(inner: Expr) -> str:
    """Name a normalisation after what it normalises."""
    return "_".join(current.name for current in walk(inner) if current.op == "matmul") or inner.name
