"""WHERE DOES A VIEW GO? To the terminal, to a program, or into files, each of them whole or not there at all.

A view's command takes the options below, asks `checked` before it computes anything, and ends with `deliver`:

    def memory(run: options.RunFolder, text: output.Words, png: output.Png = None, ...,
               overwrite: output.Overwrite = False, json: options.Json = False) -> None:
        asked = output.checked(output.Asked(csv, png, svg, html, overwrite, json))
        view = lens.memory(run, text)
        output.deliver(view, asked, lambda on: drawn.rows(on, ...))
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import screen
from hiddenstate.cli.lens import drawn
from hiddenstate.errors import InvalidArgument, require

if TYPE_CHECKING:
    from rich.console import Console

    from hiddenstate.lens.view import View


def _file(what: str) -> Any:
    return typer.Option(metavar="FILE", show_default=False, help=what)


Csv = Annotated[
    Path | None, _file("The numbers in long form: array, one column an axis, value, measured in.")
]
Png = Annotated[Path | None, _file("The picture, in dots.")]
Svg = Annotated[Path | None, _file("The picture, in lines.")]
Html = Annotated[Path | None, _file("One page: picture, how to read it, facts, numbers.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]
Words = Annotated[str, typer.Argument(metavar="TEXT", show_default=False, help="What it reads, in quotes.")]


@dataclass(frozen=True)
class Asked:
    """Where a view is asked to go; nothing at all is the terminal."""

    csv: Path | None = None
    png: Path | None = None
    svg: Path | None = None
    html: Path | None = None
    overwrite: bool = False
    json: bool = False

    @property
    def files(self) -> dict[str, Path]:
        """The files by kind, without those not asked for."""
        kinds = {"csv": self.csv, "png": self.png, "svg": self.svg, "html": self.html}
        return {kind: path for kind, path in kinds.items() if path is not None}


def checked(asked: Asked) -> Asked:
    """Return what is asked for; raises before anything is computed where it could not be written.

    Raises InvalidArgument for a path that no file can take, MissingExtra for a picture without matplotlib.
    """
    for kind, path in asked.files.items():
        if path.is_dir() or (path.exists() and not path.is_file()):
            raise InvalidArgument(f"--{kind} expects a file to write, and {path} is a folder or a device.")
        if not path.parent.is_dir():
            raise InvalidArgument(f"--{kind}: there is no folder {path.parent}. Make it first.")
        if path.exists() and not asked.overwrite:
            raise InvalidArgument(
                f"--{kind}: {path} exists; choose another file, or replace it with --overwrite."
            )
    twice = {path.resolve() for path in asked.files.values()}
    if len(twice) < len(asked.files):
        raise InvalidArgument("two options name the same file; give each a file of its own.")
    if asked.overwrite and not asked.files:
        raise InvalidArgument("--overwrite replaces files; name one with --csv, --png, --svg or --html.")
    if asked.png or asked.svg or asked.html:
        require("matplotlib", "drawing a picture", extra="train")
    return asked


def deliver(view: View, asked: Asked, show: Callable[[Console], None]) -> None:
    """Write the files that are asked for, else draw in the terminal with `show`; then the JSON line.

    Beside files the verdict is told, which may have taken minutes.
    """
    on = screen.console(for_program=asked.json)
    if asked.files:
        drawn.opening(on, view)
        _write(view, asked, on)
    else:
        show(on)
    if asked.json:
        files = {kind: str(path) for kind, path in asked.files.items()}
        screen.emit({**view.as_dict(), **({"files": files} if files else {})})


def _write(view: View, asked: Asked, on: Console) -> None:
    from hiddenstate import intact

    # all of it is drawn before the first file is written
    pictures: dict[str, bytes] = {}
    for kind, make in (
        ("png", view.png),
        ("svg", view.svg),
        ("html", lambda: view.html().encode(errors="replace")),
    ):
        if kind in asked.files:
            pictures[kind] = make()
    if missing := view.unseen() if pictures else "":
        screen.tell(missing)
    for kind, path in asked.files.items():
        if kind == "csv":
            _write_rows(view, path)
        else:
            intact.write(path, pictures[kind])
        screen.line(on, f"{kind.upper():<6}{path}")


def _write_rows(view: View, path: Path) -> None:
    """Write the numbers row by row: a long sequence has millions of them."""
    from hiddenstate import intact

    with intact.writing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="")
        try:
            csv.writer(text).writerows(view.rows())
        finally:
            text.detach()  # what it holds is written; the file is not its to close
