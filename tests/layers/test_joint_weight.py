"""The teaching view: one matrix that reads the input and what is fed back, side by side."""

import pytest
import torch

from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.layers import Recurrent

T, B, F, H = 5, 3, 3, 4


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rnn", {}),
        ("lstm", {}),
        ("lstm_peephole", {}),
        ("janet", {}),
        ("jordan", {}),
        ("elman_readout", {"proj_size": 2}),
    ],
)
def test_the_teaching_view_is_exact(name, options):
    layer = Recurrent(name, 100, 10, **options).double()
    x, state = torch.randn(B, 100, dtype=torch.float64), layer.initial_state(B)
    state = tuple(torch.rand_like(value) for value in state)
    fed_back = state[0][0]
    joint = torch.cat([x, fed_back], 1) @ layer.weight_joint + layer.bias_joint
    blocks = len(layer.cell.labels["W"])
    assert layer.weight_joint.shape == (110, 10 * blocks)
    if name == "rnn":
        torch.testing.assert_close(torch.tanh(joint), layer.step(x, state)[0])
    weights = dict(layer.named_parameters())
    judge = x @ weights["weight_ih_l0"].T + fed_back @ weights["weight_hh_l0"].T
    judge = judge + weights["bias_ih_l0"] + weights["bias_hh_l0"]
    torch.testing.assert_close(joint, judge)
    if name == "lstm":
        i, f, g, o = joint.chunk(4, -1)
        c = f.sigmoid() * state[1][0] + i.sigmoid() * g.tanh()
        torch.testing.assert_close(o.sigmoid() * c.tanh(), layer.step(x, state)[0])


def test_one_hundred_fed_back_and_ten_out():
    layer = Recurrent("elman_readout", 20, 100, proj_size=10)
    assert layer.weight_joint.shape == (120, 100)
    assert layer(torch.zeros(T, B, 20))[0].shape == (T, B, 10)


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("gru", {}, "R_n and W_n are not simply added"),
        ("gru_before", {}, "R_n reads s, not a previous state"),
        ("mingru", {}, "no matrix reads a previous state"),
        ("indrnn", {}, "no matrix reads a previous state"),
        ("lstm_layer_norm", {}, "are not simply added"),
        ("lstm", {"layer_norm": True}, "are not simply added"),
        ("rnn", {"recurrent_dropout": 0.1}, "no matrix reads a previous state"),
    ],
)
def test_terms_kept_apart_have_no_joint_matrix(name, options, reason):
    with pytest.raises(Unsupported, match=reason):
        _ = Recurrent(name, F, H, **options).weight_joint


def test_the_joint_matrix_of_one_of_several():
    layer = Recurrent("rnn", F, H, num_layers=2, bidirectional=True)
    with pytest.raises(Unsupported, match=r"4 sets of weights; use joint_weight\(layer, reverse\)"):
        _ = layer.weight_joint
    assert layer.joint_weight(1, reverse=True).shape == (2 * H + H, H)
    assert layer.joint_bias(0).shape == (H,)
    assert torch.equal(layer.joint_weight(0, True)[:F], layer.weight_ih_l0_reverse.T)
    with pytest.raises(
        InvalidArgument, match="no set of weights 'l2'; this layer has l0, l0_reverse, l1, l1_reverse"
    ):
        layer.joint_weight(2)
    bare = Recurrent("rnn", F, H, bias=False)
    assert bare.bias_joint.eq(0).all()
    assert list(dict(bare.named_parameters())) == ["weight_ih_l0", "weight_hh_l0"]
