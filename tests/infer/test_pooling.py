"""Summaries without torch are those of `layers`, and the running ones those of every beginning."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from hiddenstate import layers
from hiddenstate.errors import InvalidArgument
from hiddenstate.infer import RunningAttention, RunningPool, affine, attend, bag_means, bag_sums, pool

LENGTHS = [5, 2, 0]


def some_steps() -> np.ndarray:
    steps = np.random.default_rng(0).normal(size=(5, 3, 4)).astype(np.float32)
    for row, length in enumerate(LENGTHS):
        steps[length:, row] = np.nan
    return steps


@pytest.mark.parametrize("how", ["last", "max", "mean"])
def test_pooling_is_that_of_the_layers(how: str) -> None:
    steps = some_steps()
    found = pool(steps, how, LENGTHS)
    np.testing.assert_allclose(found, layers.pool(torch.tensor(steps), how, LENGTHS).numpy(), atol=1e-6)
    assert found.dtype == np.float32
    assert (found[2] == 0).all()
    np.testing.assert_allclose(pool(steps[:2, :2], how), pool(steps[:2, :2], how, [2, 2]))
    assert (pool(steps[:0], how) == np.zeros((3, 4))).all()


def test_attention_is_that_of_the_layers() -> None:
    steps, attention = some_steps(), layers.AdditiveAttention(4)
    with torch.no_grad():
        expected, _ = attention(torch.tensor(steps), LENGTHS)
        scores = attention.scores(torch.tensor(steps)).numpy()
    np.testing.assert_allclose(attend(steps, scores, LENGTHS), expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("how", ["last", "max", "mean", "attention"])
def test_running_summaries_are_those_of_every_beginning(how: str) -> None:
    steps = np.random.default_rng(2).normal(size=(7, 2, 3)).astype(np.float32)
    scores = 30 * np.random.default_rng(3).normal(size=(7, 2)).astype(np.float32)
    running = RunningAttention() if how == "attention" else RunningPool(how)
    rows = []
    for part in (slice(0, 1), slice(1, 1), slice(1, 5), slice(5, 7)):
        rows.append(
            running.feed(steps[part], scores[part]) if how == "attention" else running.feed(steps[part])
        )
    after = np.concatenate(rows)
    for n in range(1, 8):
        alone = attend(steps[:n], scores[:n]) if how == "attention" else pool(steps[:n], how)
        np.testing.assert_allclose(after[n - 1], alone, atol=1e-6)


def test_a_later_peak_of_attention_takes_no_earlier_step_away() -> None:
    steps = np.array([[[1.0]], [[2.0]], [[3.0]]], np.float32)
    scores = np.array([[-800.0], [0.0], [800.0]], np.float32)
    assert RunningAttention().feed(steps, scores).ravel().tolist() == [1.0, 2.0, 3.0]


def test_another_word_is_refused() -> None:
    for made in (lambda: pool(some_steps(), "men"), lambda: RunningPool("men")):
        with pytest.raises(InvalidArgument, match="came 'men'; did you mean 'mean'"):
            made()


def test_bags_are_those_of_torch() -> None:
    table = np.random.default_rng(4).normal(size=(9, 3)).astype(np.float32)
    ids, offsets = np.array([0, 8, 8, 3, 1]), np.array([0, 3, 3, 4])
    weights = np.array([1.0, -2.0, 0.5, 3.0, 0.1], np.float32)
    given = [torch.tensor(value) for value in (ids, table, offsets)]
    for found, expected in (
        (bag_sums(table, ids, offsets), functional.embedding_bag(*given, mode="sum")),
        (bag_means(table, ids, offsets), functional.embedding_bag(*given, mode="mean")),
        (
            bag_sums(table, ids, offsets, weights),
            functional.embedding_bag(*given, mode="sum", per_sample_weights=torch.tensor(weights)),
        ),
    ):
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)
        assert (found[1] == 0).all()


@pytest.mark.parametrize("ids", [[0, 9], [-1, 2]])
def test_ids_that_are_no_row_are_refused(ids: list[int]) -> None:
    with pytest.raises(InvalidArgument, match="expected ids from 0 to 8, came"):
        bag_sums(np.zeros((9, 3), np.float32), np.array(ids), np.array([0]))


def test_an_affine_map_is_that_of_torch_and_each_row_as_it_is_alone() -> None:
    generator = np.random.default_rng(5)
    x, weight, bias = (generator.normal(size=size).astype(np.float32) for size in ((3, 7, 33), (5, 33), (5,)))
    found = affine(x, weight, bias)
    expected = functional.linear(*map(torch.tensor, (x, weight, bias))).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (found[1, 4] == affine(x[1, 4], weight, bias)).all()
    assert affine(x[:0], weight, bias).shape == (0, 7, 5)
