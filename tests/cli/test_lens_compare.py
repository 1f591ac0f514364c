"""`lens compare` through the command line: tables, JSON, files, and what is refused before any training."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

SMALL = ["--cells", "rnn,gru", "--delays", "1,3", "--units", "5", "--steps", "4"]


def test_tables_and_a_verdict_in_60_columns(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    said = cli("lens", "compare", *SMALL, "--activation", "tanh,relu")
    assert said.code == 0
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 60
    together = " ".join(" ".join(lines).split())
    assert "Recalled after so many steps, in % (guessing: 12.5):" in together
    assert "relu stands for the tanh of: rnn h; gru n." in together
    assert "The usual initialisation is orthogonal in rnn; chrono in gru." in together
    assert "Guessing is right in 12.5 %." in together
    for name in ("rnn tanh", "rnn relu", "gru tanh", "gru relu"):
        assert sum(line.startswith(name) for line in lines) >= 2
        assert f"{name}  1: " in said.err


def test_json_has_accuracy_by_cell_and_delay(cli: Callable) -> None:
    said = cli("lens", "compare", *SMALL, "--init", "default,identity", "--seeds", "2", "--json")
    assert said.code == 0
    assert said.out.count("\n") == 1
    found = said.json()
    assert set(found["accuracy"]["gru"]) == {"1", "3"}
    assert all(0 <= share <= 1 for share in found["accuracy"]["gru default"].values())
    assert found["accuracy"]["rnn"] == found["accuracy"]["rnn default"]
    assert (found["view"], found["seeds"]) == ("compare", [0, 1])
    assert "verdict" in found
    assert "guessing" in said.err


def test_files(cli: Callable, in_tmp: Path) -> None:
    files = [word for kind in ("csv", "png", "svg", "html") for word in (f"--{kind}", f"c.{kind}")]
    said = cli("lens", "compare", *SMALL, *files)
    assert said.code == 0
    assert (in_tmp / "c.png").read_bytes().startswith(b"\x89PNG")
    assert "<text" not in (in_tmp / "c.svg").read_text(encoding="utf-8")  # letters are outlines
    rows = list(csv.DictReader((in_tmp / "c.csv").read_text(encoding="utf-8").splitlines()))
    shares = [row for row in rows if row["array"] == "accuracy" and row["network"] == "gru"]
    assert [row["delay"] for row in shares] == ["1", "3"]
    page = (in_tmp / "c.html").read_text(encoding="utf-8")
    inside = json.loads(page.split('id="view">')[1].split("</script>")[0])
    assert inside["accuracy"]["gru"]["3"] == float(shares[1]["value"])
    assert "Hochreiter and Schmidhuber 1997" in page


def test_what_cannot_be_is_left_out_and_said(cli: Callable) -> None:
    said = cli("lens", "compare", *SMALL, "--init", "usual,chrono", "--json")
    assert said.code == 0
    assert (
        "Left out: chrono sets the bias of the gate that keeps the state, and rnn has no such bias"
        in said.err
    )
    assert [row["label"] for row in said.json()["networks"]] == ["rnn usual", "gru usual", "gru chrono"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--cells", "rnn,lstn"], "unknown cell 'lstn': did you mean 'lstm'?"),
        (["--cells", "rnn,,gru"], "--cells expects names with commas between, came 'rnn,,gru'."),
        (["--cells", ""], "--cells expects names"),
        (["--activation", "tanhh"], "unknown activation 'tanhh': did you mean 'tanh'?"),
        (["--cells", "mingru"], "mingru has no tanh that tanh could stand for"),
        (["--cells", "rnn", "--init", "chrono"], "rnn has no such bias"),
        (["--init", "xavier"], "unknown initialisation 'xavier'"),
        (["--delays", "5"], "at least two delays, such as 5,20,100; came [5]"),
        (["--delays", "0,5"], "came 0"),
        (["--delays", "5,-10"], "came -10"),
        (["--delays", "five,ten"], "--delays expects whole numbers with commas between"),
        (["--delays", "5,10.5"], "came '5,10.5'"),
        (["--delays", "5,99999999999999999999"], "--delays expects whole numbers"),
        (["--seeds", "0"], "--seeds"),
        (["--steps", "0"], "--steps"),
        (["--units", "3", "--parameters", "500"], "give one of them"),
        (["--parameters", "40"], "40 parameters are too few: lstm with a single unit has 64"),
    ],
)
def test_wrong_use(cli: Callable, words: list[str], expected: str) -> None:
    said = cli("lens", "compare", *words)
    assert said.code == 2
    assert expected in " ".join(said.err.split())
    assert "Traceback" not in said.err
    assert said.out == ""
