"""What is shown while a training runs: a bar to a person, lines to a file."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from hiddenstate.cli import screen
from hiddenstate.progress import Bar, Lines, on_stderr
from hiddenstate.train import fit
from plain_training import PLAIN, batches, loss, model, validate


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [0.0]
    monkeypatch.setattr("hiddenstate.progress.time", type("Clock", (), {"monotonic": lambda: now[0]}))
    return now


def test_plain_lines(clock: list[float]) -> None:
    stream = io.StringIO()
    lines = Lines("rows", stream)
    lines.begin(4)
    entry = {"epoch": 1, "loss": 0.5, "validation": {"accuracy": 0.75}, "best": True}
    for step in range(1, 5):
        clock[0] += 20.0
        lines.step(step / 16, 0.5, 100)
    lines.epoch(entry, "accuracy")
    lines.say("Stopped.")
    assert stream.getvalue().splitlines() == [
        "epoch 1/4  loss 0.5000  5 rows/s  4:40 left",
        "epoch 2/4  loss 0.5000  5 rows/s  4:00 left",
        "epoch 1/4  loss 0.5000  accuracy 0.7500 (best)  5 rows/s  4:00 left",
        "Stopped.",
    ]


def test_the_bar_says_all_five_things(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    bar = Bar("rows", stream)
    bar.begin(4)
    bar.epoch({"epoch": 1, "loss": 0.5, "validation": {"accuracy": 0.75}, "best": True}, "accuracy")
    for step in (5, 6):
        clock[0] += 20.0
        bar.step(step / 16, 0.25, 100)
    bar.bar.refresh()
    bar.end()
    shown = stream.getvalue()
    assert "epoch 1/4  loss 0.5000  accuracy 0.7500 (best)" in shown
    for words in ("epoch 2/4", "loss 0.2500", "accuracy 0.7500", "5 rows/s", "3:20 left"):
        assert words in shown.rpartition("loss 0.5000")[2]


def test_a_terminal_gets_lines_that_break_between_words(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    text = "two of these:\n  the first is rather long, a/path/that/no/terminal/is/wide/enough/for\n  b"
    shown = Terminal()
    Lines(stream=shown).say(text)
    assert shown.getvalue().splitlines() == [
        "two of these:",
        "  the first is rather long,",
        "    a/path/that/no/terminal/is/wide/enough/for",
        "  b",
    ]
    logged = io.StringIO()
    Lines(stream=logged).say(text)
    assert logged.getvalue() == f"{text}\n"
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    screen.tell("stopped by whoever sat before it.")
    assert shown.getvalue() == "hiddenstate: stopped by\nwhoever sat before it.\n"


def test_a_person_gets_the_bar_and_a_file_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    assert type(on_stderr()) is Bar
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert type(on_stderr()) is Lines


def test_without_a_watch_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    fit(model(), loss, batches, validate, PLAIN, size=len)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [line.split("  ")[0] for line in shown.err.splitlines()] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "items/s" in shown.err


def test_hundreds_of_epochs_share_their_lines() -> None:
    stream = io.StringIO()
    lines = Lines(stream=stream)
    lines.begin(1500)
    for epoch in range(1, 1501):
        entry = {"epoch": epoch, "loss": 0.5, "validation": {"accuracy": 0.75}, "best": False}
        lines.epoch(entry, "accuracy")
    shown = [line.split("  ")[0] for line in stream.getvalue().splitlines()]
    assert len(shown) == 50
    assert (shown[0], shown[-1]) == ("epoch 30/1500", "epoch 1500/1500")
