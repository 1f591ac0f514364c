"""hiddenstate lens compare: the lesson in one picture. Who remembers longer, and what of the gradient?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import options, screen
from hiddenstate.cli.lens import output
from hiddenstate.errors import InvalidArgument

if TYPE_CHECKING:
    from rich.console import Console

    from hiddenstate.lens.recall.view import CompareView


Cells = Annotated[
    str, typer.Option(metavar="NAMES", help="Cells with commas between: see `hiddenstate cells`.")
]
Activation = Annotated[
    str, typer.Option(metavar="NAMES", help="In place of each cell's tanh; own: the cell as it is.")
]
Init = Annotated[
    str,
    typer.Option(
        metavar="NAMES",
        help="usual (chrono where the cell has a gate for it, else orthogonal), default, uniform, "
        "orthogonal, identity, chrono.",
    ),
]
Delays = Annotated[str, typer.Option(metavar="STEPS", help="At least two, with commas between.")]
Parameters = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, show_default=False, help="The budget of each network.  [default: 5000]"),
]
Units = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, show_default=False, help="So many units each, in place of a budget."),
]
Steps = Annotated[
    int, typer.Option(metavar="N", min=1, help="Training steps of a network at a delay, at most.")
]
Together = Annotated[
    bool, typer.Option("--together", help="One network for all delays, mixed, in place of one for each.")
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Of the sequences and first weights.")]
Seeds = Annotated[int, typer.Option(metavar="N", min=1, help="So many seeds, from --seed on.")]


def compare(
    cells: Cells = "rnn,lstm,gru",
    activation: Activation = "tanh",
    init: Init = "usual",
    delays: Delays = "5,10,20,50,100,200",
    parameters: Parameters = None,
    units: Units = None,
    together: Together = False,
    steps: Steps = 2000,
    seed: Seed = 0,
    seeds: Seeds = 1,
    csv: output.Csv = None,
    png: output.Png = None,
    svg: output.Svg = None,
    html: output.Html = None,
    overwrite: output.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Train cells side by side on recalling a symbol after a delay.

    hiddenstate lens compare --cells rnn,lstm,gru --activation tanh,relu --png lesson.png

    hiddenstate lens compare --cells lstm --init default,chrono --delays 5,20,100 --seeds 3 --json

    Every network learns every delay alone, from the same sequences, within the same number of parameters:
    about half a minute a network and seed.
    """
    from hiddenstate.lens.recall.comparison import carried_out
    from hiddenstate.lens.recall.plan import Effort, Size, planned
    from hiddenstate.lens.recall.watch import on_stderr

    asked = output.checked(output.Asked(csv, png, svg, html, overwrite, json))
    if parameters is not None and units is not None:
        raise InvalidArgument("--parameters and --units both say how large networks are; give one of them.")
    plan = planned(
        names("cells", cells),
        names("activation", activation),
        names("init", init),
        whole_numbers("delays", delays),
        range(seed, seed + seeds),
        together=together,
        size=Size(parameters, units),
        effort=Effort(steps=steps),
    )
    watch = on_stderr()
    for sentence in plan.left_out:
        watch.say(f"Left out: {sentence}.")
    view = carried_out(plan, watch)
    output.deliver(view, asked, lambda on: show(on, view))


def names(option: str, written: str) -> list[str]:
    """Read names with commas between; a comma in parentheses is a name's own.

    >>> names("activation", "tanh, hard_sigmoid(0.2, 0.5)")
    ['tanh', 'hard_sigmoid(0.2, 0.5)']
    """
    found = [name.strip() for name in re.split(r",(?![^()]*\))", written)]
    if not all(found):
        raise InvalidArgument(f"--{option} expects names with commas between, came {written!r}.")
    return found


def whole_numbers(option: str, written: str) -> list[int]:
    """Read whole numbers with commas between.

    >>> whole_numbers("delays", "5,10, 20")
    [5, 10, 20]
    """
    parts = [part.strip() for part in written.split(",")]
    if not all(re.fullmatch(r"-?[0-9]{1,9}", part) for part in parts):
        raise InvalidArgument(
            f"--{option} expects whole numbers with commas between, such as 5,20,100; came {written!r}."
        )
    return [int(part) for part in parts]


def show(on: Console, view: CompareView) -> None:
    """Two tables: recall by delays; sizes, gradients and times. Then what else is to know, and a verdict."""
    facts = view.facts
    middle = f"; median of {len(facts['seeds'])} seeds" if len(facts["seeds"]) > 1 else ""
    screen.say(on, f"Recalled after so many steps, in %{middle} (guessing: {100 * facts['chance']:g}):")
    screen.say(on)
    delays = [str(delay) for delay in facts["delays"]]
    rows = [
        (row["label"], *(_percent(row["accuracy"][delay]) for delay in delays)) for row in facts["networks"]
    ]
    screen.table(on, ("network", *delays), rows, right=delays)
    screen.say(on)
    longest = facts["delays"][-1]
    screen.say(
        on,
        f"Half-life of the gradient in steps, by its median factor a step, before and after training, and "
        f"the time of a training step, at delay {longest}:",
    )
    screen.say(on)
    columns = ("network", "units", "weights", "before", "after", "ms")
    rows = [
        (
            row["label"],
            row["units"],
            row["parameters"],
            _half_life(row, "before"),
            _half_life(row, "after"),
            f"{row['milliseconds']:.3g}",
        )
        for row in facts["networks"]
    ]
    screen.table(on, columns, rows, right=columns[1:])
    screen.say(on)
    for sentence in notes(facts):
        screen.say(on, screen.printable(sentence))
    screen.say(on, facts["verdict"])


def notes(facts: Mapping[str, Any]) -> list[str]:
    """What else is to be known: where an activation stands, how networks begin, who diverged."""
    told = []
    stands: dict[str, list[str]] = {}
    begins: dict[str, list[str]] = {}
    for row in facts["networks"]:
        if row["replaces"]:
            stands.setdefault(row["activation"], []).append(f"{row['cell']} {row['replaces']}")
        if row["init"] == "usual":
            begins.setdefault(row["begins"], []).append(row["cell"])
    for activation, where in stands.items():
        told.append(f"{activation} stands for the tanh of: {'; '.join(dict.fromkeys(where))}.")
    if begins:
        means = "; ".join(f"{init} in {', '.join(dict.fromkeys(where))}" for init, where in begins.items())
        told.append(f"The usual initialisation is {means}.")
    if facts["diverged"]:
        told.append(f"Diverged (its loss is no number any more): {'; '.join(facts['diverged'])}.")
    return told


def _percent(share: float | None) -> str:
    return "diverged" if share is None else f"{100 * share:.0f}"


def _half_life(row: Mapping[str, Any], when: str) -> str:
    steps = row[f"half_life_{when}"]
    if row[f"gradient_{when}"] is None:
        return "-"
    if steps is None or steps > 9999:
        return "never" if steps is None else "> 9999"
    return f"{steps:.2g}" if steps < 10 else f"{steps:.0f}"
