"""What of the gradient arrives, against closed forms and against autograd through equations written here."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from hiddenstate.cells import Cell, State, Vector
from hiddenstate.lens.recall.gradients import SEQUENCES, arriving
from hiddenstate.lens.recall.plan import Network, planned
from hiddenstate.lens.recall.task import LOOKED_AT, Recall
from hiddenstate.lens.recall.training import Reader, begun

DELAY = 12
LEAKY = Cell("leaky", "h = W x + u * h'", (State("h"),), vectors=(Vector("u", low=0.7, high=0.7),))


def network(cell: str, activation: str = "tanh") -> Network:
    return planned([cell], [activation], ["default"], [3, DELAY], [0]).networks[0]


def by_autograd(reader: Reader, kind: str) -> np.ndarray:
    """The same, through a loop over the equations of the papers."""
    x, shown = Recall().draw(np.random.default_rng([5, LOOKED_AT, DELAY]), DELAY, SEQUENCES)
    w_x, w_h, b_x, b_h = (
        getattr(reader.recurrent, f"{name}_l0").detach().double()
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = c = torch.zeros(SEQUENCES, reader.recurrent.hidden_size, dtype=torch.float64)
    states = []
    for row in torch.from_numpy(x).double():
        given, fed_back = row @ w_x.T + b_x, h @ w_h.T + b_h
        if kind == "lstm":
            i, f, g, o = (given + fed_back).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            c.requires_grad_(True)
            c.retain_grad()
            h = torch.sigmoid(o) * torch.tanh(c)
        elif kind == "gru":
            (a, b, n), (d, e, m) = given.chunk(3, 1), fed_back.chunk(3, 1)
            z = torch.sigmoid(b + e)
            h = (1 - z) * torch.tanh(n + torch.sigmoid(a + d) * m) + z * h
        else:
            h = torch.tanh(given + fed_back)
        h.requires_grad_(True)
        h.retain_grad()
        states.append((h, c) if kind == "lstm" else (h,))
    weight, bias = reader.readout.weight.detach().double(), reader.readout.bias.detach().double()
    functional.cross_entropy(h @ weight.T + bias, torch.from_numpy(shown)).backward()
    squares = [sum((state.grad**2).sum(1) for state in row) for row in reversed(states)]
    norms = torch.stack(squares).sqrt().numpy()
    return np.median(norms / norms[0], axis=1)


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_it_is_what_autograd_says(kind: str) -> None:
    reader = begun(network(kind), Recall(), DELAY, seed=5)
    np.testing.assert_allclose(
        arriving(reader, Recall(), DELAY, seed=5), by_autograd(reader, kind), rtol=1e-9
    )


def test_a_leak_lets_a_power_of_itself_arrive() -> None:
    contender = Network(LEAKY, "own", "default", "default", 4, 0)
    found = arriving(begun(contender, Recall(), DELAY, seed=5), Recall(), DELAY, seed=5)
    np.testing.assert_allclose(found, 0.7 ** np.arange(DELAY + 1), rtol=1e-6)  # weights are float32


def test_numbers_that_are_not_finite_are_not_known() -> None:
    reader = begun(network("rnn"), Recall(), DELAY, seed=5)
    with torch.no_grad():
        reader.recurrent.weight_hh_l0[0, 0] = math.nan
    assert np.isnan(arriving(reader, Recall(), DELAY, seed=5)).all()
