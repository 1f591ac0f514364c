"""`predict --why`: what speaks for an answer, on screen and for programs, with torch and without."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from safetensors.numpy import load_file

if TYPE_CHECKING:
    from conftest import Said

RELEASES = Path(__file__).resolve().parents[1] / "releases"


def test_it_says_words_runner_up_and_neighbours(
    cli: Callable, trained: tuple[Path, Said], corpus_csv: Path
) -> None:
    folder, _ = trained
    said = cli("predict", folder, "play some music", "count zorp sheep", "", "--why", "--json")
    assert said.code == 0, said.err
    whys = [json.loads(line) for line in said.out.splitlines()]
    plain = cli("predict", folder, "play some music", "count zorp sheep", "", "--json").out.splitlines()
    with corpus_csv.open(encoding="utf-8", newline="") as file:
        labels = {row["text"]: row["label"] for row in csv.DictReader(file)}
    for why, line in zip(whys, plain, strict=True):
        assert {**why, **json.loads(line)} == why, "the same answer, and more"
        assert why["runner_up"] == why["ranked"][1][0]
        assert why["margin"] == pytest.approx(why["ranked"][0][1] - why["ranked"][1][1])
        assert len(why["neighbours"]) == 3
        assert all(labels[each["text"]] == each["label"] for each in why["neighbours"])
    music, sheep, empty = whys
    assert [each["word"] for each in music["words"]] == ["play", "some", "music"]
    assert max(music["words"], key=lambda each: each["share"])["word"] == "music"
    assert sum(abs(each["share"]) for each in sheep["words"]) == pytest.approx(1.0)
    assert empty["words"] == []
    again = cli("predict", folder, "--why", "--json", typed="play some music\ncount zorp sheep\n")
    assert again.out == "".join(f"{line}\n" for line in said.out.splitlines()[:2])


def test_it_fits_a_terminal(cli: Callable, trained: tuple[Path, Said]) -> None:
    texts = ["play some music", "", "what " * 600, "sing " + "a" * 200, "音楽 をかけて \x1b[2J"]
    said = cli("predict", trained[0], *texts, "--why")
    assert said.code == 0, said.err
    assert max(map(len, said.out.splitlines())) <= 80
    for words in ("Runner-up: ", "share", "without it", "nearest training texts", "similarity"):
        assert words in said.out
    assert "Of 512 words, the 16 with the largest shares." in said.out
    assert "no word in it to leave out" in said.out
    assert "\x1b" not in said.out
    assert "1 texts are too long" in said.err


def test_planted_labels_are_said(cli: Callable, tmp_path: Path) -> None:
    things = ("lamp", "door", "song", "clock")
    rows = [
        (f"{verb} the {thing} {when}", thing)
        for thing in things
        for verb in ("dim", "paint", "fix", "buy", "sell", "clean", "move", "find")
        for when in ("now", "please")
    ]
    rows[3] = (rows[3][0], "door")
    file = tmp_path / "rows.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows(
            [
                ("text", "label", "split"),
                *((*row, "train") for row in rows),
                ("hide the lamp", "lamp", "test"),
                ("hide the door", "door", "validation"),
            ]
        )
    tiny = [
        "--hidden",
        "8",
        *(
            p
            for pair in ("embedding=8", "letter_buckets=64", "wide_buckets=512", "least_steps=30", "epochs=3")
            for p in ("--set", pair)
        ),
    ]
    run = tmp_path / "run"
    assert cli("train", "classify", "--data", file, "--out", run, *tiny).code == 0
    said = cli("predict", run, rows[3][0], "--why")
    assert "may be mislabelled: perhaps lamp" in " ".join(said.out.split())
    near = cli("predict", run, rows[3][0], "--why", "--json").json()["neighbours"]
    assert (near[0]["text"], near[0]["label"], near[0]["doubt"]) == (rows[3][0], "door", "lamp")
    assert "mislabelled" not in cli("predict", run, rows[40][0], "--why").out


def test_a_run_without_its_examples_says_what_is_missing(
    cli: Callable, trained: tuple[Path, Said], tmp_path: Path
) -> None:
    said = cli("predict", RELEASES / "0.1.0-first", "what time is it", "--why")
    assert said.code == 0, said.err
    assert "before runs kept their training texts" in " ".join(said.out.split())
    folder = tmp_path / "part"
    shutil.copytree(trained[0], folder)
    (folder / "neighbours.safetensors").unlink()
    why = cli("predict", folder, "what time is it", "--why", "--json").json()
    assert why["neighbours"] is None
    assert "copied without it" in why["missing"]
    shutil.copy(trained[0] / "neighbours.safetensors", folder)
    with (folder / "examples.csv").open("a", encoding="utf-8", newline="") as file:
        file.write("one more,time,train\r\n")
    said = cli("predict", folder, "what time is it", "--why")
    assert said.code == 1
    assert "is not what the run wrote" in said.err
    (folder / "examples.csv").unlink()
    assert "examples.csv is missing" in cli("predict", folder, "x", "--why").err
    assert cli("predict", folder, "what time is it").code == 0, "an answer needs none of it"


def test_a_run_may_leave_its_examples_out(cli: Callable, corpus_csv: Path, tmp_path: Path) -> None:
    run = tmp_path / "private"
    tiny = [
        part
        for pair in (
            "embedding=4",
            "letter_buckets=16",
            "wide_buckets=32",
            "epochs=1",
            "least_steps=4",
            "keep_examples=false",
        )
        for part in ("--set", pair)
    ]
    assert cli("train", "classify", "--data", corpus_csv, "--out", run, "--hidden", "4", *tiny).code == 0
    assert not (run / "examples.csv").exists()
    assert not (run / "neighbours.safetensors").exists()
    assert "keep_examples=false" in cli("predict", run, "the time", "--why").out


def test_what_the_run_keeps_is_small(trained: tuple[Path, Said]) -> None:
    folder, _ = trained
    arrays = load_file(folder / "neighbours.safetensors")
    rows = (folder / "examples.csv").read_text(encoding="utf-8").count(",train\n")
    assert arrays["codes"].nbytes == rows * 24  # of three readouts with 8 units each; 64 at most
    assert arrays["others"].shape == arrays["ahead"].shape == (rows,)


def test_wrong_use(cli: Callable, trained: tuple[Path, Said]) -> None:
    said = cli("predict", trained[0], "--why", typed="the time\n")
    assert said.code == 2
    assert "add --json" in said.err
