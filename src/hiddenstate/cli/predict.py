"""hiddenstate predict RUN: answers for texts from the command line, a file or a pipe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hiddenstate.cli import options, screen
from hiddenstate.errors import InvalidArgument


def predict(
    run: options.RunFolder,
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT]...", show_default=False, help="Each in quotes; none: read stdin."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A UTF-8 file with one text a line.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object for each text on stdout.")] = False,
) -> None:
    """Say the intent of texts.

    hiddenstate predict runs/tickets "where is my parcel?" "cancel it"
    """
    from hiddenstate import tasks

    if texts and file is not None:
        raise InvalidArgument("predict takes texts or --file, and both were given; leave one out.")
    asked = list(texts) if texts else _lines(file)
    if texts and len(texts) > 2 and not any(" " in each for each in texts):
        typer.echo(
            f"hiddenstate: read {len(texts)} texts of one word; put quotes around a sentence.", err=True
        )
    module = tasks.of_run(run)
    found = module.load(run).predict(asked)
    if cut := sum(each.dropped > 0 for each in found):
        typer.echo(f"hiddenstate: {cut} texts are too long, and were not read to the end.", err=True)
    if json:
        for each in found:
            screen.emit(module.shown.values(each))
        return
    shown = module.shown.table(found)
    screen.table(screen.console(), shown.columns, shown.rows, right=shown.right)


def _lines(file: Path | None) -> list[str]:
    """Read one text a line from a file or from stdin; blank lines are no texts."""
    from hiddenstate.data import textfile

    if file is not None:
        source, content = str(file), textfile.load(file)
    elif sys.stdin.isatty():
        raise InvalidArgument(
            "predict expects texts: in quotes behind the run, in a file (--file FILE), or through a pipe. "
            "To talk to it, use chat."
        )
    else:
        source, content = "stdin", sys.stdin.buffer.read()
    found = [line.strip() for line in textfile.decode(content, source).splitlines() if line.strip()]
    if not found:
        raise InvalidArgument(f"{source}: expected at least one text, came only blank lines.")
    return found
