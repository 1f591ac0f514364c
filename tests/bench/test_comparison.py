"""All contenders compute the same, on sizes of a toy; who does not is not timed."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from hiddenstate import native
from hiddenstate.bench import Effort, Work, compare, contenders
from hiddenstate.bench.comparison import TOLERANCE, Comparison, agreement, optimiser_step, pinned, timed
from hiddenstate.bench.in_torch import torch_loop
from hiddenstate.bench.ours import ours, torch_with
from hiddenstate.bench.work import material
from hiddenstate.cells import CELLS
from hiddenstate.errors import HiddenStateError, InvalidArgument

TINY = Effort(seconds=0.001, fewest=2, most=2, turn=1e-6)
CLOSE = 2e-5

WORKS = {
    "stream": Work("lstm", 8, 8, kind="stream"),
    "inference": Work("lstm", 8, 5, 3, 6),
    "training": Work("lstm", 8, 5, 3, 6, "training"),
    "lengths": Work("lstm", 8, 5, 4, 9, "training", shortest=2),
}


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("name", WORKS)
def test_every_peer_computes_what_we_compute(name: str, cell: str) -> None:
    found = compare(dataclasses.replace(WORKS[name], cell=cell), TINY)
    layer = f"torch.nn.{cell.upper()}"
    expected = {
        "stream": [layer, f"{layer}, no oneDNN", f"{layer}Cell"],
        "lengths": [layer, f"{layer}, packed", f"{layer}, no oneDNN"],
    }.get(name, [layer, f"{layer}, no oneDNN"])
    if name in ("stream", "inference"):
        expected += ["onnxruntime", "onnxruntime, bound"]
    assert [peer for peer in found.peers if peer != "OpenVINO"] == expected
    assert max(found.differ.values()) < CLOSE
    assert all(len(values) == 2 and min(values) > 0 for values in found.samples.values())
    assert found.absent["JAX"] == "jax is not installed: pip install jax"


def test_gradients_are_compared_too() -> None:
    given = material(WORKS["lengths"])
    first, torch_layer, *_ = contenders(given)[0]
    answers = [each.answer() for each in (first, torch_layer)]
    names = {"output", "x", "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}
    assert [set(answer) for answer in answers] == [names, names]
    padding = np.arange(9)[:, None] >= given.lengths.numpy()
    assert padding.any()
    assert (answers[0]["x"][padding] == 0).all()
    assert np.abs(answers[0]["weight_hh_l0"]).max() > 0.1


@pytest.mark.parametrize("cell", [name for name in CELLS if name not in ("lstm", "gru", "rnn")])
def test_a_loop_in_torch_stands_beside_cells_that_torch_lacks(cell: str) -> None:
    given = material(Work(cell, 8, 5, 3, 6, "training"))
    assert agreement([ours(given), torch_loop(given)])["torch loop"] < CLOSE


def test_who_computes_something_else_is_not_timed() -> None:
    given = material(WORKS["inference"])
    right = ours(given)
    wrong = dataclasses.replace(
        right, name="wrong", answer=lambda: {"output": right.answer()["output"] * (1 + 3 * TOLERANCE)}
    )
    with pytest.raises(HiddenStateError, match=r"wrong was expected .* differs by 0\.003"):
        timed(given, [right, wrong], {}, TINY)


def test_times_ratios_and_the_best_peer() -> None:
    samples = {
        "hiddenstate": [1.0, 2.0, 3.0],
        "a": [8.0, 8.0, 8.0],
        "b": [5.0, 4.0, 3.0],
        "hiddenstate, x": [0.1],
    }
    found = Comparison(WORKS["inference"], samples, {}, {}, {"backend": "reference", "isa": "none"})
    assert found.best() == "b"
    assert found.best(lambda name: name == "a") == "a"
    assert found.best(lambda name: False) is None
    assert found.ratio("b").median == 2.0
    assert found.times["a"].median == 8.0


def test_as_plain_values() -> None:
    found = compare(WORKS["training"], TINY).as_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["work"] == {
        "cell": "lstm", "hidden": 8, "features": 5, "batch": 3, "steps": 6, "kind": "training", "shortest": 0,
        "threads": 1,
    }  # fmt: skip
    here = native.available()
    expected = ("native", native.isa()) if here else ("reference", "none")
    assert (found["backend"], found["isa"]) == expected
    best = min(found["peers"], key=lambda row: row["median"])
    assert found["best_peer"] == best["name"]
    assert found["ratio"]["median"] == pytest.approx(best["median"] / found["ours"]["median"])
    # 5 functions, 4 sums of W x and R h, 3 products and a sum in c, a product in h
    operations = 3 * 18 * (2 * 32 * (5 + 8) + 8 * 13)
    assert found["gigaflops"] == pytest.approx(operations / found["ours"]["median"] * 1000 / 1e9)


def test_the_numbers_are_the_same_every_time_and_torchs_own_are_left_alone() -> None:
    torch.manual_seed(5)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    one, other = material(WORKS["lengths"]), material(WORKS["lengths"])
    assert torch.equal(torch.rand(3), drawn)
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
    assert torch.equal(one.x, other.x)
    lengths = one.lengths
    assert (lengths.min() >= 2, lengths.max()) == (True, 9)
    assert torch.equal((one.adjoint != 0).any(-1).sum(0), lengths)


def test_torch_is_left_as_it_was() -> None:
    before = (torch.get_num_threads(), torch.backends.mkldnn.enabled, torch.is_inference_mode_enabled())
    with torch_with(2, gradients=False, onednn=False):
        assert (torch.get_num_threads(), torch.backends.mkldnn.enabled) == (2, False)
        assert torch.is_inference_mode_enabled()
    assert before == (
        torch.get_num_threads(),
        torch.backends.mkldnn.enabled,
        torch.is_inference_mode_enabled(),
    )


def test_the_optimiser_works_inside_inference_too() -> None:
    step = optimiser_step(material(WORKS["inference"]))
    with torch_with(1, gradients=False):
        step()
    step()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not pin threads")
def test_pinned_for_a_while() -> None:
    before = os.sched_getaffinity(0)
    with pinned(1):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"hidden": 0}, "hidden to be a whole number of at least 1, came 0"),
        ({"threads": 1.5}, "threads .* came 1.5"),
        ({"kind": "trainin"}, "did you mean 'training'"),
        ({"kind": "stream"}, "one step of one sequence, came batch=3 and steps=6"),
        ({"shortest": 7}, "between 0 .* and 6, came 7"),
        ({"cell": "lstn"}, "did you mean 'lstm'"),
    ],
)
def test_works_that_cannot_be(values: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        dataclasses.replace(WORKS["inference"], **values)


IN_A_PROCESS_OF_ITS_OWN = """
import json
from hiddenstate.bench import Effort, Work, compare
tiny = Effort(seconds=0.001, fewest=2, most=2, turn=1e-6)
works = [Work(cell, 8, 5, 4, 9, "training", shortest=2) for cell in ("lstm", "gru", "rnn")]
works += [Work("gru", 8, 5, 3, 6), Work("lstm", 8, 8, kind="stream")]
found = [compare(work, tiny) for work in works]
other = compare(Work("rnn", 8, 5, 3, 6, threads=2), tiny).absent
print(json.dumps([[each.differ.get("JAX"), each.absent.get("JAX")] for each in found] + [other.get("JAX")]))
"""


@pytest.mark.slow
def test_jax_computes_what_we_compute_where_it_is_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS_OF_ITS_OWN], capture_output=True, text=True, check=True
    )
    *found, with_other_threads = json.loads(done.stdout.splitlines()[-1])
    if find_spec("jax") is None:
        assert found == [[None, "jax is not installed: pip install jax"]] * 5
    else:
        assert [absent for _, absent in found] == [None] * 5
        assert max(differs for differs, _ in found) < CLOSE
        assert with_other_threads.startswith("it was imported with another number of threads")
