"""One network learns one delay: the same every time, and honest where it diverges."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hiddenstate.lens.recall.plan import Effort, Network, Size, planned
from hiddenstate.lens.recall.task import Recall
from hiddenstate.lens.recall.training import Learned, Lesson, begun, judged, learn

FEW = Effort(steps=5, judged=50)


def network(cell: str, activation: str = "tanh", init: str = "usual", units: int = 12) -> Network:
    return planned([cell], [activation], [init], [2, 3], [0], size=Size(units=units)).networks[0]


def learned(
    contender: Network, delay: int, effort: Effort, seed: int = 0
) -> tuple[Learned, float, list[float]]:
    reader = begun(contender, Recall(), delay, seed)
    lesson = Lesson(Recall(), effort, seed, delay)
    found = learn(reader, lesson, lambda step: None)
    return (
        found,
        judged(reader, lesson, delay),
        torch.cat([each.detach().ravel() for each in reader.parameters()]).tolist(),
    )


def test_the_same_seed_gives_the_same_bits() -> None:
    first, again, other = (learned(network("gru"), 3, FEW, seed) for seed in (1, 1, 2))
    assert first == again
    assert first[2] != other[2]


def test_what_is_random_is_left_as_it_was() -> None:
    torch.manual_seed(7)
    np.random.seed(7)
    before, also = torch.get_rng_state(), np.random.get_state()[1].copy()
    learned(network("lstm"), 3, FEW)
    assert torch.equal(torch.get_rng_state(), before)
    assert (np.random.get_state()[1] == also).all()


def test_a_short_delay_is_learned_and_training_stops_there() -> None:
    steps: list[int] = []
    reader = begun(network("gru", units=20), Recall(), 2, seed=0)
    lesson = Lesson(Recall(), Effort(learning_rate=0.02, judged=500), 0, 2)
    found = learn(reader, lesson, steps.append)
    assert judged(reader, lesson, 2) >= 0.97
    assert 20 <= found.steps < 500
    assert steps == list(range(1, found.steps + 1))


def test_without_training_it_guesses() -> None:
    _, share, _ = learned(network("rnn"), 30, Effort(steps=1, learning_rate=1e-9, judged=2000))
    assert share == pytest.approx(1 / 8, abs=0.03)


def test_mixed_delays_are_short_and_long() -> None:
    batches = Lesson(Recall(), Effort(batch=1), 0, 64, mixed=True).batches()
    delays = [len(next(batches)[0]) - 1 for _ in range(2000)]
    assert (min(delays), max(delays)) == (1, 64)
    assert np.median(delays) == pytest.approx(8, abs=1)  # as many below the root as above it
    plain = Lesson(Recall(), Effort(batch=1), 0, 64).batches()
    assert [len(next(plain)[0]) for _ in range(3)] == [65, 65, 65]


def test_how_it_begins() -> None:
    reader = begun(network("rnn", init="identity"), Recall(), 9, seed=0)
    assert torch.equal(reader.recurrent.weight_hh_l0.detach(), torch.eye(12))
    reader = begun(network("lstm"), Recall(), 101, seed=0)
    i, f, _, _ = reader.recurrent.bias_ih_l0.detach().chunk(4)
    assert torch.equal(i, -f)
    assert 0 <= f.min() < f.max() <= math.log(100)


def test_numbers_that_grow_past_all_bounds_are_divergence() -> None:
    found, _, weights = learned(network("rnn", "relu"), 60, Effort(steps=50, learning_rate=1e4, judged=50))
    assert found.diverged
    assert found.steps < 50
    assert np.isfinite(weights).all()
