"""`compare RUN RUN`: better, worse or chance, and an exit code that a CI job can take."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Said

RELEASE = Path(__file__).resolve().parents[1] / "releases" / "0.1.0-first"


@pytest.fixture
def worse(trained: tuple[Path, Said], tmp_path: Path) -> Path:
    """The same run, but joke and music are taken for one another."""
    folder = tmp_path / "worse"
    shutil.copytree(trained[0], folder)
    described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    swapped = {"joke": "music", "music": "joke"}
    described["labels"] = [swapped.get(label, label) for label in described["labels"]]
    (folder / "model.json").write_text(json.dumps(described), encoding="utf-8")
    return folder


@pytest.fixture
def judged(tmp_path: Path, corpus_csv: Path) -> Path:
    """All the texts as one file of their own, which no run was trained on as such."""
    path = tmp_path / "judged.csv"
    path.write_text(corpus_csv.read_text(encoding="utf-8") + "a quick joke,joke\n", encoding="utf-8")
    return path


def test_a_run_beside_itself(cli: Callable, trained: tuple[Path, Said], judged: Path) -> None:
    said = cli("compare", trained[0], trained[0], "--data", judged, "--json")
    assert said.code == 0, said.err
    found = said.json()
    assert (found["n"], found["gained"], found["lost"], found["p"], found["worse"]) == (65, 0, 0, 1.0, False)
    assert "No answer changed." in said.err
    assert "right as often as the first" in said.err


def test_worse_leaves_with_1_and_says_where(
    cli: Callable, trained: tuple[Path, Said], worse: Path, judged: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.csv"
    said = cli("compare", trained[0], worse, "--data", judged, "--csv", changed, "--json")
    assert said.code == 1
    found = said.json()
    rows = {row["label"]: row for row in found["intents"]}
    with judged.open(encoding="utf-8", newline="") as file:
        asked = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    answers = [
        [
            json.loads(line)["label"]
            for line in cli("predict", run, *(t for t, _ in asked), "--json").out.splitlines()
        ]
        for run in (trained[0], worse)
    ]
    truths = [None if label == "oos" else label for _, label in asked]
    right = [[a == t for a, t in zip(given, truths, strict=True)] for given in answers]
    assert found["lost"] == sum(a and not b for a, b in zip(*right, strict=True))
    assert found["first_right"] == sum(right[0]) / 65
    assert found["second_right"] == sum(right[1]) / 65
    assert found["within_chance"] is False
    assert rows["joke"]["lost"] >= 8
    assert rows["joke"]["p_all"] < 0.05
    assert (rows["time"]["lost"], rows["time"]["gained"]) == (0, 0)
    assert "past the tolerance of 0.5 points" in " ".join(said.err.split())
    with changed.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert len(written) == len(found["changed"]) == sum(a != b for a, b in zip(*answers, strict=True))
    assert cli("compare", trained[0], worse, "--data", judged, "--tolerance", "90").code == 0
    better = cli("compare", worse, trained[0], "--data", judged)
    assert better.code == 0
    assert "points better" in better.out
    assert max(map(len, better.out.splitlines())) <= 80


def test_its_own_data_are_judged_on_their_test_texts(
    cli: Callable, trained: tuple[Path, Said], worse: Path, corpus_csv: Path
) -> None:
    found = cli("compare", trained[0], worse, "--data", corpus_csv, "--json").json()
    assert (found["split"], found["n"]) == ("test", 6)
    again = cli("compare", trained[0], worse, "--data", trained[0] / "examples.csv", "--json").json()
    assert (again["split"], again["n"], again["lost"]) == ("test", 6, found["lost"])


def test_intents_that_one_alone_knows(cli: Callable, trained: tuple[Path, Said], tmp_path: Path) -> None:
    folder = tmp_path / "renamed"
    shutil.copytree(trained[0], folder)
    described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    described["labels"] = ["fun" if label == "joke" else label for label in described["labels"]]
    (folder / "model.json").write_text(json.dumps(described), encoding="utf-8")
    data = tmp_path / "rows.csv"
    data.write_text("text,label\nanother joke,joke\na short joke,fun\nlouder music,music\n", encoding="utf-8")
    said = cli("compare", trained[0], folder, "--data", data, "--json")
    assert said.code == 1
    found = said.json()
    assert (found["only_first"], found["only_second"]) == (["joke"], ["fun"])
    assert (found["n"], found["lost"], found["new_n"]) == (2, 1, 1)
    assert "Only the second knows fun" in said.err
    assert "no longer knows joke" in said.err


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["RUN", "RUN"], 2, "--data FILE"),
        (["RUN", "RUN", "--data", "FILE", "--tolerance", "-1"], 2, "points from 0 to 100"),
        (["RUN", "nowhere", "--data", "FILE"], 1, "is not a folder"),
        (["RUN", "RUN", "--data", "STRANGE"], 1, "neither run was trained on 'tmie'"),
        (["RUN", "RUN", "--data", "FILE", "--split", "test"], 1, "no split 'test'"),
    ],
)
def test_wrong_use(
    cli: Callable,
    trained: tuple[Path, Said],
    judged: Path,
    tmp_path: Path,
    words: list[str],
    code: int,
    expected: str,
) -> None:
    strange = tmp_path / "strange.csv"
    strange.write_text("text,label\nthe time,tmie\n", encoding="utf-8")
    stands = {"RUN": str(trained[0]), "FILE": str(judged), "STRANGE": str(strange)}
    said = cli("compare", *(stands.get(word, word) for word in words))
    assert (said.code, said.out) == (code, "")
    assert expected in said.err


def test_runs_of_releases_can_be_compared(cli: Callable, trained: tuple[Path, Said], tmp_path: Path) -> None:
    labels = json.loads((RELEASE / "model.json").read_text(encoding="utf-8"))["labels"]
    data = tmp_path / "rows.csv"
    data.write_text(f"text,label\nsay it again,{labels[0]}\n", encoding="utf-8")
    assert cli("compare", RELEASE, RELEASE, "--data", data).code == 0
