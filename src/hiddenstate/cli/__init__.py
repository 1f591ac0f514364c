"""HOW DO I SAY IT IN A TERMINAL? One verb a room, one file a verb; each imports what is heavy when it runs.

train evaluate predict chat     a task's model: from data to a folder, and from the folder to answers
compare                         is one run better than another, or is it chance?
cells data                      what is there to choose from
data check                      what in your data would mislead training
record                          recordings of your own words: prompted, checked, whole; in record/
lens                            what does it remember, and why does it forget: one file a view, in lens/
bench                           how fast, beside the peers
demo                            all of it in a minute
options.py                      what several verbs take
screen.py                       what a person or a program sees
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from hiddenstate import __version__
from hiddenstate.cli import (
    bench,
    cells,
    chat,
    check,
    compare,
    data,
    demo,
    evaluate,
    lens,
    predict,
    record,
    screen,
    train,
)
from hiddenstate.errors import HiddenStateError

VERBS = (
    train.train,
    evaluate.evaluate,
    predict.predict,
    chat.chat,
    compare.compare,
    cells.cells,
    data.data,
    record.record,
    bench.bench,
    demo.demo,
)
# Of two words: `hiddenstate data check FILE`. A file of that name is ./check.
LONGER_VERBS = {"data check": check.check}


class Verbs(TyperGroup):
    """The verbs, and what becomes of an error that was raised on purpose: its message and its exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of the table; a group stands after `compare`, the last verb that asks a run."""
        names = [name for name in super().list_commands(ctx) if name != "lens"]
        names.insert(names.index("compare") + 1, "lens")
        return names

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if (name := " ".join(args[:2])) in LONGER_VERBS:
            return name, self.get_command(ctx, name), args[2:]
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except HiddenStateError as error:
            screen.tell(str(error))
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            screen.tell("stopped by Ctrl-C.")
            raise typer.Exit(130) from None


# Plain help: it needs no rich, and looks the same in every width and file. A bug keeps its traceback.
app = typer.Typer(cls=Verbs, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)
for verb in VERBS:
    app.command()(verb)
    for name, longer in LONGER_VERBS.items():
        if name.split()[0] == verb.__name__:  # beside the verb that it belongs to
            app.command(name)(longer)
app.add_typer(lens.app, name="lens")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"hiddenstate {__version__}")
        raise typer.Exit


@app.callback()
def hiddenstate(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Recurrent networks from equation to application.

    Begin with: hiddenstate demo
    """


def main() -> None:
    """Run the command line on sys.argv, and leave with its exit code."""
    # Before torch is loaded: threads that wait for one another should sleep. Where other programs want the
    # cores too, threads that spin while they wait make training several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a sign shows a question mark; nothing dies of an encoding.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")
    app(prog_name="hiddenstate")
