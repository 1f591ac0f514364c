"""What is remembered: closed forms, running without the input, torch's autograd, and laws of every cell."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from covering import rotating
from hiddenstate import lens
from hiddenstate.cells import CELLS
from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.infer import Stack
from hiddenstate.layers import Recurrent
from hiddenstate.lens.opened import opened
from memory_cases import F, H, T, headed, inputs, layer_of, leaky

MEASURES = ("occlusion", "jacobian", "integrated")


def read(stack: Stack, x: np.ndarray) -> np.ndarray:
    """The state after reading x to its end, in one plain run."""
    if not len(x):
        return first(stack)
    output, _ = stack.run(np.ascontiguousarray(x[:, None].astype(stack.dtype)))
    if not stack.bidirectional:
        return output[-1, 0]
    half = output.shape[-1] // 2
    return np.concatenate([output[-1, 0, :half], output[0, 0, half:]])


def first(stack: Stack) -> np.ndarray:
    states = dict(zip([state.name for state in stack.cell.states], stack.initial_state(1), strict=True))
    if stack.cell.output not in states:  # then nothing is put out
        return np.zeros(stack.output_width)
    return states[stack.cell.output][-2 if stack.bidirectional else -1 :, 0].reshape(-1)


# closed forms


@settings(max_examples=30)
@given(
    st.floats(-0.99, 0.99),
    arrays.arrays(np.float64, st.integers(1, 12), elements=st.floats(-3, 3).map(lambda x: round(x, 3))),
)
def test_closed_forms_of_a_leaky_sum(w: float, x: np.ndarray) -> None:
    """h_t = sum of w^(t-j) x_j. Without x_i what came before it is one step closer."""
    steps, j = len(x), np.arange(len(x))
    for name, amount in {
        "jacobian": lambda t, i: abs(w) ** (t - i) if t > i else 1.0,
        "occlusion": lambda t, i: abs(
            (w ** (t - j[: t + 1]) * x[: t + 1]).sum()
            - (w ** (t - 1 - j[:i]) * x[:i]).sum()
            - (w ** (t - j[i + 1 : t + 1]) * x[i + 1 : t + 1]).sum()
        ),
    }.items():
        found = lens.memory(leaky(w), x[:, None], measure=name).arrays
        expected = np.array([[amount(t, i) if i <= t else 0.0 for i in j] for t in j])
        np.testing.assert_allclose(found["amount"].values, expected, atol=1e-12)
        whole = expected.sum(1, keepdims=True)
        sure = whole[:, 0] > 1e-9
        np.testing.assert_allclose(
            found["share"].values[sure], (expected / np.where(whole, whole, 1))[sure], atol=1e-6
        )
    found = lens.memory(leaky(w), x[:, None], measure="integrated").arrays["amount"].values
    for t in range(steps):
        parts = w ** (t - j[: t + 1]) * x[: t + 1]
        if abs(parts.sum()) > 1e-3:
            np.testing.assert_allclose(found[t, : t + 1], parts / parts.sum(), atol=1e-9)


def test_of_equal_inputs_each_is_as_much_as_any_other() -> None:
    """Without any one of them the sequence is one shorter, and that is all."""
    found = lens.memory(leaky(0.8), np.ones((6, 1))).arrays
    np.testing.assert_allclose(found["amount"].values, np.tril(np.tile(0.8 ** np.arange(6), (6, 1)).T))
    np.testing.assert_allclose(found["share"].values[-1], np.full(6, 1 / 6))


# every cell


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("name", CELLS)
def test_laws_of_every_cell(name: str, measure: str) -> None:
    view = lens.memory(layer_of(name), inputs(), measure=measure)
    share = view.arrays["share"].values
    alive = view.arrays["amount"].values.any(1)  # relu may have left nothing
    exact = 0.01 if measure == "integrated" else 1e-12
    np.testing.assert_allclose(share[alive].sum(1), 1.0, atol=exact)
    assert alive[-1]
    assert share[0, 0] == pytest.approx(1.0 if alive[0] else np.nan, abs=exact, nan_ok=True)
    assert not share[np.triu_indices(T, 1)].any()
    assert np.abs(share[-1]).max() >= 1 / T
    assert alive.all() or name == "indrnn"
    assert list(view.arrays) == ["share", "amount"], "there is no head"
    # what comes later changes nothing of what was
    shorter = lens.memory(layer_of(name), inputs(), measure=measure, step=3).arrays["share"].values
    np.testing.assert_allclose(shorter, share[:3, :3], atol=1e-9 if measure != "integrated" else 0.01)


@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, False), (1, True), (2, True)])
@pytest.mark.parametrize("name", CELLS)
def test_occlusion_is_running_without_the_input(name: str, layers: int, both: bool) -> None:
    stack = opened(layer_of(name, num_layers=layers, bidirectional=both)).stack
    x = inputs()
    found = lens.memory(stack, x).arrays["amount"].values
    for t in range(T):
        whole = read(stack, x[: t + 1])
        for i in range(t + 1):
            without = read(stack, np.delete(x[: t + 1], i, 0))
            assert found[t, i] == pytest.approx(np.linalg.norm(whole - without), abs=1e-12)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "minlstm"])
def test_on_the_compiled_core_it_is_so_to_the_last_bit(name: str, both: bool) -> None:
    layer = layer_of(name, torch.float32, num_layers=2, bidirectional=both)
    parameters = {each: value.detach().numpy() for each, value in layer.state_dict().items()}
    stack = Stack(layer.cell, F, H, parameters, num_layers=2, bidirectional=both)
    x = inputs(9).astype(np.float32)
    found = lens.memory(stack, x, parts=4).arrays["amount"].values
    ends = [0, 2, 4, 7, 9]
    for t in range(4):
        whole = read(stack, x[: ends[t + 1]])
        for i in range(t + 1):
            without = read(stack, np.delete(x[: ends[t + 1]], slice(ends[i], ends[i + 1]), 0))
            assert found[t, i] == np.linalg.norm(np.float64(without) - np.float64(whole))


@pytest.mark.parametrize("both", [False, True])
def test_in_the_answer_it_is_what_the_score_loses(both: bool) -> None:
    inside, x = headed("lstm", bidirectional=both), inputs()
    view = lens.memory(inside, x)
    found, shares = view.arrays["answer"].values, view.arrays["answer_share"].values
    assert inside.head is not None
    for t in range(T):
        output, _ = inside.stack.run(x[: t + 1, None])
        scores = inside.head.scores(output, np.array([t + 1]))[0]
        assert view.facts["answers"][t] == "abc"[scores.argmax()]
        for i in range(t + 1):
            rest = np.delete(x[: t + 1], i, 0)
            other = inside.head.begun(1).scores()[0] if not len(rest) else None
            if other is None:
                output, _ = inside.stack.run(rest[:, None])
                other = inside.head.scores(output, np.array([t]))[0]
            effect = scores.max() - other[scores.argmax()]
            assert found[t, i] == pytest.approx(effect, abs=1e-12)
    np.testing.assert_allclose(np.abs(shares).sum(1), 1.0)
    np.testing.assert_allclose(shares * np.abs(found).sum(1, keepdims=True), found, atol=1e-12)
    assert view.facts["answer"] == view.facts["answers"][-1]
    assert "recurrent part alone" in " ".join(view.reading)
    assert ("both ways" in " ".join(view.reading)) == both == ("direction" in view.facts)


# derivatives, against autograd


def states_in_torch(layer: Recurrent, x: torch.Tensor) -> torch.Tensor:
    """The states [B, W] after x [T, B, F]."""
    output, _ = layer(x)
    if not layer.bidirectional:
        return output[-1]
    half = output.shape[-1] // 2
    return torch.cat([output[-1, :, :half], output[0, :, half:]], -1)


@pytest.mark.parametrize(("name", "size"), rotating(product(CELLS, ((1, False), (2, True)))))
def test_jacobians_are_those_of_autograd(name: str, size: tuple[int, bool]) -> None:
    layers, both = size
    layer, x = layer_of(name, num_layers=layers, bidirectional=both, backend="reference"), inputs()
    found = lens.memory(layer, x, measure="jacobian").arrays["amount"].values
    for t in range(T):
        jacobian = torch.autograd.functional.jacobian(
            lambda given: states_in_torch(layer, given[:, None])[0], torch.from_numpy(x[: t + 1])
        )
        np.testing.assert_allclose(found[t, : t + 1], jacobian.norm(dim=(0, 2)).numpy(), atol=1e-12)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("name", ["lstm", "gru", "lstm_layer_norm", "slstm"])
def test_integrated_gradients_are_the_papers(name: str, both: bool) -> None:
    """Sundararajan, Taly and Yan's sum over the middles of equal pieces of the way, 3,000 of them."""
    layer = layer_of(name, bidirectional=both, backend="reference")
    x, baseline = torch.from_numpy(inputs()), torch.tensor([0.1, 0.0, -0.2], dtype=torch.float64)
    view = lens.memory(layer, x, measure="integrated", baseline=baseline)
    assert view.facts["complete"]
    assert view.facts["missed"] <= 0.01
    with torch.no_grad():
        start = states_in_torch(layer, baseline.expand(T, 1, F))[0]
        way = states_in_torch(layer, x[:, None])[0] - start
    places = (torch.arange(3000, dtype=torch.float64) + 0.5)[:, None] / 3000
    points = (baseline + (x - baseline)[:, None] * places).requires_grad_()
    (((states_in_torch(layer, points) - start) @ way).sum() / way.dot(way)).backward()
    expected = (points.grad.mean(1) * (x - baseline)).sum(1)
    np.testing.assert_allclose(view.arrays["share"].values[-1], expected.numpy(), atol=0.01)


@pytest.mark.parametrize("measure", ["jacobian", "integrated"])
@pytest.mark.parametrize("both", [False, True])
def test_in_the_answer_derivatives_go_through_the_head(measure: str, both: bool) -> None:
    inside, x = headed("gru", bidirectional=both), inputs()
    assert inside.head is not None
    view = lens.memory(inside, x, measure=measure)

    def score(given: np.ndarray) -> float:
        output, _ = inside.stack.run(given[:, None])
        return float(inside.head.scores(output, np.array([T]))[0]["abc".index(view.facts["answer"])])

    found = view.arrays["answer"].values[-1]
    if measure == "integrated":
        assert found.sum() == pytest.approx(score(x) - score(0 * x), rel=0.01)
        return
    slopes = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        away = np.zeros_like(x)
        away[place] = 1e-6
        slopes[place] = (score(x + away) - score(x - away)) / 2e-6
    np.testing.assert_allclose(found, np.linalg.norm(slopes, axis=1), atol=1e-7)


def test_a_sum_that_does_not_hold_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hiddenstate.lens.slopes.TOLERANCE", 1e-15)
    view = lens.memory(headed("lstm"), inputs(), measure="integrated")
    assert view.facts["complete"] is False
    assert 2048 <= view.facts["points"] < 2 * 2048
    assert "shares do not quite add up: with" in view.reading[-1]


# what is left as it was, and what nothing can be said of


@pytest.mark.parametrize("measure", MEASURES)
def test_a_layer_is_left_as_it_was(measure: str) -> None:
    layer = layer_of("lstm", num_layers=2, dropout=0.5).train()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    states = (torch.get_rng_state(), np.random.get_state(), random.getstate())
    x = torch.from_numpy(inputs())
    copied = x.clone()
    lens.memory(layer, x, measure=measure)
    assert layer.training
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    assert all(value.grad is None for value in layer.parameters())
    assert torch.equal(x, copied)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert str(np.random.get_state()) == str(states[1])
    assert random.getstate() == states[2]


@pytest.mark.parametrize("measure", MEASURES)
def test_a_state_that_holds_nothing(measure: str) -> None:
    """relu of what is always below zero: whatever is left out, the state stays zero."""
    cell = CELLS["rnn"].with_activations("relu")
    shapes = {"weight_ih_l0": (2, 1), "weight_hh_l0": (2, 2), "bias_ih_l0": (2,), "bias_hh_l0": (2,)}
    stack = Stack(cell, 1, 2, {name: np.full(shape, -1.0) for name, shape in shapes.items()})
    view = lens.memory(stack, np.ones((3, 1)), measure=measure)
    assert np.isnan(view.arrays["share"].values[np.tril_indices(3)]).all()
    assert not view.arrays["share"].values[np.triu_indices(3, 1)].any()
    assert "what it would be without any one" in view.facts["verdict"]
    assert view.as_dict()["arrays"]["share"]["not_finite"] == 6


@pytest.mark.parametrize(
    ("subject", "given", "options", "said"),
    [
        (
            leaky(0.5),
            np.ones((3, 1)),
            {"measure": "jacobi"},
            "unknown measure 'jacobi'; did you mean 'jacobian'",
        ),
        (leaky(0.5), np.ones((3, 1)), {"step": 4}, "step: expected a whole number of 1 to 3, .*; came 4"),
        (leaky(0.5), np.ones((3, 1)), {"step": 0}, "step: expected .* came 0"),
        (leaky(0.5), np.ones((3, 1)), {"step": -1}, "step: expected .* came -1"),
        (leaky(0.5), np.ones((3, 1)), {"parts": 0}, "parts: expected a whole number of 1 or more"),
        (leaky(0.5), np.ones((3, 1)), {"moments": 1.5}, "moments: expected .* came 1.5"),
        (leaky(0.5), np.ones((3, 1)), {"baseline": [0.0]}, "occlusion has none"),
        (
            leaky(0.5),
            np.ones((3, 1)),
            {"measure": "integrated", "baseline": [0.0, 1.0]},
            "baseline of 1 finite",
        ),
        (leaky(0.5), np.ones((0, 1)), {}, "no step to read"),
        (leaky(0.5), "what", {}, "reads vectors, not texts"),
        (leaky(0.5), np.array([[1.0], [np.nan]]), {}, "input is not finite at step 1"),
        (leaky(1e200), np.full((4, 1), 1e150), {}, "not finite at step 1"),
        (leaky(1e200), np.full((4, 1), 1e150), {"measure": "jacobian"}, "not finite at step 1"),
        (leaky(np.nan), np.ones((2, 1)), {}, "the state is not finite at step 0"),
        (leaky(np.nan), np.ones((2, 1)), {"measure": "integrated"}, "is not finite at step 0"),
    ],
)
def test_wrong_use(subject: object, given: object, options: dict, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        lens.memory(subject, given, **options)


def test_what_has_no_recurrent_layer() -> None:
    with pytest.raises(Unsupported, match="no recurrent layer"):
        lens.memory(torch.nn.Linear(2, 2), np.ones((1, 2)))


@pytest.mark.parametrize("measure", MEASURES)
def test_one_step(measure: str) -> None:
    view = lens.memory(headed("lstm"), inputs(1), measure=measure)
    assert view.arrays["share"].values == pytest.approx(np.ones((1, 1)), abs=0.01)
    assert abs(view.arrays["answer_share"].values.item()) == pytest.approx(1.0)
    assert "the only input" in view.facts["verdict"]


@pytest.mark.parametrize("measure", MEASURES)
def test_the_verdict_names_equal_shares_and_words_read_twice(measure: str) -> None:
    from hiddenstate.lens.memory_view import _verdict

    words, more = (
        ("my", "cat", "and", "my"),
        "would follow a change of" if measure == "jacobian" else "holds most of",
    )
    said = _verdict(measure, np.array([0.2, 0.3, 0.1, 0.4]), words)
    least = 'of "and" least' if measure == "jacobian" else 'least of "and"'
    assert said.startswith(f'After "my" (number 4) the hidden state {more} "my" (number 4)')
    assert said.endswith(f"{least}: 10.0 %.")
    alike = _verdict(measure, np.full(3, 1 / 3), (".", ",", "?"))
    assert alike.startswith('After "?" the hidden state ')
    assert alike.endswith(
        "of each input alike: 33.3 %." if measure == "jacobian" else "of each input: 33.3 %."
    )
    assert "most" not in alike
