"""What a user may get wrong: words that say what was expected, what came and the cure; nothing lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Said

GOOD = b"text,label\n" + b"".join(b"word%d here,%s\n" % (n, b"ab"[n % 2 : n % 2 + 1]) for n in range(20))


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["clasify"], 2, "unknown task 'clasify': did you mean 'classify'?"),
        ([], 2, "train expects a task (classify, tag, speech), or --resume"),
        (["classify", "--cell", "lstn"], 2, "unknown cell 'lstn': did you mean 'lstm'?"),
        (["classify", "--cell", "gru", "--activation", "rellu"], 2, "did you mean 'relu'?"),
        (["classify", "--data", "startr"], 2, "did you mean 'starter'?"),
        (["classify", "--data", "nowhere.csv"], 1, "nowhere.csv: there is no such file"),
        (["classify", "--data", "photo.png"], 2, "unknown suffix '.png'"),
        (["classify", "--set", "epoch=3"], 2, "did you mean 'epochs'?"),
        (["classify", "--set", "epochs"], 2, "--set expects key=value"),
        (["classify", "--set", "epochs=many"], 2, "epochs: "),
        (["classify", "--set", "dropout=1.5"], 2, "dropout: "),
        (["classify", "--hidden", "4", "--set", "hidden=5"], 2, "'hidden' is given twice"),
        (["classify", "--time-limit", "soon"], 2, "10m or 2h, came 'soon'"),
        (["classify", "--hidden", "-1"], 2, "hidden: "),
        (["--resume", "nowhere"], 1, "nowhere is not a folder"),
    ],
)
def test_train_refuses_words(cli: Callable, in_tmp: Path, words: list[str], code: int, expected: str) -> None:
    said = cli("train", *words)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("hiddenstate: ")
    assert expected in said.err
    assert "Traceback" not in said.err
    assert list(in_tmp.iterdir()) == [], "nothing was made"


@pytest.mark.parametrize(
    ("content", "more", "code", "expected"),
    [
        (b"", [], 1, "came an empty file"),
        (b"text,label\n", [], 1, "came a header alone"),
        (b"text,label\nhi,greet\nho,greet\nhu,greet\n", [], 1, "at least two classes"),
        (b"body,kind\nhi,greet\n", [], 1, "expected a column named 'text'"),
        (GOOD, ["--label", "kind"], 2, "there is no column 'kind'"),
        (GOOD + b"caf\xe9,a\n", [], 1, "expected UTF-8, came the byte 0xE9"),
        (GOOD + b"\xff\xfe\x00", [], 1, "data.csv"),
        (GOOD + b"half a row\n", [], 1, "expected 2 fields"),
        (b"text,label,split\nhi,a,train\nho,b,train\nhu,c,test\n", [], 1, "'c' has none"),
    ],
)
def test_train_refuses_files(
    cli: Callable, in_tmp: Path, content: bytes, more: list[str], code: int, expected: str
) -> None:
    Path("data.csv").write_bytes(content)
    said = cli("train", "classify", "--data", "data.csv", "--out", "run", *more)
    assert (said.code, said.out) == (code, "")
    assert expected in said.err
    assert not Path("run").exists(), "no run begins with data that cannot be trained on"


def test_train_overwrites_only_what_it_is_told_to(cli: Callable, corpus_csv: Path, in_tmp: Path) -> None:
    words = [
        "train",
        "classify",
        "--data",
        corpus_csv,
        "--out",
        "run",
        "--hidden",
        "2",
        "--set",
        "least_steps=1",
    ]
    words += ["--set", "epochs=1"]
    assert cli(*words).code == 0
    before = Path("run/weights.safetensors").read_bytes()
    said = cli(*words, "--seed", "1")
    assert said.code == 1
    assert "already holds a run" in said.err
    assert Path("run/weights.safetensors").read_bytes() == before
    assert cli(*words, "--seed", "1", "--overwrite").code == 0
    assert Path("run/weights.safetensors").read_bytes() != before
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work", encoding="utf-8")
    words[words.index("run")] = "mine"
    said = cli(*words, "--overwrite")
    assert said.code == 1
    assert "thesis.txt" in said.err
    assert Path("mine/thesis.txt").read_text(encoding="utf-8") == "years of work"


@pytest.mark.parametrize(
    ("name", "damage", "expected"),
    [
        ("spec.json", None, "has no spec.json"),
        ("spec.json", b"{", "spec.json"),
        ("spec.json", b'{"format": 99, "task": "classify"}', "from a newer hiddenstate"),
        ("spec.json", b'{"format": 1, "task": "juggle"}', "names the task 'juggle'"),
        ("weights.safetensors", None, "weights.safetensors"),
        ("weights.safetensors", b"\x08\0\0\0\0\0\0\0{}", "weights.safetensors"),
        ("model.json", None, "model.json"),
        ("model.json", b"[]", "model.json is damaged"),
    ],
)
@pytest.mark.parametrize("verb", ["evaluate", "predict", "chat"])
def test_damaged_runs_are_named(
    cli: Callable,
    trained: tuple[Path, Said],
    tmp_path: Path,
    verb: str,
    name: str,
    damage: bytes | None,
    expected: str,
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained[0], run)
    (run / name).unlink() if damage is None else (run / name).write_bytes(damage)
    said = cli(verb, run, *(["hello"] if verb == "predict" else []), typed="hello\n")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("hiddenstate: ")
    assert expected in said.err


def test_evaluate_names_the_splits_there_are(cli: Callable, trained: tuple[Path, Said]) -> None:
    said = cli("evaluate", trained[0], "--split", "tset")
    assert said.code == 1
    assert "did you mean 'test'?" in said.err


def test_evaluate_refuses_data_that_have_changed(cli: Callable, corpus_csv: Path, in_tmp: Path) -> None:
    shutil.copy(corpus_csv, "data.csv")
    sizes = ["--hidden", "2", "--set", "least_steps=1", "--set", "epochs=1"]
    assert cli("train", "classify", "--data", "data.csv", "--out", "run", *sizes).code == 0
    with Path("data.csv").open("a", encoding="utf-8") as file:
        file.write("one more,time\n")
    said = cli("evaluate", "run")
    assert said.code == 1
    assert "has changed since the run began" in said.err
