"""What must be remembered is what the sequences say, and small versions are learned in seconds."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import measurement
import memory
import numpy as np
import pytest
import quality
import torch

from hiddenstate.data.sources import mnist


@pytest.mark.parametrize("length", [3, 7, 40])
def test_a_sum_is_that_of_the_two_marked_numbers(length: int) -> None:
    inputs, sums = memory.adding(np.random.default_rng(0), length, 500)
    numbers, marks = inputs.unbind(2)
    assert inputs.shape == (length, 500, 2)
    assert marks[: length // 2].sum(0).tolist() == [1.0] * 500
    assert marks[length // 2 :].sum(0).tolist() == [1.0] * 500
    assert set(marks.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(sums, (numbers * marks).sum(0))
    assert numbers.min() >= 0
    assert numbers.max() < 1


def test_without_memory_a_sum_is_missed_by_a_sixth() -> None:
    _, sums = memory.adding(np.random.default_rng(0), 100, 200_000)
    assert abs((sums - 1).square().mean().item() - memory.ADDING.memoryless(100)) <= 0.002


def test_what_is_wanted_are_the_letters_at_the_end() -> None:
    inputs, wanted = memory.copying(np.random.default_rng(0), 7 + 10, 300)
    assert inputs.shape == (37, 300, 10)
    assert inputs.sum(2).eq(1).all()
    symbols = inputs.argmax(2)
    assert torch.equal(symbols[:10], wanted[27:])
    assert sorted(symbols[:10].unique().tolist()) == list(range(8))
    assert symbols[10:26].unique().tolist() == [8]
    assert symbols[26].unique().tolist() == [9]
    assert symbols[27:].unique().tolist() == [8]
    assert wanted[:27].unique().tolist() == [8]


def test_a_short_delay_has_as_few_letters() -> None:
    inputs, wanted = memory.copying(np.random.default_rng(0), 3, 2)
    symbols = inputs.argmax(2)
    assert inputs.shape == (9, 2, 10)
    assert symbols[3:].tolist() == [[8, 8], [8, 8], [9, 9], [8, 8], [8, 8], [8, 8]]
    assert torch.equal(symbols[:3], wanted[6:])


def test_without_memory_the_letters_cost_their_guess() -> None:
    """Scores that know the time but no letter reach exactly the loss that is to be beaten."""

    class Guess(torch.nn.Module):
        def forward(self, x: torch.Tensor, steps: slice) -> torch.Tensor:
            scores = torch.full((*x.shape[:2], 9), -100.0)
            scores[:-10, :, memory.BLANK] = 0
            scores[-10:, :, : memory.BLANK] = 0
            return scores[steps]

    batch = memory.copying(np.random.default_rng(0), 50, 20)
    loss = memory.cross_entropy(Guess(), batch).item()
    assert math.isclose(loss, memory.COPYING.memoryless(50), rel_tol=1e-5)
    assert math.isclose(loss, 10 * math.log(8) / 70, rel_tol=1e-5)


def drawn(epoch: int, seed: int = 0) -> memory.Drawn:
    settings = memory.Settings(epochs=4, batches=5, batch_size=3, grown=0.5, shortest=10)
    return memory.Drawn(memory.adding, 160, settings, seed, epoch)


def test_sequences_double_in_equal_times_until_they_are_full() -> None:
    lengths = [batch[0].shape[0] for epoch in range(4) for batch in drawn(epoch)]
    assert lengths[::5] == [10, 40, 160, 160]
    assert lengths[:10] == sorted(set(lengths[:10]))
    assert lengths[10:] == [160] * 10


def test_a_batch_is_a_pure_function_of_seed_epoch_and_index() -> None:
    assert torch.equal(drawn(1)[3][0], drawn(1)[3][0])
    sums = [drawn(epoch, seed)[index][1] for epoch, seed, index in itertools.product((2, 3), (0, 1), (0, 1))]
    assert all(not torch.equal(one, other) for one, other in itertools.combinations(sums, 2))
    with pytest.raises(IndexError):
        drawn(0)[5]


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("gru", 3)])
def test_units_forget_at_rates_over_the_whole_span(cell: str, gates: int) -> None:
    torch.manual_seed(0)
    layer = memory.Reader(cell, 2, 64, 1, span=101).recurrent
    rows = [bias.detach() for bias in layer.bias_ih_l0.split(64)]
    spans = rows[1].exp()
    assert 1 <= spans.min() < 10
    assert 90 < spans.max() <= 100
    rest = [*rows[2:], layer.bias_hh_l0, *(rows[:1] if cell == "gru" else [rows[0] + rows[1]])]
    assert all(not row.count_nonzero() for row in rest)
    weights = layer.weight_hh_l0.detach().split(64)
    assert len(weights) == gates
    for weight in weights:
        torch.testing.assert_close(weight @ weight.T, torch.eye(64), atol=1e-5, rtol=0)


SMALL = memory.Settings(
    hidden=32, epochs=4, batches=75, batch_size=32, learning_rate=0.03, grown=0.0, validation=200, test=500
)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_short_sums_are_learned(cell: str) -> None:
    found = memory.learn(memory.ADDING, cell, 4, SMALL, seed=0)
    assert found["squared_error"] <= 0.01
    assert math.isclose(found["of_memoryless"], 6 * found["squared_error"])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_two_letters_are_copied(cell: str) -> None:
    found = memory.learn(memory.COPYING, cell, 2, SMALL, seed=0)
    assert found["of_memoryless"] <= 0.3
    assert math.isclose(found["of_memoryless"], found["cross_entropy"] / (math.log(8) / 3))


def pictures(count: int) -> mnist.Pictures:
    """Pictures [N, 4, 3] whose digit is the place of the bright pixel."""
    generator = np.random.default_rng(count)
    labels = generator.integers(0, 10, count).astype(np.uint8)
    images = generator.integers(0, 40, (count, 12)).astype(np.uint8)
    images[np.arange(count), labels] = 250
    return mnist.Pictures(images.reshape(count, 4, 3), labels)


def test_pixels_are_read_one_by_one_in_rows() -> None:
    given = pictures(5)
    rows = memory.by_pixels(given).rows(np.arange(5))
    assert rows.shape == (12, 5, 1)
    np.testing.assert_array_equal(rows[:, 2, 0], given.images[2].ravel().astype(np.float32) / np.float32(255))


def test_digits_are_learned_from_pixels() -> None:
    settings = memory.PixelSettings(hidden=24, most_epochs=6, span=12, batch_size=20, learning_rate=0.02)
    settings = memory.replace(settings, ema_decay=0.9, validation=100)
    found = memory.learn_pixels({"train": pictures(1300), "test": pictures(200)}, settings, seed=0)
    assert found["accuracy"] >= 0.95
    assert (found["epochs"], found["planned_epochs"]) == (6, 6)


def test_time_that_is_up_leaves_what_was_learned() -> None:
    settings = memory.PixelSettings(hidden=4, most_epochs=50, validation=20, batch_size=20, limit=0.0)
    found = memory.learn_pixels({"train": pictures(60), "test": pictures(40)}, settings, seed=0)
    assert (found["epochs"], found["planned_epochs"]) == (0, 50)
    assert 0 <= found["accuracy"] <= 1


def test_as_many_epochs_are_planned_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = itertools.count(0.0, 6.0)  # three steps take six seconds
    monkeypatch.setattr(memory.time, "perf_counter", lambda: next(now))
    settings = memory.PixelSettings(most_epochs=20, minutes=10)
    planned = [memory.epochs_within(lambda: None, steps, settings) for steps in (100, 10, 100_000)]
    assert planned == [3, 20, 1]


def test_the_group_is_its_tasks_and_pixels_have_one_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"train": pictures(60), "test": pictures(40)}
    monkeypatch.setattr(mnist, "read", lambda: small)
    assert quality.main(["--quick", "--out", str(tmp_path), "--seeds", "3,4", "--tasks", "memory"]) == 0
    seeds = {
        task: {
            row: list(values["seeds"])
            for row, values in json.loads(measurement.path_of(tmp_path, task).read_text("utf-8"))[
                "rows"
            ].items()
        }
        for task in ("adding", "copy", "pixels")
    }
    both = ["3", "4"]
    assert seeds == {
        "adding": {"LSTM, T=100": both, "GRU, T=100": both, "LSTM, T=200": both, "GRU, T=200": both},
        "copy": {"LSTM, T=50": both, "GRU, T=50": both, "LSTM, T=100": both, "GRU, T=100": both},
        "pixels": {"GRU": ["3"]},
    }
    assert "epoch 1/1" in capsys.readouterr().err
