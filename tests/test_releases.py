"""A small run of each release still loads, and answers what it answered then (tests/releases/keep.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hiddenstate import native, tasks

KEPT = sorted(path.parent for path in (Path(__file__).parent / "releases").glob("*/spec.json"))


def test_there_are_some() -> None:
    assert {"0.1.0-first", "0.1.0-int8", "0.1.0-languages"} <= {path.name for path in KEPT}


@pytest.mark.parametrize("folder", KEPT, ids=lambda path: path.name)
def test_it_answers_as_it_did(folder: Path) -> None:
    expected = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    assert len(expected) >= 10
    found = tasks.load(folder).predict([each["text"] for each in expected])
    assert [each.label for each in found] == [each["label"] for each in expected]
    for answer, then in zip(found, expected, strict=True):
        assert [name for name, _ in answer.ranked] == [name for name, _ in then["ranked"]]
        shares = [share for _, share in then["ranked"]]
        assert [share for _, share in answer.ranked] == pytest.approx(shares, abs=1e-6)
        assert answer.score == pytest.approx(then["score"], rel=1e-5)


@pytest.mark.parametrize("folder", KEPT, ids=lambda path: path.name)
def test_it_is_small(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.iterdir()) < 150_000


@pytest.mark.parametrize("isa", native.isas() if native.available() else [])
def test_it_answers_the_same_on_every_instruction_set(isa: str) -> None:
    before = native.isa()
    native.select_isa(isa)
    try:
        for folder in KEPT:
            test_it_answers_as_it_did(folder)
    finally:
        native.select_isa(before)
