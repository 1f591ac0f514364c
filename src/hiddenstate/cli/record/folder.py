"""WHAT IS RECORDED ALREADY? A folder of prompted recordings: each whole or not there, none written over.

wavs/turn-left-anna-3f9a51c0-01.wav   16 bits; the name is made of the prompt, the speaker and a number
recordings.jsonl                      what is said in each, and by whom: a list that `train speech` reads
taken-back/                           recordings that were taken back by `b`
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import unicodedata
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hiddenstate import intact
from hiddenstate.data import textfile
from hiddenstate.errors import DataError

LIST, SOUNDS, TAKEN_BACK = "recordings.jsonl", "wavs", "taken-back"
READ_FIRST = ("metadata.csv", "wav.scp", "*/wav.scp", "*.jsonl", "*.json", "*.manifest")
LONGEST_NAME = 40  # signs of a prompt or a speaker in the name of a file
CURE = "Free some space and give the same command: it goes on with what is left."


@dataclass(frozen=True)
class Prompt:
    """What is to be said, and for the how manieth time."""

    text: str
    number: int


def prompts_of(file: Path, times: int, seed: int) -> list[Prompt]:
    """Every line of a file so many times, each round in an order drawn anew; blank lines are none.

    Raises DataError for a file that cannot be read, and for a line that comes twice.
    """
    lines = textfile.decode(textfile.load(file), str(file)).splitlines()
    texts: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        text = unicodedata.normalize("NFC", " ".join(line.split()))
        if text in texts:
            raise DataError(
                f"{file}, line {number}: {text!r} comes a second time (line {texts[text]}). Take it out; "
                "how often each is recorded says --times."
            )
        if text:
            texts[text] = number
    drawn = random.Random(seed)
    rounds = [drawn.sample(list(texts), len(texts)) for _ in range(times)]
    return [Prompt(text, number) for number, each in enumerate(rounds, 1) for text in each]


class Takes:
    """The recordings of one speaker (None: nobody's name) in a folder, which is made where there is none.

    What a break left behind is put right: a recording that no line names gets its line, and `notes` say so.
    Raises DataError for a folder of other data, and for a list that is damaged.
    """

    def __init__(self, folder: Path, speaker: str | None, prompts: Sequence[Prompt]) -> None:
        self.folder, self.speaker, self.notes = folder, speaker, list[str]()
        self.list = folder / LIST
        _refuse_others(folder)
        try:
            (folder / SOUNDS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise intact.write_error(folder / SOUNDS, error, cure=CURE) from error
        self._paths = {prompt: folder / SOUNDS / _file_name(prompt, speaker) for prompt in prompts}
        for path in self._paths.values():  # others may be recording into the same folder
            path.with_name(f".{path.name}.partial").unlink(missing_ok=True)
        self.listed = self._read()
        for prompt in prompts:
            if self.has(prompt) and self._inside(prompt) not in self.listed:
                self.notes.append(f"{self._inside(prompt)} was not in the list yet, and is now.")
                self._add(prompt, _seconds(self._paths[prompt]))

    def has(self, prompt: Prompt) -> bool:
        """Whether this is recorded."""
        return self._paths[prompt].exists()

    def keep(self, prompt: Prompt, samples: np.ndarray, rate: int) -> Path:
        """Write a recording, samples [n] between -1 and 1, and then its line.

        Raises RunError where they cannot be written, DataError where there is one already.
        """
        path = self._paths[prompt]
        if path.exists():
            raise DataError(f"{path} is there already, and nothing is written over. Give the command again.")
        intact.write(path, _wav(samples, rate), CURE)
        self._add(prompt, len(samples) / rate)
        return path

    def take_back(self, prompt: Prompt) -> None:
        """Put a recording aside, and its line out of the list; nothing is deleted."""
        path, aside = self._paths[prompt], self.folder / TAKEN_BACK
        names = (f"{path.stem}{f'-{n}' if n else ''}.wav" for n in range(10**6))
        target = next(aside / name for name in names if not (aside / name).exists())
        inside = self._inside(prompt)
        kept = [line for line in self._lines() if _audio(line) != inside]
        # the list first: a break between the two leaves a recording without a line, which is put right
        intact.write(self.list, "".join(f"{line}\n" for line in kept).encode(), CURE)
        self.listed.discard(inside)
        try:
            aside.mkdir(exist_ok=True)
            os.replace(path, target)
        except OSError as error:
            raise intact.write_error(target, error, cure=CURE) from error

    def _inside(self, prompt: Prompt) -> str:
        return f"{SOUNDS}/{self._paths[prompt].name}"

    def _add(self, prompt: Prompt, seconds: float) -> None:
        inside = self._inside(prompt)
        line = {"audio_filepath": inside, "text": prompt.text, "duration": round(seconds, 3)}
        if self.speaker is not None:
            line["speaker"] = self.speaker
        intact.append(self.list, (json.dumps(line, ensure_ascii=False) + "\n").encode(), CURE)
        self.listed.add(inside)

    def _lines(self) -> list[str]:
        if not self.list.exists():
            return []
        return [line for line in intact.read_utf8(self.list).split("\n") if line.strip()]

    def _read(self) -> set[str]:
        """The recordings that the list names; half a line in its end, of a power cut, is taken out."""
        lines = self._lines()
        if lines and _audio(lines[-1]) is None:
            lines.pop()
            intact.write(self.list, "".join(f"{line}\n" for line in lines).encode(), CURE)
            self.notes.append(f"The last line of {LIST} was cut short, and is taken out.")
        elif lines and not self.list.read_bytes().endswith(b"\n"):
            intact.append(self.list, b"\n", CURE)
        named = {number: _audio(line) for number, line in enumerate(lines, 1)}
        if wrong := [number for number, audio in named.items() if audio is None]:
            raise DataError(
                f"{self.list}, line {wrong[0]}: expected a JSON object with audio_filepath, came "
                f"{lines[wrong[0] - 1][:60]!r}. Correct the line, or take another folder."
            )
        return {audio for audio in named.values() if audio is not None}


def _refuse_others(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: expected a folder for recordings, came a file. Name another one.")
    others = sorted({path.name for sign in READ_FIRST for path in folder.glob(sign)} - {LIST})
    if others:
        raise DataError(
            f"{folder} holds other data ({', '.join(others[:3])}), beside which recordings would not be "
            "read. Name a folder of its own."
        )


def _file_name(prompt: Prompt, speaker: str | None) -> str:
    """A name that any system takes and no two prompts share, whatever their words are.

    >>> _file_name(Prompt("../Turn left; $(rm)", 2), "Anna")
    'Turn-left-rm-Anna-5078e4b9-02.wav'
    """
    told = hashlib.sha256(f"{prompt.text}\n{speaker or ''}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    parts = [_plain(prompt.text) or "said", *([_plain(speaker)] if speaker else []), told]
    return "-".join(part for part in parts if part) + f"-{prompt.number:02}.wav"


def _plain(text: str) -> str:
    """Letters with their marks and digits of any script; all else is a hyphen. At most 100 bytes."""
    signs = (sign if unicodedata.category(sign)[0] in "LMN" else " " for sign in text)
    plain = "-".join("".join(signs).split())[:LONGEST_NAME]
    while len(plain.encode()) > 100:
        plain = plain[:-1]
    return plain.strip("-")


def _wav(samples: np.ndarray, rate: int) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(np.round(samples * 2**15), -(2**15), 2**15 - 1).astype("<i2").tobytes())
    return content.getvalue()


def _seconds(path: Path) -> float:
    try:
        with wave.open(str(path), "rb") as file:
            return file.getnframes() / file.getframerate()
    except (wave.Error, EOFError) as error:
        raise DataError(
            f"{path}: expected a recording made here, came something else. Move it away."
        ) from error


def _audio(line: str) -> str | None:
    """The recording that a line of the list names; None for what is no such line."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    audio = said.get("audio_filepath") if isinstance(said, dict) else None
    return audio if isinstance(audio, str) else None
