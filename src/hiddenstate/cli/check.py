"""hiddenstate data check FILE: what in a file would mislead training, on screen and as a CSV to correct."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import options, screen
from hiddenstate.errors import InvalidArgument

if TYPE_CHECKING:
    from rich.console import Console

    from hiddenstate.data.checks.findings import Verdict
    from hiddenstate.tasks.classify.checking import Checked

SHOWN = 3  # of each kind; the CSV and --json have them all

FileName = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        show_default=False,
        autocompletion=options.text_names,
        help="A CSV, TSV, JSONL, Parquet or CLINC150 JSON file, or a name that `hiddenstate data` lists.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="CSV",
        show_default=False,
        help="Where the rows to correct go.  [default: NAME-to-correct.csv, -2, -3, ...]",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file that --out names.")]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="How rows are dealt to the five folds.")]


def check(
    file: FileName,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    out: Out = None,
    overwrite: Overwrite = False,
    seed: Seed = 0,
    json: options.Json = False,
) -> None:
    """Find what would mislead training on your data.

    hiddenstate data check tickets.csv

    hiddenstate data check tickets.csv --label category --out correct.csv --json

    Exit code 1 where training would be misled, 0 where there is at most something to look at.
    """
    from hiddenstate.data import recordings
    from hiddenstate.data.checks.correction import csv_of
    from hiddenstate.intact import write
    from hiddenstate.tasks import classify

    if recordings.are_at(file):
        raise InvalidArgument(
            f"{file} holds recordings, and what is checked here are texts with labels; "
            f"`hiddenstate data {file}` says what is in it, and `train speech` lists all that cannot be "
            "used, before it trains"
        )
    target = _free(file, out, overwrite)
    checked = classify.check(file, text=text, label=label, seed=seed)
    if checked.verdicts:
        write(target, csv_of(checked.verdicts))
    on = screen.console(for_program=json)
    _show(on, file, checked)
    if checked.verdicts:
        screen.line(on, f"To correct    {target}")
    if json:
        screen.emit(summary(checked, target))
    if checked.misleads:
        raise typer.Exit(1)


def summary(checked: Checked, target: Path) -> dict[str, Any]:
    """Return what a program is told."""
    from hiddenstate.tasks.classify.checking import summary as plain

    return {**plain(checked), "to_correct": str(target) if checked.verdicts else None}


def _free(file: str, out: Path | None, overwrite: bool) -> Path:
    """Return where the CSV goes: never over the data, and over an older one only where that is asked for."""
    if out is None:
        if overwrite:
            raise InvalidArgument("--overwrite replaces the file that --out names; give --out too.")
        stem = Path(file).stem
        number, found = 1, Path(f"{stem}-to-correct.csv")
        while found.exists():
            number += 1
            found = Path(f"{stem}-to-correct-{number}.csv")
        return found
    if out.exists() and Path(file).exists() and out.samefile(file):
        raise InvalidArgument(f"--out names the data themselves, {out}; choose another file.")
    if out.is_dir() or not out.parent.is_dir():
        came = "a folder" if out.is_dir() else "one in a folder that does not exist"
        raise InvalidArgument(f"--out expects a file to write, came {came}: {out}.")
    if out.exists() and not overwrite:
        raise InvalidArgument(f"{out} exists; choose another file, or replace it with --overwrite.")
    return out


def _show(on: Console, file: str, checked: Checked) -> None:
    from hiddenstate.data.checks.findings import KINDS

    reading = checked.reading
    unusable = reading.count - len(reading.rows)
    screen.say(
        on,
        f"{screen.printable(file)}: {reading.count:,} rows, {checked.labels:,} labels"
        + (f"; {unusable:,} rows cannot be used" if unusable else ""),
    )
    screen.say(on)
    if checked.verdicts:
        rows = [
            (KINDS[each.kind].title, f"{len(each.findings):,}", "misleads" if each.misleads else "look at")
            for each in checked.verdicts
        ]
        screen.table(on, ("found", "times", ""), rows, right=("times",))
        screen.say(on)
    for verdict in checked.verdicts:
        _examples(on, verdict, reading.unit)
    for note in checked.notes:
        screen.say(on, note)
    if checked.misleads:
        screen.say(on, "Training on this file would be misled: correct it first.")
    else:
        screen.say(on, "Nothing here would mislead training.")


def _examples(on: Console, verdict: Verdict, unit: str) -> None:
    """Print the worst findings of a kind, what to do, and how many more there are."""
    from hiddenstate.data.checks.findings import KINDS

    kind = KINDS[verdict.kind]
    screen.say(on, f"{kind.title[:1].upper()}{kind.title[1:]}. {kind.cure}")
    for each in verdict.findings[:SHOWN]:
        place = "" if each.number is None else f"{unit} {each.number}:"
        label = f"[{_short(each.label, 40)}]" if each.label else ""
        head = " ".join(part for part in (place, _short(each.text, 60), label) if part)
        if head:
            screen.say(on, screen.printable(head), 2)
        other = "" if each.other is None else f" ({unit} {each.other})"
        screen.say(on, screen.printable(_short(each.says, 300)) + other, 4 if head else 2)
    if (more := len(verdict.findings) - SHOWN) > 0:
        screen.say(on, f"... and {more:,} more", 2)
    screen.say(on)


def _short(text: str, most: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1].rstrip() + "…"
