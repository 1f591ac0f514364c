"""What the settings of tasks on texts share: read from a command line or a run, wrong ones named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hiddenstate.cells import CELLS, resolve
from hiddenstate.data.words import Tokeniser
from hiddenstate.errors import InvalidArgument, RunError, nearest

READOUTS = ("last", "max", "mean", "attention")


class TextSpec(BaseModel):
    """Settings of a model that reads texts; unknown keys raise."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    before: ClassVar[Mapping[str, Any]] = {"tokeniser": 1}  # what runs meant that do not say

    task: str
    language: Literal["auto", "tr", "az", "other"] = "auto"  # whose capitals: that of ı is I in tr and az
    tokeniser: int = Field(2, ge=1, le=2)  # how texts are split into words; 1 in runs that do not say
    cell: str = "lstm"
    bidirectional: bool = False
    activation: str | None = None
    readout: str = "last"
    wide: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Self:
        """Build the settings from a command line's options; raises InvalidArgument and names what is near."""
        task = cls.model_fields["task"].default
        for key in options:
            if key not in cls.model_fields:
                raise InvalidArgument(f"{task} has no setting {key!r}: {nearest(key, cls.model_fields)}")
        try:
            spec = cls(**{key: value for key, value in options.items() if value is not None})
        except ValidationError as error:
            raise InvalidArgument(_in_words(error, task)) from None
        resolve(spec.cell).with_activations(spec.activation)
        spec._check_readout()
        spec.tokeniser_for([])
        return spec

    @classmethod
    def from_run(cls, values: Mapping[str, Any], where: str) -> Self:
        """Read the settings from a run's spec.json; raises RunError where they cannot be right.

        A cell's file is the copy that lies beside spec.json.
        """
        try:
            spec = cls(**{**cls.before, **values})
            spec._check_readout()
        except (ValidationError, InvalidArgument) as error:
            words = _in_words(error, "") if isinstance(error, ValidationError) else str(error)
            raise RunError(f"{where} is damaged or from a newer version: {words}") from None
        if spec.cell_file is None:
            return spec
        return spec.model_copy(update={"cell": str(Path(where).parent / spec.cell)})

    def tokeniser_for(self, texts: Sequence[str]) -> Tokeniser:
        """How training texts are split into words; raises InvalidArgument for settings that do not fit."""
        return Tokeniser.of(texts, self.language, self.tokeniser)

    @property
    def cell_file(self) -> Path | None:
        """The file of a cell of one's own, None for a cell of the table."""
        return None if self.cell in CELLS else Path(self.cell)

    @property
    def title(self) -> str:
        """What a table calls the model."""
        cell = self.cell if self.cell_file is None else self.cell_file.name.split(".")[0]
        return f"{'bidirectional ' if self.bidirectional else ''}{cell}{' + wide' if self.wide else ''}"

    @property
    def kept_name(self) -> str:
        """What a run calls the cell: one's own file is copied, so that the run can be carried elsewhere."""
        file = self.cell_file
        return self.cell if file is None else f"{file.name.split('.')[0]}.cell{file.suffix}"

    def _check_readout(self) -> None:
        for name in self.readout.split(","):
            if name not in READOUTS:
                raise InvalidArgument(f"unknown readout {name!r}: {nearest(name, READOUTS)}")


def _in_words(error: ValidationError, task: str) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"{task} needs {name!r}; give it, as in --{name} FILE"
    return f"{name}: {first['msg'].lower()}, came {first.get('input')!r}"
