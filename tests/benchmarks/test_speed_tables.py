"""The tables of speed: floors beside the ratios, and misses that say so."""

from __future__ import annotations

import doctest
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import speed
import speed_tables
import tables

PAGE = "# Title\n<!-- results:begin {} -->\nold\n<!-- results:end -->\nafter\n"


def promise(line: str, column: str, value: float | None, floor: float, sense: str = ">=") -> dict[str, Any]:
    met = None if value is None else value >= floor if sense == ">=" else value <= floor
    judged = {"line": line, "column": column, "floor": floor, "goal": None, "sense": sense, "met": met}
    spread = {} if value is None else {"low": value - 0.25, "high": value + 0.25}
    return judged | {"value": value, "against": "torch.nn.LSTM"} | spread


def result(regime: str, rows: dict[str, list[dict[str, Any]]], absent: str = "") -> dict[str, Any]:
    described = {
        name: {
            "backend": "native", "isa": "avx2", "commit": "0123456789ab", "best_peer": "torch.nn.LSTM",
            "ours": {"median": 2.0}, "absent": {"JAX": absent} if absent else {},
            "peers": [{"name": "torch.nn.LSTM", "median": 4.5}, {"name": "onnxruntime", "median": 0.0123}],
            "promises": promises,
        }
        for name, promises in rows.items()
    }  # fmt: skip
    return {
        "regime": regime,
        "commit": "0123456789ab",
        "date": "2024-02-29T12:00:00Z",
        "machine": {"cpu": "Abacus 9", "cores": 2, "threads": 1},
        "versions": {"torch": "2.13.0", "numpy": "2", "onnxruntime": "1.32.0"},
        "rows": described,
    }


def filled(folder: Path, table: str, *results: dict[str, Any]) -> list[str]:
    (folder / "README.md").write_text(PAGE.format(table), encoding="utf-8")
    for each in results:
        speed.path_of(folder, each["regime"]).write_text(json.dumps(each), encoding="utf-8")
    words = ["--house", str(folder), "--results", str(folder)]
    assert tables.main(words) == 0
    assert tables.main([*words, "--check"]) == 0
    return (folder / "README.md").read_text(encoding="utf-8").splitlines()[2:-2]


def test_a_line_a_promise_and_a_column_a_size(tmp_path: Path) -> None:
    stream = result(
        "stream",
        {
            "lstm 64": [promise("streaming step, LSTM", "64", 3.5, 3.0)],
            "lstm 128": [promise("streaming step, LSTM", "128", 1.994, 2.0)],
            "lstm 512": [promise("streaming step, LSTM", "512", None, 1.05)],
        },
        absent="jax is not installed: pip install jax",
    )
    scan = result("scan", {"mingru 64": [promise("scan", "64", 4.0, 3.0)]})
    assert filled(tmp_path, "speed", stream, scan) == [
        "| best peer's time / ours (floor) | H = 64 | H = 128 | H = 256 | H = 512 |",
        "|---|---|---|---|---|",
        "| streaming step, LSTM | 3.50 (3) | **1.99, missed** (2) |  | no peer |",
        "| scan | 4.00 (3) |  |  |  |",
        "",
        "2 of 4 floors met.",
        "",
        "stream: Abacus 9, 2 cores, 1 thread; native avx2; torch 2.13.0, onnxruntime 1.32.0; not installed: "
        "JAX; commit 0123456789ab, 2024-02-29.  ",
        "scan: Abacus 9, 2 cores, 1 thread; native avx2; torch 2.13.0, onnxruntime 1.32.0; commit "
        "0123456789ab, 2024-02-29.",
    ]


def test_of_the_other_cells_the_worst_is_shown(tmp_path: Path) -> None:
    words = "time per operation / LSTM's"
    rows = {
        f"{cell} 64": [
            promise(f"{cell}: {words}", "64", value, 1.3, "<="),
            promise(f"{cell}: loop", "64", 9, 5),
        ]
        for cell, value in (("mgu", 1.1), ("slstm", 1.4), ("cifg", 0.9))
    }
    lines = filled(tmp_path, "speed", result("cells", rows))
    assert lines[2:5] == [
        f"| other cells and an own one, the worst: {words} | **1.40, missed** (≤ 1.3) |  |  |  |",
        "| other cells and an own one, the worst: loop | 9.00 (5) |  |  |  |",
        "",
    ]


def test_every_comparison_with_its_quartiles(tmp_path: Path) -> None:
    rows = {"lstm 64": [promise("training", "64", 2.25, 3.0)]}
    lines = filled(tmp_path, "speed-training", result("training", rows))
    assert lines[:3] == [
        "| | ours | torch.nn layer | onnxruntime | ratio (quartiles), limit |",
        "|---|---|---|---|---|",
        "| lstm 64 | 2.00 | **4.50** | 0.0123 | 2.25 (2.00 to 2.50), at least 3, **missed** |",
    ]


@pytest.mark.parametrize("script", [speed, speed_tables], ids=lambda script: script.__name__)
def test_examples_print_what_they_say(script: ModuleType) -> None:
    found = doctest.testmod(script)
    assert (found.attempted > 0, found.failed) == (True, 0)


def test_what_was_not_measured_says_so(tmp_path: Path) -> None:
    for name in ("speed", "speed-roof"):
        assert filled(tmp_path, name) == [speed_tables.ABSENT]
