"""Scores while a text arrives are those of the whole head; a row may go two ways."""

from __future__ import annotations

import numpy as np
import pytest

from hiddenstate.tasks.text.head import AnswerHead, LastHead

T, B, W, K = 6, 3, 4, 5


def head_of(names: tuple[str, ...]) -> AnswerHead:
    generator = np.random.default_rng(3)
    arrays = {
        "answer.weight": generator.normal(size=(K, W * len(names))),
        "answer.bias": generator.normal(size=K),
        "readout.score.weight": 3 * generator.normal(size=(1, W)),
        "readout.score.bias": generator.normal(size=1),
    }
    return AnswerHead(tuple("abcde"), names, W, arrays)


@pytest.mark.parametrize(
    "names", [("last",), ("max",), ("mean",), ("attention",), ("max", "attention", "last")]
)
def test_scores_so_far_are_those_of_the_whole(names: tuple[str, ...]) -> None:
    head, output = head_of(names), np.random.default_rng(4).normal(size=(T, B, W))
    for cut in ((1, 2), (3, 6)):
        running = head.begun(B).feed(output[: cut[0]]).feed(output[cut[0] : cut[1]])
        expected = head.scores(output[: cut[1]], np.full(B, cut[1]))
        np.testing.assert_allclose(running.scores(), expected, atol=1e-12)


@pytest.mark.parametrize("names", [("max", "attention", "last", "mean")])
def test_rows_go_ways_of_their_own(names: tuple[str, ...]) -> None:
    head, output = head_of(names), np.random.default_rng(5).normal(size=(T, B, W))
    two = head.begun(1).feed(output[:2, :1])
    three = two.feed(output[2:3, 1:2]).beside(two.rows([0])).rows([1, 0])
    lengths = np.array([2, 3])
    both = np.stack([output[:3, 0], np.concatenate([output[:2, 0], output[2:3, 1]])], 1)
    np.testing.assert_allclose(three.scores(), head.scores(both, lengths), atol=1e-12)


def test_before_the_first_word_the_readout_is_zeros() -> None:
    head = head_of(("max", "attention", "last"))
    np.testing.assert_allclose(head.begun(2).scores(), np.tile(head.parameters["answer.bias"], (2, 1)))


def test_the_last_word_alone() -> None:
    generator = np.random.default_rng(6)
    head = LastHead(tuple("abcde"), generator.normal(size=(K, W)), np.ones(K))
    output = generator.normal(size=(T, B, W))
    np.testing.assert_allclose(
        head.begun(B).feed(output).scores(), head.scores(output, np.full(B, T)), atol=1e-12
    )
