"""What `Recurrent` refuses, and what it says then."""

import pytest
import torch

from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.layers import Recurrent

T, B, F, H = 5, 3, 3, 4


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ([1.0, 2.0, 3.0], r"whole numbers, came torch.float32; use lengths.long\(\)"),
        ([1, 2], r"one length for each of 3 sequences, came \[2\]"),
        ([[1], [2], [3]], r"one length for each of 3 sequences, came \[3, 1\]"),
        ([1, 2, 6], "between 0 and the 5 steps of x, came 1 to 6"),
        ([1, 2, -1], "between 0 and the 5 steps of x, came -1 to 2"),
        ("abc", "expected lengths as a list or tensor of whole numbers"),
        ([True, True, True], "whole numbers, came torch.bool"),
    ],
)
def test_wrong_lengths(lengths, words):
    with pytest.raises(InvalidArgument, match=words):
        Recurrent("lstm", F, H)(torch.zeros(T, B, F), lengths=lengths)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"cell": "lstn"}, InvalidArgument, "did you mean 'lstm'"),
        ({"input_size": 0}, InvalidArgument, "input_size to be a whole number of at least 1, came 0"),
        ({"input_size": True}, InvalidArgument, "came True"),
        ({"hidden_size": 2.0}, InvalidArgument, "hidden_size to be a whole number of at least 1, came 2.0"),
        ({"num_layers": -1}, InvalidArgument, "num_layers"),
        ({"dropout": 1.0}, InvalidArgument, "0 <= dropout < 1, came 1.0"),
        ({"zoneout": -0.1}, InvalidArgument, "0 <= zoneout < 1"),
        ({"recurrent_dropout": "much"}, InvalidArgument, "came 'much'"),
        ({"bidirectional": 1}, InvalidArgument, "bidirectional to be True or False, came 1"),
        ({"layer_norm": "yes"}, InvalidArgument, "layer_norm to be True or False"),
        ({"bias": None}, InvalidArgument, "bias to be True or False"),
        ({"batch_first": 0}, InvalidArgument, "batch_first to be True or False"),
        ({"first_state": "zero"}, InvalidArgument, "did you mean 'zeros'"),
        ({"first_state": None}, InvalidArgument, "expected a first_state, came None"),
        ({"seed": -1}, InvalidArgument, "seed"),
        ({"activation": "tahn"}, InvalidArgument, "did you mean 'tanh'"),
        ({"activation": {"k": "tanh"}}, InvalidArgument, "no activation named 'k'"),
        ({"proj_size": 3}, Unsupported, "lstm has none; leave it out, or use a cell that has one"),
    ],
)
def test_wrong_arguments(given, error, words):
    with pytest.raises(error, match=words):
        Recurrent(**{"cell": "lstm", "input_size": F, "hidden_size": H, **given})


@pytest.mark.parametrize(
    ("x", "state", "words"),
    [
        (torch.zeros(T, B, 4), None, r"x with 3 features \(its last axis\), came \[5, 3, 4\]"),
        (torch.zeros(F), None, r"expected x as \[T, B, F\], or \[T, F\] for one sequence, came \[3\]"),
        ([1, 2], None, "came list"),
        (
            torch.zeros(T, B, F).double(),
            None,
            r"use x.to\(torch.float32\) or the layer's .to\(torch.float64\)",
        ),
        (
            torch.zeros(T, B, F, device="meta"),
            None,
            r"x is on meta, the parameters on cpu; use x.to\('cpu'\)",
        ),
        (torch.zeros(T, B, F), torch.zeros(1, B, H), r"as a tuple of 2 tensors \(h, c\), came Tensor"),
        (torch.zeros(T, B, F), (torch.zeros(1, B, H),), "came 1 values"),
        (torch.zeros(T, B, F), (torch.zeros(1, B, H), 0), r"state 'c' of shape \[1, 3, 4\], came int"),
        (
            torch.zeros(T, B, F),
            (torch.zeros(B, H), torch.zeros(B, H)),
            r"'h' of shape \[1, 3, 4\], came \[3, 4\]",
        ),
        (
            torch.zeros(T, B, F),
            (torch.zeros(1, B, H).double(),) * 2,
            "state 'h' is torch.float64 on cpu, x is",
        ),
        (torch.zeros(T, F), (torch.zeros(1, B, H),) * 2, r"'h' of shape \[1, 4\], came \[1, 3, 4\]"),
    ],
)
def test_wrong_input(x, state, words):
    with pytest.raises(InvalidArgument, match=words):
        Recurrent("lstm", F, H)(x, state)
