"""hiddenstate lens memory RUN TEXT: how much of each word the hidden state still holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hiddenstate.cli import options, screen
from hiddenstate.cli.lens import drawn, output
from hiddenstate.errors import InvalidArgument

if TYPE_CHECKING:
    import numpy as np
    from rich.console import Console

    from hiddenstate.lens import MemoryView

MEASURES = (
    "occlusion",
    "jacobian",
    "integrated",
)  # what `hiddenstate.lens.memory` knows, without importing it
MOST_BARS = 24  # of more words, those with the largest shares
LEAST_WIDTH = 50  # columns in which a state can be divided among words


def _measures(incomplete: str) -> list[str]:
    return [name for name in MEASURES if name.startswith(incomplete)]


Text = Annotated[
    str | None, typer.Argument(metavar="TEXT", show_default=False, help="What it reads, in quotes.")
]
Measure = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        autocompletion=_measures,
        help="occlusion: what changes without the word, exactly; jacobian: the norm of dh/dx; integrated: "
        "integrated gradients, whose shares add up to the change.",
    ),
]
Step = Annotated[
    int | None, typer.Option(metavar="N", show_default=False, help="As if the text ended after N words.")
]
Live = Annotated[
    bool, typer.Option("--live", help="Read what you type, or a pipe, and draw again after each word.")
]
Parts = Annotated[
    int | None,
    typer.Option(metavar="N", show_default=False, help="Words told apart at most; more are joined. [200]"),
]
Moments = Annotated[
    int | None,
    typer.Option(metavar="N", show_default=False, help="After how many words to look; evenly chosen."),
]


def memory(
    run: options.RunFolder,
    text: Text = None,
    measure: Measure = "occlusion",
    step: Step = None,
    live: Live = False,
    parts: Parts = None,
    moments: Moments = None,
    csv: output.Csv = None,
    png: output.Png = None,
    svg: output.Svg = None,
    html: output.Html = None,
    overwrite: output.Overwrite = False,
    json: options.Json = False,
) -> None:
    """See how much of each word the hidden state still holds, after every word.

    hiddenstate lens memory runs/demo "what time is it?"

    hiddenstate lens memory runs/demo "what time is it?" --measure integrated --png memory.png

    hiddenstate lens memory runs/demo --live
    """
    asked = output.checked(output.Asked(csv, png, svg, html, overwrite, json))
    if live:
        _refuse_beside_live(text=text, step=step, parts=parts, moments=moments)
        if measure != "occlusion":
            raise InvalidArgument("--live tells by occlusion alone; the other measures go back from the end.")
        from hiddenstate.cli.lens.live import watched

        view = watched(run, screen.console(for_program=json))
        output.deliver(view, asked, lambda on: drawn.closing(on, view))
        return
    if text is None:
        raise InvalidArgument("expected a text to read, in quotes; or --live, to type one.")
    from hiddenstate import lens

    found = lens.memory(run, text, measure=measure, step=step, parts=parts, moments=moments)
    output.deliver(found, asked, lambda on: show(on, found))


def _refuse_beside_live(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            shown = "a text" if name == "text" else f"--{name}"
            raise InvalidArgument(f"--live reads what you type; leave {shown} out.")


def show(on: Console, view: MemoryView) -> None:
    """Draw the last state word by word, and all states as bars that the words divide."""
    from hiddenstate.lens.memory_view import named

    called = {
        named(view.words, place): name
        for place, word in enumerate(view.words)
        if (name := drawn.writable(on, word, place + 1)) == f"#{place + 1}"
    }
    drawn.opening(on, view, called)
    share = view.arrays["share"].values
    effects = view.arrays["answer_share"].values[-1] if "answer_share" in view.arrays else None
    rows(on, view.words, share[-1], effects, view.facts.get("answer"), signed=view.signed)
    if limits := [view.facts[name] for name in ("read", "joined", "looked") if name in view.facts]:
        screen.say(on)
        said = "; ".join(limits)
        screen.say(on, f"{said[0].upper()}{said[1:]}.")
    if len(share) > 1:
        screen.say(on)
        if len(share) == share.shape[1] and on.width >= LEAST_WIDTH:
            by = "" if share.min() >= 0 else ", by the size of their shares"
            screen.say(on, f"The state after each word, divided among the words it holds{by}:")
            drawn.stacked(on, view.words, view.filling)
        else:
            drawn.shades(on, view.arrays["share"], low=0.0)
    drawn.closing(on, view)


def rows(
    on: Console,
    words: Sequence[str],
    shares: np.ndarray,
    effects: np.ndarray | None = None,
    answer: str | None = None,
    most: int = MOST_BARS,
    signed: bool = True,
) -> None:
    """Draw a bar a word, the longest for the largest share of the state; behind it that in the answer."""
    screen.say(on, _heading(answer))
    places = sorted(range(len(words)), key=lambda place: -abs(shares[place]))[:most]
    places.sort()
    all_of_them = len(places) == len(words)
    largest = max((abs(share) for share in shares if math.isfinite(share)), default=0.0) or 1.0
    numbers = [_percent(shares[place]) for place in places]
    if effects is not None:
        numbers = [
            f"{number:>7}  {_whole(effects[place], signed):>6}"
            for number, place in zip(numbers, places, strict=True)
        ]
    drawn.bars(
        on,
        [words[place] for place in places],
        [abs(shares[place]) / largest for place in places],
        numbers,
        places,
        numbered=not all_of_them,
    )
    if not all_of_them:
        screen.say(on, f"Of {len(words)} inputs, the {len(places)} with the largest shares.")


def _heading(answer: str | None) -> str:
    if answer is None:
        return "Share of the hidden state:"
    return f'Share of the hidden state, and of the score of "{screen.printable(answer)}":'


def _percent(share: float) -> str:
    return screen.percent(share) if math.isfinite(share) else "-"


def _whole(share: float, signed: bool) -> str:
    if not math.isfinite(share):
        return "-"
    number = f"{100 * share:z.0f}"  # no sign before what is rounded to zero
    return f"{'+' * (signed and not number.startswith(('-', '0')))}{number} %"
