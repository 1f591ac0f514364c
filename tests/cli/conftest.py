"""A small corpus of one's own, a run trained on it through the command line, and the command line itself."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hiddenstate.cli import app

TINY = ["--hidden", "8", "--seed", "3"] + [
    part
    for pair in ("embedding=8", "letter_buckets=64", "wide_buckets=512", "least_steps=40", "epochs=4")
    for part in ("--set", pair)
]
TEXTS = {
    "time": "what time is it; tell me the time; do you know the time; the time please; time now; "
    "which time is it; say the time; current time; time in london; give me the time",
    "music": "play some music; music please; put on music; more music; start the music; i want music; "
    "music from the radio; louder music; play music for dinner; stop that music",
    "light": "light on; switch the light off; more light; dim the light; kitchen light please; a red light; "
    "is the light on; light in the hall; no light; turn the light down",
    "joke": "tell me a joke; a joke please; another joke; do you know a joke; joke about cats; a short joke; "
    "make a joke; best joke ever; joke of the day; a joke for kids",
}
OUTSIDE = (
    "who won the game; buy a car; how tall is he; cook rice; is the train full; my cat is ill; "
    "where is paris; sell the house; what is love; count sheep; who is king; write a poem; book a flight; "
    "fix the roof; why is snow white; name three rivers; is milk healthy; draw a horse; what do bees eat; "
    "plant a tree; walk the dog; open a bank; call a doctor; where are my shoes"
)


@dataclass(frozen=True)
class Said:
    """What the command line said, and with which exit code it left."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The last line of stdout."""
        return json.loads(self.out.splitlines()[-1])


def say(*words: str | Path, typed: str | bytes | None = None) -> Said:
    """Run one command in this process, as a shell would say it."""
    result = CliRunner().invoke(app, [str(word) for word in words], input=typed)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="session")
def cli() -> Callable[..., Said]:
    return say


def write_csv(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture(scope="session")
def corpus_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [(text.strip(), label) for label, texts in TEXTS.items() for text in texts.split(";")]
    rows += [(text.strip(), "oos") for text in OUTSIDE.split(";")]
    return write_csv(tmp_path_factory.mktemp("own") / "home.csv", [("text", "label"), *rows])


@pytest.fixture(scope="session")
def trained(corpus_csv: Path) -> tuple[Path, Said]:
    """A run's folder, and what `train --json` said."""
    folder = corpus_csv.parent / "run"
    return folder, say("train", "classify", "--data", corpus_csv, "--out", folder, *TINY, "--json")


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with nothing of one's own by name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HIDDENSTATE_DATA", raising=False)
    return tmp_path
