"""The same data, settings, seed, threads and instructions give the same bytes; spec.json names them all."""

from __future__ import annotations

import csv
import hashlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from hiddenstate import native
from hiddenstate.tasks import classify
from hiddenstate.tasks.classify import ClassifySpec

TINY = {
    "hidden": 16,
    "embedding": 8,
    "letter_buckets": 64,
    "wide_buckets": 256,
    "epochs": 2,
    "least_steps": 12,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("same") / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(("text", "label"))
        for thing in ("door", "car", "cat"):
            csv.writer(file).writerows((f"paint {n} of the {thing}", thing) for n in range(24))
    return path


@pytest.fixture
def own_settings() -> Iterator[None]:
    isa, threads = native.isa(), torch.get_num_threads()
    yield
    native.select_isa(isa)
    torch.set_num_threads(threads)


def trained(data: Path, folder: Path) -> dict[str, Any]:
    classify.train(ClassifySpec.from_options({"data": str(data), **TINY}), folder)
    found: dict[str, Any] = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    return found


def test_twice_the_same_is_the_same_to_the_byte(data: Path, tmp_path: Path) -> None:
    specs = [trained(data, tmp_path / name) for name in ("one", "other")]
    assert specs[0] == specs[1]
    for name in ("weights.safetensors", "model.json", "spec.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes(), name


def test_the_spec_names_what_the_bits_depend_on(data: Path, tmp_path: Path) -> None:
    spec = trained(data, tmp_path / "run")
    assert spec["data"]["sha256"] == hashlib.sha256(data.read_bytes()).hexdigest()
    rows = spec["data"]["indices"]
    sizes = spec["data"]["sizes"]
    assert {name: len(each) for name, each in rows.items()} == {name: sizes[name] for name in rows}
    assert sum(sizes.values()) == 72
    assert spec["environment"]["isa"] == native.isa()
    assert spec["environment"]["torch_isa"] == torch.backends.cpu.get_cpu_capability()
    assert spec["environment"]["threads"] == torch.get_num_threads()
    assert spec["versions"]["numpy"] == np.__version__


@pytest.mark.usefixtures("own_settings")
def test_another_instruction_set_is_named_and_comes_close(data: Path, tmp_path: Path) -> None:
    others = [name for name in native.isas() if name != native.isa()]
    first = trained(data, tmp_path / "first")
    for name in others:
        native.select_isa(name)
        assert trained(data, tmp_path / name)["environment"] == {**first["environment"], "isa": name}
        ours, theirs = (load_file(tmp_path / each / "weights.safetensors") for each in ("first", name))
        for key, array in ours.items():
            np.testing.assert_allclose(theirs[key].astype("f4"), array.astype("f4"), atol=0.01, err_msg=key)


@pytest.mark.usefixtures("own_settings")
def test_going_on_elsewhere_is_written_down(data: Path, tmp_path: Path) -> None:
    spec = ClassifySpec.from_options({"data": str(data), **TINY})
    classify.train(spec, tmp_path / "run", time_limit=0)
    begun = json.loads((tmp_path / "run" / "spec.json").read_text(encoding="utf-8"))
    native.select_isa("scalar")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        classify.train(spec, tmp_path / "run", resume=True)
    assert f"isa was {begun['environment']['isa']!r} and is 'scalar'" in str(said[0].message)
    ended = json.loads((tmp_path / "run" / "spec.json").read_text(encoding="utf-8"))
    assert ended == {**begun, "gone_on_with": [{**begun["environment"], "isa": "scalar"}]}
    assert "gone_on_with" not in begun
