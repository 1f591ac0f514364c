"""The picture of a training's log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch import nn

from hiddenstate import pictures
from plain_training import new_run, trained, validate


def test_curves_show_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    original = pictures.png
    monkeypatch.setattr(pictures, "png", lambda figure: drawn.append(figure) or original(figure))
    run = new_run(tmp_path)

    def both(module: nn.Module) -> dict[str, float]:
        return {**validate(module), "loss": -validate(module)["accuracy"]}

    fitted, _, _ = trained(run=run, validate=both)
    assert (run.path / "curves.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    above, below = drawn[0].axes
    assert (above.get_ylabel(), below.get_ylabel(), below.get_xlabel()) == (
        "loss",
        "validation accuracy",
        "epoch",
    )
    assert above.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert above.lines[0].get_ydata().tolist() == [entry["loss"] for entry in fitted.history]
    assert above.lines[1].get_ydata().tolist() == [entry["validation"]["loss"] for entry in fitted.history]
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["training", "validation"]
    assert below.get_title("right") == f"best: {fitted.best:.4f} in epoch {fitted.best_epoch}"
    styles = {line.get_linestyle() for line in above.lines}
    assert styles == {"-", "--"}, "told apart without colour"


@pytest.mark.parametrize(("epochs", "ticks"), [(1, [1]), (3, [1, 2, 3]), (60, [10, 20, 30, 40, 50, 60])])
def test_epochs_are_counted_in_whole_numbers(
    epochs: int, ticks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(pictures, "png", drawn.append)
    measured = {"loss": 0.5, "validation": {"accuracy": 0.75}, "best": True}
    pictures.curves([{"epoch": epoch, **measured} for epoch in range(1, epochs + 1)], "accuracy")
    below = drawn[0].axes[1]
    low, high = below.get_xlim()
    assert [tick for tick in below.get_xticks() if low <= tick <= high] == ticks
