"""WHAT DOES A PERSON SEE MEANWHILE? A bar on a terminal, plain lines elsewhere, both on stderr.

`Bar` redraws epoch, loss, metric, items per second and time left in place; `Lines` prints the same once an
epoch (where there are hundreds, for every so many) and every half minute within; `Silent` shows nothing.
`on_stderr` chooses between the first two.
"""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Mapping
from typing import Any, TextIO

LINE_SECONDS = 30.0
MOST_LINES = 50  # that are about epochs
NARROWEST = 20  # columns; in fewer, lines are left to the terminal


class Silent:
    """Shows nothing; and what the other two are made from."""

    def __init__(self, unit: str = "batches") -> None:
        self.unit = unit

    def begin(self, epochs: int) -> None:
        """Training of so many epochs begins, or is gone on with."""

    def step(self, share: float, loss: float, items: int) -> None:
        """A step was taken, on `items` items: `share` of all is done, `loss` is the epoch's mean so far."""

    def epoch(self, entry: Mapping[str, Any], metric: str) -> None:
        """An epoch was closed, with this line in the log."""

    def say(self, text: str) -> None:
        """Something a person should know happened."""

    def end(self) -> None:
        """Training ended, well or not."""


class Lines(Silent):
    """Plain lines, for a file or a pipe."""

    def __init__(self, unit: str = "batches", stream: TextIO | None = None) -> None:
        super().__init__(unit)
        self.stream = stream or sys.stderr

    def begin(self, epochs: int) -> None:
        self.epochs, self.share, self.first_share, self.items = epochs, 0.0, -1.0, 0
        self.began = self.shown = time.monotonic()

    def step(self, share: float, loss: float, items: int) -> None:
        self.take(share, items)
        if time.monotonic() - self.shown >= LINE_SECONDS:
            self.say(f"epoch {_epoch(share, self.epochs)}  loss {loss:.4f}  {self.pace()}")

    def epoch(self, entry: Mapping[str, Any], metric: str) -> None:
        if self.told(entry["epoch"]):
            self.say(
                f"epoch {entry['epoch']}/{self.epochs}  {_result(entry, metric)}  {self.pace()}".rstrip()
            )

    def told(self, epoch: int) -> bool:
        """Whether an epoch has a line of its own."""
        return epoch == self.epochs or epoch % (1 + (self.epochs - 1) // MOST_LINES) == 0

    def say(self, text: str) -> None:
        self.shown = time.monotonic()
        print(wrapped(text, self.stream), file=self.stream, flush=True)

    def take(self, share: float, items: int) -> None:
        """Keep the numbers that the pace is made from; the clock starts with the first step."""
        if self.first_share < 0:
            self.first_share, self.began = share, time.monotonic()
        else:
            self.items += items
        self.share = share

    def pace(self) -> str:
        """Say how fast it goes and how long it will take."""
        seconds = max(time.monotonic() - self.began, 1e-9)
        if not self.items:
            return ""  # one step says nothing of the pace
        left = (1 - self.share) / max(self.share - self.first_share, 1e-9) * seconds
        return f"{self.items / seconds:,.0f} {self.unit}/s  {clock(left)} left"


class Bar(Lines):
    """A bar drawn by rich, with the epochs' lines left above it."""

    def begin(self, epochs: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().begin(epochs)
        self.measured = ""
        columns = (TextColumn("epoch {task.fields[epoch]}"), BarColumn(), TextColumn("{task.fields[text]}"))
        self.bar = Progress(*columns, console=Console(file=self.stream), transient=True)
        self.task = self.bar.add_task("", total=1.0, epoch=f"of {epochs}", text="")
        self.bar.start()

    def step(self, share: float, loss: float, items: int) -> None:
        self.take(share, items)
        text = f"loss {loss:.4f}  {self.measured}{self.pace()}"
        self.bar.update(self.task, completed=share, epoch=_epoch(share, self.epochs), text=text)

    def epoch(self, entry: Mapping[str, Any], metric: str) -> None:
        self.measured = f"{_measured(entry, metric)}  "
        if self.told(entry["epoch"]):
            self.say(f"epoch {entry['epoch']}/{self.epochs}  {_result(entry, metric)}")

    def say(self, text: str) -> None:
        self.bar.console.print(text, markup=False, highlight=False)

    def end(self) -> None:
        self.bar.stop()


def on_stderr(unit: str = "batches") -> Silent:
    """Choose the bar where a person watches, and plain lines where a file or a pipe does."""
    return Bar(unit) if sys.stderr.isatty() else Lines(unit)


class Passage:
    """Work through a file of known or unknown size, in plain lines: one every half minute."""

    def __init__(self, total: int | None, unit: str = "texts", stream: TextIO | None = None) -> None:
        self.total, self.unit, self.stream = total, unit, stream or sys.stderr
        self.items, self.began = 0, time.monotonic()
        self.shown = self.began

    def advance(self, done: int, items: int) -> None:
        """So many bytes are `done` in all, and so many items more."""
        self.items += items
        if time.monotonic() - self.shown >= LINE_SECONDS:
            self.shown = time.monotonic()
            print(self.text(done), file=self.stream, flush=True)

    def end(self) -> None:
        """The work ended, well or not."""

    def rate(self) -> str:
        """Say how fast it goes."""
        return f"{self.items / max(time.monotonic() - self.began, 1e-9):,.0f} {self.unit}/s"

    def text(self, done: int) -> str:
        """Say how much is done, how fast it goes, and how long it will take."""
        parts = [f"{self.items:,} {self.unit}", self.rate()]
        if self.total and done:
            left = (time.monotonic() - self.began) * max(self.total - done, 0) / done
            parts += [f"{min(done / self.total, 1):.0%}", f"{clock(left)} left"]
        return "  ".join(parts)


class PassageBar(Passage):
    """The same as a bar; it only moves to and fro where the size is unknown."""

    def __init__(self, total: int | None, unit: str = "texts", stream: TextIO | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().__init__(total, unit, stream)
        columns = (BarColumn(bar_width=20), TextColumn("{task.fields[text]}"))
        self.bar = Progress(*columns, console=Console(file=self.stream), transient=True)
        self.task = self.bar.add_task("", total=total, text="")
        self.bar.start()

    def advance(self, done: int, items: int) -> None:
        self.items += items
        self.bar.update(self.task, completed=done, text=self.text(done))

    def end(self) -> None:
        self.bar.stop()


def wrapped(text: str, stream: TextIO) -> str:
    """Break lines between words where a terminal shows them, behind an indented line further in; elsewhere
    nothing is changed, and a word that is longer than the terminal is never broken."""
    if not stream.isatty():
        return text
    asked = os.environ.get("COLUMNS", "")
    width = int(asked) if asked.isdecimal() else _width(stream)
    if width < NARROWEST:
        return text
    return "\n".join(_wrapped(line, width) for line in text.split("\n"))


def _wrapped(line: str, width: int) -> str:
    inside = len(line) - len(line.lstrip(" "))
    return textwrap.fill(
        line,
        width,
        subsequent_indent=" " * (inside + 2 if inside else 0),
        expand_tabs=False,
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _width(stream: TextIO) -> int:
    """The columns of the terminal behind a stream, 80 where it cannot tell."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


def _result(entry: Mapping[str, Any], metric: str) -> str:
    mark = " (best)" if entry["best"] else ""
    return f"loss {entry['loss']:.4f}  {_measured(entry, metric)}{mark}"


def _measured(entry: Mapping[str, Any], metric: str) -> str:
    """The accuracy, where it is measured, is what people know; else the metric that decides."""
    shown = "accuracy" if entry["validation"].get("accuracy") is not None else metric
    return f"{shown} {entry['validation'][shown]:.4f}"


def _epoch(share: float, epochs: int) -> str:
    """Count the epoch that is under way from 1.

    >>> _epoch(0.0, 10), _epoch(0.25, 10), _epoch(1.0, 10)
    ('1/10', '3/10', '10/10')
    """
    return f"{min(int(share * epochs) + 1, epochs)}/{epochs}"


def clock(seconds: float) -> str:
    """Write a duration.

    >>> clock(59.6), clock(3725)
    ('1:00', '1:02:05')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
