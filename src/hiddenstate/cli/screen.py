"""WHAT DOES ONE SEE? Tables and bars that fit the terminal, and the one JSON line for programs.

`rich` is imported where something is drawn, so that `--help` and `--version` stay quick.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from hiddenstate import progress

if TYPE_CHECKING:
    from rich.console import Console


def console(*, for_program: bool = False) -> Console:
    """Give what a person reads: stdout, or stderr where stdout is left to a program."""
    from rich.console import Console

    return Console(stderr=for_program, highlight=False, markup=False, emoji=False)


def emit(values: Mapping[str, Any]) -> None:
    """Write one JSON object as one line of stdout."""
    sys.stdout.write(json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Say something on stderr, under the program's name, wrapped at words where a terminal shows it."""
    typer.echo(progress.wrapped(f"hiddenstate: {text}", sys.stderr), err=True)


def printable(text: str) -> str:
    """Replace what could move a terminal's cursor or turn its writing around.

    >>> printable("a\\x1b[2Jb\\u202e")
    'a�[2Jb�'
    >>> printable("👩\u200d👧") == "👩\u200d👧"  # one face
    True
    """
    return "".join("�" if _moves(sign) else sign for sign in text)


def _moves(sign: str) -> bool:
    """Not the joiners of Persian and of emoji, nor the tags of flags: they hold words and faces together."""
    if sign in "\u200c\u200d" or "\U000e0020" <= sign <= "\U000e007f":
        return False
    return unicodedata.category(sign) in ("Cc", "Cf", "Cs")


def fitted(text: str, cells: int) -> str:
    """Cut or fill a text to exactly so many cells of the terminal; wide signs count twice.

    >>> fitted("time", 6), fitted("directions", 6), fitted("時間です", 6)
    ('time  ', 'direc…', '時間… ')
    """
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= cells:
        return text + " " * (cells - cell_len(text))
    if cells < 1:
        return ""
    return fitted(set_cell_size(text, cells - 1).rstrip() + "…", cells)


def bar(share: float, cells: int, encoding: str | None = "utf-8") -> str:
    """Draw a share from 0 to 1 as a bar, in signs that the encoding has.

    >>> bar(0.5, 8), bar(0.5, 8, "ascii")
    ('████░░░░', '####....')
    """
    full, empty = "█░" if "utf" in (encoding or "").lower() else "#."
    done = round(min(max(share, 0.0), 1.0) * cells)
    return full * done + empty * (cells - done)


def percent(share: float | None) -> str:
    """Write a fraction as a person reads it.

    >>> percent(0.9431), percent(-0.0001), percent(None)
    ('94.3 %', '0.0 %', '-')
    """
    return "-" if share is None else f"{100 * share:z.1f} %"


def size(count: float | None) -> str:
    """Write a number of bytes.

    >>> size(812), size(3_400_000)
    ('812 B', '3.4 MB')
    """
    if count is None:
        return ""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def measures(
    on: Console, shown: Any, found: Mapping[str, Any], beside: Mapping[str, Any] | None = None
) -> None:
    """Print measures of a summary, one a line, beside another's; what the data cannot tell is a dash.

    `shown` is the task's module that says in words what each measure is, and of what.
    """
    others = [] if beside is None else [beside]
    rows = [
        (words, *(_measure(name, each.get(name)) for each in (found, *others)))
        for name, words in shown.MEASURES.items()
    ]
    columns = (f"on {found['n']} {shown.ITEMS.many}", "model", "snapshot")
    kept = columns[: 2 + len(others)]
    table(on, kept, rows, right=kept[1:])


def _measure(name: str, value: float | None) -> str:
    if value is not None and name in ("auroc", "threshold"):
        return f"{value:.3f}"
    if value is not None and name.endswith("_per_hour"):
        return f"{value:.1f}"
    return percent(value)


def shown_of(module: Any, found: Any) -> Any:
    """What shows a summary or a loaded run of a task, where that depends on how it was trained."""
    return module.shown_for(found) if hasattr(module, "shown_for") else module.shown


def comparison(on: Console, headline: tuple[str, str], summary: Mapping[str, Any], each: str) -> None:
    """Print the model beside the snapshot baseline, and in words which of the two to take.

    `headline` is a column and the measure that stands in it; `each` is what the last column times.
    """
    column, measure = headline
    rows = [
        (
            row["name"],
            percent(row[measure]),
            f"{row['seconds']:.1f} s",
            size(row["bytes"]),
            f"{row['milliseconds']:.2f} ms",
        )
        for row in summary["table"]
    ]
    columns = ("", column, "training", "file", each)
    table(on, columns, rows, right=columns[1:])
    say(on)
    say(on, summary["verdict"])


def table(
    on: Console, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()
) -> None:
    """Print a table that folds long cells rather than running past the edge."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(printable(str(value))) for value in row))
    on.print(drawn)


def say(on: Console, text: str = "", indent: int = 0) -> None:
    """Print sentences, wrapped at words to the terminal's width."""
    from rich.padding import Padding

    on.print(Padding(text, (0, 0, 0, indent), expand=False) if indent else text)


def line(on: Console, text: str) -> None:
    """Print a command or a path in one piece, so that it can be copied."""
    on.print(text, soft_wrap=True)
