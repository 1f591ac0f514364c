"""hiddenstate chat RUN: type, and see what it understands after every word."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from hiddenstate.cli import options, screen
from hiddenstate.errors import Unsupported

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

    module = tasks.of_run(run)
    if getattr(module, "HEARS", False):
        raise Unsupported(f"chat is typed, and {run} listens: predict {run} FILE, or --stream - for a pipe.")
    model = module.load(run)
    on = screen.console()
    if sys.stdin.isatty():
        screen.say(on, f"{module.shown.welcome(model)} Type a sentence and press Enter; :q leaves.")
    try:
        for text in _typed():
            if text in LEAVE:
                break
            if text:
                if not sys.stdin.isatty():
                    screen.line(on, screen.fitted(f"> {screen.printable(text)}", on.width - 1).rstrip())
                answer(on, module.shown, model, text)
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


def answer(on: Console, shown: Any, model: Any, text: str) -> None:
    """Print what the model takes a text for: word by word, and in the end as its task shows it."""
    width = min(max(on.width - 1, NARROWEST), WIDEST)
    for row in step_rows(model.steps(text), width, on.encoding):
        on.print(row, style="dim", soft_wrap=True)
    for row in answer_rows(shown.said(model.predict([text])[0]), width, on.encoding):
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


def answer_rows(said: Any, width: int, encoding: str | None = "utf-8") -> list[str]:
    """Draw the answer: its name, how surely, and what its task says besides.

    Every row is at most `width` cells wide.
    """
    from rich.cells import cell_len

    name = screen.printable(said.name)
    head = f"= {screen.fitted(name, min(cell_len(name), width - 8))}"
    if said.probability is not None:
        head += f"  {said.probability:.0%}"
        room = min(width - cell_len(head) - 2, 24)
        head += f"  {screen.bar(said.probability, room, encoding)}" if room >= 4 else ""
    rows = [head, *(f"  {screen.printable(each)}" for each in said.lines)]
    return [screen.fitted(row, width).rstrip() for row in rows]


def _label(step: Any) -> str:
    return screen.printable(step.label if step.in_scope else f"({step.ranked[0][0]}?)")
