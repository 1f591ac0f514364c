"""WHAT WAS SAID? `predict` for runs that listen: files of sound, or sound that arrives through a pipe."""

from __future__ import annotations

import json as jsons
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from hiddenstate import intact, progress
from hiddenstate.cli import screen
from hiddenstate.cli.piped import samples as _samples
from hiddenstate.errors import DataError, InvalidArgument, Unsupported

COLUMNS = ("recording", "seconds", "text")


@dataclass(frozen=True)
class Given:
    """What `predict` was asked for."""

    recordings: Sequence[str]
    file: Path | None
    out: Path | None
    why: bool
    stream: str | None
    json: bool
    moved: Mapping[str, float]  # the threshold of commands, where another one is asked for


def predict(module: Any, run: Path, given: Given) -> None:
    """Write down what is said; raises for what a run that listens cannot be asked."""
    if given.why:
        raise Unsupported("--why explains intents of texts, and this run listens; see `hiddenstate lens`.")
    if given.file is not None:
        raise InvalidArgument("--file is a file of texts; name recordings themselves, or a folder of them.")
    if given.stream is not None:
        if given.recordings or given.out is not None:
            raise InvalidArgument("--stream - hears stdin alone; leave the recordings and --out out.")
        streamed(module, module.load(run, **given.moved), given.stream, given.json)
    elif given.recordings:
        files(module, module.load(run, **given.moved), given.recordings, given.out, given.json)
    else:
        raise InvalidArgument(f"{run} listens: name recordings, a folder of them, or --stream - for a pipe.")


def files(module: Any, model: Any, given: Sequence[str], out: Path | None, json: bool) -> None:
    """Write down what is said in files; a folder stands for the recordings in it.

    A file that cannot be read is named in the end, with exit code 1, and the others are not lost.
    """
    paths = [file for path in given for file in _listed(Path(path))]
    shown, answers, failed = screen.shown_of(module, model), list[Any](), list[str]()
    lines_come = json and out is None
    watch = _watch(len(paths), drawn=sys.stderr.isatty() and not (lines_come and sys.stdout.isatty()))
    try:
        for done, path in enumerate(paths, 1):
            try:
                (found,) = model.transcribe([path])
            except DataError as error:
                failed.append(str(error))
                continue
            answers.append(found)
            if lines_come:
                screen.emit(shown.values(found))
            watch.advance(done, 1)
    finally:
        watch.end()
    if out is not None:
        lines = (
            [jsons.dumps(shown.values(each), ensure_ascii=False) for each in answers]
            if json
            else _rows(answers)
        )
        intact.write(out, "".join(f"{line}\n" for line in lines).encode())
        screen.tell(f"{len(answers):,} transcript{'s' * (len(answers) != 1)} in {out}.")
    elif answers and not json:
        drawn = shown.table(answers)
        screen.table(screen.console(), drawn.columns, drawn.rows, right=drawn.right)
    for words in [note for each in answers for note in getattr(each, "notes", ())] + failed:
        screen.tell(words)
    if failed:
        raise typer.Exit(1)


def _watch(recordings: int, drawn: bool) -> progress.Passage:
    """What says how far it is; of one recording nothing need be said."""
    kind = progress.PassageBar if drawn and recordings > 1 else progress.Passage
    return kind(recordings, "recordings")


def _rows(answers: Sequence[Any]) -> list[str]:
    cells = [(each.source, f"{each.seconds:.2f}", each.text) for each in answers]
    return ["\t".join(screen.printable(cell.replace("\t", " ")) for cell in row) for row in (COLUMNS, *cells)]


def _listed(path: Path) -> list[Path]:
    """The recordings that a path stands for."""
    from hiddenstate.data.audio.reading import SUFFIXES

    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES and each.is_file())
    if not found:
        raise InvalidArgument(f"{path} holds no recording; looked for {', '.join(SUFFIXES)}")
    return found


def streamed(module: Any, model: Any, source: str, json: bool) -> None:
    """Write down what is said while it arrives: on stdin, as a WAV file or as 16-bit samples.

    On a terminal what is said so far stands in the last line, and changes; an utterance that has ended is a
    line of its own on stdout.
    """
    if source != "-":
        raise InvalidArgument(f"--stream hears stdin, which is -; came {source!r}. For files leave it out.")
    if sys.stdin.isatty():
        raise InvalidArgument(
            "--stream - hears a pipe, and stdin is a terminal. For example: "
            f"arecord -q -f S16_LE -r {model.spec.rate} -c 1 -t raw | hiddenstate predict RUN --stream -"
        )
    if hasattr(screen.shown_of(module, model), "spotted"):
        _spot(model, screen.shown_of(module, model), json)
        return
    stream, live = model.stream(), sys.stderr.isatty() and sys.stdout.isatty()
    width = screen.console().width - 1
    try:
        for samples in _samples(sys.stdin.buffer, model.spec.rate):
            for heard in stream.feed(samples):
                if heard.final:
                    _say(module, heard, live, width, json)
                elif live:
                    _write_over(heard.transcript.text, width)
    except (DataError, KeyboardInterrupt):  # what was heard before is not lost; Ctrl-C ends a microphone
        _say(module, stream.finish(), live, width, json)
        raise
    finally:
        if live:
            _write_over("", width)
    _say(module, stream.finish(), live, width, json)


def _spot(model: Any, shown: Any, json: bool) -> None:
    """Say each command, once, as soon as it is certain."""
    stream = model.stream()

    def say(found: Sequence[Any]) -> None:
        for each in found:
            if json:
                screen.emit(shown.spotted(each))
            else:
                print(screen.printable(shown.line(each)), flush=True)

    try:
        for samples in _samples(sys.stdin.buffer, model.spec.rate):
            say(stream.feed(samples))
    except (DataError, KeyboardInterrupt):
        say(stream.finish())
        raise
    say(stream.finish())


def _write_over(text: str, width: int) -> None:
    """Put a text in place of the terminal's last line."""
    print("\r" + screen.fitted(screen.printable(text), width) + "\r", end="", file=sys.stderr, flush=True)


def _say(module: Any, heard: Any, live: bool, width: int, json: bool) -> None:
    """One utterance that has ended, where anything was said in it."""
    if not heard.transcript.text:
        return
    if live:
        _write_over("", width)
    if json:
        screen.emit({**module.shown.values(heard.transcript), "start": round(heard.start, 3)})
    else:
        print(screen.printable(heard.transcript.text), flush=True)
