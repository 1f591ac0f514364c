"""`bench`: ours beside the peers, as a table, as JSON and as a picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hiddenstate import errors
from hiddenstate.bench import in_jax

SMALL = ["--hidden", "8", "--features", "5", "--batch", "3", "--steps", "6", "--seconds", "0.1"]
OWN = """
equations = "h = tanh(W x + R h')"
states = [{ name = "h" }]
"""


@pytest.fixture(autouse=True)
def without_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_jax, "find_spec", lambda name: None)


def test_the_table_fits_and_says_what_ran(cli: Callable) -> None:
    said = cli("bench", "--cell", "gru", "--training", *SMALL)
    assert said.code == 0
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    together = " ".join(lines)
    assert "gru, 5 features, 8 units, training, 6 steps, batch 3, 1 thread; backend" in together
    for name in ("hiddenstate ", "torch.nn.GRU ", "torch.nn.GRU, no oneDNN "):
        assert any(line.startswith(name) for line in lines), name
    assert "The best peer, torch.nn.GRU" in together
    assert "JAX is absent: jax is not installed: pip install jax." in together


def test_json_is_the_last_line_and_the_picture_is_where_it_says(cli: Callable, tmp_path: Path) -> None:
    said = cli("bench", *SMALL, "--out", tmp_path / "new", "--json")
    assert said.code == 0
    assert said.out.count("\n") == 1
    found = said.json()
    assert found["work"]["hidden"] == 8
    assert [peer["name"] for peer in found["peers"]][:2] == ["torch.nn.LSTM", "torch.nn.LSTM, no oneDNN"]
    assert max(found["differences"].values()) < 1e-5
    assert found["picture"] == str(tmp_path / "new" / "bench.png")
    assert Path(found["picture"]).read_bytes().startswith(b"\x89PNG")
    kept = json.loads((tmp_path / "new" / "bench.json").read_text(encoding="utf-8"))
    assert kept == {name: value for name, value in found.items() if name != "picture"}
    assert "Picture:" in said.err


def test_one_step_of_a_stream(cli: Callable) -> None:
    found = cli("bench", "--stream", "--hidden", "8", "--seconds", "0.1", "--json").json()
    assert (found["work"]["kind"], found["work"]["features"]) == ("stream", 8)
    assert "torch.nn.LSTMCell" in [peer["name"] for peer in found["peers"]]


def test_a_cell_of_ones_own_beside_a_loop(cli: Callable, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN, encoding="utf-8")
    found = cli("bench", "--cell", path, *SMALL, "--shortest", "2", "--training", "--json").json()
    assert found["work"]["cell"] == "mine"
    assert [peer["name"] for peer in found["peers"]] == ["torch loop"]
    assert found["absent"]["onnxruntime"] == "it does not train"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--cell", "lstn"], "did you mean 'lstm'?"),
        (["--hidden", "0"], "--hidden"),
        (["--threads", "100000"], "--threads"),
        (["--stream", "--training"], "does not train; leave out --stream or --training"),
        (["--shortest", "9", "--steps", "5"], "came 9"),
    ],
)
def test_wrong_use(cli: Callable, words: list[str], expected: str) -> None:
    said = cli("bench", *words)
    assert said.code == 2
    assert expected in said.err


def test_a_file_where_a_folder_should_be_is_named_before_anything_is_measured(
    cli: Callable, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_text("mine", encoding="utf-8")
    said = cli("bench", "--hidden", "8", "--out", path)
    assert (said.code, said.out) == (2, "")
    assert "--out expects a folder" in said.err
    assert path.read_text(encoding="utf-8") == "mine"


def test_without_torch_the_extra_is_named(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "find_spec", lambda name: None)
    said = cli("bench")
    assert said.code == 1
    assert "bench needs torch, which is not installed" in said.err
