"""The recurrent stack of the tasks on texts as it learns."""

from __future__ import annotations

from hiddenstate.layers import Recurrent
from hiddenstate.tasks.text.reading import Sizes, cell_of


def recurrent_of(spec: Sizes) -> Recurrent:
    """The stack that the settings ask for."""
    return Recurrent(
        cell_of(spec),
        spec.embedding,
        spec.hidden,
        num_layers=spec.layers,
        bidirectional=spec.bidirectional,
        dropout=0.2 if spec.layers > 1 else 0.0,
    )
