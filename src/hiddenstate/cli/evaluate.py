"""hiddenstate evaluate RUN: how good is it, on data it has not seen?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hiddenstate.cli import options, screen
from hiddenstate.errors import Unsupported


def evaluate(
    run: options.RunFolder,
    data: options.DataName = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="Which part of the data: train, validation or test; by default test, of recordings without "
            "one what training judged.",
        ),
    ] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    skip_bad: options.SkipBad = False,
    threshold: options.Threshold = None,
    json: options.Json = False,
) -> None:
    """Measure a run on what it has not seen, or on other data.

    hiddenstate evaluate runs/tickets --data other.csv --json

    hiddenstate evaluate runs/assistant --split validation

    hiddenstate evaluate runs/commands --data others.jsonl --threshold 0.9
    """
    from hiddenstate import tasks

    module = tasks.of_run(run)
    more: dict[str, Any] = {"skip_bad": True} if skip_bad else {}
    if more and not getattr(module, "HEARS", False):
        raise Unsupported(f"--skip-bad leaves recordings out, and {run} reads texts; leave it out.")
    more |= options.moved(module, threshold)
    if split is not None:
        more["split"] = split
    found = module.evaluate(run, data, text=text, label=label, **more)
    on = screen.console(for_program=json)
    screen.measures(on, screen.shown_of(module, found), found)
    screen.say(on)
    for sentence in found.get("notes", ()):
        screen.say(on, screen.printable(sentence))
    screen.line(on, f"Report    {found['report']}")
    if json:
        screen.emit(found)
