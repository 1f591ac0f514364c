"""What `speed.py` measures and keeps: every regime on toy sizes, the floors as promised, nothing mixed."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import measurement
import pytest
import regimes
import speed

from hiddenstate.bench import Comparison, Effort, Spread, Work, in_jax
from hiddenstate.cells import CELLS
from hiddenstate.errors import DataError, InvalidArgument

TINY = Effort(seconds=0.001, fewest=2, most=2, turn=1e-6)
ALL = regimes.Choice()


@pytest.fixture(autouse=True)
def without_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_jax, "find_spec", lambda name: None)


def tiny(case: regimes.Case) -> regimes.Case:
    work = case.work
    small = {"hidden": 8, "features": 8, "batch": min(work.batch, 3), "steps": min(work.steps, 6)}
    return dataclasses.replace(case, work=dataclasses.replace(work, **small, shortest=min(work.shortest, 2)))


@pytest.mark.parametrize("regime", regimes.REGIMES)
def test_a_case_of_each_regime_runs_and_all_agree(regime: str) -> None:
    case = next(regimes.REGIMES[regime](regimes.Choice(speed.QUICK_CELLS, smallest=True)))
    row = tiny(case).measure(TINY)
    assert row["work"]["hidden"] == 8
    assert row["rounds"] == 2
    assert max(row["differences"].values(), default=0.0) < 1e-5
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    names = {peer["name"]: peer["median"] for peer in row["peers"]}
    for promise in row["promises"]:
        assert promise["against"] in names
        assert promise["met"] == (
            promise["value"] >= promise["floor"]
            if promise["sense"] == ">="
            else promise["value"] <= promise["floor"]
        )
        if promise["sense"] == ">=":
            expected = names[promise["against"]] / row["ours"]["median"]
            assert promise["value"] == pytest.approx(expected)


def test_the_floors_are_those_promised() -> None:
    floors = {
        (promise.line, int(promise.column)): promise.floor
        for regime in regimes.REGIMES.values()
        for case in regime(ALL)
        for promise in case.promises
    }
    for line, expected in {
        "streaming step, GRU": (3.0, 2.0, 1.25, 1.05),
        "streaming step, LSTM, against torch.nn.LSTM": (20, 12, 8, 4),
        "streaming step, GRU, against torch.nn.GRU": (15, 8, 4, 1.4),
        "streaming step, RNN, against torch.nn.RNN": (18, 12, 6, 2.5),
        "whole sequence, batch 1, RNN": (1.2, 1.1, 1.1, 0.95),
        "whole sequence, batch 32, LSTM": (1.2, 1.1, 1.05, 0.95),
        "training, batch 32, T = 50, LSTM": (1.2, 1.1, 1.05, 1.05),
        "training, batch 32, T = 200, GRU": (1.5, 1.35, 1.25, 1.15),
        "training, lengths 5 to 100, batch 64, LSTM": (2.3, 2.5, 2.3, 1.9),
        "2 threads, training, LSTM, against our 1": (1 / 1.05, 1 / 1.05, 1.6, 1.6),
        "2 threads, inference, LSTM, against the best peer's 2": (1 / 1.05,) * 4,
        "mingru, T = 4096, batch 1: step by step / scan": (3.0,) * 4,
    }.items():
        assert tuple(floors[line, H] for H in (64, 128, 256, 512)) == expected
    assert floors["share of sgemm's speed, inference, LSTM", 256] == 0.85
    assert floors["share of sgemm's speed, training, RNN", 256] == 0.75
    assert {(floors[f"{n}: time per operation / LSTM's", 64], floors[f"{n}: a torch loop's time / ours", 256])
            for n in [*CELLS, "forget_only"] if n not in ("lstm", "gru", "rnn")} == {(1.3, 5.0)}  # fmt: skip


def test_works_are_what_their_names_say() -> None:
    works = {regime: [case.work for case in cases(ALL)] for regime, cases in regimes.REGIMES.items()}
    assert all(work.features == work.hidden for found in works.values() for work in found)
    assert {(w.batch, w.steps, w.kind) for w in works["inference"]} == {
        (1, 100, "inference"),
        (32, 100, "inference"),
    }
    assert {(w.batch, w.steps, w.kind) for w in works["training"]} == {
        (32, 50, "training"),
        (32, 200, "training"),
    }
    assert {(w.batch, w.steps, w.shortest) for w in works["lengths"]} == {(64, 100, 5)}
    assert {w.threads for w in works["threads"]} == {2}
    assert {regime: len(found) for regime, found in works.items()} == {
        "stream": 12, "inference": 24, "training": 24, "lengths": 12, "threads": 24, "roof": 6, "cells": 30,
        "scan": 4,
    }  # fmt: skip


def test_time_per_operation_is_beside_our_lstm() -> None:
    work = Work("gru", 8, 8, 2, 3)
    samples = {"hiddenstate": [3.0, 3.0], "torch loop": [9.0, 9.0], regimes.OUR_LSTM: [2.0, 2.0]}
    found = Comparison(work, samples, {}, {}, {})
    spread, against = regimes._per_operation(found)
    share = work.operations / dataclasses.replace(work, cell="lstm").operations
    assert 0.7 < share < 0.8  # three gates to four
    assert against == regimes.OUR_LSTM
    assert spread.median == pytest.approx(1.5 / share)


def test_a_promise_is_met_at_its_floor() -> None:
    def judged(value: float, sense: str) -> bool:
        promise = regimes.Promise("", "", 2.0, None, lambda found: (Spread(value, 0.0, 9.0), "peer"), sense)
        return promise.judged(Comparison(Work("rnn", 1, 1), {}, {}, {}, {}))["met"]

    assert [judged(value, ">=") for value in (1.99, 2.0, 2.01)] == [False, True, True]
    assert [judged(value, "<=") for value in (1.99, 2.0, 2.01)] == [True, True, False]


def row(value: float, met: bool, commit: str = "") -> dict[str, Any]:
    promise = {"line": "scan", "column": "64", "floor": 3.0, "goal": None, "sense": ">=", "value": value,
               "low": value, "high": value, "against": "b", "met": met}  # fmt: skip
    peer = {"name": "b", "median": value, "low": value, "high": value, "ratio": {}}
    return {"backend": "native", "isa": "avx2", "ours": {"median": 1.0}, "peers": [peer], "best_peer": "b",
            "absent": {}, "promises": [promise]}  # fmt: skip


def test_what_is_measured_again_takes_its_place(tmp_path: Path) -> None:
    results = speed.Results(tmp_path, "scan")
    results.keep("one", row(2.0, False))
    results.keep("two", row(4.0, True))
    again = speed.Results(tmp_path, "scan")
    again.keep("one", row(5.0, True))
    kept = speed.read(tmp_path / "speed-scan.json")
    assert [kept["rows"][name]["promises"][0]["value"] for name in ("one", "two")] == [5.0, 4.0]
    assert list(kept["rows"]) == ["one", "two"]
    assert kept["rows"]["one"]["commit"] == measurement.commit()
    assert kept["machine"]["threads"] == 1
    assert {"torch", "onnxruntime"} <= kept["versions"].keys()


def test_another_machine_is_not_mixed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speed.Results(tmp_path, "scan").keep("one", row(2.0, False))
    monkeypatch.setattr(measurement, "machine", lambda: {"cpu": "abacus", "cores": 1, "threads": 1})
    with pytest.raises(InvalidArgument, match=r"another machine.*abacus.*--again"):
        speed.Results(tmp_path, "scan")
    assert speed.Results(tmp_path, "scan", again=True).rows == {}


@pytest.mark.parametrize("content", ["{", "[]", '{"rows": {}}'])
def test_a_damaged_file_is_not_written_over(tmp_path: Path, content: str) -> None:
    path = tmp_path / "speed-scan.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"speed-scan\.json .*measure again"):
        speed.Results(tmp_path, "scan")
    assert path.read_text(encoding="utf-8") == content


def test_the_words_of_a_command_choose(tmp_path: Path) -> None:
    def chosen(*words: str) -> regimes.Choice:
        return speed.chosen_of(speed.options().parse_args(list(words)))

    assert chosen() == regimes.Choice()
    assert chosen("--cells", "lstm,gru", "--hidden", "64") == regimes.Choice(("lstm", "gru"), (64,))
    assert chosen("--quick", "--hidden", "512") == regimes.Choice(speed.QUICK_CELLS, (512,))
    assert [case.name for case in regimes.stream(chosen("--quick"))] == ["lstm 64"]
    assert [case.name for case in regimes.roof(chosen("--cells", "gru"))] == [
        "gru 256, inference",
        "gru 256, training",
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--only", "scans"], "did you mean 'scan'?"),
        (["--cells", "lstn"], "did you mean 'lstm'?"),
        (["--hidden", "65"], "--hidden: expected some of 64, 128, 256, 512, came '65'"),
        (["--quick"], "name another folder with --out"),
    ],
)
def test_wrong_use(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert speed.main(words) == 2
    assert expected in capsys.readouterr().err


def test_the_script_runs_regimes_in_processes_of_their_own(tmp_path: Path) -> None:
    words = ["--quick", "--out", str(tmp_path), "--only", "stream,scan", "--cells", "rnn", "--hidden", "64"]
    done = subprocess.run(
        [sys.executable, speed.__file__, *words], capture_output=True, text=True, check=True
    )
    said = done.stdout.splitlines()
    assert said[0].startswith("stream, streaming step, RNN, H = 64: ")
    assert said[-1] == f"scan: 0 missed; {tmp_path / 'speed-scan.json'}"
    kept = speed.read(tmp_path / "speed-stream.json")
    assert list(kept["rows"]) == ["rnn 64"]
    assert kept["rows"]["rnn 64"]["promises"][0]["against"] in {
        peer["name"] for peer in kept["rows"]["rnn 64"]["peers"]
    }
