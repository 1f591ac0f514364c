"""Word vectors, rare intents and calibration, as the command line takes and tells them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

PAIRS = ("letter_buckets=64", "wide_buckets=512", "least_steps=40", "epochs=4")
WITHOUT_WIDTH = ["--hidden", "8", *(part for pair in PAIRS for part in ("--set", pair))]
TINY = [*WITHOUT_WIDTH, "--set", "embedding=8"]


def test_training_begins_with_vectors_and_says_how_many_words_have_one(
    cli: Callable, corpus_csv: Path, tmp_path: Path
) -> None:
    vectors = tmp_path / "small.vec"
    vectors.write_text("3 5\nmusic 1 2 3 4 5\nlight 5 4 3 2 1\nzebra 0 0 0 0 1\n", encoding="utf-8")
    run = tmp_path / "run"
    done = cli(
        "train",
        "classify",
        "--data",
        corpus_csv,
        "--out",
        run,
        "--vectors",
        vectors,
        *WITHOUT_WIDTH,
        "--json",
    )
    assert done.code == 0, done.err
    told = next(each for each in done.json()["warnings"] if "small.vec" in each)
    assert "has vectors of 2 of the" in told
    assert told in " ".join(done.err.split())
    spec = json.loads((run / "spec.json").read_text(encoding="utf-8"))
    assert (spec["spec"]["embedding"], len(spec["data"]["vectors"])) == (5, 64)
    vectors.unlink()
    assert cli("predict", run, "play some music").code == 0, "a run needs the file no more"


def test_a_file_of_another_width_is_refused_before_anything_is_written(
    cli: Callable, corpus_csv: Path, tmp_path: Path
) -> None:
    vectors, run = tmp_path / "words.txt", tmp_path / "run"
    vectors.write_text("music 1 2 3\nlight 4 5 6\n", encoding="utf-8")
    base = ("train", "classify", "--data", corpus_csv, "--out", run, "--vectors", vectors)
    done = cli(*base, *TINY)
    assert done.code == 2
    assert "words.txt are 3 wide, and embedding=8 was asked for" in " ".join(done.err.split())
    vectors.write_text("music 1 2 3\nlight 4 5\n", encoding="utf-8")
    done = cli(*base, *WITHOUT_WIDTH)
    assert done.code == 1
    assert "line 2: expected a word and 3 numbers as in the lines before, came 2" in " ".join(
        done.err.split()
    )
    assert not run.exists()


def test_rare_intents_weigh_more_unless_told_otherwise(
    cli: Callable, corpus_csv: Path, tmp_path: Path
) -> None:
    lines = corpus_csv.read_text(encoding="utf-8").splitlines()
    rare = [line for line in lines if line.endswith(",joke")][:8]
    data = tmp_path / "uneven.csv"
    others = [line for line in lines if not line.endswith((",joke", ",oos"))]
    many = [f"{line.rsplit(',', 1)[0]} {n},{line.rsplit(',', 1)[1]}" for n in range(4) for line in others[1:]]
    data.write_text("\n".join([lines[0], *many, *rare]), encoding="utf-8")
    for balance, told in (("auto", True), ("none", False)):
        words = ("--out", tmp_path / balance, "--balance", balance, *TINY, "--json")
        done = cli("train", "classify", "--data", data, *words)
        assert done.code == 0, done.err
        assert any("--balance none" in each for each in done.json()["warnings"]) is told
    done = cli("train", "classify", "--data", data, "--out", tmp_path / "x", "--balance", "always")
    assert done.code == 2
    assert "balance" in done.err


def test_calibration_is_reported(cli: Callable, trained: tuple[Path, object]) -> None:
    folder, said = trained
    summary = said.json()
    assert 0 <= summary["ece"] <= 1
    assert 0 <= summary["ece_unscaled"] <= 1
    for found, page in ((summary, "report.md"), (cli("evaluate", folder, "--json").json(), "evaluation.md")):
        text = (folder / page).read_text(encoding="utf-8")
        assert f"a probability is {100 * found['ece']:.1f} points off in the mean (ECE, 15 bins)" in text
