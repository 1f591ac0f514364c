"""`cells` and `data`: what there is to choose from, and what is in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hiddenstate.cells import CELLS
from hiddenstate.cli import options
from hiddenstate.cli.cells import derivatives_of
from spoken_files import listed, written

OWN = """
title = "My cell"
equations = \"\"\"
z = sigmoid(W_z x + R_z h')
h = z * h' + (1 - z) * tanh(W_n x)
\"\"\"
states = [{ name = "h" }]
"""


def test_the_table_names_every_cell(cli: Callable) -> None:
    said = cli("cells")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines() if line and line.split()[0] in CELLS] == list(
        CELLS
    )
    assert max(map(len, said.out.splitlines())) <= 80


def test_the_table_counts_for_the_sizes_given(cli: Callable) -> None:
    said = cli("cells", "--inputs", "3", "--hidden", "2", "--json")
    counts = {row["name"]: row["parameters"] for row in said.json()["cells"]}
    # by hand: W 2x3, R 2x2 and two biases of 2; four times that; three times that
    assert (counts["rnn"], counts["lstm"], counts["gru"]) == (14, 56, 42)
    assert said.out.count("\n") == 1, "stdout holds the JSON line alone"
    assert "Elman recurrent network" in said.err


def test_one_cell_in_full(cli: Callable) -> None:
    said = cli("cells", "lstm", "--inputs", "100", "--hidden", "10", "--latex", "--derivatives")
    assert said.code == 0
    for expected in (
        "Hochreiter and Schmidhuber 1997",
        "  c = f * c' + i * g\n",
        "  d c / d c' = f\n",
        r"c_{t} &= f_{t} \odot c_{t-1} + i_{t} \odot g_{t}",
        "i: sigmoid  f: sigmoid  g: tanh  o: sigmoid  h: tanh",
        "(.weight_joint): 110 x 40",
        "  in all                     4,480\n",
    ):
        assert expected in said.out


def test_ten_units_on_a_hundred_inputs_have_a_matrix_of_110_by_10(cli: Callable) -> None:
    assert cli("cells", "rnn", "--inputs", "100", "--hidden", "10", "--json").json()["weight_joint"] == [
        110,
        10,
    ]
    fed_back = cli(
        "cells", "jordan", "--inputs", "100", "--hidden", "10", "--projected", "7", "--json"
    ).json()
    assert fed_back["weight_joint"] == [107, 10]
    assert fed_back["shapes"]["weight_ho"] == [7, 10]
    assert cli("cells", "gru", "--json").json()["weight_joint"] is None


def test_the_joint_matrix_is_the_layers(cli: Callable) -> None:
    from hiddenstate.layers import RecurrentCell

    for name in ("rnn", "lstm", "mgu", "jordan", "cifg"):
        shape = cli("cells", name, "--inputs", "5", "--hidden", "3", "--json").json()["weight_joint"]
        if shape is not None:
            assert shape == list(RecurrentCell(name, 5, 3).weight_joint.shape), name


def test_cells_need_no_torch() -> None:
    program = (
        "import sys; from hiddenstate.cells import CELLS; from hiddenstate.cli.cells import description\n"
        "description(CELLS['lstm'], {'F': 3, 'H': 2, 'P': 2}); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_activations_are_shown_in_place(cli: Callable) -> None:
    found = cli("cells", "rnn", "--activation", "relu", "--json").json()
    assert found["equations"] == ["h = relu(W x + R h')"]
    assert found["activations"] == {"h": "relu"}
    assert found["derivatives"] == [{"of": "h", "by": ["W x", "R h'"], "is": "select(h, 1, 0)"}]


def test_a_cell_of_ones_own(cli: Callable, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN, encoding="utf-8")
    found = cli("cells", path, "--inputs", "4", "--hidden", "3", "--json").json()
    assert (found["name"], found["states"], found["gates"]) == ("mine", ["h"], ["z", "n"])
    # W 2x3x4 with its bias of 6, R 3x3 with its bias of 3
    assert found["parameters"] == 24 + 6 + 9 + 3


def test_derivatives_of_every_cell_name_only_what_the_cell_has() -> None:
    for cell in CELLS.values():
        rows = derivatives_of(cell)
        assert {row["of"] for row in rows} <= {name for name, _ in cell.assignments}
        assert {row["of"] for row in rows} >= {state.name for state in cell.states}


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["cells", "lstn"], 2, "did you mean 'lstm'?"),
        (["cells", "nowhere.toml"], 2, "nowhere.toml"),
        (["cells", "lstm", "--activation", "rellu"], 2, "did you mean 'relu'?"),
        (["cells", "--latex"], 2, "name it, as in"),
        (["cells", "lstm", "--hidden", "0"], 2, "--hidden"),
        (["data", "startr"], 2, "did you mean 'starter'?"),
        (["data", "nowhere.csv"], 1, "there is no such file"),
        (["data", "starter", "--label", "x"], 2, "no columns to choose"),
        (["data", "--label", "x"], 2, "give the file too"),
    ],
)
def test_wrong_names(cli: Callable, words: list[str], code: int, expected: str) -> None:
    said = cli(*words)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("hiddenstate: ") or code == 2
    assert expected in said.err


def test_data_says_where_everything_lies(
    cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIDDENSTATE_DATA", str(tmp_path))
    monkeypatch.setenv("HIDDENSTATE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tickets.csv").write_text("text,label\n", encoding="utf-8")
    (tmp_path / "clinc150").mkdir()
    (tmp_path / "clinc150" / "data_full.json").write_text("{}", encoding="utf-8")
    said = cli("data", "--json")
    rows = {row["name"]: row["where"] for row in said.json()["data"]}
    assert rows == {
        "starter": "comes with the package",
        "clinc150": str(tmp_path / "clinc150"),
        "mnist": "downloaded when first used",
        "tickets": str(tmp_path),
        "an4": "not here; how to get it: hiddenstate data an4",
        "fsdd": "not here; how to get it: hiddenstate data fsdd",
        "fsdd_connected": "not here; how to get it: hiddenstate data fsdd",
        "yesno": "downloaded when first used",
    }


def test_data_counts_splits_and_labels(cli: Callable) -> None:
    found = cli("data", "starter", "--json").json()
    assert found["splits"] == {"train": 650, "validation": 145, "test": 255}
    assert found["out_of_scope"] == "out_of_scope"
    assert found["labels"]["time"] == {"train": 30, "validation": 6, "test": 10}
    assert len(found["labels"]) == 21


def test_data_of_a_file(cli: Callable, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("body,kind\nhello,greet\nbye,\x1b[2Jleave\nhi,greet\n", encoding="utf-8")
    said = cli("data", path, "--text", "body", "--label", "kind")
    assert said.code == 0
    assert "3 texts, 2 intents" in said.out
    assert "No split column" in said.out
    assert "\x1b" not in said.out, "what a file holds must not steer the terminal"


def test_the_package_counts_its_labels_past_the_table(cli: Callable, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    rows = "".join(f"text {n},label {n:03}\n" for n in range(100))
    path.write_text("text,label\n" + rows, encoding="utf-8")
    said = cli("data", path)
    assert "... and 60 more" in said.out
    assert len(json.loads(cli("data", path, "--json").out)["labels"]) == 100


def test_recordings_are_listed_and_counted(
    cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("a", 0.5), ("b", 1.5), ("c", 1.0)):
        written(tmp_path / "mine" / "wavs" / f"{name}.wav", seconds)
    listed(tmp_path / "mine" / "metadata.csv", "a|yes", "b|yes no", "c|go", "d|lost")
    monkeypatch.setenv("HIDDENSTATE_DATA", str(tmp_path))
    said = cli("data", "--json")
    rows = {row["name"]: row for row in said.json()["data"]}
    assert rows["an4"]["use"] == "speech --data"
    assert rows["an4"]["where"] == "not here; how to get it: hiddenstate data an4"
    said = cli("data", "mine", "--json")
    assert said.code == 0
    assert said.json()["splits"] == {
        "train": {"recordings": 3, "seconds": 3.0, "speakers": None, "words": 4, "different_words": 3}
    }
    (left_out,) = said.json()["left_out"]
    assert "metadata.csv, line 4: no such file: " in left_out
    for words in ("1 more cannot be used:", "no such file: ", "Headers alone were read"):
        assert words in " ".join(said.err.split())
    assert cli("data", "mine", "--label", "x").code == 2
    said = cli("data", "an4")
    assert said.code == 1
    assert "git clone https://github.com/cmusphinx/an4" in " ".join(said.err.split())


def test_an_unknown_word_is_told_all_that_the_table_has(cli: Callable, in_tmp: Path) -> None:
    said = cli("data", "nosuch")
    assert (said.code, said.out) == (2, "")
    names = "an4, clinc150, fsdd, fsdd_connected, mnist, starter, yesno"
    assert f"no data and no file called 'nosuch'; choose one of: {names} (or give the path" in said.err
    assert "did you mean 'yesno'" in cli("data", "yesnoo").err


def test_a_shell_completes_the_names_of_recordings_where_they_can_be_read() -> None:
    assert options.data_names("fs") == ["fsdd", "fsdd_connected"]
    assert {"an4", "yesno", "starter", "clinc150"} <= set(options.data_names(""))
    assert options.text_names("fs") == options.text_names("an4") == []
