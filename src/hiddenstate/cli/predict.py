"""hiddenstate predict RUN: answers for texts from the command line, a file or a pipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import options, screen
from hiddenstate.errors import InvalidArgument, Unsupported

if TYPE_CHECKING:
    from rich.console import Console


Texts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TEXT]...",
        show_default=False,
        help="Each in quotes; none: read stdin. For a run that listens: recordings, or folders of them.",
    ),
]
File = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A UTF-8 file of any size with one text a line.")
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the answers there once all are there, not to stdout."),
]
Why = Annotated[
    bool,
    typer.Option("--why", help="Say what speaks for the answer: words, runner-up, nearest training texts."),
]
Arriving = Annotated[
    str | None,
    typer.Option(
        "--stream", metavar="-", help="Hear stdin while it arrives: WAV, or 16-bit samples of the run's rate."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object for each text, one a line.")]


def predict(
    run: options.RunFolder,
    texts: Texts = None,
    file: File = None,
    out: Out = None,
    why: Why = False,
    stream: Arriving = None,
    threshold: options.Threshold = None,
    json: Json = False,
) -> None:
    """Say intents and slots of texts, or what recordings say.

    hiddenstate predict runs/tickets "where is my parcel?" "cancel it"

    hiddenstate predict runs/assistant "fly to oslo on monday" --json

    hiddenstate predict runs/tickets --file texts.txt --out answers.jsonl --json

    hiddenstate predict runs/tickets "where is my parcel?" --why

    hiddenstate predict runs/commands monday.wav tuesday.wav

    hiddenstate predict runs/commands --stream - --threshold 0.9
    """
    from hiddenstate import tasks

    if texts and file is not None:
        raise InvalidArgument("predict takes texts or --file, and both were given; leave one out.")
    module = tasks.of_run(run)
    moved = options.moved(module, threshold)
    if getattr(module, "HEARS", False):
        from hiddenstate.cli import hear

        hear.predict(module, run, hear.Given(texts or (), file, out, why, stream, json, moved))
        return
    if texts and out is not None:
        raise InvalidArgument("--out takes the answers to --file or to a pipe; leave it out.")
    if stream is not None:
        raise Unsupported(f"--stream hears speech, and {run} reads texts; pipe them in without it.")
    if why and not texts and not json:
        raise InvalidArgument("--why draws the texts of the command line; for a file or a pipe add --json.")
    given = _explaining(module, run) if why else Answering(module.load, module.shown)
    if texts:
        _show(given, given.load(run).predict(texts), json)
    else:
        _show_all(given, run, file, out, json)


@dataclass(frozen=True)
class Answering:
    """Who answers, and how answers are shown: `load` reads what can `predict`, `draw` what is left to us."""

    load: Callable[[Path], Any]
    shown: Any
    draw: Callable[[Console, Sequence[Any]], None] | None = None


def _explaining(module: Any, run: Path) -> Answering:
    """The same, with reasons; raises Unsupported where a task has none to give."""
    explaining = getattr(module, "explaining", None)
    if explaining is None:
        raise Unsupported(
            f"--why explains the intents of train classify; {run} was trained for another task."
        )
    from hiddenstate.cli import why

    return Answering(explaining.Explainer.load, explaining, why.show)


def _show(given: Answering, found: Sequence[Any], json: bool) -> None:
    """Print the answers to a few texts of the command line."""
    if len(found) > 2 and not any(" " in given.shown.values(each)["text"] for each in found):
        screen.tell(f"read {len(found)} texts of one word; put quotes around a sentence.")
    _say_cut(sum(each.dropped > 0 for each in found))
    if json:
        for each in found:
            screen.emit(given.shown.values(each))
        return
    if given.draw is not None:
        given.draw(screen.console(), found)
        return
    shown = given.shown.table(found)
    screen.table(screen.console(), shown.columns, shown.rows, right=shown.right)


def _show_all(given: Answering, run: Path, file: Path | None, out: Path | None, json: bool) -> None:
    """Answer a file or a pipe line by line, and say what a person should know of it."""
    from hiddenstate.cli import bulk

    path = None if out is None else bulk.checked_out(out, file)
    with bulk.source(file) as source:
        model = given.load(run)
        if path is None:
            count = bulk.answer(source, model.predict, given.shown, json)
        else:
            count = bulk.answer_into(path, source, model.predict, given.shown, json)
        if not count.texts:
            raise bulk.no_text(source)
    _say_cut(count.dropped)
    if count.blank:
        what = "one blank line, which has" if count.blank == 1 else f"{count.blank:,} blank lines, which have"
        screen.tell(f"{what} no answer.")
    if path is not None:
        screen.tell(f"{count.texts:,} answer{'s' * (count.texts != 1)} in {out}.")


def _say_cut(cut: int) -> None:
    if cut:
        screen.tell(f"{cut:,} texts are too long, and were not read to the end.")
