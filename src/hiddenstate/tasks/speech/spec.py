"""What is asked for when a recogniser is trained: one frozen model, its fields are the settings."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from hiddenstate.cells import resolve
from hiddenstate.data.audio.augment import LARGEST, Augmentation
from hiddenstate.data.audio.features import Features
from hiddenstate.errors import InvalidArgument
from hiddenstate.tasks.settings import TaskSpec
from hiddenstate.tasks.speech.commands.listed import Commands
from hiddenstate.tasks.speech.front import AROUND, front_width
from hiddenstate.tasks.speech.sizes import CHANNELS, SIZES, units

PIECES = 200
FOR_COMMANDS = {"symbols": "words", "bidirectional": False, "language_model": 0, "closed": False}
# what is not said for commands: sounds are compared with those of training from the first step on
PLAIN = {"silence": 0.0, "frequency_masks": 0, "time_masks": 0}  # strings hold pauses
USUAL_FOR_COMMANDS = {**FOR_COMMANDS, "normalisation": "training", **PLAIN}

YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
HIGHEST_ORDER = 6
WIDE = 256  # hidden units
STREAMED = 1.0  # seconds of silence: what it ends an utterance by has to be learned


def _order_or_file(value: Any) -> Any:
    """A number as one, whatever else is written as the name of a file."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    return int(text) if isinstance(text, str) and text.strip().lstrip("-").isdecimal() else text


def _whether_or_file(value: Any) -> Any:
    """Yes or no as one of them, whatever else is written as the name of a file."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str) or text.strip().lower() not in (*YES, *NO):
        return text
    return text.strip().lower() in YES


class SpeechSpec(TaskSpec):
    """The settings of one speech recogniser; unknown keys raise.

    >>> SpeechSpec.from_options({"data": "an4", "preset": "base"}).size
    (360, 2)
    """

    task: Literal["speech"] = "speech"
    data: str
    skip_bad: bool = False  # leave out recordings that cannot be read, and say which
    seed: int = Field(0, ge=0, lt=2**31)

    preset: Literal["small", "base"] = "small"  # the size, where hidden, layers, convolved are not said
    cell: str = "lstm"
    hidden: int | None = Field(None, ge=1, le=8192)
    layers: int | None = Field(None, ge=1, le=16)
    bidirectional: bool = True  # false: words come while one speaks
    activation: str | None = None
    symbols: Literal["characters", "bpe", "words"] = "characters"
    pieces: int | None = Field(None, ge=2, le=65_536)  # of words, at most; with bpe alone, None: PIECES
    convolved: int | None = Field(None, ge=0, le=1024)  # channels of the convolutions before the cells
    reduce: int = Field(3, ge=1, le=16)  # neighbouring frames that are read as one step

    rate: int = Field(16000, ge=2000, le=192_000)  # samples a second that are listened to
    mels: int = Field(40, ge=4, le=256)
    deltas: int = Field(0, ge=0, le=2)
    # by what was heard so far (running), by all of the recording (speaker), by the training's mean, or not at
    # all; None: running if it streams, else speaker
    normalisation: Literal["running", "speaker", "training", "none"] | None = None

    epochs: int = Field(100, ge=1, le=100_000)
    batch_size: int = Field(8, ge=1, le=4096)
    learning_rate: float | None = Field(None, gt=0)  # None: 0.005, of wide layers 0.003
    weight_decay: float = Field(1e-3, ge=0)
    average: float = Field(0.99, ge=0, lt=1)  # decay of the averaged weights
    dropout: float = Field(0.3, ge=0, lt=1)
    speeds: str = "0.9,1,1.1"  # at which recordings are also heard in training
    tempo: float = Field(0.15, ge=0, le=LARGEST)  # how much slower or faster they are besides, at their pitch
    tract: float = Field(0.1, ge=0, le=LARGEST)  # how much longer or shorter the speaker's vocal tract
    loudness: float = Field(10.0, ge=0, le=60)  # how many dB softer or louder
    # seconds before and behind at most, of half of the recordings; None: 1 if it streams, else none
    silence: float | None = Field(None, ge=0, le=60)
    noise: float = Field(0.2, ge=0, le=1)  # share of recordings to which noise is added
    frequency_masks: int = Field(2, ge=0, le=16)
    frequency_width: int = Field(8, ge=0, le=256)
    time_masks: int = Field(2, ge=0, le=64)
    time_width: int = Field(25, ge=0, le=10_000)  # frames; at most a fifth of a recording

    # order of the n-grams of words, 0 for none; or an ARPA file, in place of what the transcripts tell
    language_model: Annotated[int | str, BeforeValidator(_order_or_file)] = 3
    # whether only words of the training transcripts can be recognised; or a file of those that can
    closed: Annotated[bool | str, BeforeValidator(_whether_or_file)] = True
    beam: int = Field(16, ge=1, le=4096)

    commands: tuple[str, ...] = ()  # answer with one of these alone, and refuse all else
    alarms: float = Field(1.0, ge=0)  # an hour, false ones, that the threshold may let through

    @model_validator(mode="before")
    @classmethod
    def _for_commands(cls, values: Any) -> Any:
        """What is not said for commands: they stream, each is a symbol, and no language weighs in."""
        asked = isinstance(values, dict) and values.get("commands")
        return {**USUAL_FOR_COMMANDS, **values} if asked else values

    def check(self) -> None:
        """Raise InvalidArgument for settings that do not go together."""
        order = self.language_model
        if isinstance(order, int) and not 0 <= order <= HIGHEST_ORDER:
            raise InvalidArgument(
                f"language_model: expected an order of 0 (none) to {HIGHEST_ORDER}, or an ARPA file, came "
                f"{order}"
            )
        if self.pieces is not None and self.symbols != "bpe":
            raise InvalidArgument(
                f"pieces of words are symbols of bpe, and these are {self.symbols}; leave pieces out, or set "
                "symbols=bpe"
            )
        if self.normalisation == "speaker" and not self.bidirectional:
            raise InvalidArgument(
                "normalisation=speaker takes the mean of all that a speaker says, and a recogniser with "
                "bidirectional=false answers while it is said; set normalisation to running, training or none"
            )
        _ = self.features, self.augmentation
        if not self.commands:
            return
        Commands(self.commands)
        for name, value in FOR_COMMANDS.items():
            if getattr(self, name) != value:
                raise InvalidArgument(
                    f"commands are whole symbols, spotted while they arrive: {name} is {str(value).lower()} "
                    f"with them, came {getattr(self, name)!r}; leave it out, or train without commands"
                )

    @property
    def size(self) -> tuple[int, int]:
        """Hidden units and layers: those of the preset, where they are not said."""
        layers = self.layers or SIZES[self.preset, self.bidirectional][1]
        if self.hidden is not None:
            return self.hidden, layers
        return units(resolve(self.cell), front_width(self), self.preset, self.bidirectional, layers), layers

    @property
    def around(self) -> int:
        """How many frames before and behind a step are seen with it."""
        return AROUND if self.channels else 0

    @property
    def channels(self) -> int:
        """Channels of the convolutions before the cells: those of the preset, where they are not said."""
        return CHANNELS[self.preset] if self.convolved is None else self.convolved

    @property
    def peak_rate(self) -> float:
        """The learning rate at its highest."""
        return self.learning_rate or (3e-3 if self.size[0] > WIDE else 5e-3)

    @property
    def augmentation(self) -> Augmentation:
        """How recordings are changed in training; raises InvalidArgument for what cannot be."""
        try:
            speeds = tuple(float(part) for part in self.speeds.split(","))
        except ValueError:
            raise InvalidArgument(
                f"speeds are numbers between commas, as in 0.9,1,1.1; came {self.speeds!r}"
            ) from None
        usual = 0.0 if self.bidirectional else STREAMED
        return Augmentation(
            speeds=speeds,
            tempo=self.tempo,
            tract=self.tract,
            loudness=self.loudness,
            silence=usual if self.silence is None else self.silence,
            noise_share=self.noise,
            frequency_masks=self.frequency_masks,
            frequency_width=self.frequency_width,
            time_masks=self.time_masks,
            time_width=self.time_width,
        )

    @property
    def features(self) -> Features:
        """What is heard of a recording."""
        usual = "speaker" if self.bidirectional else "running"
        return Features(
            rate=self.rate,
            mels=self.mels,
            deltas=self.deltas,
            normalisation=self.normalisation or usual,
        )
