"""From a CSV to answers, as a newcomer goes: train, evaluate, predict, chat; and going on after a stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import load_file

if TYPE_CHECKING:
    from conftest import Said

KEYS = {"accuracy", "in_scope_accuracy", "out_of_scope_recall", "auroc", "macro_f1"}


def test_train_says_what_came_of_it(trained: tuple[Path, Said]) -> None:
    folder, said = trained
    assert said.code == 0, said.err
    summary = said.json()
    assert len(said.out.splitlines()) == 1, "stdout holds the JSON line alone"
    assert summary.keys() & summary["baseline"].keys() >= KEYS
    assert summary["stopped"] == "finished"
    assert summary["accuracy"] >= 0.75
    for name in (summary["report"], *summary["pictures"]):
        assert Path(name).is_file()
    for words in ("snapshot (TF-IDF", summary["verdict"].split(".")[0][:40], f"chat {folder}"):
        assert words in " ".join(said.err.split())
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))["spec"]
    assert (spec["hidden"], spec["seed"], spec["embedding"], spec["wide_buckets"]) == (8, 3, 8, 512)


def test_evaluate_measures_the_same_as_train_and_as_counting(
    cli: Callable, trained: tuple[Path, Said], corpus_csv: Path
) -> None:
    folder, said = trained
    done = cli("evaluate", folder, "--split", "test", "--json")
    assert done.code == 0, done.err
    found, summary = done.json(), said.json()
    assert {key: found[key] for key in KEYS} == {key: summary[key] for key in KEYS}
    rows = [line.rsplit(",", 1) for line in corpus_csv.read_text(encoding="utf-8").splitlines()[1:]]
    indices = json.loads((folder / "spec.json").read_text(encoding="utf-8"))["data"]["indices"]["test"]
    texts = folder.parent / "test.txt"
    texts.write_text("\n".join(rows[i][0] for i in indices), encoding="utf-8")
    answers = [
        json.loads(line) for line in cli("predict", folder, "--file", texts, "--json").out.splitlines()
    ]
    pairs = [(rows[i][1], answer["label"]) for i, answer in zip(indices, answers, strict=True)]
    inside = [right == given for right, given in pairs if right != "oos"]
    outside = [given is None for right, given in pairs if right == "oos"]
    assert found["n"] == len(pairs)
    assert found["in_scope_accuracy"] == pytest.approx(np.mean(inside))
    assert found["out_of_scope_recall"] == pytest.approx(np.mean(outside))


def test_evaluate_on_other_data(cli: Callable, trained: tuple[Path, Said], tmp_path: Path) -> None:
    folder, _ = trained
    other = tmp_path / "other.csv"
    other.write_text("words,kind\nthe time please,time\na joke please,joke\n", encoding="utf-8")
    found = cli("evaluate", folder, "--data", other, "--text", "words", "--label", "kind", "--json").json()
    assert (found["n"], found["accuracy"], found["out_of_scope_recall"], found["auroc"]) == (
        2,
        1.0,
        None,
        None,
    )
    other.write_text("text,label\nthe time please,tmie\n", encoding="utf-8")
    said = cli("evaluate", folder, "--data", other)
    assert said.code == 1
    assert "'tmie'" in said.err


def test_predict_reads_arguments_files_and_pipes_alike(
    cli: Callable, trained: tuple[Path, Said], tmp_path: Path
) -> None:
    folder, _ = trained
    texts = ["what time is it", "play zorp music"]
    file = tmp_path / "texts.txt"
    file.write_bytes(b"\xef\xbb\xbfwhat time is it\r\n\r\nplay zorp music\r\n")
    given = cli("predict", folder, *texts, "--json")
    assert given.code == 0
    answers = [json.loads(line) for line in given.out.splitlines()]
    assert [answer["text"] for answer in answers] == texts
    assert answers[1]["unknown"] == ["zorp"]
    assert answers[0]["in_scope"] == (answers[0]["score"] >= answers[0]["threshold"])
    assert answers[0]["probability"] == answers[0]["ranked"][0][1]
    assert cli("predict", folder, "--file", file, "--json").out == given.out
    assert cli("predict", folder, "--json", typed="\n".join(texts)).out == given.out
    table = cli("predict", folder, *texts).out
    assert "zorp" in table.splitlines()[-1]
    assert max(map(len, table.splitlines())) <= 80


def test_predict_reminds_of_the_quotes(cli: Callable, trained: tuple[Path, Said]) -> None:
    said = cli("predict", trained[0], "what", "time", "is", "it")
    assert said.code == 0
    assert "put quotes around a sentence" in said.err


@pytest.mark.parametrize(
    ("words", "typed", "code", "expected"),
    [
        (["hi", "--file", "x.txt"], None, 2, "leave one out"),
        (["--file", "nowhere.txt"], None, 1, "there is no such file"),
        ([], b"caf\xe9\n", 1, "stdin: expected UTF-8, came the byte 0xE9"),
        ([], b" \n\n", 2, "only blank lines"),
    ],
)
def test_predict_refuses(
    cli: Callable, trained: tuple[Path, Said], words: list[str], typed: bytes | None, code: int, expected: str
) -> None:
    said = cli("predict", trained[0], *words, typed=typed)
    assert (said.code, said.out) == (code, "")
    assert expected in said.err


def test_chat_through_a_pipe(cli: Callable, trained: tuple[Path, Said]) -> None:
    folder, _ = trained
    said = cli("chat", folder, typed="what time is it\n\nplay zorp music\n:q\nnever read\n")
    assert said.code == 0
    assert said.out.count("> ") == 2
    assert "never" not in said.out
    first, second = said.out.split("> ")[1:]
    assert [line.split()[0] for line in first.splitlines()[1:5]] == ["what", "time", "is", "it"]
    assert "unknown: zorp" in second
    assert "threshold" in second


def test_chat_ends_with_its_input(cli: Callable, trained: tuple[Path, Said]) -> None:
    assert cli("chat", trained[0], typed="time").code == 0
    assert cli("chat", trained[0], typed="").code == 0


def test_chat_survives_what_is_not_utf8_and_what_is_endless(trained: tuple[Path, Said]) -> None:
    typed = b"caf\xe9 time\n" + b"time " * 100_000 + b"\n\x1b[2J\x00\n"
    done = subprocess.run(
        [sys.executable, "-m", "hiddenstate", "chat", str(trained[0])],
        input=typed,
        capture_output=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"\x1b" not in done.stdout
    assert done.stdout.count(b"threshold") == 3


def test_time_limit_keeps_the_best_and_resume_goes_on(
    cli: Callable, corpus_csv: Path, tmp_path: Path
) -> None:
    ours, whole = tmp_path / "ours", tmp_path / "whole"
    words = ["train", "classify", "--data", corpus_csv, *tiny(steps=12)]
    said = cli(*words, "--out", ours, "--time-limit", "0", "--json")
    assert said.code == 0
    assert said.json()["stopped"] == "time limit"
    assert f"train --resume {ours}" in " ".join(said.err.split())
    assert cli("predict", ours, "the time").code == 0
    said = cli("train", "classify", "--resume", ours, "--json")  # its task may be said again
    assert said.json()["stopped"] == "finished"
    assert cli(*words, "--out", whole).code == 0
    same_weights(ours, whole)


def test_resume_takes_nothing_that_the_run_has_decided(cli: Callable, trained: tuple[Path, Said]) -> None:
    said = cli("train", "classify", "--resume", trained[0], "--hidden", "9", "--out", "x")
    assert said.code == 2
    assert "cannot take --out, hidden" in said.err


@pytest.mark.slow
def test_killed_and_resumed_gives_the_same_weights(cli: Callable, corpus_csv: Path, tmp_path: Path) -> None:
    ours, whole = tmp_path / "ours", tmp_path / "whole"
    words = ["train", "classify", "--data", str(corpus_csv), *tiny(steps=400)]
    child = subprocess.Popen(
        [sys.executable, "-m", "hiddenstate", *words, "--out", str(ours)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = ours / "log.jsonl"
    try:
        while child.poll() is None and not ((ours / "state.safetensors").is_file() and len(lines(log)) >= 3):
            time.sleep(0.01)
    finally:
        child.kill()
        child.wait()
    assert len(lines(log)) < 100, "it was to be killed in the middle"
    assert cli("train", "--resume", ours, "--json").json()["stopped"] == "finished"
    assert cli(*words, "--out", whole).code == 0
    same_weights(ours, whole)
    assert [entry["loss"] for entry in map(json.loads, lines(log))] == [
        entry["loss"] for entry in map(json.loads, lines(whole / "log.jsonl"))
    ]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing on Windows")
def test_ctrl_c_keeps_the_best_and_says_how_to_go_on(corpus_csv: Path, tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    words = ["train", "classify", "--data", str(corpus_csv), "--out", str(ours), *tiny(steps=0, epochs=5_000)]
    child = subprocess.Popen(
        [sys.executable, "-m", "hiddenstate", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while child.poll() is None and len(lines(ours / "log.jsonl")) < 2:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate()
    assert child.returncode == 130, err
    assert "Stopped (interrupted)" in err
    assert f"train --resume {ours}" in " ".join(out.split())
    assert (ours / "weights.safetensors").is_file()


def tiny(steps: int, epochs: int = 1) -> list[str]:
    sizes = [
        "embedding=4",
        "letter_buckets=16",
        "wide_buckets=32",
        f"epochs={epochs}",
        f"least_steps={steps}",
        "batch_size=16",
    ]
    return ["--hidden", "4", "--seed", "5", *(part for size in sizes for part in ("--set", size))]


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def same_weights(ours: Path, other: Path) -> None:
    first, second = load_file(ours / "weights.safetensors"), load_file(other / "weights.safetensors")
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
