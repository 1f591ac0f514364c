"""hiddenstate demo: all of it in a minute, on the built-in starter set."""

from __future__ import annotations

import json as plain
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import chat, options, screen, train
from hiddenstate.errors import RunError

if TYPE_CHECKING:
    from rich.console import Console

ASKED = {"data": "starter", "least_steps": 400}  # two thirds of the usual: a newcomer waits
QUESTION = "what time is it?"
SUMMARY = "demo.json"  # what training said, so that a second call can say it again


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the run goes.")] = Path("runs/demo"),
    again: Annotated[
        bool, typer.Option("--again", help="Train again, where the run is there already.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Train a first model, and ask it something.

    Trains the intent classifier on the built-in starter set in about a minute. A second call shows the same
    run again; --again trains it anew.
    """
    on = screen.console(for_program=json)
    if (out / SUMMARY).is_file() and not again:
        summary = _kept(out)
        screen.say(on, f"{out} is there already, and this is what it gave; demo --again trains it anew.")
    else:
        summary = _trained(on, out, again)
    screen.say(on)
    train.judged(on, summary)
    _ask(on, out)
    _what_next(on, summary)
    if json:
        screen.emit(summary)
    if summary["stopped"] == "interrupted":
        raise typer.Exit(train.INTERRUPTED)


def _kept(out: Path) -> dict[str, Any]:
    """Read what an earlier call's training said; raises RunError where the file is damaged."""
    from hiddenstate.runs import Run

    try:
        summary = plain.loads(Run.open(out).text(SUMMARY))
    except ValueError:
        summary = None
    if (
        not isinstance(summary, dict)
        or not {"task", "table", "verdict", "baseline", "pictures", "stopped"} <= summary.keys()
    ):
        raise RunError(f"{out / SUMMARY} is damaged. Train it anew: {options.command()} demo --again")
    return summary


def _trained(on: Console, out: Path, again: bool) -> dict[str, Any]:
    """Train on the starter set, or go on where an earlier call was killed; keep and return the summary."""
    from hiddenstate.runs import Run

    screen.say(
        on,
        "Training an intent classifier on the starter set: 20 things one asks an assistant, and some that it "
        "should refuse. It takes about a minute.",
    )
    if (out / "state.safetensors").is_file() and not again:
        summary = train.go_on(out, None)
    else:
        started = (out / "spec.json").is_file()
        summary = train.begin("classify", ASKED, out, again or started, None)
    if summary["stopped"] == "finished":
        Run.open(out).write(SUMMARY, plain.dumps(summary, ensure_ascii=False) + "\n")
    return summary


def _ask(on: Console, out: Path) -> None:
    from hiddenstate import tasks

    screen.say(on)
    screen.say(on, f'"{QUESTION}", and what it takes it for after each word:')
    screen.say(on)
    module = tasks.of_run(out)
    chat.answer(on, module.shown, module.load(out), QUESTION)


def _what_next(on: Console, summary: Mapping[str, Any]) -> None:
    """Say where the run lies, and how to do the same with one's own data."""
    name = options.command()
    screen.say(on)
    train.where(on, summary)
    screen.say(on)
    screen.say(on, "Talk to it:")
    screen.line(on, f"  {name} chat {summary['run']}")
    screen.say(on)
    screen.say(on, "The same with your CSV, a column `text` and a column `label`:")
    screen.line(on, f"  {name} train classify --data yours.csv --out runs/yours")
    screen.line(on, f"  {name} evaluate runs/yours")
    screen.line(on, f"  {name} chat runs/yours")
