"""Recall after a delay is measured through the lens, and kept like every other task."""

from __future__ import annotations

import json
from pathlib import Path

import quality
import recall


def test_a_row_a_cell_and_a_figure_a_delay(tmp_path: Path) -> None:
    words = ["--quick", "--out", str(tmp_path), "--seeds", "3,4", "--tasks", "recall"]
    assert quality.main(words) == 0
    kept = json.loads((tmp_path / "quality-recall.json").read_text(encoding="utf-8"))
    assert list(kept["rows"]) == ["plain RNN", "LSTM", "GRU"]
    assert kept["settings"]["delays"] == [2, 100]
    for row in kept["rows"].values():
        assert set(row["seeds"]) == {"3", "4"}
        assert 0 <= row["min"]["recalled_2"] <= row["max"]["recalled_2"] <= 1
        assert row["median"]["parameters"] >= 100
        shares = {values["recalled_100"] for values in row["seeds"].values()}
        assert all(round(20 * share, 4) == round(20 * share) for share in shares)  # of 20 sequences


def test_all_cells_have_about_as_many_parameters() -> None:
    from hiddenstate.cells import CELLS
    from hiddenstate.lens.recall.plan import Size
    from hiddenstate.lens.recall.task import Recall

    counted = [Size(parameters=5000).of(CELLS[cell], Recall())[1] for cell in recall.CELLS.values()]
    assert min(counted) >= 4800
    assert max(counted) <= 5000
