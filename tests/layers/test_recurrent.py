"""What `Recurrent` offers beyond a plain layer: lengths, traces, first states, streams, the teaching view."""

import copy
import json
import pickle

import pytest
import torch

from hiddenstate.cells import CELLS, Cell, State, recurrent_dropout
from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.layers import Recurrent, RecurrentCell, Stream, detached

T, B, F, H = 5, 3, 3, 4


def test_the_same_seed_draws_what_torch_draws():
    torch.manual_seed(4)
    ours = Recurrent("lstm", F, H, num_layers=2, bidirectional=True)
    torch.manual_seed(4)
    theirs = torch.nn.LSTM(F, H, num_layers=2, bidirectional=True)
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value)


@pytest.mark.parametrize("name", CELLS)
def test_parameters_begin_where_they_are_declared(name):
    layer = Recurrent(name, 20, 16, num_layers=2)
    declared = {v.name: v for v in (*layer.cell.vectors, *layer.cell.norm_vectors) if v.low is not None}
    for key, value in layer.named_parameters():
        row = declared.get(key.rpartition("_l")[0])
        low, high = (-0.25, 0.25) if row is None else (row.low, row.high)
        assert low <= value.min().item() <= value.max().item() <= high
        if low < high:
            assert value.max() - value.min() > 0.6 * (high - low)
    count = sum(value.numel() for value in layer.parameters())
    assert count == layer.cell.parameter_count(20, 16) + layer.cell.parameter_count(layer.output_width, 16)


def test_layouts_agree():
    layer = Recurrent("gru", F, H, num_layers=2, bidirectional=True)
    x = torch.randn(T, B, F)
    output, (last,) = layer(x)
    other = copy.deepcopy(layer)
    other.batch_first = True
    swapped, (end,) = other(x.transpose(0, 1))
    assert torch.equal(swapped.transpose(0, 1), output)
    assert torch.equal(end, last)
    alone, (single,) = layer(x[:, 1])
    torch.testing.assert_close(alone, output[:, 1])
    torch.testing.assert_close(single, last[:, 1])
    start = tuple(torch.randn(4, B, H) for _ in range(1))
    assert torch.equal(layer(x[:, 1], (start[0][:, 1],))[0], layer(x[:, 1:2], (start[0][:, 1:2],))[0][:, 0])


@pytest.mark.parametrize(
    "lengths", [[5, 0, 2], (5, 0, 2), torch.tensor([5, 0, 2]), torch.tensor([5, 0, 2]).int()]
)
def test_lengths_of_any_kind(lengths):
    layer = Recurrent("lstm", F, H)
    x = torch.randn(T, B, F)
    output, (h, c) = layer(x, lengths=lengths)
    assert torch.equal(output[:, 0], layer(x[:, :1])[0][:, 0]) or torch.allclose(
        output[:, 0], layer(x[:, :1])[0][:, 0]
    )
    assert output[:, 1].eq(0).all()
    assert output[2:, 2].eq(0).all()
    torch.testing.assert_close(h[0, 2], output[1, 2])
    assert c[0, 1].eq(0).all()


def test_trace_keeps_every_state_and_gate():
    layer = Recurrent("lstm", F, H, num_layers=2, bidirectional=True).double()
    x = torch.randn(T, B, F, dtype=torch.float64)
    output, state, kept = layer.trace(x, lengths=[5, 0, 2])
    assert list(kept) == ["i", "f", "g", "o", "c", "h"]
    assert torch.equal(kept["h"][1], output)
    for layer_index in range(2):
        i, f, g, o, c, h = (kept[name][layer_index] for name in kept)
        previous = torch.cat([torch.zeros(1, B, H), c[:-1, :, :H]])
        forward = (f[..., :H] * previous + i[..., :H] * g[..., :H])[:, 0]
        torch.testing.assert_close(c[:, 0, :H], forward)
        torch.testing.assert_close(h[:, 0], (o * c.tanh())[:, 0])
        assert torch.equal(c[4, 0, :H], state[1][2 * layer_index, 0])
        assert torch.equal(c[0, 0, H:], state[1][2 * layer_index + 1, 0])
        assert c[:, 1].eq(0).all()
    one = layer.trace(x, keep="c")
    assert list(one.kept) == ["c"]
    grads = torch.autograd.grad(one.kept["c"][0].square().sum(), layer.weight_hh_l0)
    assert grads[0].abs().sum() > 0
    with pytest.raises(InvalidArgument, match="lstm computes nothing named 'cc'; did you mean 'c'"):
        layer.trace(x, keep=("cc",))


@pytest.mark.parametrize("name", CELLS)
def test_first_states(name):
    layer = Recurrent(name, F, H, num_layers=2, first_state="zeros")
    for value, state in zip(layer.initial_state(B), layer.cell.states, strict=True):
        assert value.eq(state.initial).all()
    drawn = Recurrent(name, F, H, num_layers=2, first_state="random", seed=3)
    again = Recurrent(name, F, H, num_layers=2, first_state="random", seed=3)
    other = Recurrent(name, F, H, num_layers=2, first_state="random", seed=4)
    for mine, same, different, state in zip(
        drawn.initial_state(B), again.initial_state(B), other.initial_state(B), drawn.cell.states, strict=True
    ):
        assert torch.equal(mine, same)
        assert not torch.equal(mine, different)
        assert state.low <= mine.min().item() < mine.max().item() <= state.high
        assert torch.equal(mine[:, 0], mine[:, 1])  # every sequence begins alike
    x = torch.randn(T, B, F)
    assert torch.equal(drawn(x)[0], drawn(x, drawn.initial_state(B))[0])
    assert f"first_{drawn.cell.states[0].name}" in drawn.state_dict()


@pytest.mark.parametrize("name", CELLS)
def test_a_learned_first_state_learns(name):
    layer = Recurrent(name, F, H, bidirectional=True, first_state="learned")
    learned = {key for key, _ in layer.named_parameters() if key.startswith("first_")}
    hidden = (
        {"c", "n", "m"} if name == "slstm" else set()
    )  # behind an m of minus infinity c and n do not count
    assert learned == {f"first_{s.name}" for s in layer.cell.states if s.name not in hidden}
    with torch.no_grad():
        for key in learned:
            getattr(layer, key).add_(0.3)
    output, last = layer(torch.randn(T, B, F))
    (output.square().sum() + sum(value.square().sum() for value in last)).backward()
    for key in learned:
        assert getattr(layer, key).grad.abs().sum() > 0
    assert repr(layer).endswith("bidirectional=True, first_state='learned')")


def test_random_masks_only_in_training():
    layer = Recurrent("lstm", F, 32, recurrent_dropout=0.5, zoneout=0.2)
    x = torch.randn(T, B, F)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    torch.manual_seed(1)
    first = layer(x)[0]
    torch.manual_seed(1)
    assert torch.equal(layer(x)[0], first)
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])
    with pytest.raises(Unsupported, match=r"keeps one mask for a whole sequence; call eval\(\) first"):
        layer.train().step(x[0])


def test_zoneout_holds_the_share_it_names():
    layer = Recurrent("rnn", F, 400, zoneout=0.3)
    output, _ = layer(torch.randn(40, 2, F))
    held = output[1:].eq(output[:-1]).float().mean().item()
    assert abs(held - 0.3) < 0.01


def test_recurrent_dropout_drops_the_same_units_at_every_step():
    layer = Recurrent("rnn", F, 50, recurrent_dropout=0.4).double()
    masks = layer.draw_masks(torch.zeros(T, B, F, dtype=torch.float64))
    assert [mask.shape for mask in masks] == [(B, 50)]
    assert set(masks[0].unique().tolist()) == {0.0, 1 / 0.6}
    assert abs(masks[0].eq(0).double().mean().item() - 0.4) < 0.15
    assert layer.cell == recurrent_dropout(CELLS["rnn"], 0.4)


def test_dropout_between_layers():
    layer = Recurrent("gru", F, H, num_layers=2, dropout=0.5)
    x = torch.randn(T, B, F)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    assert torch.equal(layer.eval()(x)[0], layer(x)[0])
    with pytest.raises(
        Unsupported, match="acts between layers, and num_layers=1 leaves none; use more layers"
    ):
        Recurrent("gru", F, H, dropout=0.5)


@pytest.mark.parametrize("batch", [None, B])
def test_a_stream_is_the_whole_sequence(batch):
    layer = Recurrent("lstm", F, H, num_layers=2, first_state="random")
    x = torch.randn(T, F) if batch is None else torch.randn(T, B, F)
    expected = layer(x)[0]
    stream = layer.stream(batch)
    assert isinstance(stream, Stream)
    rows = [stream.feed(x[0])[None], stream.feed(x[1:4]), stream.feed(x[4:4]), stream.feed(x[4])[None]]
    torch.testing.assert_close(torch.cat(rows), expected)
    assert stream.steps == T
    stream.reset()
    torch.testing.assert_close(stream.feed(x), expected)
    assert not any(value.requires_grad for value in stream.state)
    wanted = r"expected x as \[F\] or \[n, F\]" if batch is None else r"expected x as \[3, F\] or \[n, 3, F\]"
    with pytest.raises(InvalidArgument, match=wanted):
        stream.feed(torch.zeros(1, 1, 1, F))


def test_both_directions_do_not_stream():
    layer = Recurrent("lstm", F, H, bidirectional=True)
    for refused in (layer.stream, lambda: layer.step(torch.zeros(B, F))):
        with pytest.raises(Unsupported, match=r"this layer is bidirectional.*use bidirectional=False"):
            refused()


def test_a_detached_state_ends_the_gradient():
    layer = Recurrent("lstm", F, H)
    x = torch.randn(T, B, F, requires_grad=True)
    _, state = layer(x[:2])
    layer(x[2:], detached(state))[0].sum().backward()
    assert x.grad[:2].eq(0).all()
    assert x.grad[2:].abs().sum() > 0
    with pytest.raises(InvalidArgument, match="expected a state"):
        detached("h")


@pytest.mark.parametrize("name", CELLS)
def test_the_plain_loop_is_the_layer(name):
    layer = Recurrent(name, F, H)
    rnn = RecurrentCell(name, F, H)
    rnn.load_state_dict({key.removesuffix("_l0"): value for key, value in layer.state_dict().items()})
    sentence = torch.randn(T, F)
    outputs, hidden = [], None
    for word in sentence:
        output, hidden = rnn(word, hidden)
        outputs.append(output)
    expected, last = layer(sentence)
    torch.testing.assert_close(torch.stack(outputs), expected)
    for mine, value in zip(hidden, last, strict=True):
        torch.testing.assert_close(mine, value[0])
    batch, hidden = torch.randn(T, B, F), rnn.initial_state(B)
    for word in batch:
        output, hidden = rnn(word, hidden)
    torch.testing.assert_close(output, layer(batch)[0][-1])


def test_a_single_step_module():
    cell = RecurrentCell("lstm", 100, 10, first_state="learned", activation="relu", zoneout=0.1)
    assert cell.weight_joint.shape == (110, 40)
    assert cell.bias_joint.shape == (40,)
    assert repr(cell).startswith(
        "RecurrentCell('lstm', 100, 10, activation='relu', zoneout=0.1, first_state='learned'"
    )
    assert set(dict(cell.named_parameters())) >= {"weight_ih", "first_c"}
    assert torch.equal(pickle.loads(pickle.dumps(cell)).weight_hh, cell.weight_hh)
    with pytest.raises(
        InvalidArgument, match=r"expected one step x as \[F\] or \[B, F\], came \[2, 3, 100\]"
    ):
        cell(torch.zeros(2, 3, 100))
    with pytest.raises(InvalidArgument, match=r"expected the state of lstm as a tuple of 2 tensors \(h, c\)"):
        cell(torch.zeros(3, 100), torch.zeros(3, 10))


def test_a_cell_of_ones_own(tmp_path):
    mine = Cell("mine", "h = sin(W x + R h')", (State("h"),))
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(mine.as_dict()), encoding="utf-8")
    layer, other = Recurrent(mine, F, H), Recurrent(str(path), F, H)
    other.load_state_dict(layer.state_dict())
    x = torch.randn(T, B, F)
    output = layer(x)[0]
    assert torch.equal(output, other(x)[0])
    judge = torch.sin(torch.cat([x[0], torch.zeros(B, H)], 1) @ layer.weight_joint + layer.bias_joint)
    torch.testing.assert_close(output[0], judge)


def test_copies_and_precisions():
    layer = Recurrent("slstm", F, H, num_layers=2, first_state="random", activation="relu")
    x = torch.randn(T, B, F)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin(x)[0], layer(x)[0])
        assert twin.cell == layer.cell
    wide = copy.deepcopy(layer).double()
    torch.testing.assert_close(wide(x.double())[0].float(), layer(x)[0], atol=1e-5, rtol=1e-4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(x)[0].dtype == torch.bfloat16


def test_vmap_over_a_layer_and_its_copies():
    layer = Recurrent("gru", F, H)
    xs = torch.randn(6, T, B, F)
    wide = torch.func.vmap(lambda x: layer(x)[0])(xs)
    torch.testing.assert_close(wide, torch.stack([layer(x)[0] for x in xs]))
    models = [Recurrent("gru", F, H) for _ in range(3)]
    weights, _ = torch.func.stack_module_state(models)

    def run(parameters, x):
        return torch.func.functional_call(layer, parameters, (x,))[0]

    many = torch.func.vmap(run, in_dims=(0, None))(weights, xs[0])
    torch.testing.assert_close(many, torch.stack([model(xs[0])[0] for model in models]))


def test_no_steps_and_no_sequences():
    layer = Recurrent("lstm", F, H, num_layers=2, bidirectional=True)
    state = tuple(torch.randn(4, B, H) for _ in range(2))
    output, last = layer(torch.zeros(0, B, F), state)
    assert output.shape == (0, B, 2 * H)
    assert all(torch.equal(mine, given) for mine, given in zip(last, state, strict=True))
    assert layer(torch.zeros(T, 0, F), lengths=[])[0].shape == (T, 0, 2 * H)


def test_repr_says_what_differs():
    assert repr(Recurrent("gru", F, H)) == "Recurrent('gru', 3, 4)"
    layer = Recurrent("lstm", F, H, num_layers=2, dropout=0.1, batch_first=True, layer_norm=True, bias=False)
    assert repr(layer) == (
        "Recurrent('lstm', 3, 4, num_layers=2, dropout=0.1, batch_first=True, bias=False, layer_norm=True)"
    )
