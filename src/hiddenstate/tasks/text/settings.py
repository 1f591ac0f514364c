"""What the settings of tasks on texts share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from hiddenstate.data.words import Tokeniser
from hiddenstate.errors import InvalidArgument, nearest
from hiddenstate.tasks.settings import TaskSpec

READOUTS = ("last", "max", "mean", "attention")


class TextSpec(TaskSpec):
    """Settings of a model that reads texts; unknown keys raise."""

    before: ClassVar[Mapping[str, Any]] = {"tokeniser": 1}

    language: Literal["auto", "tr", "az", "other"] = "auto"  # whose capitals: that of ı is I in tr and az
    tokeniser: int = Field(2, ge=1, le=2)  # how texts are split into words; 1 in runs that do not say
    readout: str = "last"
    wide: bool = False

    def tokeniser_for(self, texts: Sequence[str]) -> Tokeniser:
        """How training texts are split into words; raises InvalidArgument for settings that do not fit."""
        return Tokeniser.of(texts, self.language, self.tokeniser)

    def check(self) -> None:
        """Raise InvalidArgument for settings that do not go together."""
        self.tokeniser_for([])
        for name in self.readout.split(","):
            if name not in READOUTS:
                raise InvalidArgument(f"unknown readout {name!r}: {nearest(name, READOUTS)}")

    @property
    def title(self) -> str:
        """What a table calls the model."""
        return f"{super().title}{' + wide' if self.wide else ''}"
