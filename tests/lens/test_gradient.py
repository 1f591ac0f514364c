"""The gradient on its way back through time: closed forms, autograd, what is left as found, bad input."""

from __future__ import annotations

import json
import math
import random
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.nn import functional

from hiddenstate import lens
from hiddenstate.cells import CELLS, Cell, State, Vector
from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.infer import Inside, Stack
from hiddenstate.layers import Recurrent
from hiddenstate.lens.opened import opened

LEAKY = Cell("leaky", "h = W x + u * h'", (State("h"),), vectors=(Vector("u"),))


def leaky(w: float) -> Stack:
    return Stack(LEAKY, 1, 1, {"weight_ih_l0": np.ones((1, 1)), "u_l0": np.array([w])})


def medians(view: lens.GradientView, name: str = "last") -> np.ndarray:
    """The medians [layer, direction, state, distance]."""
    return view.arrays[name].values[:, :, :, 1]


@pytest.mark.parametrize(
    ("w", "word"),
    [(0.9, "vanishing"), (1.0, "healthy"), (1.1, "exploding"), (0.99, "healthy"), (-0.5, "vanishing")],
)
def test_the_gradient_of_a_leaky_sum_is_a_power(w: float, word: str) -> None:
    steps = 60
    view = lens.gradient(leaky(w), np.ones((steps, 1)))
    np.testing.assert_allclose(medians(view)[0, 0, 0], np.abs(w) ** np.arange(steps), rtol=1e-12)
    facts = view.facts
    assert facts["word"] == word
    assert facts["factor"] == pytest.approx(abs(w), rel=1e-12)
    assert facts["ways"][0]["arrives"] == pytest.approx(abs(w) ** (steps - 1), rel=1e-9)
    wanted = math.log(0.5) / math.log(abs(w)) if abs(w) < 1 else None
    assert facts["half_life"] == (wanted and pytest.approx(wanted, rel=1e-9))
    assert facts["step"][0]["bound"] == pytest.approx(abs(w))
    assert facts["step"][0]["step_norm_max"] == pytest.approx(abs(w))
    if w == 1:
        assert "A factor of 1 a step: it neither falls nor grows." in facts["verdict"]


@dataclass(frozen=True)
class Linear:
    """A head on the largest output of each unit, or on the last output."""

    weight: np.ndarray
    largest: bool
    labels: tuple[str, ...] = ("a", "b", "c")

    def scores(self, output: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        last = output[lengths - 1, np.arange(output.shape[1])]
        return (output.max(0) if self.largest else last) @ self.weight.T

    def slopes(self, output: np.ndarray, lengths: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        steps = np.arange(len(output))[:, None, None]
        here = steps == (output.argmax(0) if self.largest else (lengths - 1)[:, None])
        return here[:, None] * (wanted @ self.weight)


@pytest.mark.parametrize("largest", [False, True])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_the_gradient_of_the_loss_is_that_of_torch(name: str, largest: bool) -> None:
    """torch's own cells, stepped one by one, with the gradient kept at every state."""
    T, B, F, H = 7, 3, 4, 5
    torch.manual_seed(2)
    own = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell, "rnn": torch.nn.RNNCell}[name](F, H).double()
    weights = {f"{key}_l0": value.detach().numpy() for key, value in own.named_parameters()}
    weight, x = torch.randn(3, H, dtype=torch.float64), torch.randn(T, B, F, dtype=torch.float64)
    state = (torch.zeros(B, H, dtype=torch.float64),) * (2 if name == "lstm" else 1)
    outputs, kept = [], []
    for step in range(T):
        found = own(x[step], state if name == "lstm" else state[0])
        state = found if name == "lstm" else (found,)
        for each in state:
            each.retain_grad()
        outputs.append(state[0])
        kept.append(state)
    read = torch.stack(outputs).amax(0) if largest else outputs[-1]
    answers = [2, 0, 1]
    functional.cross_entropy(read @ weight.T, torch.tensor(answers), reduction="sum").backward()

    inside = Inside(Stack(CELLS[name], F, H, weights), head=Linear(weight.numpy(), largest))
    labels = [inside.head.labels[answer] for answer in answers]
    for b in range(B):
        view = lens.gradient(inside, x[:, b], labels[b], origin="loss")
        assert view.facts["label"] == labels[b]
        for place in range(len(state)):
            wanted = [0.0 if s[place].grad is None else s[place].grad[b].norm().item() for s in kept]
            np.testing.assert_allclose(medians(view, "loss")[0, 0, place], wanted[::-1], atol=1e-12)
        if name == "lstm":
            pair = [torch.cat([s[0].grad[b], s[1].grad[b]]).norm().item() for s in kept]
            np.testing.assert_allclose(medians(view, "loss")[0, 0, 2], pair[::-1], atol=1e-12)


def test_the_last_output_asks_for_its_jacobian() -> None:
    """Of one unit every random direction is that unit: the norm is the derivative itself."""
    torch.manual_seed(3)
    own = torch.nn.RNN(2, 1, dtype=torch.float64)
    weights = {key: value.detach().numpy() for key, value in own.named_parameters()}
    x = torch.randn(9, 2, dtype=torch.float64)
    view = lens.gradient(Stack(CELLS["rnn"], 2, 1, weights), x)
    with torch.no_grad():
        output, _ = own(x)
    slopes = (1 - output[:, 0] ** 2) * own.weight_hh_l0[0, 0].detach()
    wanted = [1.0]
    for step in range(8, 0, -1):
        wanted.append(wanted[-1] * abs(slopes[step].item()))
    np.testing.assert_allclose(medians(view)[0, 0, 0], wanted, rtol=1e-12)


def test_each_direction_is_aligned_at_its_own_end() -> None:
    torch.manual_seed(4)
    layer = Recurrent("lstm", 3, 4, bidirectional=True, dtype=torch.float64)
    x = np.random.default_rng(0).normal(size=(8, 3))
    both = medians(lens.gradient(layer, x))[0]
    turned = medians(lens.gradient(layer, x[::-1]))[0]
    stack, one = opened(layer).stack, {}
    for reverse, suffix in enumerate(stack.suffixes[0]):
        single = Stack(
            CELLS["lstm"], 3, 4, {f"{key}_l0": value for key, value in stack.parameters_of(suffix).items()}
        )
        given = x[::-1] if reverse else x
        one[reverse] = lens.gradient(single, given).facts["factor"]
        factors = {row["direction"]: row["factor"] for row in lens.gradient(layer, x).facts["ways"][2::3]}
        assert factors[("forward", "backward")[reverse]] == pytest.approx(one[reverse], rel=0.2)
    assert both.shape == (2, 3, 8)
    np.testing.assert_allclose(both[:, 0, 0], 1, rtol=1e-12)
    assert np.abs(both - turned).max() > 1e-3


def test_several_lengths_are_as_each_alone() -> None:
    torch.manual_seed(5)
    layer = Recurrent("gru", 3, 4, num_layers=2, bidirectional=True, dtype=torch.float64)
    generator = np.random.default_rng(1)
    texts = {"one": 4, "two": 7, "three": 1}
    vectors = {text: generator.normal(size=(length, 3)) for text, length in texts.items()}
    weight = generator.normal(size=(3, 8))
    inside = Inside(
        opened(layer).stack,
        lambda text: (("w",) * len(vectors[text]), vectors[text]),
        Linear(weight, largest=False),
    )
    together = lens.gradient(inside, list(texts), ["a", "b", "c"], origin="loss")
    alone = [
        lens.gradient(inside, text, label, origin="loss") for text, label in zip(texts, "abc", strict=True)
    ]
    assert together.arrays["sequences"].values.tolist() == [3, 2, 2, 2, 1, 1, 1]
    for distance in range(7):
        rows = [medians(view, "loss")[..., distance] for view in alone if view.facts["sequences"] and
                distance < view.arrays["sequences"].values.size]  # fmt: skip
        np.testing.assert_allclose(medians(together, "loss")[..., distance], np.median(rows, 0), rtol=1e-9)


def test_an_orthogonal_linear_network_neither_forgets_nor_explodes() -> None:
    view = lens.gradient(
        cell="rnn", initialisation="orthogonal", activation="identity", hidden=16, steps=200, batch=4
    )
    np.testing.assert_allclose(medians(view)[0, 0, 0], 1, rtol=1e-10)
    assert view.facts["factor"] == pytest.approx(1, abs=1e-10)
    assert view.facts["word"] == "healthy"


def test_what_is_begun_otherwise_fades_otherwise() -> None:
    view = lens.gradient(cell=["lstm", "gru"], initialisation=["default", "chrono"], hidden=32, batch=8)
    factors = {
        row["network"]: row["factor"] for row in view.facts["ways"] if row["state"] in ("together", "h")
    }
    assert list(factors) == ["lstm", "lstm chrono", "gru", "gru chrono"]
    for cell in ("lstm", "gru"):
        assert factors[cell] < 0.75 < 0.95 < factors[f"{cell} chrono"] < 1
    assert "Vanishing (below 1 % of the gradient is left 99 steps back): lstm (x 0.6" in view.facts["verdict"]
    again = lens.gradient(cell=["lstm", "gru"], initialisation=["default", "chrono"], hidden=32, batch=8)
    assert again.as_dict() == view.as_dict()


def test_a_dead_relu_hands_nothing_back() -> None:
    layer = Recurrent("rnn", 2, 4, activation="relu", dtype=torch.float64)
    with torch.no_grad():
        layer.bias_ih_l0.fill_(-50)
    view = lens.gradient(layer, np.random.default_rng(0).normal(size=(5, 2)))
    assert view.facts["verdict"] == "Vanishing: exactly nothing is left from 1 step back on."
    assert view.facts["factor"] is None
    assert medians(view)[0, 0, 0].tolist() == pytest.approx([1, 0, 0, 0, 0])
    assert view.png()[:4] == b"\x89PNG"


def test_an_overflow_is_said() -> None:
    view = lens.gradient(leaky(1e30), np.zeros((20, 1)))
    assert view.facts["word"] == "exploding"
    assert view.facts["verdict"].startswith("Exploding: past what a number can hold from 11 steps back on.")
    assert view.facts["factor"] == pytest.approx(1e30)
    assert view.as_dict()["arrays"]["last"]["not_finite"] == 27
    assert json.dumps(view.as_dict(), allow_nan=False)
    assert view.png()[:4] == b"\x89PNG"


def test_one_step_has_no_way_back() -> None:
    view = lens.gradient(leaky(0.5), np.ones((1, 1)))
    assert view.facts["verdict"].startswith("There is one step, and no way back")
    assert view.facts["factor"] is None
    assert view.png()[:4] == b"\x89PNG"


@pytest.mark.parametrize("training", [True, False])
def test_everything_is_left_as_found(training: bool) -> None:
    layer = Recurrent("lstm", 3, 4, num_layers=2, dropout=0.5, zoneout=0.2).train(training)
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    torch.manual_seed(7)
    np.random.seed(7)
    random.seed(7)
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    first = lens.gradient(layer, torch.randn(5, 3, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tolist() == states[1]
    assert random.getstate() == states[2]
    assert layer.training is training
    assert all(torch.equal(before[key], value) for key, value in layer.state_dict().items())
    assert all(parameter.grad is None for parameter in layer.parameters())
    again = lens.gradient(layer, torch.randn(5, 3, generator=torch.Generator().manual_seed(1)))
    assert again.as_dict() == first.as_dict()


def one(*given: object, **named: object) -> Callable[[], object]:
    return lambda: lens.gradient(leaky(0.5), *given, **named)


def fresh(**named: object) -> Callable[[], object]:
    return lambda: lens.gradient(**{"cell": "rnn", **named})


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (one(), InvalidArgument, r"give x as an array \[T, N, 1\]"),
        (one("a text"), InvalidArgument, "this layer reads vectors, not texts"),
        (one(np.ones((0, 1))), InvalidArgument, r"no step to read: x is \[0, 1\]"),
        (one(np.ones((3, 0, 1))), InvalidArgument, r"no sequence to read: x is \[T, 0, F\]"),
        (one(np.ones((3, 2))), InvalidArgument, r"expected numbers x \[T, 1\]"),
        (one(np.full((3, 1), np.nan)), InvalidArgument, "input is not finite at step 0"),
        (one(np.ones((3, 1)), origin="loss"), Unsupported, "there is none; take 'last'"),
        (one(np.ones((3, 1)), "a"), InvalidArgument, "this layer has no head"),
        (one(origin="lost"), InvalidArgument, "did you mean 'loss'"),
        (one(steps=3), InvalidArgument, "steps is said of a network not trained"),
        (one(examples=0), InvalidArgument, "examples expects a whole number of 1 or more, came 0"),
        (lambda: lens.gradient(torch.nn.Linear(1, 1), np.ones((3, 1))), Unsupported, "no recurrent layer"),
        (lambda: lens.gradient([]), InvalidArgument, "a list of Fresh networks"),
        (fresh(steps=0), InvalidArgument, "steps expects a whole number of 1 or more, came 0"),
        (fresh(hidden=True), InvalidArgument, "hidden expects a whole number"),
        (fresh(cell="lstn"), InvalidArgument, "unknown cell 'lstn': did you mean 'lstm'"),
        (fresh(initialisation="xavier"), InvalidArgument, "unknown initialisation 'xavier'"),
        (fresh(activation="rellu"), InvalidArgument, "unknown activation 'rellu'"),
        (fresh(activations="relu"), InvalidArgument, "did you mean 'activation'"),
        (fresh(hidden=10**6), InvalidArgument, "make one of them smaller"),
        (fresh(cell=["rnn", "rnn"]), InvalidArgument, "'rnn' is asked for twice"),
        (fresh(cell=list(CELLS)), InvalidArgument, "17 networks: expected 1 to 12"),
        (fresh(cell=[]), InvalidArgument, "0 networks"),
        (
            lambda: lens.gradient([lens.Fresh("rnn", steps=5), lens.Fresh("gru", steps=6)]),
            InvalidArgument,
            "steps is 5 and 6: make it one",
        ),
        (fresh(initialisation="chrono"), Unsupported, "rnn has no such bias"),
        (fresh(origin="loss"), Unsupported, "not trained yet has none; take 'last'"),
        (fresh(given="text"), InvalidArgument, "read random sequences"),
    ],
)
def test_what_cannot_be_is_told(call: Callable[[], object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_the_numbers_have_names() -> None:
    view = lens.gradient(cell="lstm", layers=2, bidirectional=True, hidden=8, steps=12, batch=4, features=3)
    last = view.arrays["last"]
    assert dict(zip(last.axes, last.values.shape, strict=True)) == {
        "layer": 2, "direction": 2, "state": 3, "quantile": 3, "distance": 12
    }  # fmt: skip
    assert last.labels["state"] == ("h", "c", "together")
    assert last.labels["quantile"] == (0.1, 0.5, 0.9)
    assert (np.diff(last.values, axis=3) >= 0).all()
    assert view.arrays["step norm"].values.shape == (2, 2, 32)
    assert len(view.facts["ways"]) == 12
    rows = view.csv().splitlines()
    assert rows[0] == "array,layer,direction,state,quantile,distance,sequence:step,value,measured_in"
    assert json.loads(json.dumps(view.as_dict()))["thresholds"]["vanishing_below"] == 0.01
    assert len(view.plot().axes[0].lines) >= 4


@pytest.mark.slow
def test_ten_thousand_steps_in_bounded_memory() -> None:
    w, steps = 0.9995, 10_000
    view = lens.gradient(leaky(w), np.ones((steps, 1)))
    np.testing.assert_allclose(medians(view)[0, 0, 0], w ** np.arange(steps), rtol=1e-9)
    assert view.facts["half_life"] == pytest.approx(math.log(0.5) / math.log(w), rel=1e-9)

    layer, x = Recurrent("rnn", 4, 64), np.random.default_rng(0).normal(size=(steps, 4))
    tracemalloc.start()
    found = lens.gradient(layer, x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.facts["factor"] == pytest.approx(0.55, abs=0.1)
    # H numbers of every step: its state, its output, its product with x, and copies of these
    assert peak < 8 * steps * 64 * 8, f"{peak / 2**20:.0f} MiB"


@pytest.mark.parametrize(
    ("words", "expected"), [(["what"], "word"), (["what", "time"], "word, 0 to 1 steps back from the end")]
)
def test_words_below_the_axis_are_counted_from_the_end(words: list[str], expected: str) -> None:
    from matplotlib.figure import Figure

    view = lens.GradientView("t", {}, {"words": words})
    axes = Figure().subplots()
    view._name_steps(axes, bare=False)
    assert axes.get_xlabel() == expected
    assert [tick.get_text() for tick in axes.get_xticklabels()] == words[::-1]
