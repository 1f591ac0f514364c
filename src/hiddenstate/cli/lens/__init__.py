"""HOW DO I LOOK INSIDE? `hiddenstate lens VIEW ...`: one file a view, which imports what is heavy when run.

output.py    what every view takes and writes: --json, --csv, --png, --svg, --html
drawn.py     what a view looks like in a terminal
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from hiddenstate.cli.lens import compare, gates, gradient, horizon, memory, states
from hiddenstate.errors import InvalidArgument, nearest

VIEWS: tuple[Callable[..., None], ...] = (
    memory.memory,
    gradient.gradient,
    gates.gates,
    states.states,
    compare.compare,
    horizon.horizon,
)


class Views(TyperGroup):
    """The views; a run in a view's place is told from a misspelt view."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in self.commands and not args[0].startswith("-"):
            known = list(self.commands)
            if (Path(args[0]) / "spec.json").exists():
                example = f'hiddenstate lens memory {args[0]} "what time is it?"'
                raise InvalidArgument(f"lens expects a view before the run, such as: {example}")
            raise InvalidArgument(f"lens expects a view, came {args[0]!r}: {nearest(args[0], known)}")
        return super().resolve_command(ctx, args)


app = typer.Typer(cls=Views, rich_markup_mode=None, no_args_is_help=True)
for view in VIEWS:
    app.command()(view)


@app.callback()
def lens() -> None:
    """See what a run remembers, and why it forgets.

    hiddenstate lens memory RUN "what time is it?"

    hiddenstate lens memory RUN "what time is it?" --png memory.png --html memory.html
    """
