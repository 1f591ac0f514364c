"""The chain of tags against every sequence there is: the best, the sum, and how probable parts are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.errors import InvalidArgument
from hiddenstate.infer import Chain
from hiddenstate.layers import ChainLoss

STARTS = np.array([True, True, False, True])  # as O, B-a, I-a, B-b: an I- goes on with its own
FOLLOWS = np.array([[1, 1, 0, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 1]], bool)


def drawn(seed: int, T: int, B: int) -> tuple[ChainLoss, np.ndarray]:
    generator = np.random.default_rng(seed)
    loss = ChainLoss(STARTS, FOLLOWS)
    with torch.no_grad():
        for parameter in loss.parameters():
            parameter.copy_(torch.from_numpy(generator.normal(0, 2, parameter.shape)))
    return loss, generator.normal(0, 2, (T, B, 4)).astype(np.float32)


def chain_of(loss: ChainLoss) -> Chain:
    arrays = {name: value.detach().double().numpy() for name, value in loss.named_parameters()}
    return Chain(
        np.where(FOLLOWS, arrays["transitions"], -np.inf),
        np.where(STARTS, arrays["start"], -np.inf),
        arrays["end"],
    )


def every_sequence(chain: Chain, emissions: np.ndarray) -> dict[tuple[int, ...], float]:
    """The score of every allowed sequence of one text's emissions [T, K], added up one by one."""
    found = {}
    for tags in itertools.product(range(4), repeat=len(emissions)):
        if not STARTS[tags[0]] or not all(FOLLOWS[a, b] for a, b in itertools.pairwise(tags)):
            continue
        score = chain.start[tags[0]] + chain.end[tags[-1]]
        score += sum(float(emissions[i, tag]) for i, tag in enumerate(tags))
        found[tags] = score + sum(chain.transitions[a, b] for a, b in itertools.pairwise(tags))
    return found


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_against_every_sequence(seed: int, lengths: list[int]) -> None:
    loss, emissions = drawn(seed, max(lengths), len(lengths))
    for column, length in enumerate(lengths):
        emissions[length:, column] = np.inf  # what lies behind an end is never read
    chain = chain_of(loss)
    best = chain.best(emissions, np.array(lengths))
    right = np.zeros((max(lengths), len(lengths)), np.int64)
    expected = []
    for column, length in enumerate(lengths):
        scores = every_sequence(chain, emissions[:length, column])
        assert tuple(best[:length, column]) == max(scores, key=scores.__getitem__)
        assert (best[length:, column] == 0).all()
        total = np.log(np.sum(np.exp(list(scores.values()))))
        beliefs = chain.beliefs(emissions[:length, column])
        assert beliefs.total == pytest.approx(total, abs=1e-9)
        chosen = list(scores)[seed % len(scores)]
        right[:length, column] = chosen
        expected.append(total - scores[chosen])
        shares = {tags: np.exp(score - total) for tags, score in scores.items()}
        for place in range(length):
            for tag in range(4):
                share = sum(share for tags, share in shares.items() if tags[place] == tag)
                assert beliefs.tags()[place, tag] == pytest.approx(share, abs=1e-9)
        for start, end in itertools.combinations(range(length + 1), 2):
            value = (1, *[2] * (end - start - 1))
            share = sum(
                share
                for tags, share in shares.items()
                if tags[start:end] == value and (end == length or tags[end] != 2)
            )
            assert beliefs.span(start, end, 1, 2) == pytest.approx(share, abs=1e-9)
    emissions[~np.isfinite(emissions)] = 1e30
    found = loss(torch.from_numpy(emissions), torch.from_numpy(right), torch.tensor(lengths))
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-6)


def test_the_gradient_is_that_of_finite_differences() -> None:
    loss, emissions = drawn(3, 4, 2)
    loss = loss.double()
    x = torch.from_numpy(emissions).double().requires_grad_()
    tags = torch.tensor([[1, 0], [2, 3], [0, 0], [1, 0]])
    lengths = torch.tensor([4, 2])
    parameters = tuple(loss.parameters())

    def surprise(*values: torch.Tensor) -> torch.Tensor:
        named = dict(zip(("transitions", "start", "end"), values[1:], strict=True))
        return torch.func.functional_call(loss, named, (values[0], tags, lengths))

    assert torch.autograd.gradcheck(surprise, (x, *parameters))


def test_what_is_far_out_stays_finite() -> None:
    loss, emissions = drawn(0, 6, 3)
    x = torch.from_numpy(1e4 * emissions).requires_grad_()
    found = loss(x, torch.zeros(6, 3, dtype=torch.long), torch.tensor([6, 1, 3])).sum()
    found.backward()
    assert torch.isfinite(found)
    assert torch.isfinite(x.grad).all()


def test_many_texts_are_read_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    loss, emissions = drawn(5, 6, 9)
    lengths = np.array([6, 1, 3, 6, 2, 5, 4, 6, 1])
    chain = chain_of(loss)
    whole = chain.best(emissions, lengths)
    monkeypatch.setattr("hiddenstate.infer.chain.AT_ONCE", 16)
    np.testing.assert_array_equal(chain.best(emissions, lengths), whole)
    assert chain.best(emissions[:, :0], lengths[:0]).shape == (6, 0)


def test_a_text_without_words_has_no_tags() -> None:
    chain = chain_of(drawn(0, 1, 1)[0])
    assert chain.best(np.zeros((0, 2, 4)), np.zeros(2, int)).shape == (0, 2)


def test_what_cannot_be_a_chain() -> None:
    with pytest.raises(InvalidArgument, match="a tag that may begin"):
        ChainLoss(np.zeros(2, bool), np.ones((2, 2), bool))
    with pytest.raises(InvalidArgument, match=r"came \[2\] and \[3, 3\]"):
        ChainLoss(np.ones(2, bool), np.ones((3, 3), bool))
