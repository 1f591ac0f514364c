"""The tables say what the results say, misses included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import measurement
import promises
import pytest
import tables

PAGE = "# Title\n<!-- results:begin {} -->\nold\n<!-- results:end -->\nafter\n"


def result(task: str, rows: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    """A result as a record writes it, a seed for each number."""
    described = {}
    for name, figures in rows.items():
        count = len(next(iter(figures.values())))
        seeds = {
            str(seed): {figure: values[seed] for figure, values in figures.items()} for seed in range(count)
        }
        described[name] = {**measurement.summary(seeds), "seeds": seeds}
    return {
        "task": task,
        "commit": "0123456789ab",
        "date": "2024-02-29T12:00:00Z",
        "machine": {"cpu": "Abacus 9", "cores": 2, "threads": 1},
        "versions": {"torch": "2.13.0"},
        "settings": {},
        "rows": described,
    }


def house(folder: Path, table: str, *results: dict[str, Any]) -> list[str]:
    """Lay out a README with one table and some results; return the words of the command line."""
    (folder / "README.md").write_text(PAGE.format(table), encoding="utf-8")
    for each in results:
        measurement.path_of(folder, each["task"]).write_text(json.dumps(each), encoding="utf-8")
    return ["--house", str(folder), "--results", str(folder)]


def page_of(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


def test_targets_met_and_missed_stand_beside_the_figures(tmp_path: Path) -> None:
    digits = result("mnist_rows", {"GRU": {"accuracy": [0.9870, 0.9851, 0.9863]}})
    strings = result("reber", {"LSTM": {"accuracy": [0.98, 1.0, 0.9699]}})
    assert tables.main(house(tmp_path, "quality", digits, strings)) == 0
    page = page_of(tmp_path)
    digits_line = "98.63 % (98.51 % to 98.70 %) | 3 | at least 98.50 % | met |"
    assert f"| MNIST row by row: accuracy, every seed | {digits_line}" in page
    assert (
        "| Embedded Reber strings right, every seed | 98.00 % (96.99 % to 100.00 %) | 3 | at least 97.00 % | "
        "**missed** |" in page
    )
    assert "| Model on disk, unidirectional | not measured yet | | under 10.0 MB | |" in page
    assert "mnist_rows: Abacus 9, 2 cores, 1 thread, torch 2.13.0, commit 0123456789ab, 2024-02-29." in page
    assert page.startswith("# Title\n<!-- results:begin quality -->\n| measured")
    assert page.endswith("<!-- results:end -->\nafter\n")


def test_memory_is_judged_by_its_worst_seed_and_pixels_by_their_hour(tmp_path: Path) -> None:
    sums = result("adding", {"GRU, T=200": {"squared_error": [0.001, 0.0101, 0.002]}})
    letters = result("copy", {"LSTM, T=50": {"of_memoryless": [0.4999, 0.1, 0.2]}})
    digits = result("pixels", {"GRU": {"accuracy": [0.9601], "epochs": [12.0], "seconds": [3601.0]}})
    tables.main(house(tmp_path, "quality", sums, letters, digits))
    lines = {line.split(" | ")[0][2:]: line.split(" | ")[1:] for line in page_of(tmp_path).splitlines()}
    assert lines["Adding, 200 steps, GRU: every seed"] == [
        "0.00200 (0.00100 to 0.01010)",
        "3",
        "under 0.01000",
        "**missed** |",
    ]
    copied = lines["Copying over 50 steps, LSTM: share of the loss without memory, every seed"]
    assert copied == ["20.00 % (10.00 % to 49.99 %)", "3", "under 50.00 %", "met |"]
    assert lines["MNIST pixel by pixel, 784 steps: accuracy"][-1] == "met |"
    assert lines["MNIST pixel by pixel: training"] == ["3601 s", "1", "under 3600 s", "**missed** |"]


@pytest.mark.parametrize(("worst", "verdict"), [(-0.004, "met"), (-0.006, "**missed**")])
def test_never_under_is_judged_by_the_worst_seed(tmp_path: Path, worst: float, verdict: str) -> None:
    few = result("few_shot", {"10 a class": {"ahead": [0.01, worst, 0.02]}})
    tables.main(house(tmp_path, "quality", few))
    line = next(line for line in page_of(tmp_path).splitlines() if "10 examples" in line and "ahead" in line)
    expected = f"+1.00 points ({100 * worst:+.2f} points to +2.00 points)"
    assert line.split(" | ")[1:] == [expected, "3", "at least -0.50 points", f"{verdict} |"]


def test_limits_are_judged_as_they_are_written() -> None:
    row = {"median": {"milliseconds": 2.0, "accuracy": 0.97}}
    at_least = promises.Target("", "", "", "accuracy", ">=", 0.97)
    under = promises.Target("", "", "", "milliseconds", "<", 2)
    assert (at_least.is_met(row), under.is_met(row)) == (True, False)


def test_a_task_table_has_the_columns_that_were_measured(tmp_path: Path) -> None:
    rows = {
        "unidirectional": {"in_scope_accuracy": [0.94], "bytes": [7.25e6], "milliseconds": [1.234]},
        "snapshot": {"in_scope_accuracy": [0.93], "bytes": [31e6]},
    }
    tables.main(house(tmp_path, "clinc", result("clinc", rows)))
    lines = page_of(tmp_path).splitlines()[2:6]
    assert lines == [
        "| | accepted and right | file | one utterance |",
        "|---|---|---|---|",
        "| unidirectional | 94.00 % | 7.2 MB | 1.23 ms |",
        "| snapshot | 93.00 % | 31.0 MB |  |",
    ]


def test_check_writes_nothing_and_fails_on_an_old_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = house(tmp_path, "reber", result("reber", {"LSTM": {"accuracy": [1.0]}}))
    assert tables.main([*words, "--check"]) == 1
    assert capsys.readouterr().out == "README.md is not what the results say: run benchmarks/tables.py\n"
    assert page_of(tmp_path) == PAGE.format("reber")
    assert tables.main(words) == 0
    assert tables.main([*words, "--check"]) == 0
    changed = page_of(tmp_path).replace("100.00 %", "100.01 %")
    (tmp_path / "README.md").write_text(changed, encoding="utf-8")
    assert tables.main([*words, "--check"]) == 1


def test_pages_of_docs_are_filled_too(tmp_path: Path) -> None:
    words = house(tmp_path, "quality", result("reber", {"LSTM": {"accuracy": [1.0]}}))
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    page = tmp_path / "docs" / "deep" / "page.md"
    page.write_text(PAGE.format("reber"), encoding="utf-8")
    assert tables.main(words) == 0
    assert "| LSTM | 100.00 % |\n" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("page", "code", "words"),
    [
        (PAGE.format("rebar"), 2, "README.md: unknown table 'rebar'"),
        ("<!-- results:begin reber -->\nno end\n", 1, "came 1 beginnings and 0 ends"),
        ("<!-- results:end -->\n", 1, "came 0 beginnings and 1 ends"),
    ],
)
def test_markers_that_cannot_be_right_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], page: str, code: int, words: str
) -> None:
    command = house(tmp_path, "reber")
    (tmp_path / "README.md").write_text(page, encoding="utf-8")
    assert tables.main(command) == code
    assert words in capsys.readouterr().err
    assert page_of(tmp_path) == page


def test_readme_and_docs_say_what_the_results_say() -> None:
    assert tables.main(["--check"]) == 0
