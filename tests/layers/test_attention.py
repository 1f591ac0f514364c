"""Attention and pooling: values by hand, padding never read, running summaries equal to whole ones."""

import pytest
import torch

from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.layers import AdditiveAttention, RunningPool, pool

T, B, H = 5, 4, 3
LENGTHS = [3, 0, 5, 1]


def padded():
    steps = torch.randn(T, B, H, dtype=torch.float64)
    for b, length in enumerate(LENGTHS):
        steps[length:, b] = torch.nan
    return steps.requires_grad_()


@pytest.mark.parametrize("how", ["last", "max", "mean"])
def test_pooling_by_hand(how):
    steps = padded()
    found = pool(steps, how, LENGTHS)
    take = {
        "last": lambda rows: rows[-1],
        "max": lambda rows: rows.max(0).values,
        "mean": lambda rows: rows.mean(0),
    }
    for b, length in enumerate(LENGTHS):
        expected = take[how](steps[:length, b]) if length else torch.zeros(H, dtype=torch.float64)
        torch.testing.assert_close(found[b], expected)
    found.sum().backward()
    assert torch.isfinite(steps.grad).all()
    for b, length in enumerate(LENGTHS):
        assert steps.grad[length:, b].eq(0).all()
        assert abs(steps.grad[:, b].sum().item() - (H if length else 0)) < 1e-12
    whole = torch.nan_to_num(steps.detach())
    torch.testing.assert_close(pool(whole, how), pool(whole, how, [T] * B))
    assert pool(whole[:0], how).eq(0).all()


@pytest.mark.parametrize("how", ["last", "max", "mean"])
def test_a_running_pool_is_the_pool_so_far(how):
    steps = torch.randn(T, B, H, dtype=torch.float64)
    running = RunningPool(how)
    rows = torch.cat([running.feed(steps[:2]), running.feed(steps[2:2]), running.feed(steps[2:])])
    for t in range(T):
        torch.testing.assert_close(rows[t], pool(steps[: t + 1], how))


def test_attention_by_hand():
    attention = AdditiveAttention(H, 6).double()
    steps = padded()
    summary, weights = attention(steps, LENGTHS)
    for b, length in enumerate(LENGTHS):
        rows = steps[:length, b].detach()
        scores = (
            torch.tanh(rows @ attention.steps.weight.T + attention.steps.bias) @ attention.score.weight[0]
        )
        expected = torch.softmax(scores, 0)
        torch.testing.assert_close(weights[:length, b], expected)
        assert weights[length:, b].eq(0).all()
        torch.testing.assert_close(summary[b], (expected[:, None] * rows).sum(0))
    summary.square().sum().backward()
    assert torch.isfinite(steps.grad).all()
    assert torch.isfinite(attention.steps.weight.grad).all()
    assert steps.grad[3:, 0].eq(0).all()
    assert attention(torch.zeros(0, B, H).double())[0].eq(0).all()


def test_running_attention_is_the_attention_so_far():
    attention = AdditiveAttention(H).double()
    with torch.no_grad():
        attention.score.weight.mul_(400)  # scores far apart, as after long training
    steps = torch.randn(T, B, H, dtype=torch.float64)
    running = attention.running()
    rows = torch.cat([running.feed(steps[:1]), running.feed(steps[1:])])
    for t in range(T):
        torch.testing.assert_close(rows[t], attention(steps[: t + 1])[0])


def test_a_query_moves_the_attention():
    attention = AdditiveAttention(H, query_size=2)
    steps, query = torch.randn(T, B, H), torch.randn(B, 2)
    first, weights = attention(steps, None, query)
    assert not torch.allclose(first, attention(steps, None, query + 1)[0])
    torch.testing.assert_close(weights.sum(0), torch.ones(B))
    with pytest.raises(InvalidArgument, match=r"expected a query \[B, 2\], came none"):
        attention(steps)
    with pytest.raises(InvalidArgument, match="expected no query"):
        AdditiveAttention(H)(steps, None, query)
    with pytest.raises(Unsupported, match="query_size=0"):
        attention.running()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pool(torch.zeros(T, B, H), "maximum"), "did you mean 'max'"),
        (lambda: pool(torch.zeros(B, H), "max"), r"expected steps as \[T, B, H\], came \[4, 3\]"),
        (lambda: pool(torch.zeros(T, B, H), "max", [1]), "one length for each of 4 sequences"),
        (lambda: RunningPool("sum"), "expected a way of pooling, came 'sum'"),
        (
            lambda: AdditiveAttention(H)(torch.zeros(T, B, 9)),
            r"expected steps as \[T, B, 3\], came \[5, 4, 9\]",
        ),
        (lambda: AdditiveAttention(0), "size to be a whole number"),
    ],
)
def test_wrong_use(call, words):
    with pytest.raises(InvalidArgument, match=words):
        call()
