"""Derived gradients against SymPy's, assignment by assignment and rule by rule."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from hiddenstate.cells import CELLS
from hiddenstate.cells.equation import PRIMITIVES, Expr, const, node, walk
from hiddenstate.derive.gradient import (
    ONE,
    RULES,
    ZERO,
    add,
    adjoints,
    derivative,
    div,
    joined,
    mul,
    select,
    sub,
)
from judges.symbols import symbolic

LEAVES = ("symbol", "previous", "vector", "mask", "matmul", "norm")
A, B, M = (node("symbol", name=name) for name in "abm")


def leaves_of(root: Expr) -> dict[Expr, sympy.Symbol]:
    """A positive symbol for each leaf: what is drawn for it is positive too, so logs and roots are real."""
    nodes = dict.fromkeys(n for n in topmost(root))
    return {n: sympy.Symbol(f"v{k}", real=True) for k, n in enumerate(nodes)}


def topmost(root: Expr) -> list[Expr]:
    """The leaves of an expression; products and normalisations are leaves and are not looked into."""
    if root.op in LEAVES:
        return [root]
    return [leaf for arg in root.args for leaf in topmost(arg)]


def assert_derivatives(root: Expr, seed: int) -> None:
    leaves = leaves_of(root)
    values = dict(
        zip(leaves.values(), np.random.default_rng(seed).uniform(0.2, 1.8, len(leaves)), strict=True)
    )
    exact = symbolic(root, leaves)
    for leaf, symbol in leaves.items():
        ours = symbolic(derivative(root, leaf), leaves).subs(values)
        theirs = sympy.diff(exact, symbol).subs(values)
        assert float(ours) == pytest.approx(float(theirs), rel=1e-12, abs=1e-13), f"d {root} / d {leaf}"


@pytest.mark.parametrize("name", CELLS)
def test_every_assignment_by_every_leaf(name: str) -> None:
    for seed, (_, root) in enumerate(CELLS[name].assignments):
        assert_derivatives(root, seed)


@pytest.mark.parametrize("name", ["lstm", "lstm_peephole", "gru", "janet", "mgu", "minlstm", "cifg", "slstm"])
def test_a_whole_step_by_every_leaf(name: str) -> None:
    """Names replaced by what they stand for: the chain through all equations of a step."""
    for seed, state in enumerate(CELLS[name].states):
        assert_derivatives(joined(CELLS[name])[state.name], 100 + seed)


RULE_ROOTS = {
    "add": node("add", (A, B)),
    "sub": node("sub", (A, B)),
    "mul": node("mul", (A, B)),
    "div": node("div", (A, B)),
    "max": node("max", (A, B)),
    "select": node("select", (M, A, B)),
    "exp": node("exp", (A,)),
    "log": node("log", (A,)),
    "call": node("call", (node("mul", (A, B)),), "gelu"),
}


@pytest.mark.parametrize("op", RULE_ROOTS)
def test_each_rule(op: str) -> None:
    for seed in range(4):
        assert_derivatives(RULE_ROOTS[op], seed)
        square = node("mul", (RULE_ROOTS[op], RULE_ROOTS[op]))  # both operands of one node
        assert_derivatives(square, seed)
        assert_derivatives(node("sub", (node("exp", (square,)), node("div", (A, square)))), seed)


def test_every_primitive_has_a_rule() -> None:
    assert set(RULES) == {*PRIMITIVES, "norm", "call"} == {*RULE_ROOTS, "norm"}


def test_select_takes_the_derivative_of_the_side_that_is_taken() -> None:
    root = node("select", (M, node("mul", (A, A)), B))
    assert repr(derivative(root, A)) == "select(m, 1, 0) * a + select(m, 1, 0) * a"
    assert repr(derivative(root, B)) == "select(m, 0, 1)"
    assert derivative(root, M) is ZERO


def test_max_gives_a_tie_to_its_first_argument() -> None:
    found = adjoints({node("max", (A, B)): ONE})
    assert repr(found[A]) == "select(b - a, 0, 1)"
    assert repr(found[B]) == "select(b - a, 1, 0)"


def test_zeros_and_ones_are_folded() -> None:
    assert add(ZERO, A) is A is add(A, ZERO)
    assert sub(A, ZERO) is A
    assert mul(ONE, A) is A is mul(A, ONE)
    assert mul(ZERO, A) is ZERO is mul(A, ZERO)
    assert mul(const(2), const(3)) is const(6)
    assert div(ZERO, A) is ZERO
    assert select(M, A, A) is A


@pytest.mark.parametrize(
    ("cell", "name", "by", "expected"),
    [
        ("lstm", "c", "c'", "f"),
        ("lstm", "h", "c", "o * (1 - tanh(c) * tanh(c))"),
        ("lstm", "i", "W_i x", "sigmoid(W_i x + R_i h') * (1 - sigmoid(W_i x + R_i h'))"),
        ("gru", "h", "h'", "z"),
        ("gru", "h", "n", "1 - z"),
        ("rnn", "h", "R h'", "1 - tanh(W x + R h') * tanh(W x + R h')"),
        ("indrnn", "h", "h'", "select(relu(W x + u * h'), 1, 0) * u"),
    ],
)
def test_derivatives_as_a_teacher_writes_them(cell: str, name: str, by: str, expected: str) -> None:
    root = dict(CELLS[cell].assignments)[name]
    leaf = next(n for n in walk(root) if repr(n) == by)
    assert repr(derivative(root, leaf)) == expected


def test_what_an_expression_does_not_read_has_no_derivative() -> None:
    assert derivative(dict(CELLS["lstm"].assignments)["c"], node("previous", name="h")) is ZERO
