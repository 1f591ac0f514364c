"""From a file of another language to its answers, through the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from language_sets import SETS

if TYPE_CHECKING:
    from conftest import Said

SMALL = ["--hidden", "32"] + [
    part
    for pair in ("embedding=32", "letter_buckets=1024", "wide_buckets=2048", "epochs=20", "least_steps=60")
    for part in ("--set", pair)
]


def train(cli: Callable[..., Said], folder: Path, name: str, *more: str) -> Path:
    small, data = SETS[name], folder / f"{name}.csv"
    rows = [(*row, "train") for row in small.rows("train")] + [(*row, "test") for row in small.rows("asked")]
    rows += [(text, label, "validation") for text, label in small.rows("train")[::3]]
    folder.mkdir(exist_ok=True)
    with data.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label", "split"), *rows])
    said = cli("train", "classify", "--data", data, "--out", folder / name, *SMALL, *more, "--json")
    assert said.code == 0, said.err
    assert said.json()["accuracy"] >= 11 / 12
    return folder / name


@pytest.mark.slow
def test_turkish_is_noticed_and_folded(cli: Callable[..., Said], tmp_path: Path) -> None:
    run = train(cli, tmp_path, "turkish")
    assert "folded as in Turkish" in (run / "report.md").read_text(encoding="utf-8")
    said = cli("predict", run, "IŞIĞI KAPAT", "ışığı kapat", "DİŞÇİ IZGARA", "--json")
    loud, quiet, strange = map(json.loads, said.out.splitlines())
    assert loud["ranked"] == quiet["ranked"]
    assert loud["ranked"][0][0] == "light"
    assert (loud["unknown"], strange["unknown"]) == ([], ["dişçi", "ızgara"])
    other = train(cli, tmp_path / "other", "turkish", "--set", "language=other")
    assert "folded" not in (other / "report.md").read_text(encoding="utf-8")
    (answer,) = map(json.loads, cli("predict", other, "IŞIĞI KAPAT", "--json").out.splitlines())
    assert answer["unknown"] == ["işiği"]


def test_hindi_is_shown_whole(cli: Callable[..., Said], tmp_path: Path) -> None:
    run = train(cli, tmp_path, "hindi")
    said = cli("predict", run, "रसोई की बत्ती बुझा दो", "क्षत्रिय की बत्ती")
    assert said.code == 0
    first, second = said.out.splitlines()[2:4]
    assert first.startswith("रसोई की बत्ती बुझा दो")
    assert "light" in first
    assert second.count("क्षत्रिय") == 2  # in the text, and as the unknown word
    said = cli("chat", run, typed="रसोई की बत्ती\n")
    assert [line.split()[0] for line in said.out.splitlines()[1:4]] == ["रसोई", "की", "बत्ती"]
