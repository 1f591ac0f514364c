"""Weights kept in few bits: what is saved is what was decided with, and what is judged."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from hiddenstate.tasks import classify
from hiddenstate.tasks.classify import ClassifySpec
from hiddenstate.tasks.classify.reader import as_stored

SMALL = {"hidden": 16, "embedding": 16, "letter_buckets": 512, "wide_buckets": 2048, "least_steps": 60}
COLOURS = ("red", "green", "blue", "yellow", "black", "white", "brown", "grey", "pink", "gold", "tan")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("int8") / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "label"))
        for colour in COLOURS:
            rows.writerow((f"paint the {colour} door please", "paint"))
            rows.writerow((f"sell my {colour} car", "sell"))
            rows.writerow((f"where is the {colour} cat", "find"))
            rows.writerow((f"is {colour} a warm colour", "ask"))
            rows.writerow((f"draw {colour} flowers", "draw"))
    return path


def trained(data: Path, folder: Path, **options: object) -> dict[str, Any]:
    spec = ClassifySpec.from_options({"data": str(data), "epochs": 3, **SMALL, **options})
    return classify.train(spec, folder)


def test_a_run_of_few_bits(data: Path, tmp_path: Path) -> None:
    wide, small = (trained(data, tmp_path / name, int8=name == "small") for name in ("wide", "small"))
    sizes = [summary["table"][0]["bytes"] for summary in (wide, small)]
    assert sizes[1] < 0.75 * sizes[0]  # most of it is the wide head, rows of five
    assert small["accuracy"] == wide["accuracy"] == 1.0
    arrays = load_file(tmp_path / "small" / "weights.safetensors")
    shown = {name: array.dtype for name, array in arrays.items() if name[:5] in ("word.", "wide.", "answe")}
    assert shown == {
        "word.weight.int4": np.uint8,
        "word.weight.scale": np.float32,
        "wide.weight.int8": np.int8,
        "wide.weight.scale": np.float32,
        "answer.weight.int8": np.int8,
        "answer.weight.scale": np.float32,
        "answer.bias": np.float16,
    }
    assert json.loads((tmp_path / "small" / "spec.json").read_text(encoding="utf-8"))["spec"]["int8"] is True


def test_what_is_loaded_is_near_what_was_trained_and_stays_itself(data: Path, tmp_path: Path) -> None:
    trained(data, tmp_path / "run", int8=True)
    state = {
        name.removeprefix("best/"): array
        for name, array in load_file(tmp_path / "run" / "state.safetensors").items()
        if name.startswith("best/")
    }
    loaded = classify.load(tmp_path / "run")
    for name, array in state.items():
        if array.ndim == 2 and len(array) > 1:
            levels = 7 if name in ("word.weight", "letters.weight") else 127
            most = np.abs(array).max(1, keepdims=True) / levels * 0.501
            assert (np.abs(loaded.model.parameters[name] - array) <= most).all(), name
    again = as_stored(loaded.spec, loaded.model.parameters)
    assert all((array == loaded.model.parameters[name]).all() for name, array in again.items())


def test_stopped_and_gone_on_with_it_is_the_same_run(data: Path, tmp_path: Path) -> None:
    spec = ClassifySpec.from_options({"data": str(data), "epochs": 3, **SMALL, "int8": True})
    classify.train(spec, tmp_path / "whole")
    classify.train(spec, tmp_path / "parts", time_limit=0)
    classify.train(spec, tmp_path / "parts", resume=True)
    for name in ("weights.safetensors", "model.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
