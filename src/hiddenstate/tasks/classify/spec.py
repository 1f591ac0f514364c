"""What is asked for when an intent classifier is trained: one frozen model, its fields are the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hiddenstate.cells import CELLS, resolve
from hiddenstate.errors import InvalidArgument, RunError, nearest

READOUTS = ("last", "max", "mean", "attention")


class ClassifySpec(BaseModel):
    """The settings of one intent classifier; unknown keys raise.

    >>> ClassifySpec.from_options({"hidden": "64", "bidirectional": "true"}).hidden
    64
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Literal["classify"] = "classify"
    data: str = "starter"
    text_column: str | None = None
    label_column: str | None = None
    seed: int = Field(0, ge=0, lt=2**31)
    out_of_scope: bool = True  # learn from the out-of-scope examples, where there are any

    cell: str = "lstm"
    hidden: int = Field(256, ge=1, le=8192)
    layers: int = Field(1, ge=1, le=16)
    bidirectional: bool = False
    activation: str | None = None
    readout: str = "max,attention,last"
    embedding: int = Field(128, ge=1, le=4096)  # width of a word
    letter_buckets: int = Field(8192, ge=1, le=2**20)
    wide: bool = True
    wide_buckets: int = Field(8192, ge=1, le=2**20)
    wide_share: float | None = Field(None, ge=0, le=1000)  # in the sum of the heads; None: by validation
    int8: bool = False  # keep weights in 8 bits and the tables of words in 4, not in 16

    epochs: int = Field(15, ge=1, le=100_000)
    batch_size: int = Field(128, ge=1, le=65536)
    least_steps: int = Field(600, ge=0)  # small sets are read more often, until these many steps
    learning_rate: float = Field(3e-3, gt=0)
    wide_rate: float = Field(10.0, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    average: float = Field(0.99, ge=0, lt=1)  # decay of the averaged weights
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    mixup: float = Field(0.3, ge=0)  # strength of interpolation between sentences, 0 for none
    wide_dropout: float = Field(0.3, ge=0, lt=1)  # of n-grams, in the wide head
    word_dropout: float = Field(0.2, ge=0, lt=1)
    embedding_dropout: float = Field(0.3, ge=0, lt=1)
    dropout: float = Field(0.4, ge=0, lt=1)

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> ClassifySpec:
        """Build the settings from a command line's options; raises InvalidArgument and names what is near."""
        for key in options:
            if key not in cls.model_fields:
                raise InvalidArgument(f"classify has no setting {key!r}: {nearest(key, cls.model_fields)}")
        try:
            spec = cls(**{key: value for key, value in options.items() if value is not None})
        except ValidationError as error:
            raise InvalidArgument(_in_words(error)) from None
        resolve(spec.cell).with_activations(spec.activation)
        spec._check_readout()
        return spec

    @classmethod
    def from_run(cls, values: Mapping[str, Any], where: str) -> ClassifySpec:
        """Read the settings from a run's spec.json; raises RunError where they cannot be right.

        A cell's file is the copy that lies beside spec.json.
        """
        try:
            spec = cls(**values)
            spec._check_readout()
        except (ValidationError, InvalidArgument) as error:
            words = _in_words(error) if isinstance(error, ValidationError) else str(error)
            raise RunError(f"{where} is damaged or from a newer version: {words}") from None
        if spec.cell_file is None:
            return spec
        return spec.model_copy(update={"cell": str(Path(where).parent / spec.cell)})

    @property
    def cell_file(self) -> Path | None:
        """The file of a cell of one's own, None for a cell of the table."""
        return None if self.cell in CELLS else Path(self.cell)

    @property
    def title(self) -> str:
        """What a table calls the model."""
        cell = self.cell if self.cell_file is None else self.cell_file.name.split(".")[0]
        return f"{'bidirectional ' if self.bidirectional else ''}{cell}{' + wide' if self.wide else ''}"

    def _check_readout(self) -> None:
        for name in self.readout.split(","):
            if name not in READOUTS:
                raise InvalidArgument(f"unknown readout {name!r}: {nearest(name, READOUTS)}")


def _in_words(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    return f"{name}: {first['msg'].lower()}, came {first.get('input')!r}"
