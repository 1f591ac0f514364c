"""`train --from RUN`: new data and new intents beside the old; and going on after a kill."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file

from hiddenstate.tasks.classify import training

if TYPE_CHECKING:
    from conftest import Said

ALARMS = [
    (f"{verb} the alarm {when}", "alarm")
    for verb in ("set", "stop", "cancel", "change")
    for when in ("at six", "now", "tomorrow", "for me")
]


def write(path: Path, rows: list[tuple[str, ...]], columns: tuple[str, ...] = ("text", "label")) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def rows_of(folder: Path, split: str) -> list[tuple[str, str]]:
    with (folder / "examples.csv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file) if row["split"] == split]


@pytest.fixture
def alone(trained: tuple[Path, Said], corpus_csv: Path, tmp_path: Path) -> Path:
    """The run by itself: the file that it was trained on is not where it was."""
    folder = tmp_path / "old"
    shutil.copytree(trained[0], folder)
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    spec["spec"]["data"] = str(tmp_path / "gone.csv")
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    return folder


def test_a_new_intent_beside_the_old_ones(cli: Callable, alone: Path, tmp_path: Path) -> None:
    new = write(tmp_path / "new.csv", [*ALARMS, ("tell me a joke", "joke"), ("Play some music!", "joke")])
    out = tmp_path / "newer"
    said = cli("train", "--from", alone, "--data", new, "--out", out, "--json")
    assert said.code == 0, said.err
    summary = said.json()
    assert summary["new_labels"] == ["alarm"]
    assert summary["from"]["n"] == 6, "the test texts of the old run"
    assert summary["from"]["points"] >= -34
    assert summary["accuracy"] >= 0.75
    told = " ".join(said.err.split())
    assert f"Beside {alone}, on its 6 test texts" in told
    assert "'Play some music!' ('music', now 'joke')" in told
    assert "1 of the 18 rows of new are in the old data: not taken twice." in told
    for split in ("train", "validation", "test"):
        old = rows_of(alone, split)
        assert rows_of(out, split)[: len(old)] == old
    spec = json.loads((out / "spec.json").read_text(encoding="utf-8"))
    assert spec["spec"]["hidden"] == 8, "the old run's settings"
    assert spec["from"]["old_data"] == str(alone / "examples.csv")
    assert not (out / "start.safetensors").exists(), "what was needed to begin has gone"
    shutil.rmtree(alone)  # from here on the new run stands alone
    assert cli("predict", out, "set the alarm at six", "--json").json()["ranked"][0][0] == "alarm"
    evaluated = cli("evaluate", out, "--json").json()
    assert evaluated["accuracy"] == summary["accuracy"]
    near = cli("predict", out, "stop the alarm now", "--why", "--json").json()["neighbours"]
    assert (near[0]["text"], near[0]["label"]) == ("stop the alarm now", "alarm")
    more = write(tmp_path / "more.csv", [("unset the alarm", "alarm")])
    again = cli("train", "--from", out, "--data", more, "--out", tmp_path / "third", "--json")
    assert again.json()["new_labels"] == []
    assert len(rows_of(tmp_path / "third", "train")) == len(rows_of(out, "train")) + 1


def test_what_was_learned_is_the_start(cli: Callable, trained: tuple[Path, Said], tmp_path: Path) -> None:
    """After a single step of a tiny rate, the answers are still those of the old run."""
    new = write(tmp_path / "new.csv", ALARMS)
    out = tmp_path / "newer"
    one_step = ("epochs=1", "least_steps=1", "learning_rate=1e-7", "wide_rate=1e-7", "batch_size=256")
    words = [part for pair in one_step for part in ("--set", pair)]
    said = cli("train", "--from", trained[0], "--data", new, "--out", out, *words, "--json")
    assert said.code == 0, said.err
    old, now = (load_file(folder / "weights.safetensors") for folder in (trained[0], out))
    for name in ("letters.weight", "recurrent.weight_hh_l0", "readout.score.weight"):
        np.testing.assert_allclose(now[name], old[name], atol=2e-3, err_msg=name)
    words_of = [json.loads((f / "model.json").read_text(encoding="utf-8")) for f in (trained[0], out)]
    place = [each["encoder"]["words"].index("music") + 2 for each in words_of]
    np.testing.assert_allclose(now["word.weight"][place[1]], old["word.weight"][place[0]], atol=2e-3)
    place = [each["labels"].index("music") for each in words_of]
    assert place == [2, 3], "alarm comes before it"
    np.testing.assert_allclose(now["answer.weight"][place[1]], old["answer.weight"][place[0]], atol=2e-3)
    np.testing.assert_allclose(now["wide.weight"][:, place[1]], old["wide.weight"][:, place[0]], atol=2e-3)


@pytest.mark.slow
def test_killed_and_resumed_gives_the_same_weights(cli: Callable, alone: Path, tmp_path: Path) -> None:
    ours, whole = tmp_path / "ours", tmp_path / "whole"
    new = write(tmp_path / "new.csv", ALARMS)
    words = [
        "train",
        "--from",
        str(alone),
        "--data",
        str(new),
        "--set",
        "epochs=1",
        "--set",
        "least_steps=400",
    ]
    assert cli(*words, "--out", whole).code == 0
    child = subprocess.Popen(
        [sys.executable, "-m", "hiddenstate", *words, "--out", str(ours)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = ours / "log.jsonl"
    try:
        while child.poll() is None and not ((ours / "state.safetensors").is_file() and lines(log) >= 3):
            time.sleep(0.01)
    finally:
        child.kill()
        child.wait()
    assert lines(log) < 100, "it was to be killed in the middle"
    shutil.rmtree(alone)
    new.unlink()
    assert cli("train", "--resume", ours, "--json").json()["new_labels"] == ["alarm"]
    same_weights(ours, whole)


def test_stopped_before_the_first_state_it_begins_with_the_same_weights(
    cli: Callable, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, whole = tmp_path / "ours", tmp_path / "whole"
    new = write(tmp_path / "new.csv", ALARMS)
    words = ["train", "--from", alone, "--data", new, "--set", "epochs=1", "--set", "least_steps=4"]
    assert cli(*words, "--out", whole).code == 0
    monkeypatch.setattr(training, "fit_model", lambda *given: sys.exit(9))
    assert cli(*words, "--out", ours).code == 9
    monkeypatch.undo()
    assert sorted(path.name for path in ours.iterdir()) == ["examples.csv", "spec.json", "start.safetensors"]
    shutil.rmtree(alone)
    new.unlink()
    assert cli("train", "--resume", ours).code == 0
    same_weights(ours, whole)
    (ours / "state.safetensors").unlink()
    said = cli("train", "--resume", ours)
    assert said.code == 1
    assert "Begin it again with --from" in said.err


def test_old_data_that_are_gone_are_said(cli: Callable, alone: Path, tmp_path: Path) -> None:
    new = write(tmp_path / "new.csv", ALARMS)
    (alone / "examples.csv").write_text("text,label,split\nhi,time,train\n", encoding="utf-8")
    said = cli("train", "--from", alone, "--data", new, "--out", tmp_path / "x")
    assert said.code == 1
    assert "is not what the run wrote" in said.err
    spec = json.loads((alone / "spec.json").read_text(encoding="utf-8"))
    del spec["data"]["examples"]  # as in a run made before runs kept them
    (alone / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    said = cli("train", "--from", alone, "--data", new, "--out", tmp_path / "x")
    assert said.code == 1
    assert "gone.csv" in said.err
    assert not (tmp_path / "x").exists()


def test_a_run_that_keeps_no_examples_can_still_go_on(
    cli: Callable, trained: tuple[Path, Said], tmp_path: Path
) -> None:
    new, out = write(tmp_path / "new.csv", ALARMS), tmp_path / "private"
    said = cli(
        "train",
        "--from",
        trained[0],
        "--data",
        new,
        "--out",
        out,
        "--set",
        "keep_examples=false",
        "--set",
        "least_steps=4",
        "--set",
        "epochs=1",
    )
    assert said.code == 0, said.err
    assert not (out / "examples.csv").exists()
    assert not (out / "neighbours.safetensors").exists()
    assert "keep_examples=false" in cli("predict", out, "hi", "--why").out
    said = cli("evaluate", out)
    assert said.code == 1
    assert "keep_examples=false" in said.err


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["--from", "RUN"], 2, "add --data FILE"),
        (["tag", "--from", "RUN", "--data", "NEW"], 2, "was trained for classify"),
        (["--from", "RUN", "--data", "SAME"], 1, "holds nothing that"),
        (["--from", "RUN", "--data", "NEW", "--set", "hiden=3"], 2, "did you mean 'hidden'"),
        (["--from", "nowhere", "--data", "NEW"], 1, "is not a folder"),
        (["--resume", "RUN", "--from", "RUN"], 2, "--from"),
    ],
)
def test_wrong_use(
    cli: Callable,
    trained: tuple[Path, Said],
    corpus_csv: Path,
    tmp_path: Path,
    words: list[str],
    code: int,
    expected: str,
) -> None:
    new = write(tmp_path / "new.csv", ALARMS)
    stands = {"RUN": str(trained[0]), "NEW": str(new), "SAME": str(corpus_csv)}
    said = cli("train", *(stands.get(word, word) for word in words))
    assert (said.code, said.out) == (code, "")
    assert expected in said.err


def lines(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n") if path.is_file() else 0


def same_weights(ours: Path, other: Path) -> None:
    first, second = load_file(ours / "weights.safetensors"), load_file(other / "weights.safetensors")
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
