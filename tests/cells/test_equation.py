"""The language of cells: what it reads, that it prints what it read, and what it says of mistakes."""

from __future__ import annotations

import contextlib
import copy
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.cells import CELLS, Cell, State
from hiddenstate.cells.elementwise import FUNCTIONS
from hiddenstate.cells.equation import (
    Expr,
    Names,
    _Line,
    const,
    node,
    parse,
    parse_equations,
    substitute,
    text,
    walk,
)
from hiddenstate.errors import InvalidArgument

NAMES = Names(
    frozenset({"h", "c"}), frozenset({"u", "p_i"}), frozenset({"keep"}), frozenset({"tanh", "leaky_relu"})
)
KNOWN = {name: node("symbol", name=name) for name in ("a", "b", "long_name")}


def read(source: str) -> Expr:
    """Parse one expression in which every kind of leaf is known."""
    line = _Line(source, NAMES, dict(KNOWN))
    root = line.expression()
    line.expect_end()
    return root


def reading(root: Expr) -> str:
    """Write an expression with every operation spelt out, so that its grouping shows."""
    if not root.args or root.op == "matmul":
        return text(root)
    return f"{root.op}[{' '.join(reading(arg) for arg in root.args)}]"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a + b * c'", "add[a mul[b c']]"),
        ("(a + b) * c'", "mul[add[a b] c']"),
        ("a - b - c'", "sub[sub[a b] c']"),
        ("a - (b - c')", "sub[a sub[b c']]"),
        ("a / b * c'", "mul[div[a b] c']"),
        ("a / (b * c')", "div[a mul[b c']]"),
        ("a * W_i x + u", "add[mul[a W_i x] u]"),
        ("-a * b", "mul[sub[0 a] b]"),
        ("-(a * b)", "sub[0 mul[a b]]"),
        ("--a", "sub[0 sub[0 a]]"),
        ("a - -b", "sub[a sub[0 b]]"),
        ("-0.5 * a", "mul[-0.5 a]"),
        ("-W x", "sub[0 W x]"),
        ("2.5e-3 + 1e5", "add[0.0025 100000]"),
        ("max(a, b) + select(keep, a, 0)", "add[max[a b] select[keep a 0]]"),
        ("tanh(exp(a) - log(b))", "call[sub[exp[a] log[b]]]"),
    ],
)
def test_operators_group_as_in_arithmetic(source: str, expected: str) -> None:
    assert reading(read(source)) == expected


def expressions() -> st.SearchStrategy[Expr]:
    """Everything that the parser can give, but for norm (which prints the gain and shift it brings)."""
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    leaves = st.one_of(
        numbers.map(const),
        st.sampled_from(list(KNOWN.values())),
        st.sampled_from([node("previous", name="h"), node("vector", name="u"), node("mask", name="keep")]),
        st.sampled_from([node("matmul", (node("symbol", name="x"),), "W_i"),
                         node("matmul", (node("previous", name="c"),), "R")]),
    )  # fmt: skip

    def changing(root: Expr) -> bool:
        return root.op != "const"

    def larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
        moving = inner.filter(changing)
        return st.one_of(
            st.builds(
                lambda op, a, b: node(op, (a, b)), st.sampled_from(["add", "sub", "mul", "div"]), inner, inner
            ),
            moving.map(lambda a: node("sub", (const(0), a))),
            moving.map(lambda a: node("exp", (a,))),
            moving.map(lambda a: node("log", (a,))),
            moving.map(lambda a: node("call", (a,), "tanh")),
            st.builds(lambda a, k: node("call", (a, const(k)), "leaky_relu"), moving, numbers),
            st.builds(lambda a, b: node("max", (a, b)), moving, inner),
            st.builds(lambda a, b, m: node("select", (m, a, b)), inner, inner, moving),
        )

    return st.recursive(leaves, larger, max_leaves=12)


@given(expressions())
def test_what_is_printed_reads_back_as_the_same_node(root: Expr) -> None:
    assert read(text(root)) is root


@given(expressions())
def test_pickle_and_deepcopy_keep_identity(root: Expr) -> None:
    assert pickle.loads(pickle.dumps(root)) is root
    assert copy.deepcopy(root) is root


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(source: str) -> None:
    with contextlib.suppress(InvalidArgument):
        assert parse_equations(f"h = {source}", NAMES)[-1][0] == "h"


@given(
    st.lists(st.sampled_from(["a", "h'", "W", "x", "tanh", "(", ")", ",", "+", "-", "*", "2", "norm", "="]))
)
def test_any_row_of_words_is_read_or_refused(words: list[str]) -> None:
    with contextlib.suppress(InvalidArgument):
        name, root = parse_equations(f"h = {' '.join(words)}", NAMES)[-1]
        assert name == "h"
        assert reading(root)


def test_every_equation_of_every_cell_prints_as_it_reads() -> None:
    without_norm = [cell for name, cell in CELLS.items() if name != "lstm_layer_norm"]
    for cell in without_norm:
        printed = "\n".join(f"{name} = {text(root)}" for name, root in cell.assignments)
        assert cell.replace(equations=printed).assignments == cell.assignments


def test_constants_print_exactly() -> None:
    for value in (0.1, 1 / 3, 0.3989422804014327, 1e-300, 1.7976931348623157e308, -2.5, 1e22, 123456789.0):
        assert read(text(const(value))).value == value
    assert text(const(3)) == "3"
    assert const(-0.0) is const(0.0)


def test_equal_nodes_are_one_node() -> None:
    assert read("a * b + a * b").args[0] is read("a * b")
    assert parse("a + 1", ("a",)) is parse(" ( a+1.0 )", ("a",))


def test_walk_gives_operands_first_and_each_once() -> None:
    root = read("(a + b) * (a + b) - a")
    order = list(walk(root))
    assert len(order) == len(set(order)) == 5
    assert all(order.index(arg) < order.index(n) for n in order for arg in n.args)


def test_substitute_replaces_whole_nodes_once() -> None:
    root = read("a * b + a")
    assert text(substitute(root, {KNOWN["a"]: read("a + 1")})) == "(a + 1) * b + (a + 1)"


def test_operands_that_are_expressions_get_a_name() -> None:
    assignments = dict(parse_equations("h = tanh(W (u * h'))", NAMES))
    assert {name: text(root) for name, root in assignments.items()} == {
        "into_W": "u * h'",
        "h": "tanh(W into_W)",
    }
    # an expression that has a name already keeps it
    assert [name for name, _ in parse_equations("s = u * h'\nh = W (u * h') + s", NAMES)] == ["s", "h"]


def test_norm_brings_a_gain_and_a_shift() -> None:
    ((_, root),) = parse_equations("h = norm(W_i x + R_i h')", NAMES)
    assert text(root) == "norm(W_i x + R_i h') * gain_W_i_R_i + shift_W_i_R_i"


def test_comments_and_blank_lines_are_skipped() -> None:
    source = "\n# the step\n\n   h = tanh(W x)  \n  # the end\n"
    assert [(n, text(e)) for n, e in parse_equations(source, NAMES)] == [("h", "tanh(W x)")]


# each mistake, what the message says, and the column under which the caret stands
MISTAKES = [
    ("h = tanh(W x + q)", "'q' is not defined above this line; choose one of: keep, p_i, u, x", 15),
    ("long_gate = W x\nh = long_gat * c'", "did you mean 'long_gate'?", 4),
    ("h = c", "write c' for its previous value", 4),
    ("h = W x\nh = R h'", "'h' is defined twice; every symbol is defined once", 0),
    ("g = W x\nh = g' + g", "g' is the previous value of a state, and 'g' is not declared as one", 4),
    ("h = tahn(W x)", "unknown function 'tahn': did you mean 'tanh'?", 4),
    ("h = frobnicate(W x)", "choose one of: exp, leaky_relu, log, max, norm, select, tanh", 4),
    ("h = W", "the matrix W is applied to nothing; write what it multiplies, as in W x", 5),
    ("h = W_i + x", "the matrix W_i is applied to nothing", 8),
    ("h = W 2", "W expects a vector that changes from step to step, came 2", 7),
    ("h = W u", "W expects a vector that changes from step to step, came u", 7),
    ("h = norm(W x, R h')", "norm() takes one value, came 2", 4),
    ("h = max(W x)", "max() takes 2 values, came 1", 4),
    ("h = select(keep, W x)", "select() takes 3 values, came 2", 4),
    ("h = exp(W x, 1)", "exp() takes one value, came 2", 4),
    ("h = leaky_relu(W x, u)", "after its argument, leaky_relu() takes constants only", 4),
    ("h = W x + exp(1)", "exp() of constants alone is a constant; write its value", 10),
    ("h = W x +", "expected a value, came the end of the line", 9),
    ("h =", "expected a value, came the end of the line", 3),
    ("h = (W x", "expected ), came the end of the line", 8),
    ("h = W x)", "expected an operator or the end of the line, came ')'", 7),
    ("h = W x x", "expected an operator or the end of the line, came 'x'", 8),
    ("h = 2 * * u", "expected a value, came *", 8),
    ("h = W x   & 3", "'&' is not part of the language", 10),
    ("h = W x ** 2", "expected a value, came *", 9),
    ("h = W x; import os", "';' is not part of the language", 7),
    ("h = __import__('os')", '"\'" is not part of the language', 15),
    ("h = W x == u", "'=' is not part of the language", 8),
    ("h = 1e999 * h'", "1e999 is beyond the largest number", 4),
    ("tanh(W x)", "expected `name = expression` with a lower-case name", 0),
    ("H = W x", "expected `name = expression` with a lower-case name", 0),
    ("h' = W x", "expected `name = expression` with a lower-case name", 0),
    ("2h = W x", "expected `name = expression` with a lower-case name", 0),
    ("x = W x", "'x' already stands for something else; choose another name", 0),
    ("u = W x", "'u' already stands for something else", 0),
    ("keep = W x", "'keep' already stands for something else", 0),
    ("tanh = W x", "'tanh' already stands for something else", 0),
    ("max = W x", "'max' already stands for something else", 0),
]


@pytest.mark.parametrize(("source", "message", "column"), MISTAKES)
def test_a_mistake_is_named_and_pointed_at(source: str, message: str, column: int) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_equations(source, NAMES)
    said, line, caret = str(caught.value).splitlines()
    assert message in said
    assert line == "  " + source.splitlines()[-1]
    assert caret == "  " + " " * column + "^"


def test_a_line_without_end_is_refused() -> None:
    for inside in (
        "(" * 3000 + "W x" + ")" * 3000,
        " + ".join(["u"] * 3000),
        "-" * 3000 + "u",
        "W " * 3000 + "x",
    ):
        with pytest.raises(InvalidArgument, match="expected at most 250 names, numbers and signs"):
            parse_equations(f"h = {inside}", NAMES)
    deep = "(" * 120 + "W x" + ")" * 120
    assert text(parse_equations(f"h = {deep}", NAMES)[0][1]) == "W x"
    nested = "exp(" * 80 + "W x" + ")" * 80
    cell = Cell("deep", f"h = tanh({nested} + h')", (State("h"),))
    assert cell.width_of(dict(cell.assignments)["h"]) == "H"


def test_a_thousand_lines_are_read() -> None:
    lines = ["s0 = W x", *(f"s{k + 1} = s{k} + s{k}" for k in range(1000)), "h = tanh(s1000 + R h')"]
    cell = Cell("long", "\n".join(lines), (State("h"),))
    assert cell.parameter_count(F=2, H=3) == 3 * 2 + 3 + 3 * 3 + 3


def test_the_language_has_no_word_that_reaches_outside() -> None:
    assert not any(re.search(r"import|eval|open|exec|system", name) for name in FUNCTIONS)
