"""What the settings of all tasks share: read from a command line or a run, wrong ones named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from hiddenstate.cells import CELLS, resolve
from hiddenstate.errors import InvalidArgument, RunError, nearest


class TaskSpec(BaseModel):
    """Settings of a recurrent model; unknown keys raise."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    before: ClassVar[Mapping[str, Any]] = {}  # what runs meant that do not say

    task: str
    cell: str = "lstm"
    bidirectional: bool = False
    activation: str | None = None

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
        spec.check()
        return spec

    @classmethod
    def from_run(cls, values: Mapping[str, Any], where: str) -> Self:
        """Read the settings from a run's spec.json; raises RunError where they cannot be right.

        A cell's file is the copy that lies beside spec.json.
        """
        try:
            spec = cls(**{**cls.before, **values})
            spec.check()
        except (ValidationError, InvalidArgument) as error:
            words = _in_words(error, "") if isinstance(error, ValidationError) else str(error)
            raise RunError(f"{where} is damaged or from a newer version: {words}") from None
        if spec.cell_file is None:
            return spec
        return spec.model_copy(update={"cell": str(Path(where).parent / spec.cell)})

    def check(self) -> None:
        """Raise InvalidArgument for settings that do not go together."""

    @property
    def cell_file(self) -> Path | None:
        """The file of a cell of one's own, None for a cell of the table."""
        return None if self.cell in CELLS else Path(self.cell)

    @property
    def title(self) -> str:
        """What a table calls the model."""
        cell = self.cell if self.cell_file is None else self.cell_file.name.split(".")[0]
        return f"{'bidirectional ' if self.bidirectional else ''}{cell}"

    @property
    def kept_name(self) -> str:
        """What a run calls the cell: one's own file is copied, so that the run can be carried elsewhere."""
        file = self.cell_file
        return self.cell if file is None else f"{file.name.split('.')[0]}.cell{file.suffix}"


def _in_words(error: ValidationError, task: str) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"{task} needs {name!r}; give it, as in --{name} FILE"
    return f"{name}: {first['msg'].lower()}, came {first.get('input')!r}"
