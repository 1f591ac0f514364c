"""Cells from files: what is read, what is refused and with which words, and that nothing is executed."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path

import pytest

from hiddenstate.cells import CELLS, Cell, load, resolve
from hiddenstate.errors import InvalidArgument

TOML = """
title = "My cell"
equations = '''
    z = hard_sigmoid(W_z x + R_z h' + u * h')
    h = (1 - z) * h' + z * tanh(W_n x)
'''
states = [{name = "h", low = -1, high = 1}]
vectors = [{name = "u", low = 0.0, high = 0.5}]
activations = {z = "sigmoid"}
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_toml_and_json_give_the_same_cell(tmp_path: Path) -> None:
    cell = load(written(tmp_path / "mine.toml", TOML))
    assert cell.name == "mine"
    assert cell.title == "My cell"
    assert cell.parameter_count(F=3, H=2) == 4 * 3 + 4 + 2 * 2 + 2 + 2
    assert repr(dict(cell.assignments)["z"]) == "sigmoid(W_z x + R_z h' + u * h')"
    again = load(written(tmp_path / "mine.json", json.dumps(cell.as_dict())))
    assert again == cell
    assert hash(again) == hash(cell)
    assert resolve(str(tmp_path / "mine.toml")) == resolve(tmp_path / "mine.json") == cell


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_survives_json(name: str, tmp_path: Path) -> None:
    plain = json.dumps(CELLS[name].as_dict(), allow_nan=False)
    again = load(written(tmp_path / "cell.json", plain))
    assert again == CELLS[name]
    assert again.assignments == CELLS[name].assignments
    assert again.states == CELLS[name].states


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("a.toml", "equations = ", "a.toml is not valid TOML: "),
        ("a.json", "{", "a.json is not valid JSON: "),
        ("a.json", "[" * 100_000, "a.json is not valid JSON: "),
        ("a.json", "[1]", "holds a list; expected the fields of a cell"),
        ("a.json", "null", "holds a NoneType; expected the fields of a cell"),
        ("a.txt", "hello", "a.txt is not valid TOML: "),
        ("a.toml", "", "a cell has no equations; expected at least a name, equations and states"),
        ("a.toml", "equation = 'h = W x'", "a cell has no field 'equation'; did you mean 'equations'?"),
        ("a.toml", "equations = 5", "the field 'equations' of a cell takes text, came 5"),
        ("a.toml", "equations = 'h = W x'", "expected at least one state"),
        ("a.toml", "states = 'h'", "the field 'states' of a cell takes a list, came 'h'"),
        ("a.toml", "states = ['h']", "expected a state with its fields, as in {name: 'h'}, came 'h'"),
        ("a.toml", "states = [{}]", "a state has no name; came {}"),
        ("a.toml", "states = [{name = 'h', lo = 1}]", "a state has no field 'lo'; did you mean 'low'?"),
        ("a.toml", "states = [{name = 3}]", "the field 'name' of a state takes a str, came 3"),
        (
            "a.toml",
            "states = [{name = 'h', low = 'a'}]",
            "the field 'low' of a state takes a float, came 'a'",
        ),
        ("a.toml", "states = [{name = 'h', low = true}]", "takes a float, came True"),
        ("a.toml", "states = [{name = 'h', zoned = 'no'}]", "takes a bool, came 'no'"),
        (
            "a.toml",
            "states = [{name = 'h', initial = 'abc'}]",
            "the field 'initial' of a state takes a float",
        ),
        ("a.toml", "masks = [{name = 'keep'}]", "a mask has no rate; came {'name': 'keep'}"),
        (
            "a.toml",
            "orders = 'i f g o'",
            "the field 'orders' of a cell takes names with their text, came 'i f g o'",
        ),
        ("a.toml", "[activations]\nh = 3", "the field 'activations' of a cell takes names with their text"),
        ("a.toml", "equations = 'h = W y'\nstates = [{name = 'h'}]", "'y' is not defined above this line"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, file: str, text: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        load(written(tmp_path / file, text))
    assert message in str(caught.value)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"expected a cell file at .*nowhere\.toml"):
        resolve(str(tmp_path / "nowhere.toml"))
    with pytest.raises(InvalidArgument, match="expected a cell file at"):
        load(tmp_path)
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidArgument, match=r"expected a cell file at .*a\.toml; 'utf-8' codec"):
        load(tmp_path / "a.toml")


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    made = tmp_path / "made"
    for attack in (
        f"__import__('pathlib').Path({str(made)!r}).touch()",
        f"open({str(made)!r}, 'w')",
        "h.__class__",
        "(lambda: 1)()",
    ):
        text = json.dumps({"equations": f"h = W x + {attack}", "states": [{"name": "h"}]})
        with pytest.raises(InvalidArgument):
            load(written(tmp_path / "a.json", text))
    assert not made.exists()


def test_a_damaged_file_never_fails_in_another_way(tmp_path: Path) -> None:
    """Every field of every kind of wrong value, and bytes flipped at random."""
    plain = CELLS["slstm"].as_dict()
    wrong = [None, 3, -1.5, True, "", "x", [], [1], [[]], {}, {"name": "h"}, [{"name": "h", "low": None}]]
    for key in plain:
        for value in wrong:
            with contextlib.suppress(InvalidArgument):
                assert isinstance(Cell.from_dict({**plain, key: value}), Cell)
    source = json.dumps(plain).encode()
    draw = random.Random(0)
    for _ in range(300):
        damaged = bytearray(source)
        damaged[draw.randrange(len(source))] = draw.randrange(32, 127)
        path = tmp_path / "damaged.json"
        path.write_bytes(damaged)
        with contextlib.suppress(InvalidArgument):
            assert isinstance(load(path), Cell)


def test_resolve_takes_names_and_cells_and_refuses_the_rest() -> None:
    assert resolve("lstm") is CELLS["lstm"]
    assert resolve(CELLS["gru"]) is CELLS["gru"]
    with pytest.raises(InvalidArgument, match=r"unknown cell 'lstn': did you mean 'lstm'\? \(or a path"):
        resolve("lstn")
    with pytest.raises(InvalidArgument, match=r"unknown cell \['lstm'\]"):
        resolve(["lstm"])
