"""The stack without torch computes what `Recurrent` computes, for every cell and every use of one."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from hiddenstate.cells import CELLS, layer_norm, recurrent_dropout, zoneout
from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.infer import Stack, run_layer, stack_shapes
from hiddenstate.layers import Recurrent

CLOSE = 1e-5
H = 8


def pair(cell: str, **options: Any) -> tuple[Recurrent, Stack]:
    """A torch layer in evaluation, and the stack with its weights."""
    torch.manual_seed(1)
    layer = Recurrent(cell, 3, H, **options).eval()
    return layer, stack_of(layer)


def stack_of(layer: Recurrent, dtype: type = np.float32) -> Stack:
    return Stack(
        layer.cell,
        3,
        H,
        {name: array.astype(dtype) for name, array in arrays(layer).items()},
        num_layers=layer.num_layers,
        bidirectional=layer.bidirectional,
        proj_size=layer.options.proj_size,
    )


def arrays(layer: Recurrent) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().copy() for name, tensor in layer.state_dict().items()}


def both(layer: Recurrent, stack: Stack, x: torch.Tensor, lengths: list[int] | None) -> Any:
    """Output and last states of the two, one array after the other."""
    with torch.no_grad():
        expected, expected_last = layer(x, lengths=lengths)
    output, last = stack.run(x.numpy(), lengths=lengths)
    return zip((output, *last), [value.numpy() for value in (expected, *expected_last)], strict=True)


def compare(layer: Recurrent, stack: Stack, lengths: list[int] | None) -> None:
    """In double precision they agree; in single precision the stack is as near to that as the layer is."""
    x = torch.randn(6, 4, 3)
    if lengths is not None:
        for row, length in enumerate(lengths):
            x[length:, row] = torch.nan
    precise, truth = copy.deepcopy(layer).double(), stack_of(layer, np.float64)
    exact = list(both(precise, truth, x.double(), lengths))
    for (true, theirs), (single, other) in zip(exact, both(layer, stack, x, lengths), strict=True):
        np.testing.assert_allclose(true, theirs, atol=1e-10, rtol=1e-10)
        assert single.dtype == np.float32
        finite = np.isfinite(true)  # a stabiliser that has seen no step is minus infinity
        np.testing.assert_array_equal(single[~finite], true[~finite])
        error = np.abs(single[finite] - true[finite]).max(initial=0)
        assert error <= 4 * np.abs(other[finite] - true[finite]).max(initial=0) + CLOSE / 10


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_cell_gives_what_torch_gives(cell: str, bidirectional: bool) -> None:
    layer, stack = pair(cell, num_layers=2, bidirectional=bidirectional)
    for lengths in (None, [6, 1, 0, 4], [6, 6, 6, 6]):
        compare(layer, stack, lengths)


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("lstm_projected", {"proj_size": 2, "num_layers": 2, "bidirectional": True}),
        ("jordan", {"proj_size": 5}),
        ("gru", {"bias": False}),
        ("lstm", {"zoneout": 0.3, "num_layers": 2, "dropout": 0.5}),
        ("gru", {"recurrent_dropout": 0.4}),
        ("rnn", {"layer_norm": True, "bidirectional": True}),
        ("lstm", {"first_state": "learned", "bidirectional": True}),
        ("slstm", {"first_state": "random", "seed": 3}),
        ("lstm", {"activation": "h=relu,f=hard_sigmoid"}),
        ("rnn", {"activation": "gelu"}),
    ],
)
def test_every_use_of_a_cell_gives_what_torch_gives_in_evaluation(cell: str, options: dict[str, Any]) -> None:
    layer, _ = pair(cell, **options)
    with torch.no_grad():
        for name, value in layer.named_parameters():
            if name.startswith("first_"):
                value.normal_()
    stack = stack_of(layer)
    compare(layer, stack, [6, 3, 0, 5])
    assert stack.output_width == stack.run(np.zeros((1, 1, 3), np.float32))[0].shape[-1]


def test_a_variant_of_a_cell_needs_no_layer_to_be_made() -> None:
    layer, _ = pair("gru", zoneout=0.2, recurrent_dropout=0.1, layer_norm=True)
    cell = zoneout(recurrent_dropout(layer_norm(CELLS["gru"]), 0.1), 0.2)
    compare(layer, Stack(cell, 3, H, arrays(layer)), [6, 2, 5, 6])


def test_shapes_are_those_of_the_layer() -> None:
    for cell in CELLS:
        layer, _ = pair(cell, num_layers=2, bidirectional=True)
        shapes = stack_shapes(CELLS[cell], 3, H, num_layers=2, bidirectional=True)
        assert shapes == {name: tuple(value.shape) for name, value in layer.state_dict().items()}


def test_a_state_continues_a_run() -> None:
    layer, stack = pair("lstm", num_layers=2)
    x = torch.randn(7, 2, 3).numpy()
    whole, last = stack.run(x)
    first, state = stack.run(x[:3])
    rest, end = stack.run(x[3:], state)
    np.testing.assert_allclose(np.concatenate([first, rest]), whole, atol=1e-6)
    for ours, theirs in zip(end, last, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    with torch.no_grad():
        expected, _ = layer(torch.tensor(x[3:]), tuple(map(torch.tensor, state)))
    np.testing.assert_allclose(rest, expected.numpy(), atol=CLOSE)


def test_no_steps_give_no_output_and_leave_the_state() -> None:
    _, stack = pair("lstm", bidirectional=True)
    state = tuple(value + 1 for value in stack.initial_state(2))
    output, last = stack.run(np.zeros((0, 2, 3), np.float32), state)
    assert output.shape == (0, 2, 2 * H)
    for before, after in zip(state, last, strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_stream_is_the_whole_sequence_however_it_is_cut() -> None:
    _, stack = pair("gru", num_layers=2)
    x = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)
    whole, _ = stack.run(x)
    stream = stack.stream(batch=2)
    fed = [stream.feed(x[:2]), stream.feed(x[2])[None], stream.feed(x[3:3]), stream.feed(x[3:])]
    np.testing.assert_allclose(np.concatenate(fed), whole, atol=1e-6)
    assert stream.steps == 6
    one = stack.stream()
    np.testing.assert_allclose(one.feed(x[:4, 1]), whole[:4, 1], atol=1e-6)
    np.testing.assert_allclose(one.feed(x[4, 1]), whole[4, 1], atol=1e-6)
    one.reset()
    np.testing.assert_allclose(one.feed(x[0, 1]), whole[0, 1], atol=1e-6)
    with pytest.raises(InvalidArgument, match=r"expected x as \[F\] or \[n, F\], came \[6, 2, 3\]"):
        one.feed(x)


def test_one_layer_reads_no_padding_and_keeps_the_type() -> None:
    layer, _ = pair("lstm")
    values = {name.removesuffix("_l0"): array.astype(np.float64) for name, array in arrays(layer).items()}
    x = np.random.default_rng(1).normal(size=(5, 2, 3))
    x[2:, 1] = np.nan
    states = (np.zeros((2, H)), np.zeros((2, H)))
    output, last = run_layer(layer.cell, values, x, states, np.array([5, 2]), True)
    alone, alone_last = run_layer(layer.cell, values, x[:2, 1:][::-1], (np.zeros((1, H)),) * 2, None, False)
    assert output.dtype == last[1].dtype == np.float64
    np.testing.assert_allclose(output[:2, 1], alone[::-1, 0], atol=1e-14)
    np.testing.assert_allclose(last[1][1], alone_last[1][0], atol=1e-14)
    assert (output[2:, 1] == 0).all()


def test_what_does_not_fit_is_named() -> None:
    layer, stack = pair("lstm")
    good = arrays(layer)
    x = np.zeros((5, 2, 3), np.float32)
    with pytest.raises(InvalidArgument, match=r"'weight_hh_l0': it is missing"):
        Stack(layer.cell, 3, H, {name: value for name, value in good.items() if name != "weight_hh_l0"})
    with pytest.raises(InvalidArgument, match=r"'weight_ih_l1': it came too"):
        Stack(layer.cell, 3, H, {**good, "weight_ih_l1": good["weight_hh_l0"]})
    with pytest.raises(InvalidArgument, match=r"expected 'bias_hh_l0' as \[32\], came \[31\]"):
        Stack(layer.cell, 3, H, {**good, "bias_hh_l0": good["bias_hh_l0"][:-1]})
    with pytest.raises(InvalidArgument, match=r"one floating type, came float32, float64"):
        Stack(layer.cell, 3, H, {**good, "bias_hh_l0": good["bias_hh_l0"].astype(np.float64)})
    with pytest.raises(InvalidArgument, match=r"an array \[T, B, 3\], came \[5, 2, 4\]"):
        stack.run(np.zeros((5, 2, 4), np.float32))
    with pytest.raises(InvalidArgument, match=r"x is float64, the parameters are float32"):
        stack.run(x.astype(np.float64))
    with pytest.raises(InvalidArgument, match=r"lengths between 0 and the 5 steps of x, came 1 to 6"):
        stack.run(x, lengths=[1, 6])
    with pytest.raises(InvalidArgument, match=r"each of 2 sequences, came int64 \[1\]"):
        stack.run(x, lengths=[1])
    with pytest.raises(InvalidArgument, match=r"each of 2 sequences, came float64 \[2\]"):
        stack.run(x, lengths=[1.0, 2.0])
    with pytest.raises(InvalidArgument, match=r"expected the states \(h, c\) of lstm, came 1 arrays"):
        stack.run(x, stack.initial_state(2)[:1])
    with pytest.raises(InvalidArgument, match=r"state 'h' as float32 \[1, 2, 8\], came float32 \[1, 3, 8\]"):
        stack.run(x, stack.initial_state(3))
    with pytest.raises(Unsupported, match="bidirectional"):
        pair("gru", bidirectional=True)[1].stream()
