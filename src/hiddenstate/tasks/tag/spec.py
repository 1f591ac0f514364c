"""What is asked for when a tagger is trained: one frozen model, its fields are the settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hiddenstate.tasks.text.settings import TextSpec


class TagSpec(TextSpec):
    """The settings of one tagger of slots, with or without intents; unknown keys raise.

    >>> TagSpec.from_options({"data": "nlu.yml", "hidden": "64"}).hidden
    64
    """

    task: Literal["tag"] = "tag"
    data: str
    text_column: str | None = None
    label_column: str | None = None  # of the tags
    intent_column: str | None = None
    seed: int = Field(0, ge=0, lt=2**31)

    cell: str = "lstm"
    hidden: int = Field(128, ge=1, le=8192)
    layers: int = Field(1, ge=1, le=16)
    bidirectional: bool = True
    activation: str | None = None
    readout: str = "max,attention,last"  # of the intent
    embedding: int = Field(128, ge=1, le=4096)  # width of a word
    letter_buckets: int = Field(8192, ge=1, le=2**20)
    wide: bool = True  # an n-gram head for the intent
    wide_buckets: int = Field(8192, ge=1, le=2**20)
    wide_share: float | None = Field(None, ge=0, le=1000)  # in the sum of the heads; None: by validation

    epochs: int = Field(20, ge=1, le=100_000)
    batch_size: int = Field(64, ge=1, le=65536)
    least_steps: int = Field(1500, ge=0)  # small sets are read more often, until these many steps
    learning_rate: float = Field(6e-3, gt=0)
    wide_rate: float = Field(10.0, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    average: float = Field(0.99, ge=0, lt=1)  # decay of the averaged weights
    intent_weight: float = Field(0.5, ge=0)  # of the intent's loss beside that of the tags
    swap: float = Field(0.3, ge=0, le=1)  # of values, for others of the same slot
    wide_dropout: float = Field(0.3, ge=0, lt=1)  # of n-grams, in the wide head
    unknown: float = Field(0.1, ge=0, lt=1)  # of words, read by their letters alone
    word_dropout: float = Field(0.05, ge=0, lt=1)  # of words, hidden altogether
    lower: float = Field(0.1, ge=0, lt=1)  # of texts, read in lower case
    embedding_dropout: float = Field(0.3, ge=0, lt=1)
    dropout: float = Field(0.3, ge=0, lt=1)
