"""hiddenstate lens states RUN TEXT: where does the state go, and where else has it been?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import options, screen
from hiddenstate.cli.lens import drawn, output
from hiddenstate.errors import InvalidArgument

if TYPE_CHECKING:
    from rich.console import Console

    from hiddenstate.lens.trajectory import StatesView

SIGNS = "123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
TALL = 14  # lines of the way
MOST_WORDS = 60


def states(
    run: options.RunFolder,
    text: output.Words,
    span: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="Words A to B, counted from 1: find spans whose states are close."),
    ] = None,
    nearest: Annotated[int | None, typer.Option(metavar="N", help="So many of them.  [default: 10]")] = None,
    distance: Annotated[
        str | None, typer.Option(metavar="KIND", help="cosine or euclidean.  [default: cosine]")
    ] = None,
    layer: Annotated[
        int | None, typer.Option(metavar="N", help="A layer, counted from 0.  [default: the last]")
    ] = None,
    direction: Annotated[
        str | None, typer.Option(metavar="WAY", help="forward or backward.  [default: both, if it has both]")
    ] = None,
    state: Annotated[
        str | None, typer.Option(metavar="NAME", help="Such as c.  [default: the output]")
    ] = None,
    data: options.DataName = None,
    csv: output.Csv = None,
    png: output.Png = None,
    svg: output.Svg = None,
    html: output.Html = None,
    overwrite: output.Overwrite = False,
    json: options.Json = False,
) -> None:
    """Show where the state goes, and where else it has been.

    hiddenstate lens states runs/assistant "what time is it?"

    hiddenstate lens states runs/assistant "what time is it?" --span 2:4 --html states.html
    """
    from hiddenstate import lens

    asked = output.checked(output.Asked(csv, png, svg, html, overwrite, json))
    search = _search(span, nearest, distance)
    view = lens.states(run, text, span=search, layer=layer, direction=direction, state=state, data=data)
    output.deliver(view, asked, lambda on: show(on, view))


def _search(span: str | None, nearest: int | None, distance: str | None) -> Any:
    """What is looked for; raises InvalidArgument for settings of a search without a span."""
    from hiddenstate import lens

    settings = {"count": nearest, "distance": distance}
    given: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    if span is None:
        if given:
            raise InvalidArgument(
                "--nearest and --distance belong to a span; choose words with --span, such as --span 2:4"
            )
        return None
    return lens.Search.of(span, **given)


def show(on: Console, view: StatesView) -> None:
    """Draw the way as signs in a plane, the answers word by word, and the spans found."""
    drawn.opening(on, view)
    if "read" in view.facts:
        screen.say(on, f"Of it {view.facts['read']}.")
    _way(on, view)
    screen.say(on)
    _answers(on, view)
    if "span" in view.facts:
        screen.say(on)
        _found(on, view.facts)
    drawn.closing(on, view)


def _way(on: Console, view: StatesView) -> None:
    """Draw each point as its number (a letter after 9) in its answer's colour; of several the first."""
    import numpy as np
    from rich.text import Text

    points, styles = view.arrays["position"].values, _styles(on, view)
    wide = min(on.width - 3, 72)
    low, high = points.min(0), points.max(0)
    spread = np.where(high > low, high - low, 1.0)
    across, down = ((points - low) / spread * (wide - 1, TALL - 1)).round().astype(int).T
    signs = list(SIGNS[: len(points)]) if len(points) <= len(SIGNS) else ["*"] * len(points)
    order = list(reversed(range(len(points))))
    if len(points) > len(SIGNS):
        signs[0], signs[-1] = "<", ">"
        order = [*order[1:], len(points) - 1, 0]
    grid = [[(" ", "")] * wide for _ in range(TALL)]
    drawn_at: dict[tuple[int, int], int] = {}
    for place in order:
        grid[TALL - 1 - down[place]][across[place]] = (signs[place], styles[place])
        drawn_at[down[place], across[place]] = place
    hidden = sorted(set(range(len(points))) - set(drawn_at.values()))
    for row in grid:
        line = Text("| ").append_text(Text.assemble(*row))
        line.rstrip()
        on.print(line, soft_wrap=True)
    screen.line(on, "+" + "-" * wide)
    first, second = (f"{100 * share:.0f} %" for share in view.arrays["explained"].values)
    axes = screen.printable(view.facts["axes_of"])
    screen.say(on, f"Across {first}, up {second} of all difference; axes of {axes}.")
    if len(points) > len(SIGNS):
        screen.say(on, f"< begins, > ends; {len(hidden):,} of {len(points):,} steps are under another.")
    elif hidden:
        under = ", ".join(
            f"{signs[each]} under {signs[drawn_at[down[each], across[each]]]}" for each in hidden
        )
        screen.say(on, f"In the same place: {under}.")


def _styles(on: Console, view: StatesView) -> list[str]:
    """The colour of each point, by its answer; of one answer alone, or where there is no colour, none."""
    from hiddenstate.lens import palette

    if on.color_system is None or "share" not in view.arrays:
        return [""] * len(view.facts["places"])
    best = view.arrays["share"].values.argmax(-1).tolist()
    kinds = list(dict.fromkeys(best))
    shades = [palette.colour(kinds.index(each)) for each in best]
    return [f"{palette.ink_on(shade)} on {shade}" for shade in shades]


def _answers(on: Console, view: StatesView) -> None:
    """List what would be answered after each word."""
    words, places = view.facts["words"], view.facts["places"]
    chosen = list(range(len(words)))
    if len(words) > MOST_WORDS:
        chosen = [*chosen[: MOST_WORDS // 2], *chosen[-MOST_WORDS // 2 :]]
    rows: list[tuple[Any, ...]] = []
    for place in chosen:
        sign = SIGNS[place] if len(words) <= len(SIGNS) else ""
        answer, share = "", ""
        if "share" in view.arrays:
            shares = view.arrays["share"].values[place]
            answer = str(view.arrays["share"].labels["answer"][shares.argmax()])
            share = screen.percent(float(shares.max()))
        rows.append((sign, places[place], words[place], answer, share))
    columns = ["sign", "step", "word", "answer if it ended here", "share"]
    if "share" not in view.arrays:
        columns, rows = columns[:3], [row[:3] for row in rows]
    if len(words) > len(SIGNS):
        columns, rows = columns[1:], [row[1:] for row in rows]
    screen.table(on, columns, rows, right=("step", "share"))
    if len(chosen) < view.facts["steps"]:
        screen.say(on, f"{len(chosen)} of {view.facts['steps']:,} steps.")


def _found(on: Console, facts: Mapping[str, Any]) -> None:
    """List the spans found, one below the other, between the words around them."""
    from rich.cells import cell_len

    span = facts["span"]
    screen.say(
        on,
        screen.printable(
            f"Closest ({span['distance']}) to the state after words {span['words']}, "
            f'"{" ".join(span["text"])}":'
        ),
    )
    if not facts["nearest"]:
        screen.say(on, "No other text is long enough.")
        return
    label = min(18, max(cell_len(each["label"]) for each in facts["nearest"]))
    room = on.width - 12 - label
    middle = min(24, room // 2, max(cell_len(_fitting(each["span"], 24)) for each in facts["nearest"]))
    side = (room - middle) // 2
    for each in facts["nearest"]:
        left, right = _fitting(each["before"], side, end=True), _fitting(each["after"], side)
        mark = ""
        if drawn.right_to_left("".join(each["span"])) and "utf" in (on.encoding or "").lower():
            # what is read first stands on the right; a sign of no width keeps the parts in order
            mark, left, right = "\u200e", right, left
        parts = (
            f"{each['distance']:.3f} {' ' * (side - cell_len(left))}{left}{mark}",
            f"[{screen.fitted(_fitting(each['span'], middle), middle)}{mark}]",
            f"{screen.fitted(right, side)}{mark}",
            screen.fitted(screen.printable(each["label"]), label),
        )
        screen.line(on, " ".join(parts).rstrip())


def _fitting(words: Sequence[str], cells: int, end: bool = False) -> str:
    """Join as many whole words as fit, from the beginning or to the end, with a mark where some are cut."""
    from rich.cells import cell_len

    shown = [" ".join(screen.printable(word).split()) for word in words]
    if cell_len(" ".join(shown)) <= cells:
        return " ".join(shown)
    while len(shown) > 1 and cell_len(" ".join(shown)) > cells - 2:
        shown.pop(0 if end else -1)
    kept = screen.fitted(" ".join(shown), max(1, cells - 2)).rstrip()
    return f"… {kept}" if end else f"{kept} …"
