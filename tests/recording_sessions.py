"""A person before a microphone: a terminal, a recorder that plays what it is given, keys that are pressed."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import tones

RATE = tones.RATE
# gives the samples of the next file there is and goes on to listen, as a microphone does; or fails, as it may
PROGRAM = """#!{python} -S
import os, sys, time
folder = {folder!r}
with open(os.path.join(folder, "called.txt"), "a") as file:
    file.write(repr(sys.argv[1:]) + "\\n")
number = sum(1 for _ in open(os.path.join(folder, "called.txt"))) - 1
path = os.path.join(folder, f"{{number}}.raw")
if not os.path.exists(path):
    sys.stderr.write("arecord: main:830: audio open error: No such file or directory\\n")
    sys.exit(1)
sys.stdout.buffer.write(open(path, "rb").read())
sys.stdout.buffer.flush()
while os.getppid() != 1:
    time.sleep(0.05)
"""


def spoken(name: str, loudness: float = 1.0, before: float = 0.3, behind: float = 3.0) -> np.ndarray:
    """A word with silence around it, and a little noise, samples [n] at `RATE`."""
    generator = np.random.default_rng(sum(name.encode()))
    parts = [np.zeros(round(before * RATE)), tones.word(name, 0.4, generator), np.zeros(round(behind * RATE))]
    samples = np.concatenate(parts)
    return loudness * (samples + generator.normal(0, 0.001, len(samples)))


def recorder(folder: Path, takes: Sequence[np.ndarray], name: str = "arecord", header: bytes = b"") -> Path:
    """Write a recorder that gives these takes one after another into a folder; return where it lies."""
    programs = folder / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    kind = ">i2" if header else "<i2"
    for number, samples in enumerate(takes):
        content = np.clip(np.round(samples * 2**15), -(2**15), 2**15 - 1).astype(kind).tobytes()
        (folder / f"{number}.raw").write_bytes(header + content)
    program = programs / name
    program.write_text(PROGRAM.format(python=sys.executable, folder=str(folder)), encoding="utf-8")
    program.chmod(0o755)
    return programs


class Terminal:
    """A command that runs in a terminal of its own: what it shows, and keys for it."""

    def __init__(self, words: Sequence[str | Path], programs: Path, largest_file: int | None = None) -> None:
        import pty
        import resource

        def limited() -> None:
            if largest_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

        self.ours, theirs = pty.openpty()
        environment = {**os.environ, "PATH": str(programs), "COLUMNS": "80", "LINES": "24"}
        command = [sys.executable, "-m", "hiddenstate", *map(str, words)]
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, preexec_fn=limited
        )
        os.close(theirs)
        self.seen, self._read = "", 0

    def until(self, expected: str, seconds: float = 60) -> str:
        """Read until it shows something that it has not shown before; returns what came up to there."""
        end, start = time.monotonic() + seconds, self._read
        while (found := self.seen.find(expected, start)) < 0:
            if not select.select([self.ours], [], [], max(0.0, end - time.monotonic()))[0]:
                raise AssertionError(f"{expected!r} never came; after {self.seen[start:]!r}")
            try:
                piece = os.read(self.ours, 65536)
            except OSError:  # it has ended
                piece = b""
            if not piece:
                raise AssertionError(f"it ended without {expected!r}: {self.seen[start:]!r}")
            self.seen += piece.decode("utf-8", "replace")
        self._read = found + len(expected)
        return self.seen[start : self._read]

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self.ours, keys.encode())

    def end(self, seconds: float = 60) -> int:
        """Read to the end; returns the exit code."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not select.select([self.ours], [], [], 1)[0]:
                if self.process.poll() is not None:
                    break
                continue
            try:
                piece = os.read(self.ours, 65536)
            except OSError:
                break
            if not piece:
                break
            self.seen += piece.decode("utf-8", "replace")
        return self.process.wait(10)

    def close(self) -> None:
        """End what still runs."""
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
