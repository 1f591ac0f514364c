"""hiddenstate chat RUN: type, and see what it understands after every word."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from hiddenstate.cli import options, screen

if TYPE_CHECKING:
    from rich.console import Console

LEAVE = (":q", ":quit")
SHOWN_WORDS = 24  # of a long text, the last so many
NARROWEST, WIDEST = 24, 100


def chat(run: options.RunFolder) -> None:
    """Talk to a trained model; :q or Ctrl-D leaves.

    hiddenstate chat runs/tickets
    """
    from hiddenstate import tasks

    model = tasks.load(run)
    on = screen.console()
    if sys.stdin.isatty():
        screen.say(on, f"{len(model.labels)} intents. Type a sentence and press Enter; :q leaves.")
    try:
        for text in _typed():
            if text in LEAVE:
                break
            if text:
                if not sys.stdin.isatty():
                    screen.line(on, screen.fitted(f"> {screen.printable(text)}", on.width - 1).rstrip())
                answer(on, model, text)
    except KeyboardInterrupt:
        typer.echo()
    if sys.stdin.isatty():
        screen.say(on, "Bye.")


def _typed() -> Iterator[str]:
    """Yield the lines as they are typed, or as a pipe brings them."""
    if not sys.stdin.isatty():
        for raw in sys.stdin:
            yield raw.strip()
        return
    if importlib.util.find_spec("readline"):
        importlib.import_module("readline")  # gives input() its history and arrow keys
    while True:
        try:
            yield input("> ").strip()
        except EOFError:
            typer.echo()
            return


def answer(on: Console, model: Any, text: str) -> None:
    """Print what the model takes a text for: after each word, and in the end."""
    width = min(max(on.width - 1, NARROWEST), WIDEST)
    for row in step_rows(model.steps(text), width, on.encoding):
        on.print(row, style="dim", soft_wrap=True)
    for row in answer_rows(model.predict([text])[0], width, on.encoding):
        on.print(row, soft_wrap=True)


def step_rows(steps: Sequence[Any], width: int, encoding: str | None = "utf-8") -> list[str]:
    """Draw one row a word: the word ([unknown] in brackets), what the text is taken for so far, how surely.

    Every row is at most `width` cells wide.
    """
    from rich.cells import cell_len

    shown = steps[-SHOWN_WORDS:]
    rows = [f"  ({len(steps) - len(shown)} words before these)"] if len(shown) < len(steps) else []
    words = [screen.printable(step.word if step.known else f"[{step.word}]") for step in shown]
    labels = [_label(step) for step in shown]
    left = width - 2 - 2 - 2 - 4  # the margin, two gaps, the percentage
    word = min(max(map(cell_len, words), default=0), left * 2 // 5)
    label = min(max(map(cell_len, labels), default=0), left * 3 // 5)
    bar = min(left - word - label - 2, 24)
    for text, name, step in zip(words, labels, shown, strict=True):
        drawn = screen.bar(step.probability, bar, encoding) + "  " if bar >= 4 else ""
        row = f"  {screen.fitted(text, word)}  {screen.fitted(name, label)}  {drawn}{step.probability:4.0%}"
        rows.append(row)
    return rows


def answer_rows(found: Any, width: int, encoding: str | None = "utf-8") -> list[str]:
    """Draw the answer: the intent or that it is refused, how surely, what was unknown, what else it may be.

    Every row is at most `width` cells wide.
    """
    from rich.cells import cell_len

    name = screen.printable(found.label) if found.in_scope else "out of scope"
    side = "in scope" if found.in_scope else "refused"
    head = f"= {screen.fitted(name, min(cell_len(name), width - 8))}  {found.probability:.0%}"
    room = min(width - cell_len(head) - 2, 24)
    rows = [
        f"{head}  {screen.bar(found.probability, room, encoding)}" if room >= 4 else head,
        f"  {side}: score {found.score:.2f}, threshold {found.threshold:.2f}",
    ]
    if found.dropped:
        rows.append(f"  too long: the last {found.dropped} words were not read")
    if found.unknown:
        rows.append(f"  unknown: {', '.join(map(screen.printable, found.unknown))}")
    others = [(label, share) for label, share in found.ranked if label != found.label and share >= 0.005]
    if others:
        listed = ", ".join(f"{screen.printable(label)} {share:.0%}" for label, share in others[:3])
        rows.append(f"  {'or' if found.in_scope else 'nearest'}: {listed}")
    return [screen.fitted(row, width).rstrip() for row in rows]


def _label(step: Any) -> str:
    return screen.printable(step.label if step.in_scope else f"({step.ranked[0][0]}?)")
