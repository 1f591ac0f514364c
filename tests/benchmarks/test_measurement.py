"""What remains of a measurement: all seeds, median and range, nothing mixed, nothing measured twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import measurement
import pytest
from measurement import Record, Task, measure

from hiddenstate.errors import DataError, InvalidArgument

FIGURES = {0: 0.5, 1: 0.75, 2: 0.25, 3: 1.0}


class Counted:
    """A task that knows how often it was asked."""

    def __init__(self, **settings: object) -> None:
        self.asked: list[tuple[str, int]] = []
        self.task = Task("small", ("one", "two"), settings or {"hidden": 4}, self.measure)

    def measure(self, variant: str, seed: int) -> dict[str, dict[str, float]]:
        self.asked.append((variant, seed))
        return {variant: {"accuracy": FIGURES[seed]}, "rival": {"accuracy": 0.125}}


def test_what_takes_an_hour_is_measured_with_the_first_seeds_only(tmp_path: Path) -> None:
    counted = Counted()
    task = replace(counted.task, most_seeds=1)
    measure(task, [2, 0, 1], Record(tmp_path, task), lambda line: None)
    assert counted.asked == [("one", 2), ("two", 2)]


def test_median_and_range_of_all_seeds_are_kept(tmp_path: Path) -> None:
    counted = Counted()
    measure(counted.task, [0, 1, 2], Record(tmp_path, counted.task), lambda line: None)
    kept = json.loads((tmp_path / "quality-small.json").read_text(encoding="utf-8"))
    assert list(kept["rows"]) == ["one", "rival", "two"]
    row = kept["rows"]["one"]
    assert (row["median"], row["min"], row["max"]) == (
        {"accuracy": 0.5},
        {"accuracy": 0.25},
        {"accuracy": 0.75},
    )
    assert {seed: figures["accuracy"] for seed, figures in row["seeds"].items()} == {
        "0": 0.5,
        "1": 0.75,
        "2": 0.25,
    }
    assert kept["rows"]["rival"]["median"] == {"accuracy": 0.125}
    assert kept["settings"] == {"hidden": 4}
    assert kept["machine"] == measurement.machine()
    assert kept["machine"]["threads"] >= 1
    assert row["seeds"]["0"]["commit"] == kept["commit"] == measurement.commit()


def test_only_missing_seeds_are_measured(tmp_path: Path) -> None:
    first = Counted()
    measure(first.task, [0, 2], Record(tmp_path, first.task), lambda line: None)
    second, said = Counted(), []
    record = Record(tmp_path, second.task)
    assert record.missing("one", [0, 1, 2, 3]) == [1, 3]
    measure(second.task, [0, 1, 2], record, said.append)
    assert second.asked == [("one", 1), ("two", 1)]
    assert said[0] == "small, one, seed 0: already measured"
    assert said[2] == "small, one, seed 1: accuracy 0.75"
    assert measurement.read(record.path)["rows"]["one"]["median"] == {"accuracy": 0.5}


def test_what_was_interrupted_keeps_what_was_measured(tmp_path: Path) -> None:
    def failing(variant: str, seed: int) -> dict[str, dict[str, float]]:
        if (variant, seed) == ("two", 1):
            raise KeyboardInterrupt
        return {variant: {"accuracy": FIGURES[seed]}}

    counted = Counted()
    task = Task("small", ("one", "two"), {"hidden": 4}, failing)
    with pytest.raises(KeyboardInterrupt):
        measure(task, [0, 1], Record(tmp_path, task), lambda line: None)
    measure(counted.task, [0, 1], Record(tmp_path, counted.task), lambda line: None)
    assert counted.asked == [("two", 1)]


def test_seeds_of_other_settings_are_not_mixed_in(tmp_path: Path) -> None:
    first, other = Counted(), Counted(hidden=8)
    measure(first.task, [0], Record(tmp_path, first.task), lambda line: None)
    with pytest.raises(InvalidArgument, match=r"other settings: hidden 4 then and 8 now; .*--again"):
        Record(tmp_path, other.task)
    measure(other.task, [1], Record(tmp_path, other.task, again=True), lambda line: None)
    kept = measurement.read(tmp_path / "quality-small.json")
    assert (list(kept["rows"]["one"]["seeds"]), kept["settings"]) == (["1"], {"hidden": 8})


def test_seeds_of_another_machine_are_not_mixed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted()
    measure(counted.task, [0], Record(tmp_path, counted.task), lambda line: None)
    monkeypatch.setattr(measurement, "machine", lambda: {"cpu": "abacus", "cores": 1, "threads": 1})
    with pytest.raises(InvalidArgument, match=r"other machine: cpu .* and 'abacus' now"):
        Record(tmp_path, counted.task)


@pytest.mark.parametrize("content", ["{", "[]", '{"rows": {}}'])
def test_a_damaged_file_is_not_written_over(tmp_path: Path, content: str) -> None:
    path = tmp_path / "quality-small.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"quality-small\.json .*measure again"):
        Record(tmp_path, Counted().task)
    assert path.read_text(encoding="utf-8") == content


def test_figures_that_a_seed_lacks_have_no_median() -> None:
    seeds = {"0": {"accuracy": 0.5, "auroc": 0.9, "date": "x"}, "1": {"accuracy": 1.0, "date": "y"}}
    assert measurement.summary(seeds) == {
        "median": {"accuracy": 0.75},
        "min": {"accuracy": 0.5},
        "max": {"accuracy": 1.0},
    }
