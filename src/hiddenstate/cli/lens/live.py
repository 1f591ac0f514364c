"""hiddenstate lens memory RUN --live: bars that change after each word that is typed."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hiddenstate.cli import keys, screen
from hiddenstate.cli.lens.memory import MOST_BARS, rows
from hiddenstate.errors import InvalidArgument

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from hiddenstate.lens import LiveMemory, MemoryView

AROUND = 6  # lines of a terminal that are not bars


def watched(run: Path, on: Console) -> MemoryView:
    """Draw what is held after each word that is typed, or that a pipe brings; return the last text's view.

    A line is a text. Raises InvalidArgument where there was no word at all.
    """
    from hiddenstate.lens import LiveMemory

    seen = Seen(LiveMemory(run))
    try:
        if sys.stdin.isatty() and on.is_terminal:
            _typed(seen, on)
        else:
            for line in sys.stdin:
                _read(seen, line.split(), on)
    except KeyboardInterrupt:
        on.print()
    seen.finish()
    if seen.last is None:
        raise InvalidArgument("--live read no word: type one, or give texts through a pipe, one a line.")
    return seen.last


class Seen:
    """What was fed of the text that is typed now, and the view of the last text."""

    def __init__(self, live: LiveMemory) -> None:
        self.live = live
        self.last: MemoryView | None = None
        self._words: list[str] = []

    def follow(self, words: Sequence[str]) -> bool:
        """Feed what is new, from the beginning where a word was taken back; say whether anything was read."""
        if list(words[: len(self._words)]) != self._words:
            self.live.reset()
            self._words = []
        before = len(self.live.words)
        for word in words[len(self._words) :]:
            self._words.append(word)
            if self.live.room_for(word):
                self.live.feed(word)
        return len(self.live.words) > before

    def finish(self) -> None:
        """Keep the view of this text, and begin another."""
        if self.live.words:
            self.last = self.live.view()
        self.live.reset()
        self._words = []


def _read(seen: Seen, words: Sequence[str], on: Console) -> None:
    """Take a line of a pipe word by word, and draw after each."""
    for count in range(1, len(words) + 1):
        if seen.follow(words[:count]):
            screen.line(on, screen.printable(_tail(" ".join(words[:count]), on.width)))
            _draw(seen.live, on)
            screen.say(on)
    seen.finish()


def _typed(seen: Seen, on: Console) -> None:
    """Follow the keys of a terminal: bars as soon as a word is finished; Enter begins a new text."""
    from rich.live import Live

    with keys.pressed() as pressed:
        screen.say(on, "Type, and see after each word what is remembered. Enter begins anew, Ctrl-D leaves.")
        entered = True
        while entered:
            line, entered = keys.Line(), False
            with Live(console=on, auto_refresh=False, vertical_overflow="crop") as picture:
                picture.update(_picture(seen.live, line.text, on), refresh=True)
                for key in pressed:
                    if key in keys.LEAVE:
                        break
                    line.press(key)
                    seen.follow(line.words)
                    picture.update(_picture(seen.live, line.text, on), refresh=True)
                    if entered := line.entered:
                        break
            seen.finish()


def _picture(live: LiveMemory, text: str, on: Console) -> Text:
    """What is typed, and the bars, as one thing that is drawn over the one before."""
    from rich.console import Console
    from rich.text import Text

    drawn = io.TextIOWrapper(io.BytesIO(), encoding=on.encoding, errors="replace", newline="")
    paper = Console(
        file=drawn,
        width=on.width,
        color_system=on.color_system,  # type: ignore[arg-type]
        force_terminal=True,
        highlight=False,
        markup=False,
        emoji=False,
    )
    screen.line(paper, screen.printable(_tail(text, on.width)))
    if live.words:
        _draw(live, paper, max(4, on.height - AROUND))
    drawn.seek(0)
    return Text.from_ansi(drawn.read().rstrip("\n"))


def _draw(live: LiveMemory, on: Console, most: int = MOST_BARS) -> None:
    now, effects = live.moment(), None
    if now.effects is not None:
        effects = now.effects / (abs(now.effects).sum() or 1.0)
    rows(on, now.words, now.shares, effects, now.answer, most)


def _tail(text: str, width: int) -> str:
    """The end of what is typed, where the cursor is."""
    from rich.cells import cell_len

    shown = text
    while cell_len(shown) > width - 4:
        shown = shown[1:]
    return f"> {'…' if shown != text else ''}{shown}"
