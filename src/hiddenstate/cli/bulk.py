"""HOW DO A MILLION ANSWERS LEAVE? One after the other: neither texts nor answers are ever held as a whole.

A person at a terminal reads tables; a file or a pipe gets one line a text, columns between tabs, or JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import typer

from hiddenstate import intact, progress
from hiddenstate.cli import screen
from hiddenstate.data import lines
from hiddenstate.errors import InvalidArgument

INTERRUPTED = 130


@dataclass(frozen=True)
class Source:
    """Where texts come from: what to call it, the bytes, and how many there are (None: a pipe's)."""

    name: str
    stream: BinaryIO
    size: int | None


@dataclass
class Count:
    """What has been answered so far."""

    texts: int = 0
    blank: int = 0
    dropped: int = 0


@contextlib.contextmanager
def source(file: Path | None) -> Iterator[Source]:
    """Open a file, or stdin where there is none; raises InvalidArgument where stdin is a terminal."""
    if file is not None:
        with lines.opened(file) as stream:
            yield Source(str(file), stream, file.stat().st_size if file.is_file() else None)
    elif sys.stdin.isatty():
        raise InvalidArgument(
            "predict expects texts: in quotes behind the run, in a file (--file FILE), or through a pipe. "
            "To talk to it, use chat."
        )
    else:
        yield Source("stdin", sys.stdin.buffer, None)


def checked_out(out: Path, file: Path | None) -> Path:
    """Where answers go, links followed; raises InvalidArgument for what no file can replace."""
    path = out.resolve()
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "no file"
        raise InvalidArgument(f"--out expects a file that may be replaced, and {out} is {what}.")
    if not path.parent.is_dir():
        raise InvalidArgument(f"--out: there is no folder {path.parent}. Make it first.")
    if file is not None and file.exists() and path == file.resolve():
        raise InvalidArgument(f"--out would replace the texts in {file}; name another file.")
    return path


def answer(given: Source, predict: Callable, shown: Any, as_json: bool) -> Count:
    """Answer all texts on stdout. A reader that has had enough, such as head, ends it quietly."""
    count = Count()
    try:
        if sys.stdout.isatty() and not as_json:
            on = screen.console()
            for found in _answered(given, predict, count, None):
                table = shown.table(found)
                screen.table(on, table.columns, table.rows, right=table.right)
            return count
        drawn = sys.stderr.isatty() and not sys.stdout.isatty()
        for text in _written(_answered(given, predict, count, drawn), shown, as_json):
            sys.stdout.write(text)
            sys.stdout.flush()
    except BrokenPipeError:
        # what is still in the buffer has nowhere to go, and would complain when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return count


def answer_into(path: Path, given: Source, predict: Callable, shown: Any, as_json: bool) -> Count:
    """Answer all texts in a file, which has its name once it is whole."""
    count = Count()
    try:
        with intact.writing(path) as file:
            answers = _answered(given, predict, count, sys.stderr.isatty())
            for text in _written(answers, shown, as_json):
                file.write(text.encode())
            if not count.texts:
                raise no_text(given)
    except KeyboardInterrupt:
        screen.tell(f"stopped by Ctrl-C after {count.texts:,} texts; nothing was written to {path}.")
        raise typer.Exit(INTERRUPTED) from None
    return count


def no_text(given: Source) -> InvalidArgument:
    """What to say where there was no text at all."""
    return InvalidArgument(f"{given.name}: expected at least one text, came only blank lines.")


def _answered(given: Source, predict: Callable, count: Count, drawn: bool | None) -> Iterator[Sequence[Any]]:
    """The answers to a few thousand texts at a time; `drawn` says whether a bar shows how far it is."""
    watch = progress.PassageBar(given.size) if drawn else progress.Passage(given.size)
    try:
        for piece in lines.pieces(given.stream, given.name):
            found = predict(piece.texts)
            count.texts += len(found)
            count.blank += piece.blank
            count.dropped += sum(each.dropped > 0 for each in found)
            if found:
                yield found
            if drawn is not None:
                watch.advance(piece.end, len(found))
    finally:
        watch.end()


def _written(answers: Iterator[Sequence[Any]], shown: Any, as_json: bool) -> Iterator[str]:
    """One line a text."""
    if as_json:
        encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
        for found in answers:
            yield "".join(f"{encode(shown.values(each))}\n" for each in found)
        return
    for number, found in enumerate(answers):
        table = shown.table(found)
        rows = table.rows if number else [table.columns, *table.rows]
        yield "".join("\t".join(map(_cell, row)) + "\n" for row in rows)


def _cell(value: str) -> str:
    """A cell between tabs, which has none of its own."""
    return value if value.isprintable() else screen.printable(value.replace("\t", " "))
