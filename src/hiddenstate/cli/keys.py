"""WHAT IS TYPED? Letters as their keys are pressed, of a terminal that would wait for Enter."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENTER, LEAVE = ("\r", "\n"), ("\x04", "\x1a")  # Ctrl-D, and Ctrl-Z on Windows
RUB_OUT, WORD_OUT, LINE_OUT = ("\x7f", "\b"), "\x17", "\x15"  # Ctrl-W, Ctrl-U
ESCAPE = "\x1b"


@contextmanager
def pressed() -> Iterator[Iterator[str]]:
    """Give the letters of stdin as they come, then put the terminal back; Ctrl-C still interrupts."""
    if sys.platform == "win32":
        import msvcrt

        yield iter(msvcrt.getwch, "\x03")
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin, termios.TCSADRAIN)  # what was typed meanwhile is kept
    try:
        yield iter(lambda: sys.stdin.read(1), "")
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextmanager
def asked() -> Iterator[Callable[[float | None], str]]:
    """Give a function that waits so many seconds (None: as long as it takes) for a key: "" where none came.

    A terminal that is gone is Ctrl-D. It is put back in the end; Ctrl-C still interrupts.
    """
    if sys.platform == "win32":
        yield _windows_key
        return
    import select
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSADRAIN)

    typed: list[str] = []  # that were read with the one before

    def key(seconds: float | None) -> str:
        if not typed:
            if not select.select([descriptor], [], [], seconds)[0]:
                return ""
            read = os.read(descriptor, 64).decode("utf-8", "replace") or LEAVE[0]
            typed.extend([read] if read.startswith(ESCAPE) else read)  # an arrow's sequence is one key
        return typed.pop(0)

    try:
        yield key
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _windows_key(seconds: float | None) -> str:
    import msvcrt

    end = None if seconds is None else time.monotonic() + seconds
    while not msvcrt.kbhit():  # type: ignore[attr-defined]
        if end is not None and time.monotonic() >= end:
            return ""
        time.sleep(0.01)
    key: str = msvcrt.getwch()  # type: ignore[attr-defined]
    if key == "\x03":
        raise KeyboardInterrupt
    return key


class Line:
    """A line that is being typed: `text` so far, and whether it is `entered`.

    >>> line = Line()
    >>> for key in "hoy\\x7fw \\x1b[Dare":
    ...     line.press(key)
    >>> line.text, line.words
    ('how are', ['how'])
    """

    def __init__(self) -> None:
        self.text, self.entered = "", False
        self._escape = ""  # what came of a sequence, as an arrow key sends it

    @property
    def words(self) -> list[str]:
        """The words that are finished: a space stands behind them, or Enter."""
        words = self.text.split()
        open_end = bool(self.text) and not self.text[-1].isspace() and not self.entered
        return words[:-1] if open_end else words

    def press(self, key: str) -> None:
        """Take one key."""
        if self._escape or key == ESCAPE:
            self._escape += key
            second = len(self._escape) == 2
            # a letter ends it, but for the one that says what kind of sequence it is
            if (key not in "[O" if second else key.isalpha() or key == "~") and key != ESCAPE:
                self._escape = ""
        elif key in ENTER:
            self.entered = True
        elif key in RUB_OUT:
            self.text = self.text[:-1]
        elif key == WORD_OUT:
            self.text = self.text.rstrip()[: -len(self.text.split()[-1])] if self.text.split() else ""
        elif key == LINE_OUT:
            self.text = ""
        elif key.isprintable() or key == "\t" or key in "\u200c\u200d":
            self.text += key
