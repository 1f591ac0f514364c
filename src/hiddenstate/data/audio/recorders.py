"""The program of a system that records: which are there, how they are called, and what they give."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from hiddenstate.errors import DataError, InvalidArgument, nearest

CHUNK = 0.1  # seconds of sound that are given at once
HEADER = 24  # bytes of an AU header, which newer versions of pw-record write
Words = Callable[[str, str | None], list[str]]


def _ffmpeg(rate: str, device: str | None) -> list[str]:
    source = {
        "darwin": ["-f", "avfoundation", "-i", f":{device or 'default'}"],
        "win32": ["-f", "dshow", "-i", f"audio={device}"],
    }.get(sys.platform, ["-f", "alsa", "-i", device or "default"])
    words = ["-nostdin", "-hide_banner", "-loglevel", "error", *source, "-ac", "1", "-ar", rate]
    return [*words, "-f", "s16le", "-flush_packets", "1", "-"]


def _sox(rate: str) -> list[str]:
    return ["-t", "raw", "-r", rate, "-c", "1", "-b", "16", "-e", "signed-integer", "-L", "-"]


# each writes samples of 16 bits, one channel, to stdout until it is ended; nothing passes through a shell
COMMANDS: Mapping[str, Words] = {
    "arecord": lambda rate, device: [
        *("-q", "-t", "raw", "-f", "S16_LE", "-r", rate, "-c", "1"),
        *([] if device is None else ["-D", device]),
    ],
    "parecord": lambda rate, device: [
        *("--raw", "--format=s16le", f"--rate={rate}", "--channels=1", "--latency-msec=50"),
        *([] if device is None else [f"--device={device}"]),
    ],
    "pw-record": lambda rate, device: [
        *("--format=s16", f"--rate={rate}", "--channels=1"),
        *([] if device is None else [f"--target={device}"]),
        "-",
    ],
    "rec": lambda rate, device: ["-q", "--buffer", "1024", *_sox(rate)],  # its device: $AUDIODEV
    "sox": lambda rate, device: [
        *("-q", "--buffer", "1024"),
        *(["-d"] if sys.platform != "win32" else ["-t", "waveaudio", device or "default"]),
        *_sox(rate),
    ],
    "ffmpeg": _ffmpeg,
}
ORDER = {"darwin": ("rec", "ffmpeg"), "win32": ("sox", "ffmpeg")}
ELSEWHERE = ("arecord", "parecord", "pw-record", "rec", "ffmpeg")
INSTALL = {
    "darwin": "brew install sox",
    "win32": "winget install ChrisBagwell.SoX",
}
OTHERWISE = "sudo apt install alsa-utils (Debian, Ubuntu), sudo dnf install alsa-utils (Fedora)"


@dataclass(frozen=True)
class Recorder:
    """A program that records, where it lies, from which device (None: the system's) and at which rate."""

    name: str
    program: str
    rate: int = 16000
    device: str | None = None

    @property
    def command(self) -> list[str]:
        """The program and its arguments, each a word of its own."""
        return [self.program, *COMMANDS[self.name](str(self.rate), self.device)]

    @property
    def environment(self) -> dict[str, str]:
        """What it is told beside its arguments: sox takes its device from there."""
        told = {"AUDIODEV": self.device} if self.device and self.name in ("rec", "sox") else {}
        return {**os.environ, **told}


def found(name: str | None = None, device: str | None = None, rate: int = 16000) -> Recorder:
    """The recorder of this name, or the first that the system has.

    Raises InvalidArgument for an unknown name, and on Windows for ffmpeg without a device; DataError where
    there is none, with what to install.
    """
    if name is not None and name not in COMMANDS:
        raise InvalidArgument(f"no recorder called {name!r} is known; {nearest(name, COMMANDS)}")
    names: Sequence[str] = ORDER.get(sys.platform, ELSEWHERE) if name is None else (name,)
    for each in names:
        if program := shutil.which(each):
            if each == "ffmpeg" and sys.platform == "win32" and device is None:
                raise InvalidArgument(
                    "ffmpeg asks for the microphone's name on Windows: --device NAME, one that "
                    "ffmpeg -list_devices true -f dshow -i dummy lists."
                )
            return Recorder(each, program, rate, device)
    what = f"looked for {', '.join(names)}" if name is None else f"{name} is not installed"
    raise DataError(
        f"there is no program here that records: {what}. Install one: {INSTALL.get(sys.platform, OTHERWISE)}"
    )


class Take:
    """A recorder that is running: `chunk` gives what it hears. Ended on leaving, whatever happens.

    Raises DataError where the program cannot be started, or ends by itself with an error.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.ended = False  # by itself, and all that it gave has been given
        self._pieces: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._left, self._order = b"", ""  # bytes not given yet, and which of a sample comes first

    def __enter__(self) -> Take:
        self._said = tempfile.TemporaryFile()  # closed on leaving
        try:
            self._process = subprocess.Popen(
                self.recorder.command,
                env=self.recorder.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._said,
            )
        except OSError as error:
            self._said.close()
            raise DataError(
                f"{self.recorder.program} could not be started ({error.strerror}). Install it again, or name "
                "another with --recorder."
            ) from error
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def _read(self) -> None:
        pipe = self._process.stdout
        while pipe is not None and (piece := os.read(pipe.fileno(), 1 << 16)):
            self._pieces.put(piece)
        self._pieces.put(b"")

    def chunk(self, seconds: float) -> np.ndarray | None:
        """The next tenth of a second, samples [n] between -1 and 1; None where it has not come meanwhile."""
        size = 2 * round(CHUNK * self.recorder.rate)
        while not self.ended and (len(self._left) < size or not self._order):
            try:
                piece = self._pieces.get(timeout=seconds)
            except queue.Empty:
                return None
            self._left += piece
            self.ended = not piece
            if not self._order and (self.ended or len(self._left) >= HEADER):
                self._begin()
        if self.ended:
            self._refuse_failure()
        given, self._left = self._left[:size], self._left[size:]
        whole = np.frombuffer(given[: len(given) // 2 * 2], f"{self._order}i2")
        return whole.astype(np.float32) / 2**15 if len(whole) else None

    def _begin(self) -> None:
        """Find out whether a header comes first: AU's, with the byte first that weighs most."""
        self._order = "<"
        if self._left[:4] == b".snd":
            self._order, self._left = ">", self._left[int.from_bytes(self._left[4:8], "big") :]

    def _refuse_failure(self) -> None:
        code = self._process.wait()
        if code == 0:
            return
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        said = "; ".join(lines[-2:]) or f"it left with code {code}"
        raise DataError(
            f"{Path(self.recorder.program).name} could not record: {said}. Is a microphone plugged in, and "
            "may this terminal use it? Another one: --device NAME; another program: --recorder NAME."
        )
