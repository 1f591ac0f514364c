"""WHAT DOES A PERSON SEE MEANWHILE? A line a network that is finished, on a terminal with a bar below."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from hiddenstate.progress import clock

SOON = 2.0  # seconds, before which nothing can be said of what is left


class Silent:
    """Shows nothing; and what the other two are made from. `done` counts work, of `total` in all."""

    def begin(self, total: int) -> None:
        """The work begins."""

    def move(self, done: int, now: str) -> None:
        """So much is done, and `now` is at work."""

    def finished(self, line: str) -> None:
        """A network is finished."""

    def say(self, text: str) -> None:
        """Something a person should know happened."""

    def end(self) -> None:
        """The work ended, well or not."""


class Lines(Silent):
    """Plain lines, for a file or a pipe."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr

    def begin(self, total: int) -> None:
        self.total, self.done, self.began = total, 0, time.monotonic()

    def move(self, done: int, now: str) -> None:
        self.done = done

    def finished(self, line: str) -> None:
        self.say(f"{line}  {self.left()}")

    def say(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    def left(self) -> str:
        """Say how long it will take yet: what learns early is sooner done."""
        seconds = time.monotonic() - self.began
        if not self.done or self.done >= self.total or seconds < SOON:
            return ""
        return f"at most about {clock(seconds * (self.total - self.done) / self.done)} left"


class Bar(Lines):
    """The same with a bar below, drawn by rich."""

    def begin(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().begin(total)
        columns = (BarColumn(bar_width=20), TextColumn("{task.fields[text]}"))
        self.bar = Progress(*columns, console=Console(file=self.stream), transient=True)
        self.task = self.bar.add_task("", total=total, text="")
        self.bar.start()

    def move(self, done: int, now: str) -> None:
        self.done = done
        self.bar.update(self.task, completed=done, text=f"{now}  {self.left()}")

    def finished(self, line: str) -> None:
        self.say(line)

    def say(self, text: str) -> None:
        self.bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def end(self) -> None:
        self.bar.stop()


def on_stderr() -> Silent:
    """Choose the bar where a person watches, and plain lines where a file or a pipe does."""
    return Bar() if sys.stderr.isatty() else Lines()
