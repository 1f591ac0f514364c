"""Command lines in a Python of their own that has imported nothing: what do they need, and what load?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PROGRAM = """
import contextlib, io, json, os, sys
def stream(text=""):
    return io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8", write_through=True)
watched, found = sys.argv[1].split(), []
from hiddenstate.cli import main
for words, typed, environment in json.load(sys.stdin):
    os.environ.update(environment)
    sys.argv, sys.stdin, out, err, code = ["hiddenstate", *words], stream(typed), stream(), stream(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as left:
            code = left.code or 0
    said = [each.buffer.getvalue().decode() for each in (out, err)]
    found.append([code, *said, sorted(set(watched) & set(sys.modules))])
sys.__stdout__.write(json.dumps(found))
"""

HEAVY = ("torch", "sklearn", "scipy", "matplotlib", "polars", "pooch", "librosa", "jiwer", "tokenizers")
WITHOUT_HEAVY = (
    f"import sys\nfor name in {HEAVY!r}:\n    sys.modules[name] = None\n"
    "from hiddenstate.cli import main\nsys.argv = ['hiddenstate', *sys.argv[1:]]\nmain()\n"
)


def alone(*words: str | Path, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own, where nothing heavy can be imported."""
    command = [sys.executable, "-c", WITHOUT_HEAVY, *map(str, words)]
    return subprocess.run(command, input=given, capture_output=True, env={**os.environ, "COLUMNS": "80"})


def stopped(*words: str | Path, given: bytes) -> tuple[int, str]:
    """Pipe into a command that waits for more, then press Ctrl-C: its exit code, and what is on stdout."""
    import fcntl
    import termios

    command = [sys.executable, "-m", "hiddenstate", *map(str, words)]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        child.stdin.write(given)
        child.stdin.flush()
        left = bytearray(4)
        while child.poll() is None:  # until all of it is read
            fcntl.ioctl(child.stdin, termios.FIONREAD, left)
            if not any(left):
                break
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        return child.wait(60), child.stdout.read().decode()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stdin.close()


@dataclass(frozen=True)
class Told:
    """What one command line said, its exit code, and which of the modules watched were loaded by its end."""

    code: int
    out: str
    err: str
    loaded: list[str]


@dataclass(frozen=True)
class Line:
    """One command line: its words, what is typed, and what it finds in its environment."""

    words: Iterable[str | Path]
    typed: str = ""
    environment: Mapping[str, str] | None = None


def told(*lines: Line, before: str = "", watched: Iterable[str] = ()) -> list[Told]:
    """Run command lines one after the other in one new process, which runs the program `before` first.

    What an earlier line has loaded is there for those after it: loading nothing is said of all of them.
    """
    asked = [[[*map(str, line.words)], line.typed, dict(line.environment or {})] for line in lines]
    done = subprocess.run(
        [sys.executable, "-c", before + PROGRAM, " ".join(watched)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [Told(*row) for row in json.loads(done.stdout)]
