"""hiddenstate record FILE --out DIR: say what it asks for, and have recordings to train on.

folder.py     what lies in the folder, whole or not at all
session.py    one prompt after another, at a terminal
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hiddenstate.cli import keys, options, screen
from hiddenstate.errors import InvalidArgument

if TYPE_CHECKING:
    from rich.console import Console

    from hiddenstate.cli.record.folder import Prompt, Takes
    from hiddenstate.cli.record.session import Done

LONGEST = 60.0  # seconds of one recording
Times = Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="How often each line is said.")]
Speaker = Annotated[
    str | None, typer.Option(metavar="NAME", show_default=False, help="Who speaks: kept with each recording.")
]
Seconds = Annotated[float, typer.Option(metavar="SECONDS", help="The longest that a recording may be.")]
Pause = Annotated[
    float, typer.Option(metavar="SECONDS", help="The silence that ends a recording; 0: only Enter does.")
]
Device = Annotated[
    str | None,
    typer.Option(metavar="NAME", show_default=False, help="The microphone, as the recorder calls it."),
]
RecorderName = Annotated[
    str | None,
    typer.Option(
        "--recorder",
        metavar="NAME",
        show_default=False,
        help="arecord, parecord, pw-record, rec, sox or ffmpeg.  [default: the first that is there]",
    ),
]


def record(
    prompts: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="What is to be said: a word or a sentence a line, in UTF-8."),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the recordings go; one begun before is gone on with.")
    ],
    times: Times = 5,
    speaker: Speaker = None,
    seconds: Seconds = 5.0,
    pause: Pause = 1.0,
    rate: Annotated[int, typer.Option(metavar="HZ", help="Samples a second.")] = 16000,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed asks in the same order.")] = 0,
    device: Device = None,
    recorder: RecorderName = None,
    json: options.Json = False,
) -> None:
    """Record your own words and phrases to train on.

    hiddenstate record words.txt --out recordings

    hiddenstate record words.txt --out recordings --speaker anna --times 10

    Each recording is checked (too quiet, clipped, silent, cut off), and whole or not there at all. Leave with
    q or Ctrl-C; the same command goes on with what is left.
    """
    from hiddenstate.cli.record.folder import Takes, prompts_of
    from hiddenstate.cli.record.session import Limits, Session
    from hiddenstate.data.audio.recorders import found

    _check(seconds, pause, rate, speaker)
    wanted = prompts_of(prompts, times, seed)
    if not sys.stdin.isatty():
        raise InvalidArgument(
            "record asks a person at a terminal for one recording after another, and stdin is none. Run it "
            "in a terminal; recordings that you have need only a list of what is said (docs/speech.md)."
        )
    program = found(recorder, device, rate)
    takes = Takes(out, speaker, wanted)
    on = screen.console(for_program=json)
    _welcome(on, takes, wanted, program.name, pause)
    with keys.asked() as key:
        session = Session(on, key, program, takes, Limits(seconds, pause))
        try:
            session.run(wanted)
        finally:
            left = sum(not takes.has(each) for each in wanted)
            _farewell(on, takes, session.done, left)
    if json:
        done = {"recorded": len(session.done.kept), "skipped": len(session.done.skipped), "left": left}
        screen.emit({"out": str(out), "list": str(takes.list), **done, "seconds": session.done.seconds})


def _check(seconds: float, pause: float, rate: int, speaker: str | None) -> None:
    from hiddenstate.data.audio.resampling import HIGHEST

    if not 0.5 <= seconds <= LONGEST:
        raise InvalidArgument(f"--seconds expects 0.5 to {LONGEST:g}, came {seconds:g}.")
    if not 0 <= pause < math.inf or 0 < pause < 0.2:
        raise InvalidArgument(f"--pause expects 0.2 seconds or more, or 0 for none, came {pause:g}.")
    if not 4000 <= rate <= HIGHEST:
        raise InvalidArgument(f"--rate expects 4000 to {HIGHEST} samples a second, came {rate}.")
    if speaker is not None and (not speaker.strip() or screen.printable(speaker) != speaker):
        raise InvalidArgument(f"--speaker expects a name, came {speaker!r}.")


def _welcome(on: Console, takes: Takes, wanted: list[Prompt], program: str, pause: float) -> None:
    for note in takes.notes:
        screen.say(on, screen.printable(note))
    there = sum(takes.has(each) for each in wanted)
    texts = len({each.text for each in wanted})
    times = len(wanted) // texts
    screen.say(
        on,
        f"{texts} {'line' if texts == 1 else 'lines'}, {times} {'time' if times == 1 else 'times'} each: "
        f"{len(wanted)} recordings by {program}, {there} of them there already.",
    )
    if there == len(wanted):
        return
    ends = "Enter ends it" if not pause else f"Enter or {pause:g} s of silence ends it"
    screen.say(on, f"Enter begins a recording, {ends}. r: the last one again, s: skip, b: back, q: leave.")


def _farewell(on: Console, takes: Takes, done: Done, left: int) -> None:
    screen.say(on)
    skipped = f", {len(done.skipped)} skipped" if done.skipped else ""
    screen.say(on, f"{len(done.kept)} recorded{skipped}, {left} left.")
    if left:
        screen.say(on, "The same command goes on with what is left.")
    elif takes.listed:
        screen.say(on, "Train on them:")
        screen.line(on, f"  {options.command()} train speech --data {takes.folder}")
