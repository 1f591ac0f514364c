"""hiddenstate lens horizon: how far back does a state reach?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import options, screen
from hiddenstate.cli.lens import drawn, output
from hiddenstate.cli.lens.gradient import Hidden, Layers, Run, Seed
from hiddenstate.errors import InvalidArgument

if TYPE_CHECKING:
    from rich.console import Console

    from hiddenstate.lens.reaching import HorizonView

Init = Annotated[
    str | None, typer.Option(metavar="NAME", help="default, uniform, orthogonal, identity or chrono.")
]
Steps = Annotated[int | None, typer.Option(metavar="COUNT", help="Steps of the random sequences (500).")]
Batch = Annotated[int | None, typer.Option(metavar="COUNT", help="Random sequences (16).")]


def horizon(
    run: Run = None,
    cell: options.CellName = None,
    init: Init = None,
    activation: options.Activation = None,
    hidden: Hidden = None,
    layers: Layers = None,
    steps: Steps = None,
    batch: Batch = None,
    seed: Seed = 0,
    csv: output.Csv = None,
    png: output.Png = None,
    svg: output.Svg = None,
    html: output.Html = None,
    overwrite: output.Overwrite = False,
    json: options.Json = False,
) -> None:
    """See how far back a state reaches, and whether it settles.

    hiddenstate lens horizon runs/assistant

    hiddenstate lens horizon --cell rnn --init orthogonal --png horizon.png
    """
    asked = output.checked(output.Asked(csv, png, svg, html, overwrite, json))
    sizes = {"steps": steps, "batch": batch}
    given: dict[str, Any] = {name: value for name, value in sizes.items() if value is not None}
    named = {"init": init, "activation": activation, "hidden": hidden, "layers": layers}
    fresh = {name: value for name, value in named.items() if value is not None}
    if (run is None) == (cell is None):
        came = "neither" if run is None else f"both: {run} and --cell {cell}"
        raise InvalidArgument(
            f"expected a run's folder, or --cell for a network not trained yet; came {came}"
        )
    if run is not None and fresh:
        name = next(iter(fresh))
        raise InvalidArgument(f"--{name} is said of networks not trained yet: name one with --cell")
    from hiddenstate import lens

    if cell is not None:
        fresh |= {"initialisation": fresh.pop("init")} if "init" in fresh else {}
        given |= {"cell": cell, **fresh}
    view = lens.horizon(None if run is None else str(run), seed=seed, **given)
    output.deliver(view, asked, lambda on: _show(on, view))


def _show(on: Console, view: HorizonView) -> None:
    """Print the verdict, the memory capacity curve, and the first exponents of each layer."""
    drawn.opening(on, view)
    capacity, spectrum = view.arrays["capacity"].values, view.arrays["exponents"].values
    what = "Share of what was read that can be read out of the state"
    drawn.curve(on, what, capacity[-1], "steps back", first=0)
    rows = []
    for layer, row in enumerate(spectrum):
        shown = ", ".join(f"{value:.3g}" for value in row[:3])
        rows.append(
            (layer, shown, f"{view.facts['dimension'][layer]:.3g}", f"{view.facts['capacity'][layer]:.3g}")
        )
    screen.say(on)
    columns = ("layer", "first exponents", "dimension", "capacity")
    screen.table(on, columns, rows, right=columns[2:])
    screen.say(on, screen.printable(f"Driven by {view.facts['drive']}, {view.facts['sequences']} sequences."))
    drawn.closing(on, view)
