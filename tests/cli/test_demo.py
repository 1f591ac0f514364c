"""The demo: trains once, shows what it gave ever after, asks its question, says what to do next."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hiddenstate.cli import demo, options

if TYPE_CHECKING:
    from conftest import Said


@pytest.fixture
def kept(trained: tuple[Path, Said], in_tmp: Path) -> Path:
    """A run as an earlier call of the demo left it, small."""
    run = in_tmp / "runs" / "demo"
    shutil.copytree(trained[0], run)
    summary = {**trained[1].json(), "run": "runs/demo"}
    (run / demo.SUMMARY).write_text(json.dumps(summary), encoding="utf-8")
    return run


def test_a_second_call_shows_the_run_that_is_there(cli: Callable, kept: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    said = cli("demo")
    assert said.code == 0, said.err
    assert {path.name: path.stat().st_mtime_ns for path in kept.iterdir()} == before, "nothing was trained"
    assert "is there already" in said.out
    assert '"what time is it?", and what it takes it for after each word:' in said.out
    asked = said.out.partition("after each word:")[2].split("\n= ")[0].splitlines()[2:]
    assert [line.split()[0] for line in asked] == ["what", "time", "is", "it", "[?]"]
    summary = json.loads((kept / demo.SUMMARY).read_text(encoding="utf-8"))
    assert f"{100 * summary['accuracy']:.1f} %" in said.out
    assert f"{100 * summary['baseline']['accuracy']:.1f} %" in said.out
    assert summary["verdict"].split(".")[0].split()[0] in said.out
    name = options.command()
    for command in (
        f"{name} train classify --data yours.csv --out runs/yours",
        f"{name} evaluate runs/yours",
        f"{name} chat runs/yours",
    ):
        assert f"\n  {command}\n" in said.out


def test_json_of_the_demo(cli: Callable, kept: Path) -> None:
    said = cli("demo", "--json")
    assert len(said.out.splitlines()) == 1
    assert said.json() == json.loads((kept / demo.SUMMARY).read_text(encoding="utf-8"))


@pytest.mark.parametrize("content", ["", "[]", "{}", "\x00"])
def test_a_damaged_summary_is_named_with_its_cure(cli: Callable, kept: Path, content: str) -> None:
    (kept / demo.SUMMARY).write_text(content, encoding="utf-8")
    said = cli("demo")
    assert said.code == 1
    assert "demo.json is damaged" in said.err
    assert "demo --again" in said.err


def test_a_folder_with_other_things_is_left_alone(cli: Callable, in_tmp: Path) -> None:
    (in_tmp / "mine").mkdir()
    (in_tmp / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    said = cli("demo", "--out", "mine", "--again")
    assert said.code == 1
    assert "thesis.txt" in said.err
    assert [path.name for path in (in_tmp / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_demo_itself(cli: Callable, in_tmp: Path) -> None:
    said = cli("demo", "--json")
    assert said.code == 0, said.err
    summary = said.json()
    assert summary["accuracy"] >= 0.85
    assert summary["n"] == 255
    assert re.search(r"\n  time +time +█{3}", said.err), "what it took the text for after this word"
    assert all(Path(picture).stat().st_size > 10_000 for picture in summary["pictures"])
    assert cli("demo", "--json").json() == summary
