"""hiddenstate lens gradient: does the gradient vanish on its way back through time?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import options
from hiddenstate.cli.lens import output
from hiddenstate.errors import InvalidArgument

if TYPE_CHECKING:
    from hiddenstate.lens.gradient_view import GradientView

Run = Annotated[
    Path | None, typer.Argument(metavar="RUN", show_default=False, help="A run's folder; or give --cell.")
]
Text = Annotated[
    str | None,
    typer.Argument(
        metavar="TEXT",
        show_default=False,
        help="One text, in quotes; without it the run's own examples.",
    ),
]


Label = Annotated[
    str | None, typer.Option(metavar="NAME", help="The answer whose loss is taken; else the predicted one.")
]
Data = Annotated[Path | None, typer.Option(metavar="FILE", help="Texts of a file instead of the run's own.")]
Origin = Annotated[
    str | None,
    typer.Option("--from", metavar="WHERE", help="last (output alone), loss, or both; it matters which."),
]
Cells = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        autocompletion=options.cell_names,
        help="No run: networks not trained yet, of one cell or more.",
    ),
]
Init = Annotated[
    str | None,
    typer.Option(metavar="NAMES", help="default, uniform, orthogonal, identity, chrono; one or more."),
]
Activation = Annotated[
    str | None, typer.Option(metavar="NAMES", help="Such as tanh,relu; or by gate: h=relu,f=hard_sigmoid")
]


def _count(help: str) -> Any:
    return typer.Option(metavar="COUNT", show_default=False, help=help)


Examples = Annotated[int | None, _count("Examples gone back through, at most (256).")]
Steps = Annotated[int | None, _count("Steps of the random sequences (100).")]
Hidden = Annotated[int | None, _count("Units of a layer (64).")]
Layers = Annotated[int | None, _count("Layers of the network (1).")]
Features = Annotated[int | None, _count("Numbers of each step (32).")]
Batch = Annotated[int | None, _count("Random sequences (32).")]
Both = Annotated[bool, typer.Option("--bidirectional", help="Read from the end as well.")]
Seed = Annotated[int, typer.Option(metavar="NUMBER", help="Of all that is drawn.")]


def gradient(
    run: Run = None,
    text: Text = None,
    label: Label = None,
    data: Data = None,
    origin: Origin = None,
    examples: Examples = None,
    cell: Cells = None,
    init: Init = None,
    activation: Activation = None,
    steps: Steps = None,
    hidden: Hidden = None,
    layers: Layers = None,
    features: Features = None,
    batch: Batch = None,
    bidirectional: Both = False,
    seed: Seed = 0,
    csv: output.Csv = None,
    png: output.Png = None,
    svg: output.Svg = None,
    html: output.Html = None,
    overwrite: output.Overwrite = False,
    json: options.Json = False,
) -> None:
    """See whether the gradient vanishes on its way back, and why.

    hiddenstate lens gradient runs/assistant

    hiddenstate lens gradient runs/assistant "what time is it?" --label time --png gradient.png

    hiddenstate lens gradient --cell rnn,lstm,gru --steps 100 --init orthogonal
    """
    asked = output.checked(output.Asked(csv, png, svg, html, overwrite, json))
    named = {"steps": steps, "hidden": hidden, "layers": layers, "features": features, "batch": batch}
    fresh: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    fresh |= {"init": init} if init else {}
    fresh |= {"activation": activation} if activation else {}
    fresh |= {"bidirectional": True} if bidirectional else {}
    view = _of_cells(
        cell, fresh, run, seed, origin, {"--label": label, "--data": data, "--examples": examples}
    )
    view = view or _of_run(run, text, label, data, origin, examples, seed)
    from hiddenstate.cli.lens.gradient_drawn import show

    output.deliver(view, asked, lambda on: show(on, view))


def _of_cells(
    cell: str | None,
    fresh: dict[str, Any],
    run: Path | None,
    seed: int,
    origin: str | None,
    of_runs: dict[str, Any],
) -> GradientView | None:
    """Look at networks before training; None where a run is asked for."""
    from hiddenstate import lens

    if cell is None:
        if fresh:
            name = next(iter(fresh))
            raise InvalidArgument(f"--{name} is said of networks not trained yet: name them with --cell")
        return None
    if run is not None:
        raise InvalidArgument(f"expected a run or --cell, came both: {run} and --cell {cell}; leave one out")
    wrong = next((name for name, value in of_runs.items() if value is not None), None)
    if wrong is not None:
        raise InvalidArgument(f"{wrong} is said of a run, and networks not trained yet read random sequences")
    chosen: dict[str, Any] = {"cell": _names(cell)}
    if "init" in fresh:
        chosen["initialisation"] = _names(fresh.pop("init"))
    if "activation" in fresh:
        chosen["activation"] = _names(fresh.pop("activation"))
    return lens.gradient(origin=origin, seed=seed, **chosen, **fresh)


def _of_run(
    run: Path | None,
    text: str | None,
    label: str | None,
    data: Path | None,
    origin: str | None,
    examples: int | None,
    seed: int,
) -> GradientView:
    from hiddenstate import lens

    if run is None:
        raise InvalidArgument("expected a run's folder, or --cell for networks not trained yet; came neither")
    if text is not None and data is not None:
        raise InvalidArgument("expected a text or --data, came both; leave one out")
    if text is not None and examples is not None:
        raise InvalidArgument(
            "--examples is said of a run's own examples or --data; leave it or the text out"
        )
    most = {} if examples is None else {"examples": examples}
    return lens.gradient(run, text if data is None else data, label, origin=origin, seed=seed, **most)


def _names(written: str) -> list[str]:
    """Take apart "tanh,relu", but not "leaky_relu(0.2)" nor "h=relu,f=sigmoid".

    >>> _names("rnn, lstm"), _names("hard_sigmoid(0.2, 0.5),relu"), _names("h=relu,f=hard_sigmoid")
    (['rnn', 'lstm'], ['hard_sigmoid(0.2, 0.5)', 'relu'], ['h=relu,f=hard_sigmoid'])
    """
    if "=" in written.partition("(")[0]:
        return [written]
    return [name for part in re.split(r",(?![^()]*\))", written) if (name := part.strip())]
