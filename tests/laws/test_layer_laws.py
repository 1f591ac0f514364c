"""Laws 1 to 5, 9 and 10 at the layers, for every cell and every option that changes its equations.

Values and gradients in float64; first states drawn from each state's domain, weights large enough that every
gate works.
"""

from __future__ import annotations

import pytest
import torch

from cell_cases import WITHOUT_RECURRENT_PRODUCT
from covering import rotating
from hiddenstate import layers
from hiddenstate.cells import CELLS
from hiddenstate.errors import Unsupported
from hiddenstate.layers import Recurrent, detached

T, B, F, H, P = 5, 4, 3, 4, 2
LENGTHS = [3, 0, 5, 1]
CLOSE = {"rtol": 1e-11, "atol": 1e-12}  # a product may add in another order where a batch has another size

OPTIONS = {
    "plain": {},
    "layer_norm": {"layer_norm": True},
    "zoneout": {"zoneout": 0.3},
    "dropout": {"recurrent_dropout": 0.3},
}
CASES = [
    (name, option)
    for name in CELLS
    for option in OPTIONS
    if option != "dropout" or name not in WITHOUT_RECURRENT_PRODUCT
]


def some_cases(turn: int) -> pytest.MarkDecorator:
    """Every cell and every option, and every cell with every option in some of the laws; the rest is slow."""
    return pytest.mark.parametrize(("name", "option"), rotating(CASES, turn))


def has_projection(name: str) -> bool:
    cell = CELLS[name]
    return "P" in {row.width for row in (*cell.states, *cell.matrices)}


def build(name: str, option: str = "plain", seed: int = 0, **options) -> Recurrent:
    torch.manual_seed(seed)
    options = {"proj_size": P if has_projection(name) else 0, **OPTIONS[option], **options}
    layer = Recurrent(name, F, H, dtype=torch.float64, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return layer


def drawn_state(layer: Recurrent, batch: int, seed: int = 1):
    """A first state from each state's domain, the same rows for any batch."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for state in layer.cell.states:
        shape = (batch, len(layer.suffixes), layer.width(state.width))
        value = torch.empty(shape, dtype=torch.float64).uniform_(state.low, state.high, generator=generator)
        rows.append(value.transpose(0, 1).clone().requires_grad_())
    return tuple(rows)


def loss_of(output, state):
    """A sum in which every value counts differently, but alike whatever the batch and the padding."""
    units = torch.linspace(0.5, 1.5, output.shape[-1], dtype=torch.float64)
    total = (output * units).sum() + (output.square() * units).sum()
    for k, value in enumerate(state):
        total = total + (k + 1) * (value * value.cos()).sum()
    return total


def assert_same(one, other):
    for mine, expected in zip(one, other, strict=True):
        torch.testing.assert_close(mine, expected, **CLOSE)


def gradients(layer, x, state, lengths=None):
    leaves = [x, *state, *layer.parameters()]
    found = torch.autograd.grad(loss_of(*layer(x, state, lengths=lengths)), leaves, allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, found, strict=True)]


@some_cases(0)
def test_batched_is_alone(name, option):
    layer = build(name, option, num_layers=2, bidirectional=True).eval()
    x, state = torch.randn(T, B, F, dtype=torch.float64), drawn_state(layer, B)
    x.requires_grad_()
    output, last = layer(x, state)
    dx, *rest = gradients(layer, x, state)
    count = len(state)
    totals = [torch.zeros_like(g) for g in rest[count:]]
    for b in range(B):
        row = x[:, b : b + 1].detach().requires_grad_()
        first = tuple(value[:, b : b + 1].detach().requires_grad_() for value in state)
        alone, end = layer(row, first)
        assert_same((output[:, b : b + 1], *(v[:, b : b + 1] for v in last)), (alone, *end))
        drow, *others = gradients(layer, row, first)
        assert_same((dx[:, b : b + 1], *(g[:, b : b + 1] for g in rest[:count])), (drow, *others[:count]))
        totals = [total + g for total, g in zip(totals, others[count:], strict=True)]
    assert_same(rest[count:], totals)


@some_cases(1)
def test_padding_changes_nothing(name, option):
    layer = build(name, option, num_layers=2, bidirectional=True).eval()
    x, state = torch.randn(T, B, F, dtype=torch.float64), drawn_state(layer, B)
    for b, length in enumerate(LENGTHS):
        x[length:, b] = torch.nan
    x.requires_grad_()
    output, last = layer(x, state, lengths=LENGTHS)
    dx, *rest = gradients(layer, x, state, LENGTHS)
    count = len(state)
    totals = [torch.zeros_like(g) for g in rest[count:]]
    for b, length in enumerate(LENGTHS):
        assert not output[length:, b].any()
        assert not dx[length:, b].any()
        row = x[:length, b : b + 1].detach().requires_grad_()
        first = tuple(value[:, b : b + 1].detach().requires_grad_() for value in state)
        alone, end = layer(row, first)
        assert_same((output[:length, b : b + 1], *(v[:, b : b + 1] for v in last)), (alone, *end))
        drow, *others = gradients(layer, row, first)
        assert_same(
            (dx[:length, b : b + 1], *(g[:, b : b + 1] for g in rest[:count])), (drow, *others[:count])
        )
        totals = [total + g for total, g in zip(totals, others[count:], strict=True)]
    assert_same(rest[count:], totals)
    assert_same([v[:, 1] for v in last], [v[:, 1] for v in state])
    whole = layer(torch.nan_to_num(x.detach()), state, lengths=[T] * B)
    assert torch.equal(whole[0], layer(torch.nan_to_num(x.detach()), state)[0])


@some_cases(0)
def test_one_call_is_chunks_is_single_steps(name, option):
    layer = build(name, option, num_layers=2).eval()
    x, state = torch.randn(T, B, F, dtype=torch.float64, requires_grad=True), drawn_state(layer, B)
    output, last = layer(x, state)
    front, middle = layer(x[:2], state)
    back, end = layer(x[2:], middle)
    assert_same((output, *last), (torch.cat([front, back]), *end))
    chunked = torch.autograd.grad(loss_of(torch.cat([front, back]), end), [x, *layer.parameters()])
    assert_same(chunked, torch.autograd.grad(loss_of(output, last), [x, *layer.parameters()]))
    rows, carried = [], state
    for word in x:
        row, carried = layer.step(word, carried)
        rows.append(row)
    assert_same((output, *last), (torch.stack(rows), *carried))
    assert_same((output,), (torch.cat([front, layer(x[2:], detached(middle))[0]]),))
    ragged = layer(x, state, lengths=LENGTHS)
    short = layer(x[:2], state, lengths=[min(n, 2) for n in LENGTHS])
    rest = layer(x[2:], short[1], lengths=[max(n - 2, 0) for n in LENGTHS])
    assert_same((ragged[0], *ragged[1]), (torch.cat([short[0], rest[0]]), *rest[1]))


@some_cases(1)
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_reverse_is_flip(name, option, lengths):
    both = build(name, option, bidirectional=True).eval()
    state = drawn_state(both, B)
    one = build(name, option).eval()
    one.load_state_dict({f"{key}_l0": getattr(both, f"{key}_l0_reverse") for key in one.names})
    x = torch.randn(T, B, F, dtype=torch.float64)
    flipped = x.flip(0)
    if lengths is not None:
        flipped = x.clone()
        for b, length in enumerate(lengths):
            flipped[:length, b] = x[:length, b].flip(0)
    output, last = both(x, state, lengths=lengths)
    expected, end = one(flipped, tuple(value[1:] for value in state), lengths=lengths)
    back = expected.flip(0)
    if lengths is not None:
        back = expected.clone()
        for b, length in enumerate(lengths):
            back[:length, b] = expected[:length, b].flip(0)
    assert_same((output[..., output.shape[-1] // 2 :], *(v[1:] for v in last)), (back, *end))


def small(name, option):
    """A layer and a function of everything in it, small enough for differences in every direction."""
    layer = build(name, option)
    names = [key for key, _ in layer.named_parameters()]
    state = drawn_state(layer, 3)
    x = torch.randn(3, 3, F, dtype=torch.float64, requires_grad=True)

    def run(x, *rest):
        torch.manual_seed(5)  # the same masks at every call: the layer is in training
        first, weights = rest[: len(state)], dict(zip(names, rest[len(state) :], strict=True))
        output, last = torch.func.functional_call(layer, weights, (x, first), {"lengths": [2, 3, 0]})
        return (output, *last)

    return run, (x, *state, *layer.parameters())


@some_cases(0)
def test_gradients_are_finite_differences(name, option):
    run, given = small(name, option)
    torch.autograd.gradcheck(run, given, fast_mode=True, eps=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", rotating(CELLS))
def test_second_derivatives_are_finite_differences(name):
    run, given = small(name, "plain")
    torch.autograd.gradgradcheck(run, given, fast_mode=True, eps=1e-6, atol=1e-6)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # said by the judge
@pytest.mark.parametrize(
    ("name", "judge", "options"),
    [
        ("lstm", "LSTM", {}),
        ("lstm_projected", "LSTM", {"proj_size": P}),
        ("gru", "GRU", {}),
        ("rnn", "RNN", {}),
    ],
)
def test_weights_to_torch_and_back_unchanged(name, judge, options):
    size = {"num_layers": 2, "bidirectional": True}
    ours = Recurrent(name, F, H, **size, **options)
    theirs = getattr(torch.nn, judge)(F, H, **size, **options)
    before = {key: value.clone() for key, value in ours.state_dict().items()}
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(T, B, F)
    output, last = ours(x)
    expected, end = theirs(x)
    torch.testing.assert_close(output, expected, atol=1e-6, rtol=1e-5)
    for mine, value in zip(last, end if isinstance(end, tuple) else (end,), strict=True):
        torch.testing.assert_close(mine, value, atol=1e-6, rtol=1e-5)
    other = Recurrent(name, F, H, **size, **options)
    other.load_state_dict(theirs.state_dict())
    for key, value in other.state_dict().items():
        assert torch.equal(value, before[key])
    drop_in = getattr(layers, judge)(F, H, **size, **options)
    drop_in.load_state_dict(ours.state_dict())
    assert torch.equal(drop_in(x)[0], output)


@pytest.mark.parametrize("name", WITHOUT_RECURRENT_PRODUCT)
def test_what_a_cell_cannot_do_raises(name):
    with pytest.raises(ValueError, match="use dropout between layers"):
        Recurrent(name, F, H, recurrent_dropout=0.1)


@pytest.mark.parametrize("name", [name for name in CELLS if not has_projection(name)])
def test_a_width_that_a_cell_has_not_raises(name):
    with pytest.raises(Unsupported, match=f"{name} has none; leave it out"):
        Recurrent(name, F, H, proj_size=2)
