"""WHAT IS SAID NEXT? One prompt after another: record, check, keep, or say what is wrong and ask again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hiddenstate.cli import keys, screen
from hiddenstate.cli.record.folder import Prompt, Takes
from hiddenstate.data.audio import loudness
from hiddenstate.data.audio.recorders import Recorder, Take
from hiddenstate.errors import DataError

if TYPE_CHECKING:
    from rich.console import Console

BEHIND = 0.2  # seconds that are heard after Enter: a sound may still be on its way
PATIENCE = 10.0  # seconds in which a recorder should give something
LOOK = 0.05  # seconds between two looks at the keys
LOWEST = -60.0  # decibels at the left end of the bar
METER = 30  # cells
AGAIN, KEEP, SKIP, BACK, QUIT = "r", "k", "s", "b", "q"
BEGIN = (*keys.ENTER, " ")


@dataclass(frozen=True)
class Limits:
    """When a recording ends: after so many seconds, or after a pause of so many (0: no pause ends it)."""

    seconds: float
    pause: float


@dataclass
class Done:
    """What came of a session: prompts that were recorded, and that were skipped."""

    kept: list[Prompt] = field(default_factory=list)
    skipped: list[Prompt] = field(default_factory=list)
    seconds: float = 0.0


class Session:
    """A person at a terminal, a recorder, and a folder; `key` waits for a key, as `keys.asked` gives it."""

    def __init__(
        self,
        on: Console,
        key: Callable[[float | None], str],
        recorder: Recorder,
        takes: Takes,
        limits: Limits,
    ) -> None:
        self.on, self.key, self.recorder, self.takes, self.limits = on, key, recorder, takes, limits
        self.done = Done()

    def run(self, prompts: Sequence[Prompt]) -> None:
        """Ask for each that is not there, in this order, until the last or until the person leaves."""
        behind = [each for each in prompts if self.takes.has(each)]
        left = [each for each in prompts if not self.takes.has(each)]
        while left:
            prompt = left[0]
            place = len(prompts) - len(left) + 1
            count = f"{place} of {len(prompts)}"
            screen.line(self.on, f"\n{count}   {screen.printable(prompt.text)}")
            pressed = self._one(prompt)
            if pressed == QUIT:
                return
            if pressed == BACK:
                self._back(behind, left)
                continue
            (self.done.skipped if pressed == SKIP else self.done.kept).append(prompt)
            behind.append(left.pop(0))

    def _back(self, behind: list[Prompt], left: list[Prompt]) -> None:
        if not behind:
            screen.say(self.on, "This is the first one.", indent=2)
            return
        prompt = behind.pop()
        left.insert(0, prompt)
        if self.takes.has(prompt):
            self.takes.take_back(prompt)
            screen.say(self.on, "The last one is put aside, in taken-back.", indent=2)
        for each in (self.done.kept, self.done.skipped):
            if prompt in each:
                each.remove(prompt)

    def _one(self, prompt: Prompt) -> str:
        """Record one prompt until it is kept; gives KEEP, or the key that ended it otherwise."""
        pressed = self._wait((*BEGIN, AGAIN, SKIP, BACK, QUIT))
        if pressed == AGAIN:  # the last one, which was kept
            return BACK
        while pressed in (*BEGIN, AGAIN):
            samples = self._heard()
            if samples is None:
                return QUIT
            found = loudness.checked(samples, self.recorder.rate)
            if not found.faults:
                self._keep(prompt, samples, found)
                return KEEP
            for fault in found.faults:
                screen.say(self.on, fault.words, indent=2)
            choices = "Enter: again   s: skip   b: back   q: leave"
            screen.say(self.on, f"{choices}   k: keep it" if found.usable else choices, indent=2)
            pressed = self._wait((*BEGIN, AGAIN, SKIP, BACK, QUIT, *([KEEP] if found.usable else [])))
            if pressed == KEEP:
                self._keep(prompt, samples, found)
        return pressed

    def _keep(self, prompt: Prompt, samples: np.ndarray, found: loudness.Checked) -> None:
        self.takes.keep(prompt, samples, self.recorder.rate)
        self.done.seconds += found.seconds
        levels = f"{found.seconds:.1f} s, level {found.level:.0f} dB, around it {found.noise:.0f} dB"
        screen.say(self.on, f"{levels}: kept", indent=2)

    def _wait(self, wanted: Sequence[str]) -> str:
        """The next key that means something here; leaving in any way is QUIT."""
        while True:
            pressed = self.key(None).lower()
            if pressed in keys.LEAVE:
                return QUIT
            if pressed in wanted:
                return pressed

    def _heard(self) -> np.ndarray | None:
        """Record until Enter, a pause or the limit: samples [n]; None where the person leaves."""
        parts: list[np.ndarray] = []
        most = round(self.limits.seconds * self.recorder.rate)
        behind: float | None = None  # seconds that are still heard, once Enter was pressed
        with Take(self.recorder) as take:
            last = time.monotonic()
            while sum(map(len, parts)) < most and not (behind is not None and behind <= 0):
                pressed = self.key(0).lower()
                if pressed == QUIT or pressed in keys.LEAVE:
                    self._show("")
                    return None
                if pressed in BEGIN and behind is None:
                    behind = BEHIND
                chunk = take.chunk(LOOK)
                if chunk is None and take.ended:
                    break
                if chunk is None:
                    behind = None if behind is None else behind - LOOK
                    self._refuse_silence_of_program(last)
                    continue
                last = time.monotonic()
                parts.append(chunk)
                behind = None if behind is None else behind - len(chunk) / self.recorder.rate
                found = loudness.levels(np.concatenate(parts), self.recorder.rate)
                self._meter(found)
                if 0 < self.limits.pause <= loudness.quiet_behind(found):
                    break
        self._show("")
        return np.concatenate(parts)[:most] if parts else np.zeros(0, np.float32)

    def _refuse_silence_of_program(self, last: float) -> None:
        if time.monotonic() - last > PATIENCE:
            raise DataError(
                f"{self.recorder.name} gave nothing for {PATIENCE:.0f} seconds. Does another program hold "
                "the microphone, or may this terminal not use it? Another one: --device NAME."
            )

    def _meter(self, found: np.ndarray) -> None:
        level = float(found[-5:].max()) if len(found) else LOWEST
        share = 1 - level / LOWEST
        drawn = screen.bar(share, METER, self.on.encoding)
        self._show(f"  speak now  {len(found) * loudness.FRAME:4.1f} s  {drawn}  {level:4.0f} dB")

    def _show(self, text: str) -> None:
        """Put a text in place of the terminal's last line."""
        if self.on.is_terminal:
            self.on.file.write("\r" + screen.fitted(text, self.on.width - 1) + "\r")
            self.on.file.flush()
