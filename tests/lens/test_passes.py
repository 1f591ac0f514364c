"""What goes back through a stack, against torch's autograd, finite differences and closed forms."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from hiddenstate.cells import CELLS, Cell, State, Vector
from hiddenstate.derive.reference import Recurrence, torch_arrays
from hiddenstate.errors import InvalidArgument
from hiddenstate.infer import Stack
from hiddenstate.layers import Recurrent
from hiddenstate.lens.opened import opened
from hiddenstate.lens.passes import Pass
from judges.finite_differences import along

T, B, F, H = 6, 3, 3, 4
LENGTHS = [6, 0, 4]
LEAKY = Cell("leaky", "h = W x + u * h'", (State("h"),), vectors=(Vector("u"),))


def leaky(w: float) -> Stack:
    return Stack(LEAKY, 1, 1, {"weight_ih_l0": np.ones((1, 1)), "u_l0": np.array([w])})


def layer_of(name: str, **options: object) -> Recurrent:
    torch.manual_seed(1)
    return Recurrent(name, F, H, dtype=torch.float64, backend="reference", **options)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, True)])
def test_derivatives_by_the_input_are_those_of_autograd(name: str, layers: int, both: bool) -> None:
    layer = layer_of(name, num_layers=layers, bidirectional=both)
    x = torch.randn(T, B, F, dtype=torch.float64, requires_grad=True)
    output, _ = layer(x, lengths=LENGTHS)
    wanted = torch.randn(2, *output.shape, dtype=torch.float64)

    run = Pass(opened(layer).stack, np.where(_there(), x.detach().numpy(), np.nan), LENGTHS)
    np.testing.assert_allclose(run.output, output.detach().numpy(), atol=1e-13)
    found = np.zeros((T, 2, B, F))
    run.back({step: wanted[:, step].numpy() for step in range(T)}, take=_adding(found))

    for row in range(2):
        (dx,) = torch.autograd.grad(output, x, wanted[row], retain_graph=True)
        np.testing.assert_allclose(found[:, row], dx.numpy(), atol=1e-12)
    assert np.abs(found[:, :, 0]).max() > 1e-3


@pytest.mark.parametrize("name", CELLS)
def test_the_jacobian_of_the_last_output_is_that_of_finite_differences(name: str) -> None:
    stack, generator = opened(layer_of(name)).stack, np.random.default_rng(2)
    x = generator.normal(size=(T, 1, F))
    run = Pass(stack, x)
    width = run.output.shape[-1]
    found = np.zeros((T, width, 1, F))
    run.back({T - 1: np.eye(width)[:, None]}, take=_adding(found))
    for step in range(T):
        direction = np.zeros_like(x)
        direction[step] = generator.normal(size=(1, F))
        for unit in range(width):
            slope = along(lambda given, at=unit: float(Pass(stack, given).output[-1, 0, at]), x, direction)
            assert (found[:, unit] * direction).sum() == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("name", CELLS)
def test_what_is_watched_is_the_whole_derivative_by_each_value(name: str) -> None:
    layer, cell = layer_of(name), CELLS[name]
    names = [each for each, _ in cell.assignments]
    x = torch.randn(T, 1, F, dtype=torch.float64)
    weights = dict(layer.named_parameters())
    recurrence = Recurrence(
        cell, {each: weights[f"{each}_l0"] for each in layer.names}, arrays=torch_arrays()
    )
    states = tuple(value[0] for value in layer.initial_state(1))
    seeds, values, loss = np.random.default_rng(4).normal(size=(T, 1, 1, layer.output_width)), [], 0.0
    for step in range(T):
        found = recurrence.step(recurrence.input_products(x[step]), states)
        for value in found.values.values():
            value.retain_grad()
        states, loss = found.states, loss + (found.output * torch.tensor(seeds[step, 0])).sum()
        values.append(found.values)
    loss.backward()

    seen: dict[int, dict[str, np.ndarray]] = {}
    Pass(opened(layer).stack, x.numpy()).back(
        dict(enumerate(seeds)),
        watched=names,
        watch=lambda layer, direction, step, found: seen.update({step: found}),
    )
    for step, name in itertools.product(range(T), names):
        slope = values[step][name].grad
        wanted = np.zeros(1) if slope is None else slope.numpy()  # None: nothing that is read depends on it
        np.testing.assert_allclose(
            seen[step][name][0], np.broadcast_to(wanted, seen[step][name][0].shape), atol=1e-12
        )


def test_the_gradient_of_a_leaky_sum_falls_by_its_factor() -> None:
    w, steps = 0.9, 40
    run, found = Pass(leaky(w), np.ones((steps, 1, 1))), np.zeros(steps)

    def watch(layer: int, direction: int, step: int, values: dict[str, np.ndarray]) -> None:
        found[step] = values["h"].item()

    run.back({steps - 1: np.ones((1, 1, 1))}, watched=("h",), watch=watch)
    np.testing.assert_allclose(found, w ** (steps - 1 - np.arange(steps)), rtol=1e-12)


def test_several_lengths_are_as_each_alone() -> None:
    layer = layer_of("gru", bidirectional=True)
    stack, x = opened(layer).stack, np.random.default_rng(5).normal(size=(T, B, F))
    together, run = np.zeros((T, 1, B, F)), Pass(stack, x, LENGTHS)
    wanted = np.random.default_rng(6).normal(size=(T, 1, B, 2 * H))
    run.back(dict(enumerate(wanted)), take=_adding(together))
    for b, length in enumerate(LENGTHS):
        alone = np.zeros((length, 1, 1, F))
        Pass(stack, x[:length, b : b + 1]).back(
            dict(enumerate(wanted[:length, :, b : b + 1])), take=_adding(alone)
        )
        np.testing.assert_allclose(together[:length, :, b], alone[:, :, 0], atol=1e-14)
        assert not together[length:, :, b].any()


def test_nothing_can_be_said_of_numbers_that_are_none() -> None:
    with pytest.raises(InvalidArgument, match="output of layer 0 is not finite at step 1"):
        Pass(leaky(1e200), np.full((4, 1, 1), 1e150))
    with pytest.raises(InvalidArgument, match="input is not finite at step 1"):
        Pass(leaky(0.5), np.array([1.0, np.nan, 0.0])[:, None, None])
    with pytest.raises(InvalidArgument, match="computes nothing named 'q'"):
        Pass(leaky(0.5), np.ones((1, 1, 1)), keep=("q",))
    with pytest.raises(InvalidArgument, match=r"expected x as \[T, B, 1\], came \[4, 1, 2\]"):
        Pass(leaky(0.5), np.ones((4, 1, 2)))


def _there() -> np.ndarray:
    return (np.arange(T)[:, None] < np.array(LENGTHS))[..., None]


def _adding(found: np.ndarray) -> Callable[[int, np.ndarray], None]:
    def take(step: int, dx: np.ndarray) -> None:
        found[step] += dx

    return take
