"""Equations as LaTeX: as they are written in books, and so that matplotlib can draw them."""

from __future__ import annotations

import pytest
from matplotlib.mathtext import MathTextParser

from hiddenstate.cells import CELLS
from hiddenstate.cells.equation import parse
from hiddenstate.derive.latex import expression, latex


def lines(name: str, bias: bool = False) -> list[str]:
    first, *body, last = latex(CELLS[name], bias).splitlines()
    assert (first, last) == (r"\begin{aligned}", r"\end{aligned}")
    assert all(line.endswith(r" \\") for line in body[:-1])
    return [line.removesuffix(r" \\") for line in body]


def test_the_lstm() -> None:
    assert lines("lstm") == [
        r"i_{t} &= \sigma\left(W_{i} x_{t} + R_{i} h_{t-1}\right)",
        r"f_{t} &= \sigma\left(W_{f} x_{t} + R_{f} h_{t-1}\right)",
        r"g_{t} &= \tanh\left(W_{g} x_{t} + R_{g} h_{t-1}\right)",
        r"o_{t} &= \sigma\left(W_{o} x_{t} + R_{o} h_{t-1}\right)",
        r"c_{t} &= f_{t} \odot c_{t-1} + i_{t} \odot g_{t}",
        r"h_{t} &= o_{t} \odot \tanh\left(c_{t}\right)",
    ]


def test_the_gru_with_its_biases() -> None:
    assert lines("gru", bias=True)[2:] == [
        r"n_{t} &= \tanh\left(W_{n} x_{t} + b_{\mathrm{Wn}} + r_{t} \odot "
        r"\left(R_{n} h_{t-1} + b_{\mathrm{Rn}}\right)\right)",
        r"h_{t} &= \left(1 - z_{t}\right) \odot n_{t} + z_{t} \odot h_{t-1}",
    ]


def test_the_slstm() -> None:
    assert lines("slstm") == [
        r"a_{t} &= W_{i} x_{t} + R_{i} h_{t-1}",
        r"b_{t} &= -\mathrm{softplus}\left(-\left(W_{f} x_{t} + R_{f} h_{t-1}\right)\right)",
        r"z_{t} &= \tanh\left(W_{z} x_{t} + R_{z} h_{t-1}\right)",
        r"o_{t} &= \sigma\left(W_{o} x_{t} + R_{o} h_{t-1}\right)",
        r"m_{t} &= \max\left(b_{t} + m_{t-1}, a_{t}\right)",
        r"i_{t} &= e^{a_{t} - m_{t}}",
        r"f_{t} &= e^{b_{t} + m_{t-1} - m_{t}}",
        r"c_{t} &= f_{t} \odot c_{t-1} + i_{t} \odot z_{t}",
        r"n_{t} &= f_{t} \odot n_{t-1} + i_{t}",
        r"h_{t} &= \frac{o_{t} \odot c_{t}}{n_{t}}",
    ]


def test_names_of_several_letters_and_greek_ones() -> None:
    assert lines("lstm_projected")[-1] == r"h_{t} &= P q_{t}"
    assert (
        expression(parse("phi + long_name", ("phi", "long_name")))
        == r"\phi_{t} + \mathrm{long}_{\mathrm{name},t}"
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a - (b - a)", r"a_{t} - \left(b_{t} - a_{t}\right)"),
        ("a * (b + a)", r"a_{t} \odot \left(b_{t} + a_{t}\right)"),
        ("-a * b", r"-a_{t} \odot b_{t}"),
        ("a * -0.5", r"a_{t} \odot \left(-0.5\right)"),
        ("a - -0.5", r"a_{t} - \left(-0.5\right)"),
        ("a / (1 + b)", r"\frac{a_{t}}{1 + b_{t}}"),
        ("0.00001 * a", r"1 \cdot 10^{-5} \odot a_{t}"),
        ("log(a) + select(a, b, 0)", r"\log\left(a_{t}\right) + \mathrm{select}\left(a_{t}, b_{t}, 0\right)"),
    ],
)
def test_signs_and_parentheses(source: str, expected: str) -> None:
    assert expression(parse(source, ("a", "b"))) == expected


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("bias", [False, True])
def test_matplotlib_can_draw_every_line(name: str, bias: bool) -> None:
    parser = MathTextParser("agg")
    for line in lines(name, bias):
        drawn = parser.parse(f"${line.replace('&', '')}$", dpi=100)
        assert drawn.width > 20
        assert drawn.height > 5


def test_constants_of_a_function_stand_below_its_name() -> None:
    cell = CELLS["rnn"].with_activations("leaky_relu(0.2)")
    assert latex(cell, bias=False).splitlines()[1] == (
        r"h_{t} &= \mathrm{lrelu}_{0.2}\left(W x_{t} + R h_{t-1}\right)"
    )
