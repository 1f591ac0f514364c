"""What is asked for when an intent classifier is trained: one frozen model, its fields are the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from hiddenstate.data.vectors import width_of
from hiddenstate.errors import InvalidArgument
from hiddenstate.tasks.text.settings import TextSpec


class ClassifySpec(TextSpec):
    """The settings of one intent classifier; unknown keys raise.

    >>> ClassifySpec.from_options({"hidden": "64", "bidirectional": "true"}).hidden
    64
    """

    before: ClassVar[Mapping[str, Any]] = {
        **TextSpec.before,
        "label_names": False,
        "balance": "none",
        "typo_noise": 0.0,
    }
    task: Literal["classify"] = "classify"
    data: str = "starter"
    text_column: str | None = None
    label_column: str | None = None
    seed: int = Field(0, ge=0, lt=2**31)
    label_names: bool = True  # read a label's name as an example of it, where its words are known
    out_of_scope: bool = True  # learn from the out-of-scope examples, where there are any

    cell: str = "lstm"
    hidden: int = Field(256, ge=1, le=8192)
    layers: int = Field(1, ge=1, le=16)
    bidirectional: bool = False
    activation: str | None = None
    readout: str = "max,attention,last"
    embedding: int = Field(128, ge=1, le=4096)  # width of a word
    vectors: str | None = None  # a file of word vectors to begin with: .vec, .txt or .npz
    tune_vectors: bool = True  # go on learning them; false keeps them as they are
    letter_buckets: int = Field(8192, ge=1, le=2**20)
    wide: bool = True
    wide_buckets: int = Field(8192, ge=1, le=2**20)
    wide_share: float | None = Field(None, ge=0, le=1000)  # in the sum of the heads; None: by validation
    keep_examples: bool = True  # in the run, for `predict --why` and `train --from`
    int8: bool = False  # keep weights in 8 bits and the tables of words in 4, not in 16

    balance: Literal["auto", "none"] = "auto"  # rare intents weigh more, where the sizes are far apart
    epochs: int = Field(15, ge=1, le=100_000)
    batch_size: int | None = Field(None, ge=1, le=65536)  # None: 64 to 128, a twentieth of the texts
    least_steps: int = Field(600, ge=0)  # small sets are read more often, until these many steps
    learning_rate: float = Field(3e-3, gt=0)
    wide_rate: float = Field(10.0, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    average: float = Field(0.99, ge=0, lt=1)  # decay of the averaged weights
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    mixup: float = Field(0.3, ge=0)  # strength of interpolation between sentences, 0 for none
    wide_dropout: float = Field(0.3, ge=0, lt=1)  # of n-grams, in the wide head
    # of longer words, in half of the texts that are read; None: some where there are texts enough
    typo_noise: float | None = Field(None, ge=0, lt=1)
    word_dropout: float = Field(0.2, ge=0, lt=1)
    embedding_dropout: float = Field(0.3, ge=0, lt=1)
    dropout: float = Field(0.4, ge=0, lt=1)

    def sized(self) -> ClassifySpec:
        """The same, words as wide as the vectors; raises InvalidArgument where another width was asked."""
        if self.vectors is None:
            return self
        width = width_of(self.vectors)
        if "embedding" in self.model_fields_set and self.embedding != width:
            raise InvalidArgument(
                f"the vectors of {self.vectors} are {width} wide, and embedding={self.embedding} was asked "
                f"for; leave embedding out, or set it to {width}"
            )
        return self.from_options({**self.model_dump(exclude_unset=True), "embedding": width})
