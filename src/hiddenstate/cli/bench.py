"""hiddenstate bench: how fast is it, beside its peers, on one's own sizes?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import options, screen

if TYPE_CHECKING:
    from rich.console import Console

    from hiddenstate.bench import Comparison


CORES = os.cpu_count() or 1


def bench(
    cell: Annotated[
        str,
        typer.Option(
            metavar="NAME_OR_PATH", autocompletion=options.cell_names, help="See `hiddenstate cells`."
        ),
    ] = "lstm",
    hidden: Annotated[int, typer.Option(metavar="N", min=1, help="Hidden units.")] = 128,
    features: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Features of the input.  [default: as hidden]", show_default=False
        ),
    ] = None,
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="Sequences at a time.")] = 32,
    steps: Annotated[int, typer.Option(metavar="N", min=1, help="Steps of a sequence.")] = 100,
    training: Annotated[bool, typer.Option("--training", help="With the backward pass.")] = False,
    stream: Annotated[
        bool, typer.Option("--stream", help="One step of one running sequence; no --batch, no --steps.")
    ] = False,
    shortest: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Lengths from N to --steps.  [default: all equal]", show_default=False
        ),
    ] = None,
    threads: Annotated[int, typer.Option(metavar="N", min=1, max=CORES, help="Threads of each.")] = 1,
    seconds: Annotated[float, typer.Option(metavar="S", min=0.1, help="How long to measure.")] = 3.0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder for bench.json and the picture bench.png.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Time this library beside the peers that are installed.

    hiddenstate bench --cell gru --hidden 128 --features 40 --batch 32 --steps 100 --training
    """
    from hiddenstate.errors import InvalidArgument, require

    for needed in ("torch", *(["matplotlib"] if out is not None else [])):
        require(needed, "bench", extra="train")
    from hiddenstate.bench import Effort, Work, compare

    if out is not None and out.exists() and not out.is_dir():
        raise InvalidArgument(f"--out expects a folder, and {out} is a file; name another")
    if stream and training:
        raise InvalidArgument("--stream feeds one step and does not train; leave out --stream or --training")
    kind = "stream" if stream else "training" if training else "inference"
    rows, length = (1, 1) if stream else (batch, steps)
    work = Work(cell, hidden, features or hidden, rows, length, kind, shortest or 0, threads)
    on = screen.console(for_program=json)
    found = compare(work, Effort(seconds=seconds))
    _show(on, found)
    values: dict[str, Any] = found.as_dict()
    if out is not None:
        values["picture"] = str(_written(found, out))
        screen.say(on)
        screen.line(on, f"Picture: {values['picture']}")
    if json:
        screen.emit(values)


def _written(found: Comparison, folder: Path) -> Path:
    """Write the picture and the figures; return the picture's path."""
    import json

    from hiddenstate import intact
    from hiddenstate.bench import picture

    drawn, figures = picture.bars(found), json.dumps(found.as_dict(), indent=1) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    intact.write(folder / "bench.png", drawn)
    intact.write(folder / "bench.json", figures.encode())
    return folder / "bench.png"


def _show(on: Console, found: Comparison) -> None:
    from hiddenstate.bench.picture import title

    values = found.as_dict()
    isa = f" ({values['isa']})" if values["isa"] != "none" else ""
    screen.say(on, f"{title(found)}; backend {values['backend']}{isa}")
    screen.say(on)
    rows = [(values["ours"]["name"], *_times(values["ours"]), "")]
    rows += [
        (row["name"], *_times(row), f"{row['ratio']['median']:.2f}x")
        for row in sorted(values["peers"], key=lambda row: row["median"])
    ]
    columns = ("", "a call", "quartiles", "its time / ours")
    screen.table(on, columns, rows, right=columns[1:])
    screen.say(on)
    if values["best_peer"] is None:
        screen.say(on, "No peer computes this: there is nothing to compare with.")
    else:
        screen.say(on, _verdict(values["best_peer"], values["ratio"]["median"]))
    for name, why in found.absent.items():
        screen.say(on, f"{name} is absent: {why}.")


def _times(row: dict[str, Any]) -> tuple[str, str]:
    return milliseconds(row["median"]), f"{milliseconds(row['low'])} to {milliseconds(row['high'])}"


def milliseconds(value: float) -> str:
    """Write a time given in milliseconds.

    >>> milliseconds(0.0123), milliseconds(12.345), milliseconds(1234.5)
    ('12.3 µs', '12.3 ms', '1234 ms')
    """
    scaled, unit = (value * 1000, "µs") if value < 1 else (value, "ms")
    digits = 2 if scaled < 10 else 1 if scaled < 100 else 0
    return f"{scaled:.{digits}f} {unit}"


def _verdict(peer: str, factor: float) -> str:
    if factor >= 1:
        return f"The best peer, {peer}, takes {factor:.2f} times as long."
    return f"The best peer, {peer}, is faster: ours takes {1 / factor:.2f} times as long."
