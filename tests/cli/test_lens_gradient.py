"""`lens gradient` through the command line: of a run, of one text, of networks before training."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hiddenstate.errors import DataError, InvalidArgument, RunError, Unsupported

if TYPE_CHECKING:
    from conftest import Said

SMALL = ("--hidden", "16", "--steps", "30", "--batch", "8", "--features", "4")


def test_a_run_is_gone_back_through(cli: Callable, trained: tuple[Path, Said], tmp_path: Path) -> None:
    folder, _ = trained
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    said = cli("lens", "gradient", folder, "--json", "--csv", tmp_path / "g.csv", "--png", tmp_path / "g.png")
    assert said.code == 0, said.err
    found = said.json()
    assert found["view"] == "gradient"
    assert found["word"] in ("vanishing", "healthy")
    assert found["verdict"].startswith(found["word"].capitalize())
    assert found["thresholds"]["exploding_above"] == 100
    assert found["label"] == "their own"
    assert list(found["arrays"]) == ["last", "loss", "sequences", "step norm"]
    last = np.array(found["arrays"]["last"]["values"], dtype=float)
    counts = found["arrays"]["sequences"]["values"]
    assert last.shape == (1, 1, 3, 3, len(counts))
    assert counts[0] == found["sequences"]
    assert counts == sorted(counts, reverse=True)
    np.testing.assert_allclose(last[0, 0, 0, :, 0], 1, rtol=1e-9)  # of random directions of length one
    with (tmp_path / "g.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["array"] == "last"]
    assert [float(row["value"]) for row in rows] == pytest.approx(last.ravel().tolist())
    assert (tmp_path / "g.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()} == before


def test_a_text_is_read_with_a_label(cli: Callable, trained: tuple[Path, Said]) -> None:
    folder, _ = trained
    text = "tell me the time please"
    predicted = cli("lens", "gradient", folder, text, "--json").json()
    assert predicted["words"] == text.split()
    assert predicted["label"].endswith(" (predicted)")
    given = cli("lens", "gradient", folder, text, "--label", "joke", "--from", "loss", "--json").json()
    assert given["label"] == "joke"
    assert "last" not in given["arrays"]
    other = np.array(predicted["arrays"]["loss"]["values"])
    ratio = np.array(given["arrays"]["loss"]["values"])[0, 0, 2, 1] / other[0, 0, 2, 1]
    assert np.abs(np.log(ratio)).max() > 0.1
    said = predicted["label"].removesuffix(" (predicted)")
    same = cli("lens", "gradient", folder, text, "--label", said, "--json").json()
    assert same["label"] == said
    assert same["arrays"] == predicted["arrays"]


def test_other_data_are_read(cli: Callable, trained: tuple[Path, Said], tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    file.write_text("text,label\nplay music,music\nwhat is this song,song\nmore light,light\n", "utf-8")
    found = cli("lens", "gradient", trained[0], "--data", file, "--json").json()
    assert (found["sequences"], found["label"]) == (3, "2 their own, 1 predicted")
    fewer = cli("lens", "gradient", trained[0], "--data", file, "--examples", "2", "--json").json()
    assert fewer["sequences"] == 2
    assert "2 of 3 texts of more.csv" in fewer["title"]


def test_networks_before_training(cli: Callable) -> None:
    words = ("lens", "gradient", "--cell", "rnn,lstm", "--init", "orthogonal", "--activation", "tanh,relu")
    found = cli(*words, *SMALL, "--json").json()
    ways = {row["network"]: row for row in found["ways"] if row["state"] in ("h", "together")}
    names = ["rnn orthogonal tanh", "rnn orthogonal relu", "lstm orthogonal tanh", "lstm orthogonal relu"]
    assert list(ways) == names
    assert ways[names[0]]["half_life"] == pytest.approx(np.log(0.5) / np.log(ways[names[0]]["factor"]))
    step = {row["network"]: row for row in found["step"]}
    assert step[names[0]]["bound"] == pytest.approx(1, rel=1e-9)
    assert step[names[0]]["step_norm_max"] <= 1 + 1e-9
    assert step[names[2]]["bound"] is None
    gates = cli(
        "lens", "gradient", "--cell", "lstm", "--activation", "g=relu,f=hard_sigmoid", *SMALL, "--json"
    )
    assert gates.json()["main"] == {"lstm g=relu,f=hard_sigmoid": "layer 0, forward"}


def test_what_a_cell_cannot_have_is_left_out_and_said(cli: Callable) -> None:
    words = ("lens", "gradient", "--cell", "rnn,lstm", "--init", "default,chrono", "--hidden", "16")
    found = cli(*words, "--json").json()
    assert list(found["main"]) == ["rnn", "lstm", "lstm chrono"]
    assert len(found["left_out"]) == 1
    assert (
        "chrono sets the bias of the gate that keeps the state, and rnn has no such" in found["left_out"][0]
    )
    # the chrono LSTM loses much at its first step, and then little: no half-life
    rows = {row["network"]: row for row in found["ways"] if row["state"] in ("h", "together")}
    assert (rows["lstm chrono"]["steady"], rows["lstm chrono"]["half_life"]) == (False, None)
    assert rows["lstm chrono"]["halved"] < 1 < rows["lstm"]["half_life"] < 2
    drawn = cli(*words).out
    assert drawn.count("Left out: chrono sets the bias") == 1
    assert "No half-life (-) where it does not change steadily" in " ".join(drawn.split())


@pytest.mark.parametrize("width", ["60", "80"])
def test_it_fits_a_terminal(
    cli: Callable, trained: tuple[Path, Said], monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    commands = (
        (trained[0],),
        (trained[0], "time"),
        (trained[0], "play some music for dinner " * 12),
        ("--cell", "rnn,lstm,gru", *SMALL),
        ("--cell", "lstm", "--bidirectional", "--layers", "2", *SMALL),
        ("--cell", "gru", "--steps", "1"),
    )
    for words in commands:
        said = cli("lens", "gradient", *words)
        assert said.code == 0, said.err
        assert max(map(len, said.out.splitlines())) <= int(width)
        assert "\x1b" not in said.out
        assert "Norm of the gradient" in said.out
    assert "There is one step" in said.out


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        ((), InvalidArgument, "expected a run's folder, or --cell"),
        (("--steps", "5"), InvalidArgument, "--steps is said of networks not trained yet"),
        (("nowhere",), RunError, "nowhere"),
        (("RUN", ""), InvalidArgument, "there is no word to read in ''"),
        (("RUN", "...", "--data", "x.csv"), InvalidArgument, "expected a text or --data, came both"),
        (
            ("RUN", "the time", "--label", "tyme"),
            InvalidArgument,
            "nothing named 'tyme': did you mean 'time'",
        ),
        (("RUN", "--label", "time"), InvalidArgument, "a label is said of a text"),
        (("RUN", "--data", "gone.csv"), DataError, "there is no such file"),
        (("RUN", "--examples", "0"), InvalidArgument, "examples expects a whole number of 1 or more"),
        (("RUN", "time", "--examples", "3"), InvalidArgument, "--examples is said of"),
        (("RUN", "--from", "lost"), InvalidArgument, "did you mean 'loss'"),
        (("RUN", "--cell", "rnn"), InvalidArgument, "expected a run or --cell, came both"),
        (("--cell", "rnn", "--label", "x"), InvalidArgument, "--label is said of a run"),
        (("--cell", "rnn", "--from", "loss"), Unsupported, "take 'last'"),
        (("--cell", "rn"), InvalidArgument, "unknown cell 'rn'"),
        (("--cell", "rnn", "--steps", "0"), InvalidArgument, "steps expects a whole number"),
        (("--cell", "rnn", "--init", "orthogonl"), InvalidArgument, "did you mean 'orthogonal'"),
        (("--cell", "rnn", "--activation", "rel"), InvalidArgument, "unknown activation 'rel'"),
    ],
)
def test_what_cannot_be_is_told(
    cli: Callable, trained: tuple[Path, Said], in_tmp: Path, words: tuple, error: type, told: str
) -> None:
    given = [trained[0] if word == "RUN" else word for word in words]
    said = cli("lens", "gradient", *given)
    assert said.code == error.exit_code
    assert told in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_a_run_that_keeps_no_examples_says_what_to_give(
    cli: Callable, trained: tuple[Path, Said], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for path in trained[0].iterdir():
        if path.name != "examples.csv":
            (folder / path.name).write_bytes(path.read_bytes())
    said = cli("lens", "gradient", folder)
    assert (said.code, said.out) == (1, "")
    assert "examples.csv is missing" in said.err
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    del spec["data"]["examples"]
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    said = cli("lens", "gradient", folder)
    assert (said.code, said.out) == (2, "")
    assert "keeps no examples to go back through: give a text, or a file" in said.err
    assert cli("lens", "gradient", folder, "play music", "--json").code == 0


def test_how_far_a_state_reaches(cli: Callable, trained: tuple[Path, Said], tmp_path: Path) -> None:
    small = ("--steps", "60", "--batch", "4")
    found = cli("lens", "horizon", trained[0], *small, "--json", "--svg", tmp_path / "h.svg").json()
    assert found["drive"].startswith("words drawn from ")
    assert found["largest_exponent"] < 0.1
    assert len(found["arrays"]["capacity"]["values"][0]) == 12
    assert (tmp_path / "h.svg").read_text(encoding="utf-8").startswith("<?xml")
    said = cli("lens", "horizon", "--cell", "rnn", "--init", "orthogonal", "--hidden", "16", *small)
    assert said.code == 0, said.err
    assert said.out.startswith("How far back rnn orthogonal before training reaches")
    assert max(map(len, said.out.splitlines())) <= 80
    for words, told in (
        ((), "came neither"),
        ((trained[0], "--cell", "rnn"), "came both"),
        ((trained[0], "--hidden", "3"), "--hidden is said of networks not trained yet"),
        (("--cell", "rnn", "--steps", "2"), "steps expects a whole number of 20 or more"),
    ):
        wrong = cli("lens", "horizon", *words)
        assert (wrong.code, wrong.out) == (2, "")
        assert told in wrong.err


@pytest.mark.slow
def test_of_a_tagger(cli: Callable, tmp_path: Path) -> None:
    rows = [("wake me at seven", "O O O B-time", "alarm"), ("play jazz", "O B-genre", "music")] * 8
    rows += [("alarm at nine", "O O B-time", "alarm"), ("some rock please", "O B-genre O", "music")] * 8
    file, run, texts = tmp_path / "rows.jsonl", tmp_path / "run", tmp_path / "texts.csv"
    lines = [
        {"tokens": words.split(), "tags": tags.split(), "intent": intent} for words, tags, intent in rows
    ]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    texts.write_text("text,label\nplay rock at nine,music\nwake me,alarm\n", encoding="utf-8")
    tiny = (
        "--set",
        "embedding=8",
        "--set",
        "letter_buckets=64",
        "--set",
        "epochs=2",
        "--set",
        "least_steps=10",
    )
    done = cli("train", "tag", "--data", file, "--out", run, "--hidden", "6", *tiny)
    assert done.code == 0, done.err
    found = cli("lens", "gradient", run, "wake me at nine", "--label", "music", "--json").json()
    assert found["label"] == "music"
    directions = found["arrays"]["last"]["labels"]["direction"]
    last = np.array(found["arrays"]["last"]["values"])
    assert last.shape[1] == len(directions)
    np.testing.assert_allclose(last[-1, :, 0, 1, 0], 1, rtol=1e-9)
    said = cli("lens", "gradient", run)
    assert (said.code, "keeps no examples to go back through" in said.err) == (2, True)
    assert cli("lens", "gradient", run, "--data", texts, "--json").json()["label"] == "their own"
