"""A layer fed piece by piece gives the bits of one call, on the core and by the reference evaluation."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from hiddenstate import native
from hiddenstate.cells import CELLS
from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.layers import Recurrent, Stream

T, B, F, H = 7, 3, 5, 20
CUTS = (list(range(T + 1)), [0, T], [0, 3, 3, 4, T])
OPTIONS = [
    {},
    {"num_layers": 2},
    {"layer_norm": True},
    {"first_state": "random"},
    {"zoneout": 0.2, "num_layers": 2, "dropout": 0.5},
    {"bias": False},
]


def layer_of(cell: str = "lstm", **options: Any) -> Recurrent:
    return Recurrent(cell, F, H, **options).eval()


def fed(stream: Stream, x: Tensor, cuts: list[int]) -> Tensor:
    """The outputs of pieces of x; a piece of one step is fed as that step."""
    rows = [
        stream.feed(x[first])[None] if last == first + 1 else stream.feed(x[first:last])
        for first, last in pairwise(cuts)
    ]
    return torch.cat(rows)


def assert_same_bits(one: Tensor, other: Tensor) -> None:
    assert one.shape == other.shape
    torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("batch", [None, B])
def test_steps_and_pieces_are_one_call_bit_for_bit(cell: str, options: dict, batch: int | None) -> None:
    layer = layer_of(cell, **options)
    x = torch.randn(T, F) if batch is None else torch.randn(T, batch, F)
    with torch.no_grad():
        expected, last = layer(x)
    for cuts in CUTS:
        stream = layer.stream(batch)
        assert_same_bits(fed(stream, x, cuts), expected)
        assert stream.steps == T
        for state, end in zip(stream.state, last, strict=True):
            assert_same_bits(state, end if batch else end[:, None])


@pytest.mark.parametrize(
    ("cell", "sizes"),
    [("lstm_projected", {"proj_size": 3}), ("jordan", {"proj_size": 2}), ("elman_readout", {"proj_size": 9})],
)
def test_projected_layers_upon_one_another(cell: str, sizes: dict) -> None:
    layer, x = layer_of(cell, num_layers=3, **sizes), torch.randn(T, F)
    with torch.no_grad():
        expected = layer(x)[0]
    assert expected.shape[1] == layer.output_width
    for cuts in CUTS:
        assert_same_bits(fed(layer.stream(), x, cuts), expected)


@pytest.mark.parametrize("isa", native.isas() if native.available() else ["scalar"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_every_instruction_set_is_torch_to_rounding(isa: str, cell: str) -> None:
    torch_layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[cell](F, H, num_layers=2)
    layer, x = layer_of(cell, num_layers=2), torch.randn(T, F)
    layer.load_state_dict(torch_layer.state_dict())
    with torch.no_grad():
        expected = torch_layer(x)[0]
    if not native.available():
        torch.testing.assert_close(fed(layer.stream(), x, CUTS[0]), expected)
        return
    before = native.isa()
    native.select_isa(isa)
    try:
        torch.testing.assert_close(fed(layer.stream(), x, CUTS[0]), expected, rtol=1e-5, atol=1e-6)
    finally:
        native.select_isa(before)


@pytest.mark.parametrize("cell", CELLS)
def test_the_reference_evaluation_gives_the_same(cell: str) -> None:
    layer = layer_of(cell, num_layers=2)
    other = Recurrent(cell, F, H, num_layers=2, backend="reference").eval()
    other.load_state_dict(layer.state_dict())
    precise, x = copy.deepcopy(layer).double(), torch.randn(T, B, F)
    expected = fed(layer.stream(B), x, CUTS[2])
    torch.testing.assert_close(fed(other.stream(B), x, CUTS[2]), expected, rtol=1e-5, atol=1e-5)
    double = fed(precise.stream(B), x.double(), CUTS[2])
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_reset_begins_again_with_the_weights_of_now(backend: str) -> None:
    layer, x = layer_of(backend=backend), torch.randn(T, F)
    stream = layer.stream()
    before = stream.feed(x)
    with torch.no_grad():
        for value in layer.parameters():
            value.mul_(0.5)
        changed = layer(x)[0]
    again = layer.stream()
    assert not torch.equal(before, changed)
    stream.state = layer.initial_state(1)
    assert_same_bits(stream.feed(x), before)  # its weights are copies
    assert stream.steps == 2 * T
    stream.reset()
    assert stream.steps == 0
    assert_same_bits(stream.feed(x), changed)
    assert_same_bits(again.feed(x), changed)


def test_reset_follows_the_layer_into_another_precision() -> None:
    layer, x = layer_of(), torch.randn(T, F)
    stream = layer.stream()
    expected = stream.feed(x)
    layer.double()
    stream.state = tuple(value.float() for value in layer.initial_state(1))
    assert_same_bits(stream.feed(x), expected)
    with pytest.raises(InvalidArgument, match=r"x is torch.float64, the parameters are torch.float32"):
        stream.feed(x[0].double())
    stream.reset()
    torch.testing.assert_close(stream.feed(x.double()).float(), expected)
    with pytest.raises(InvalidArgument, match=r"x is torch.float32, the parameters are torch.float64"):
        stream.feed(x[0])


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("batch", [None, B])
def test_a_state_goes_on_elsewhere(backend: str, batch: int | None) -> None:
    layer = layer_of("slstm", num_layers=2, backend=backend)
    x = torch.randn(T, F) if batch is None else torch.randn(T, batch, F)
    expected = layer.stream(batch).feed(x)
    stream, other = layer.stream(batch), layer.stream(batch)
    stream.feed(x[:3])
    kept = stream.state
    assert [value.shape for value in kept] == [value.shape for value in layer.initial_state(batch or 1)]
    other.state = kept
    torch.testing.assert_close(fed(stream, x[3:], [0, 1, T - 3]), expected[3:])
    torch.testing.assert_close(other.feed(x[3:]), expected[3:])  # and what was kept has not moved on
    for value in kept:
        value.zero_()
    assert stream.state[0].abs().sum() > 0
    with pytest.raises(InvalidArgument, match=r"expected state 'h' of shape"):
        other.state = (kept[0][:1], *kept[1:])
    with pytest.raises(InvalidArgument, match=r"expected the state of slstm"):
        other.state = kept[0]
    with pytest.raises(InvalidArgument, match=r"state 'h' is torch.float64"):
        other.state = tuple(value.double() for value in kept)


def refused(stream: Stream, x: Any, words: str) -> None:
    before, steps = stream.state, stream.steps
    with pytest.raises(InvalidArgument, match=words):
        stream.feed(x)
    for one, other in zip(stream.state, before, strict=True):
        assert_same_bits(one, other)
    assert stream.steps == steps


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_what_does_not_fit_is_refused_and_changes_nothing(backend: str) -> None:
    alone, several = layer_of(backend=backend).stream(), layer_of(backend=backend).stream(B)
    alone.feed(torch.randn(F))
    for x in (torch.zeros(2, 1, F), torch.tensor(1.0)):
        refused(alone, x, r"expected x as \[F\] or \[n, F\], came \[")
    refused(alone, torch.zeros(F).numpy(), r"expected x as \[F\] or \[n, F\], came ndarray")
    for x in (torch.zeros(F + 1), torch.zeros(2, F - 1)):
        refused(alone, x, rf"expected x with {F} features \(its last axis\), came \[")
    for x in (torch.zeros(F), torch.zeros(2, F), torch.zeros(4, 2, F)):
        refused(several, x, rf"expected x as \[{B}, F\] or \[n, {B}, F\], came \[")
    for stream, shape in ((alone, (F,)), (several, (B, F))):
        refused(stream, torch.zeros(shape, dtype=torch.int32), "x is torch.int32, the parameters are")
        refused(stream, torch.zeros(shape).double(), "x is torch.float64, the parameters are torch.float32")
        refused(stream, torch.zeros(shape, device="meta"), "x is on meta, the parameters on cpu")


def test_x_of_any_strides_and_kinds() -> None:
    layer, x = layer_of(), torch.randn(B, F)
    expected = layer.stream(B).feed(x)
    wide = torch.randn(B, 2 * F)
    wide[:, ::2] = x
    negated = torch.complex(x, -x).conj().imag
    assert negated.is_neg()
    for same in (x.T.contiguous().T, wide[:, ::2], torch.nn.Parameter(x), negated, x[None][0]):
        assert_same_bits(layer.stream(B).feed(same), expected)
    alone = layer.stream().feed(x[0])
    torch.testing.assert_close(alone, expected[0], rtol=0, atol=0)
    assert_same_bits(layer.stream().feed(wide[0, ::2]), alone)
    assert_same_bits(layer.stream().feed(x[0, None].expand(2, F)[1]), alone)
    single = Recurrent("lstm", 1, H).eval()
    assert_same_bits(single.stream().feed(negated[0, :1]), single.stream().feed(x[0, :1].clone()))


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_no_gradient_flows_through_it(backend: str) -> None:
    stream, x = layer_of(backend=backend).stream(), torch.randn(2, F, requires_grad=True)
    assert not stream.feed(x).requires_grad
    assert not stream.feed(x[0]).requires_grad
    assert not any(value.requires_grad for value in stream.state)


def test_it_comes_out_of_inference_mode_as_it_is() -> None:
    x = torch.randn(2, F)
    layer = layer_of()
    with torch.inference_mode():
        stream = layer.stream()
        first = stream.feed(x[0])
    second = stream.feed(x[1])
    assert (first.is_inference(), second.is_inference()) == (True, False)
    assert_same_bits(torch.stack([first.clone(), second]), layer.stream().feed(x))


def test_other_defaults_of_torch_change_nothing() -> None:
    layer, x = layer_of(), torch.randn(F)
    expected = layer.stream().feed(x)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            stream = layer.stream()
            found, state = stream.feed(x), stream.state
    finally:
        torch.set_default_dtype(torch.float32)
    assert_same_bits(found, expected)
    assert_same_bits(state[0][0, 0], expected)


def test_inside_autocast_it_is_in_single_precision() -> None:
    layer, x = layer_of(), torch.randn(F)
    expected = layer.stream().feed(x.bfloat16().float())
    with torch.autocast("cpu"):
        assert_same_bits(layer.stream().feed(x.bfloat16()), expected)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_layers": 2, "dropout": 0.5}, r"drops at random \(dropout\); call eval\(\) first"),
        ({"zoneout": 0.5}, r"drops at random \(.*\); call eval\(\) first"),
        ({"recurrent_dropout": 0.5}, r"call eval\(\) first"),
    ],
)
def test_what_drops_at_random_does_not_stream_in_training(options: dict, words: str) -> None:
    layer = Recurrent("gru", F, H, **options)
    with pytest.raises(Unsupported, match=words):
        layer.stream()
    stream = layer.eval().stream()
    layer.train()
    assert_same_bits(stream.feed(torch.ones(F)), layer.eval().stream().feed(torch.ones(F)))
    layer.train()
    with pytest.raises(Unsupported, match=words):
        stream.reset()
    plain = Recurrent("gru", F, H)
    assert_same_bits(plain.stream().feed(torch.ones(2, F)), plain(torch.ones(2, F))[0].detach())


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_copies_are_refused_in_words(backend: str) -> None:
    stream = layer_of(backend=backend).stream()
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(Unsupported, match=r"make another with layer.stream\(\) and give it this one's"):
            attempt(stream)


@pytest.mark.skipif(not native.available(), reason="the compiled core was not built")
def test_steps_leave_nothing_behind() -> None:
    stream, x = layer_of(num_layers=2).stream(), torch.randn(F)
    for _ in range(100):
        stream.feed(x)
    before = sys.getallocatedblocks()
    for _ in range(2000):
        stream.feed(x)
    assert abs(sys.getallocatedblocks() - before) < 50


def test_outputs_are_memory_of_their_own() -> None:
    stream, x = layer_of().stream(), torch.randn(F)
    first = stream.feed(x)
    kept = first.clone()
    second = stream.feed(x)
    assert not torch.equal(first, second)
    assert_same_bits(first, kept)
    first.zero_()
    assert second.abs().sum() > 0


def test_streams_in_several_threads() -> None:
    layer, x = layer_of("lstm", num_layers=2), torch.randn(4, 300, F)
    with torch.no_grad():
        expected = [layer(rows)[0] for rows in x]
    found: dict[int, Tensor] = {}

    def work(k: int) -> None:
        stream = layer.stream()
        steps = [stream.feed(row) for row in x[k, :200]]
        found[k] = torch.cat([torch.stack(steps), stream.feed(x[k, 200:])])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(4):
        assert_same_bits(found[k], expected[k])


def test_what_is_not_finite_comes_out_and_denormals_do_not() -> None:
    layer = layer_of("rnn", activation="relu")
    with torch.no_grad():
        for value in layer.parameters():
            value.zero_()
        layer.weight_ih_l0[0, 0] = 1
    stream = layer.stream()
    for given, expected in (
        (torch.inf, torch.inf),
        (2.0, 2.0),
        (1e-40, 0.0 if native.available() else 1e-40),
    ):
        x = torch.zeros(F)
        x[0] = given
        stream.reset()
        assert stream.feed(x)[0].item() == pytest.approx(expected, abs=0)
    assert torch.isnan(layer_of().stream().feed(torch.full((F,), torch.nan))).all()


def test_a_transform_has_no_stream_to_feed() -> None:
    stream = layer_of().stream()
    with pytest.raises(RuntimeError):
        torch.func.vmap(stream.feed)(torch.randn(2, F))
    assert stream.steps == 0
