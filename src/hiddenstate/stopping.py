"""WHEN DO WE STOP EARLY? On the first Ctrl-C or when time is up, after the step; on the second, at once."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Self


class Stopping:
    """Watches for Ctrl-C and the clock while it is entered.

    >>> with Stopping(time_limit=0.0) as stopping:
    ...     stopping.reason()
    'time limit'
    """

    def __init__(self, time_limit: float | None = None) -> None:
        self.time_limit = time_limit
        self.asked = False

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        # Python delivers Ctrl-C to the main thread only; where it is ignored (nohup), it stays so.
        ours = threading.current_thread() is threading.main_thread()
        self.before = signal.getsignal(signal.SIGINT) if ours else None
        if callable(self.before):
            signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *error: object) -> None:
        if callable(self.before):
            signal.signal(signal.SIGINT, self.before)

    def seconds(self) -> float:
        """Count the seconds since it was entered."""
        return time.monotonic() - self.began

    def reason(self) -> str | None:
        """Say why to stop, or None."""
        if self.asked:
            return "interrupted"
        return "time limit" if self.time_limit is not None and self.seconds() >= self.time_limit else None

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
