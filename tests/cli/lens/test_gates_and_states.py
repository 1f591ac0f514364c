"""`hiddenstate lens gates` and `lens states`, from a trained run to what one sees, writes and is told."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from flights import nlu
from hiddenstate import lens
from hiddenstate.cli.lens.states import show
from hiddenstate.data.vocabulary import MAX_WORDS
from hiddenstate.lens import palette

if TYPE_CHECKING:
    from conftest import Said

TEXT = "what time is it"
RUN_IT = (
    "import sys\nfor name in ('torch', 'sklearn', 'scipy', 'matplotlib', 'polars', 'pooch', 'yaml'):\n"
    "    sys.modules[name] = None\nfrom hiddenstate.cli import main\n"
    "sys.argv = ['hiddenstate', *sys.argv[1:]]\nmain()\n"
)
SMALL = [
    part
    for each in ("embedding=8", "letter_buckets=64", "wide_buckets=128", "epochs=2", "least_steps=4")
    for part in ("--set", each)
]


def alone(*words: str | Path, width: int = 60, encoding: str = "ascii") -> subprocess.CompletedProcess[bytes]:
    """In a process of its own, without torch, on a terminal of so many columns without colour."""
    environment = {
        **os.environ,
        "COLUMNS": str(width),
        "PYTHONIOENCODING": f"{encoding}:replace",
        "TERM": "dumb",
    }
    return subprocess.run(
        [sys.executable, "-c", RUN_IT, *map(str, words)], capture_output=True, env=environment
    )


@pytest.mark.parametrize("view", ["gates", "states"])
def test_it_is_drawn_in_sixty_columns_of_ascii_without_torch(view: str, trained: tuple[Path, Said]) -> None:
    done = alone("lens", view, trained[0], TEXT, *(["--span", "2:3"] if view == "states" else []))
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode("ascii").splitlines()
    assert max(map(len, lines)) <= 60
    assert "\x1b" not in done.stdout.decode("ascii")
    together = " ".join(" ".join(lines).split())
    if view == "gates":
        assert f'Gates and states of the lstm over "{TEXT}"' in together
        assert "Memory span of c by its factor f, in steps: shortest" in together
        assert "Counted over 64 texts of the run's own data:" in together
        assert "Tallec and Ollivier 2018" in together
    else:
        assert f'The way of the state through "{TEXT}"' in together
        assert 'Closest (cosine) to the state after words 2:3, "time is":' in together
        assert sum(" [" in line for line in lines) == 10
        assert "LSTMVis" in together


def test_the_numbers_are_those_of_python(
    cli: Callable[..., Said], trained: tuple[Path, Said], tmp_path: Path
) -> None:
    run, view = trained[0], lens.gates(trained[0], TEXT)
    said = cli("lens", "gates", run, TEXT, "--json", "--csv", tmp_path / "gates.csv")
    found = said.json()
    assert found["view"] == "gates"
    assert found["arrays"]["c.span"]["axes"] == ["layer", "direction", "unit"]
    np.testing.assert_array_equal(found["arrays"]["f"]["values"], view.arrays["f"].values)
    assert found["arrays"]["f"]["labels"]["step"] == ["what", "time", "is", "it"]
    with (tmp_path / "gates.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["array"] == "c.span"]
    assert [float(row["value"]) for row in rows] == view.arrays["c.span"].values.ravel().tolist()
    assert found["files"] == {"csv": str(tmp_path / "gates.csv")}


def test_as_many_units_are_drawn_as_asked_for(cli: Callable[..., Said], trained: tuple[Path, Said]) -> None:
    view = lens.gates(trained[0], TEXT, units=3)
    said = cli("lens", "gates", trained[0], TEXT, "--units", "3").out
    assert "f of 3 units that remember longest:" in said
    drawn = said.partition("remember longest:")[2].partition("unit down")[0].splitlines()
    units = [line.split()[0] for line in drawn if line[:1].isdigit()]
    assert units == [str(each["unit"]) for each in view.facts["units"]]
    assert "f of 1 unit that remembers longest:" in cli("lens", "gates", trained[0], TEXT, "--units", "1").out


def test_points_below_others_are_told(cli: Callable[..., Said], trained: tuple[Path, Said]) -> None:
    for count in (40, 70):
        said = cli("lens", "states", trained[0], "time " * count).out
        rows = [line[2:] for line in said.splitlines() if line.startswith("| ")]
        seen = sum(not sign.isspace() for row in rows for sign in row)
        assert seen < count
        together = " ".join(said.split())
        if count == 40:
            told = together.partition("In the same place: ")[2].partition(".")[0]
            assert len(told.split(", ")) == count - seen
            assert re.fullmatch(r"\w under \w(, \w under \w)*", told)
        else:
            assert f"{count - seen} of 70 steps are under another." in together
        assert "Colour, and in pictures the mark, is what the model's" in together


def test_spans_are_found_in_the_data(cli: Callable[..., Said], trained: tuple[Path, Said]) -> None:
    said = cli("lens", "states", trained[0], TEXT, "--span", "2:2", "--nearest", "3", "--json")
    found = said.json()
    assert found["span"] == {"words": "2:2", "text": ["time"], "distance": "cosine"}
    assert found["nearest"] == lens.states(trained[0], TEXT, span=lens.Search(2, 2, 3)).facts["nearest"]
    assert len(found["nearest"]) == 3
    assert {each["label"] for each in found["nearest"]} <= {"time", "music", "light", "joke", "oos"}
    assert len(found["arrays"]["share"]["values"]) == 4
    np.testing.assert_allclose(np.sum(found["arrays"]["share"]["values"], -1), 1.0)
    euclid = cli("lens", "states", trained[0], TEXT, "--span", "2", "--distance", "euclidean", "--json")
    assert euclid.json()["span"]["distance"] == "euclidean"


@pytest.mark.slow
def test_pictures_and_pages_are_written(
    cli: Callable[..., Said], trained: tuple[Path, Said], tmp_path: Path
) -> None:
    for view in ("gates", "states"):
        files = {kind: tmp_path / f"{view}.{kind}" for kind in ("png", "svg", "html")}
        asked = [part for kind, path in files.items() for part in (f"--{kind}", path)]
        said = cli("lens", view, trained[0], TEXT, *asked)
        assert said.code == 0, said.err
        assert files["png"].read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in files["svg"].read_bytes()
        assert "How to read it" in files["html"].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["gates", "RUN", ""], "there is no word to read in ''"),
        (["states", "RUN", "   "], "there is no word to read in ' '"),
        (["gates", "RUN", TEXT, "--layer", "1"], "there is no layer 1: the layers are counted from 0"),
        (["gates", "RUN", TEXT, "--direction", "backward"], "nothing reads backward here"),
        (["gates", "RUN", TEXT, "--units", "-1"], "Invalid value for '--units'"),
        (["gates", "RUN", TEXT, "--units", "0"], "should be greater than or equal to 1"),
        (["gates", "RUN", TEXT, "--unit", "-1"], "Invalid value for '--unit'"),
        (
            ["gates", "RUN", TEXT, "--unit", "8"],
            "there is no unit 8: the units are counted from 0",
        ),
        (["gates", "RUN", TEXT, "--unit", "1", "--units", "2"], "give one of the two"),
        (["gates", "RUN", TEXT, "--data", "gone.csv"], "gone.csv"),
        (["states", "RUN", TEXT, "--span", "3:2"], "the span 3:2 ends before it begins; write 2:3"),
        (
            ["states", "RUN", TEXT, "--span", "2:9"],
            "the span 2:9 ends after the text, of which 4 words are read",
        ),
        (["states", "RUN", TEXT, "--span", "a"], "expected a span such as 2:4"),
        (["states", "RUN", TEXT, "--nearest", "3"], "--nearest and --distance belong to a span"),
        (["states", "RUN", TEXT, "--span", "1", "--distance", "far"], "unknown distance 'far'"),
        (["states", "RUN", TEXT, "--state", "g"], "lstm has no state 'g'; choose one of: c, h"),
        (["states", "nowhere", TEXT], "nowhere is not a folder"),
    ],
)
def test_what_cannot_be_shown_is_told(
    cli: Callable[..., Said], trained: tuple[Path, Said], in_tmp: Path, words: list[str], expected: str
) -> None:
    said = cli("lens", *[str(trained[0]) if word == "RUN" else word for word in words])
    assert said.code in (1, 2)
    assert expected in " ".join(said.err.split())
    assert "Traceback" not in said.err + said.out


@pytest.mark.slow
@pytest.mark.parametrize("text", ["time", "ما الوقت؟", "现在几点？", "👩‍👧 time 🎉", "time " * 70])
def test_any_writing_stays_in_its_columns(text: str, trained: tuple[Path, Said]) -> None:
    for view, more in (("gates", []), ("states", ["--span", "1"])):
        done = alone("lens", view, trained[0], text, *more, encoding="utf-8")
        assert (done.returncode, done.stderr) == (0, b"")
        assert max(map(cell_len, done.stdout.decode("utf-8").splitlines())) <= 60


def test_where_there_are_colours_the_way_has_those_of_the_answers(trained: tuple[Path, Said]) -> None:
    view = lens.states(trained[0], "play some music and light on", span="1")
    written = io.StringIO()
    show(Console(force_terminal=True, color_system="truecolor", width=60, file=written), view)
    best = view.arrays["share"].values.argmax(-1).tolist()
    kinds = list(dict.fromkeys(best))
    for place, answer in enumerate(best):
        red, green, blue = (int(palette.colour(kinds.index(answer))[k : k + 2], 16) for k in (1, 3, 5))
        assert re.search(rf"48;2;{red};{green};{blue}m{place + 1}\x1b", written.getvalue())


def test_what_is_not_read_and_what_is_gone_is_said(
    cli: Callable[..., Said], trained: tuple[Path, Said], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained[0], run)
    long = "time " * (MAX_WORDS + 5)
    for view in ("gates", "states"):
        said = cli("lens", view, run, long, "--json")
        assert said.json()["read"] == f"no more than {MAX_WORDS} words of a text are read"
        assert said.json()["steps"] == MAX_WORDS
        assert "Of it no more than" in said.err
    (run / "examples.csv").unlink()
    for view in ("gates", "states"):
        said = cli("lens", view, run, TEXT)
        assert said.code == 1
        assert "Or give other texts as data (--data FILE)." in said.err


@pytest.mark.slow
def test_a_tagger_and_a_run_that_keeps_no_examples(
    cli: Callable[..., Said], corpus_csv: Path, tmp_path: Path
) -> None:
    (tmp_path / "nlu.yml").write_text(nlu(), encoding="utf-8")
    run, text = tmp_path / "run", "fly from boston to oslo"
    said = cli("train", "tag", "--data", tmp_path / "nlu.yml", "--out", run, "--hidden", "6", *SMALL)
    assert said.code == 0, said.err
    shown = cli("lens", "gates", run, text, "--json").json()
    assert shown["counted_over"].startswith("this text alone (no texts: the run keeps no examples")
    assert shown["counted_steps"] == 5
    assert np.shape(shown["arrays"]["f"]["values"]) == (1, 2, 5, 6)  # it reads both ways
    refused = cli("lens", "states", run, text, "--span", "2:3")
    assert refused.code == 2
    assert "give some as data (--data FILE); without a span the way is shown" in " ".join(refused.err.split())
    given = cli("lens", "states", run, text, "--span", "2:3", "--data", corpus_csv, "--json").json()
    assert given["axes_of"] == f"64 texts of {corpus_csv}"
    assert len(given["nearest"]) == 10
    assert given["direction"] == ["forward", "backward"]
