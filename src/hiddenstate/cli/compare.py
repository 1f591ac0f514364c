"""hiddenstate compare RUN RUN: which intents got better, which worse, and is it chance?"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import options, screen
from hiddenstate.errors import InvalidArgument, Unsupported

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 12  # intents, and texts
OUTSIDE = "(out of scope)"
REFUSED = "(refused)"


def compare(
    first: Annotated[Path, typer.Argument(metavar="RUN", help="The run that is there.")],
    second: Annotated[Path, typer.Argument(metavar="RUN", help="The run that may replace it.")],
    data: options.DataName = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Which part of the data.  [default: test if there is one, else all]"
        ),
    ] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    tolerance: Annotated[
        float,
        typer.Option(metavar="POINTS", help="Leave with 1 where the second is worse by more than that."),
    ] = 0.5,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all texts whose answer changed there.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Say what a second run answers better, and what worse.

    hiddenstate compare runs/live runs/new --data held-out.csv

    hiddenstate compare runs/live runs/new --data held-out.csv --tolerance 1 --csv changed.csv --json

    Exit code 1: the second is right less often by more than --tolerance points.
    """
    from hiddenstate import intact, tasks

    if data is None:
        raise InvalidArgument("compare expects texts with labels to judge on: --data FILE.")
    if not 0 <= tolerance <= 100:
        raise InvalidArgument(f"--tolerance expects points from 0 to 100, came {tolerance:g}.")
    module = tasks.of_run(first)
    if module is not tasks.of_run(second) or not hasattr(module, "comparing"):
        raise Unsupported(
            f"compare takes two runs of train classify; {first} and {second} are not both that."
        )
    found = module.comparing.compare(first, second, data, split=split, text=text, label=label)
    worse = module.comparing.is_worse(found, tolerance)
    on = screen.console(for_program=json)
    show(on, found)
    if csv is not None:
        intact.write(csv, as_csv(found["changed"]))
        screen.line(on, f"Changed   {csv}")
    screen.say(on)
    screen.say(on, verdict(found, tolerance, worse))
    if json:
        screen.emit({**found, "tolerance": tolerance, "worse": worse})
    if worse:
        raise typer.Exit(1)


def show(on: Console, found: Mapping[str, Any]) -> None:
    """Draw both runs, the intents that changed most, refusals and a few texts."""
    rows = [
        ("first", str(found["first"]), screen.percent(found["first_right"])),
        ("second", str(found["second"]), screen.percent(found["second_right"])),
    ]
    screen.table(
        on, ("", "run", f"right of {found['n']} texts"), rows, right=(f"right of {found['n']} texts",)
    )
    screen.say(on)
    _intents(on, found["intents"])
    screen.say(on)
    for sentence in sentences(found):
        screen.say(on, screen.printable(sentence))
    _texts(on, found["changed"])


def _intents(on: Console, intents: Sequence[Mapping[str, Any]]) -> None:
    """Those that lost and gained most, and how many are as they were."""
    changed = [row for row in intents if row["gained"] or row["lost"] or row["new"]]
    half = SHOWN // 2
    shown = changed if len(changed) <= SHOWN else [*changed[:half], *changed[-half:]]
    rows = [
        (
            (row["label"] or OUTSIDE) + (" (new)" if row["new"] else ""),
            row["n"],
            "-" if row["new"] else screen.percent(row["first_right"]),
            screen.percent(row["second_right"]),
            f"+{row['gained']} -{row['lost']}",
            "" if row["p_all"] is None else f"{row['p_all']:.3f}",
        )
        for row in shown
    ]
    if rows:
        columns = ("intent", "texts", "first", "second", "texts +/-", "p")
        screen.table(on, columns, rows, right=columns[1:])
    same = len(intents) - len(changed)
    more = f", {len(changed) - len(shown)} more changed" if len(changed) > len(shown) else ""
    screen.say(on, f"{same} intents are as they were{more}. p is corrected for the number of intents (Holm).")


def sentences(found: Mapping[str, Any]) -> list[str]:
    """What else changed: intents that one run alone knows, and refusals."""
    told = []
    if found["only_second"]:
        right = "" if not found["new_n"] else f"; of their {found['new_n']} texts it answers "
        right += f"{screen.percent(found['new_right'])} rightly" if found["new_n"] else ""
        told.append(f"Only the second knows {_listed(found['only_second'])}{right}.")
    if found["only_first"]:
        told.append(f"The second no longer knows {_listed(found['only_first'])}.")
    each = found["refusals"]
    told.append(
        f"In scope: {each['in_scope_now_refused']} texts more are refused, {each['in_scope_now_accepted']} "
        f"no longer. Out of scope: {each['out_of_scope_now_refused']} and "
        f"{each['out_of_scope_now_accepted']}."
    )
    return told


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(labels[:8]) + (f" and {len(labels) - 8} more" if len(labels) > 8 else "")


def _texts(on: Console, changed: Sequence[Mapping[str, Any]]) -> None:
    """A few texts whose answer changed, those that were right first."""
    if not changed:
        screen.say(on, "No answer changed.")
        return
    order = ("lost", "gained", "wrong in both")
    ranked = sorted(changed, key=lambda row: order.index(row["change"]))
    rows = [
        (row["change"], row["text"], row["first"] or REFUSED, row["second"] or REFUSED)
        for row in ranked[:SHOWN]
    ]
    screen.say(on)
    screen.table(on, ("", "text", "first", "second"), rows)
    if len(ranked) > SHOWN:
        screen.say(on, f"{len(ranked)} answers changed; --csv FILE writes them all.")


def verdict(found: Mapping[str, Any], tolerance: float, worse: bool) -> str:
    """In words: by how much, whether it is within chance, and whether it is tolerated."""
    if found["points"] is None:
        return "The data hold no text of an intent that the first run knows, so nothing can be judged."
    counted = f"{found['gained']} texts gained, {found['lost']} lost, p = {found['p']:.3g}"
    chance = "within what chance would do" if found["within_chance"] else "more than chance would do"
    points = found["points"]
    if not points:
        words = "The second run is right as often as the first"
    else:
        words = f"The second run is {abs(points):.1f} points {'better' if points > 0 else 'worse'}"
    ending = f" That is past the tolerance of {tolerance:g} points." if worse else ""
    return f"{words} ({counted}): {chance}.{ending}"


def as_csv(changed: Sequence[Mapping[str, Any]]) -> bytes:
    """All texts whose answer changed, as a table; a refusal and out of scope are empty cells."""
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    names = ("change", "text", "truth", "first", "second")
    rows.writerow(names)
    rows.writerows([row[name] or "" for name in names] for row in changed)
    return written.getvalue().encode("utf-8", "replace")
