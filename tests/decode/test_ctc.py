"""CTC against every path there is, against torch's loss, and against fixed cases of other implementations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ctc_cases import drawn, everything_said, fixed, said_by
from hiddenstate.decode import align, collapse, fewest_frames, forward_score
from hiddenstate.decode.ctc import loss
from hiddenstate.errors import InvalidArgument


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(2, 4), st.data())
def test_against_every_path(seed: int, T: int, K: int, data: st.DataObject) -> None:
    blank = data.draw(st.integers(0, K - 1))
    log_probs = drawn(seed, T, K)
    for said, (probability, best) in everything_said(log_probs, blank).items():
        assert forward_score(log_probs, said, blank) == pytest.approx(np.log(probability), abs=1e-9)
        path = align(log_probs, said, blank)
        assert path.tolist() == list(best)  # one symbol for every frame
        assert collapse(path, blank) == list(said)
        assert fewest_frames(said) <= T


@given(st.lists(st.integers(1, 3), max_size=6))
def test_fewest_frames_are_enough_and_none_less(target: list[int]) -> None:
    T = fewest_frames(target)
    assert collapse(align(drawn(0, T, 4), target)) == target
    assert forward_score(drawn(0, T, 4), target) > -np.inf
    if T:
        assert forward_score(drawn(0, T - 1, 4), target) == -np.inf
        assert loss(drawn(0, T - 1, 4), target)[0] == np.inf if T > 1 else True
        with pytest.raises(InvalidArgument, match=f"at least {T} frames .* came {T - 1} frames"):
            align(drawn(0, T - 1, 4), target)


@pytest.mark.parametrize("length", [63, 64, 200])
def test_long_targets_are_aligned(length: int) -> None:
    target = [1 + place % 3 for place in range(length)]
    log_probs = np.full((2 * length, 4), np.log(0.01))
    log_probs[np.arange(2 * length), np.stack([target, [0] * length], 1).ravel()] = np.log(0.97)
    assert align(log_probs, target).tolist() == np.stack([target, [0] * length], 1).ravel().tolist()


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 4), max_size=8), st.integers(0, 8))
def test_torch_says_the_same(seed: int, labels: list[int], extra: int) -> None:
    blank = seed % 6
    target = [label + (label >= blank) for label in labels]
    T = fewest_frames(target) + extra
    if not T:
        return
    logits = torch.from_numpy(np.random.default_rng(seed).normal(0, 3, (T, 6))).requires_grad_()
    total = torch.nn.functional.ctc_loss(
        logits.log_softmax(-1), torch.tensor(target), torch.tensor(T), torch.tensor(len(target)), blank, "sum"
    )
    total.backward()
    value, gradient = loss(logits.detach().numpy(), target, blank)
    assert value == pytest.approx(total.item(), rel=1e-12, abs=1e-10)
    assert np.abs(gradient - logits.grad.numpy()).max() < 1e-10


@pytest.mark.parametrize("case", fixed("loss"))
def test_fixed_losses(case: dict[str, Any]) -> None:
    logits, target, blank = np.array(case["logits"]), case["labels"], case["blank"]
    value, gradient = loss(logits, target, blank)
    assert value == pytest.approx(float(case["loss"]), abs=1e-5)
    assert np.isfinite(gradient).all()
    if case["grad"] is not None:
        assert np.abs(gradient - case["grad"]).max() < 1e-5
    if case["loss"] == "inf" and "impossible_by" not in case:
        assert fewest_frames(target) > len(logits)


@pytest.mark.parametrize("case", fixed("loss"))
def test_fixed_losses_in_torch(case: dict[str, Any]) -> None:
    """The loss that training takes has the same numbers."""
    if "impossible_by" in case:
        return  # torch reads 1e-30 as the number that it is
    logits = torch.tensor(case["logits"], dtype=torch.float64, requires_grad=True)
    sizes = torch.tensor(len(logits)), torch.tensor(len(case["labels"]))
    target = torch.tensor(case["labels"], dtype=torch.long)
    value = torch.nn.functional.ctc_loss(logits.log_softmax(-1), target, *sizes, case["blank"], "sum")
    assert value.item() == pytest.approx(float(case["loss"]), abs=1e-5)
    if case["grad"] is not None:
        value.backward()
        assert np.abs(logits.grad.numpy() - case["grad"]).max() < 1e-5


def test_what_is_impossible_has_no_gradient() -> None:
    value, gradient = loss(drawn(0, 3, 4), [1, 1, 1])
    assert value == np.inf
    assert (gradient == 0).all()
    never = np.array([[0.0, -1e30, -1e30]] * 3)  # only the blank is ever possible
    assert forward_score(never, []) == 0.0
    assert forward_score(never, [1]) == -np.inf
    with pytest.raises(InvalidArgument, match="probability 0 wherever they could stand"):
        align(never, [1])


def test_no_frames() -> None:
    empty = np.zeros((0, 3))
    assert forward_score(empty, []) == 0.0
    assert forward_score(empty, [1]) == -np.inf
    assert align(empty, []).shape == (0,)
    assert (collapse([]), fewest_frames([])) == ([], 0)


def test_a_draw_is_won_by_staying() -> None:
    even = np.log(np.full((4, 2), 0.5))
    assert align(even, [1]).tolist() == align(even, [1]).tolist()
    assert said_by(tuple(align(even, [1]).tolist()), 0) == (1,)


NOT_A_NUMBER = np.log([[0.5, 0.5], [np.nan, 0.5]])


@pytest.mark.parametrize(
    ("log_probs", "target", "blank", "words"),
    [
        (NOT_A_NUMBER, [1], 0, "NaN in frame 1 of 2"),
        (np.array([[0.0, -1.0], [3.0, -1.0]]), [1], 0, "at most 0, came 3 in frame 1. Take a log-softmax"),
        (np.full((2, 2), -np.inf), [1], 0, "in frame 0 all symbols have probability 0"),
        (drawn(0, 2, 2), [1], 2, r"blank among the 2 symbols \(0 to 1\), came 2"),
        (drawn(0, 2, 2), [1], -1, "came -1"),
        (drawn(0, 2, 2), [0], 0, r"without the blank \(0\), came 0 at position 0"),
        (drawn(0, 3, 3), [1, 3], 0, "came 3 at position 1"),
        (drawn(0, 2, 2)[None], [1], 0, r"came float64 \[1, 2, 2\]"),
        (np.zeros((2, 0)), [], 0, r"came float64 \[2, 0\]"),
        (np.zeros((2, 2), int), [1], 0, "as floats .* came int64"),
    ],
)
def test_what_is_wrong_is_said(log_probs: np.ndarray, target: list[int], blank: int, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        forward_score(log_probs, target, blank)
    with pytest.raises(InvalidArgument, match=words):
        align(log_probs, target, blank)


@pytest.mark.parametrize("logits", [np.zeros((0, 3)), np.zeros(3)])
def test_a_loss_of_nothing(logits: np.ndarray) -> None:
    with pytest.raises(InvalidArgument, match="expected logits"):
        loss(logits, [1])
