"""A stack fed piece by piece gives the bits of one run, on the core; and what torch's stream gives."""

from __future__ import annotations

import copy
import pickle
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch

from hiddenstate import native
from hiddenstate.cells import CELLS, Cell, layer_norm, zoneout
from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.infer import Stack, Stream, stack_shapes
from hiddenstate.layers import Recurrent

T, B, F, H = 7, 3, 5, 20
CUTS = (list(range(T + 1)), [0, T], [0, 3, 3, 4, T])
CORE = native.available()


def stack_of(cell: Cell, layers: int = 2, dtype: type = np.float32, **sizes: int) -> Stack:
    random = np.random.default_rng(1)
    shapes = stack_shapes(cell, F, H, num_layers=layers, **sizes)
    parameters = {name: random.normal(0, 0.3, shape).astype(dtype) for name, shape in shapes.items()}
    return Stack(cell, F, H, parameters, num_layers=layers, **sizes)


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(2).normal(size=shape).astype(np.float32)


def fed(stream: Stream, x: np.ndarray, cuts: list[int]) -> np.ndarray:
    rows = [
        stream.feed(x[first])[None] if last == first + 1 else stream.feed(x[first:last])
        for first, last in pairwise(cuts)
    ]
    return np.concatenate(rows)


def same(one: np.ndarray, other: np.ndarray) -> None:
    """The bits on the core; NumPy's own products may add in another order."""
    assert one.dtype == other.dtype
    np.testing.assert_allclose(one, other, rtol=0 if CORE else 1e-4, atol=0 if CORE else 1e-6)


@pytest.mark.parametrize("change", [lambda cell: cell, layer_norm, lambda cell: zoneout(cell, 0.2)])
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("batch", [None, B])
def test_steps_and_pieces_are_one_run_bit_for_bit(name: str, change, batch: int | None) -> None:
    stack = stack_of(change(CELLS[name]))
    x = drawn(T, batch or 1, F)
    expected, last = stack.run(x)
    if batch is None:
        x, expected = x[:, 0], expected[:, 0]
    for cuts in CUTS:
        stream = stack.stream(batch)
        same(fed(stream, x, cuts), expected)
        assert stream.steps == T
        for state, end in zip(stream.states, last, strict=True):
            same(state, end)


@pytest.mark.parametrize(("name", "width"), [("lstm_projected", 3), ("jordan", 2), ("elman_readout", 9)])
def test_projected_layers_upon_one_another(name: str, width: int) -> None:
    stack, x = stack_of(CELLS[name], 3, proj_size=width), drawn(T, F)
    expected = stack.run(x[:, None])[0][:, 0]
    assert expected.shape == (T, stack.output_width)
    for cuts in CUTS:
        same(fed(stack.stream(), x, cuts), expected)


@pytest.mark.parametrize("name", CELLS)
def test_torch_streams_the_same_numbers(name: str) -> None:
    layer, x = Recurrent(name, F, H, num_layers=2).eval(), drawn(T, F)
    weights = {key: value.numpy() for key, value in layer.state_dict().items()}
    ours, theirs = Stack(layer.cell, F, H, weights, num_layers=2).stream(), layer.stream()
    for row in x:
        np.testing.assert_allclose(
            ours.feed(row), theirs.feed(torch.tensor(row)).numpy(), rtol=0 if CORE else 1e-4, atol=1e-6
        )


def test_a_state_goes_on_elsewhere() -> None:
    for dtype in (np.float32, np.float64):
        stack, x = stack_of(CELLS["lstm"], dtype=dtype), drawn(T, F).astype(dtype)
        expected = stack.stream().feed(x)
        stream, other = stack.stream(), stack.stream()
        stream.feed(x[:3])
        other.states = kept = stream.states
        np.testing.assert_allclose(stream.feed(x[3:]), expected[3:], rtol=1e-5, atol=1e-6)
        for value in kept:
            value[:] = 0
        np.testing.assert_allclose(other.feed(x[3:]), expected[3:], rtol=1e-5, atol=1e-6)
        with pytest.raises(InvalidArgument, match="expected state 'h' as float"):
            other.states = tuple(value[:1] for value in kept)
        stream.reset()
        assert stream.steps == 0
        np.testing.assert_allclose(stream.feed(x), expected, rtol=1e-5, atol=1e-6)


def test_reset_takes_the_weights_of_now() -> None:
    stack, x = stack_of(CELLS["gru"], 1), drawn(F)
    stream = stack.stream()
    before = stream.feed(x)
    for value in stack._sets["_l0"].values():
        value *= 0.5
    stream.reset()
    after = stream.feed(x)
    assert np.abs(after - before).max() > 1e-3
    same(after, stack.run(x[None, None])[0][0, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_does_not_fit_is_refused(dtype: type) -> None:
    stack = stack_of(CELLS["lstm"], dtype=dtype)
    alone, several = stack.stream(), stack.stream(B)
    for x in (np.zeros((2, 1, F), dtype), np.array(1, dtype), [0.0] * F):
        with pytest.raises(InvalidArgument, match=r"expected x as \[F\] or \[n, F\], came"):
            alone.feed(x)
    for x in (np.zeros(F, dtype), np.zeros((2, F), dtype), np.zeros((4, 2, F), dtype)):
        with pytest.raises(InvalidArgument, match=r"expected x as \[3, F\] or \[n, 3, F\], came"):
            several.feed(x)
    with pytest.raises(InvalidArgument, match=r"expected x as an array \[T, B, 5\], came \[1, 1, 6\]"):
        alone.feed(np.zeros(F + 1, dtype))
    with pytest.raises(InvalidArgument, match="x is float16, the parameters are"):
        alone.feed(np.zeros(F, np.float16))
    assert (alone.steps, several.steps) == (0, 0)


def test_x_of_any_strides() -> None:
    stack, x = stack_of(CELLS["lstm"]), drawn(B, F)
    expected = stack.stream(B).feed(x)
    wide = np.zeros((B, 2 * F), np.float32)
    wide[:, ::2] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    for given in (np.asfortranarray(x), wide[:, ::2], x[::-1][::-1], frozen, x.view(np.recarray)):
        same(np.asarray(stack.stream(B).feed(given)), expected)
    same(stack.stream().feed(wide[1, ::2]), stack.stream().feed(x[1]))


def test_copies_are_refused_in_words() -> None:
    stream = stack_of(CELLS["lstm"]).stream()
    for attempt in (copy.deepcopy, pickle.dumps):
        with pytest.raises(Unsupported, match=r"make another with stack.stream\(\) and give it this one's"):
            attempt(stream)


@pytest.mark.skipif(not CORE, reason="the compiled core was not built")
def test_steps_leave_nothing_behind() -> None:
    stream, x = stack_of(CELLS["lstm"]).stream(), drawn(F)
    for _ in range(100):
        stream.feed(x)
    before = sys.getallocatedblocks()
    for _ in range(2000):
        stream.feed(x)
    assert abs(sys.getallocatedblocks() - before) < 50
