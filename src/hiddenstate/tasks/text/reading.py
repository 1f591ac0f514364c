"""How the tasks on texts read in NumPy: words as vectors, the recurrent stack over them, a readout. No torch.

Letters: T words, B texts, U different words, E width of a word, W width of the recurrent output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from hiddenstate.cells import Cell, resolve
from hiddenstate.data.batch import Batch
from hiddenstate.infer import Stack, affine, attend, bag_means, pool, stack_shapes

AT_ONCE = 64  # texts that are stepped through at once: all that this takes stays in the processor's cache
RECURRENT = "recurrent."  # before the names of the stack's parameters

Parameters = Mapping[str, np.ndarray]


class Sizes(Protocol):
    """What the settings of such a task say of its stack."""

    @property
    def cell(self) -> str: ...
    @property
    def activation(self) -> str | None: ...
    @property
    def embedding(self) -> int: ...
    @property
    def hidden(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def bidirectional(self) -> bool: ...


def cell_of(spec: Sizes) -> Cell:
    """The cell of a model, with the activations asked for."""
    return resolve(spec.cell).with_activations(spec.activation)


def recurrent_shapes(spec: Sizes) -> dict[str, tuple[int, ...]]:
    """Name and shape of the stack's parameters."""
    shapes = stack_shapes(
        cell_of(spec),
        spec.embedding,
        spec.hidden,
        num_layers=spec.layers,
        bidirectional=spec.bidirectional,
    )
    return {RECURRENT + name: shape for name, shape in shapes.items()}


def stack_of(spec: Sizes, parameters: Parameters) -> Stack:
    """The stack with its part of a model's parameters."""
    own = {name.removeprefix(RECURRENT): a for name, a in parameters.items() if name.startswith(RECURRENT)}
    return Stack(
        cell_of(spec),
        spec.embedding,
        spec.hidden,
        own,
        num_layers=spec.layers,
        bidirectional=spec.bidirectional,
    )


def different_words(parameters: Parameters, batch: Batch) -> np.ndarray:
    """The different words [U, E] of a batch: each its own row plus the mean of its letter n-grams."""
    letters = batch.bags["letters"]
    table = parameters["word.weight"][batch.arrays["known"]]
    return np.asarray(table + bag_means(parameters["letters.weight"], letters.ids, letters.offsets))


def attention_of(parameters: Parameters, output: np.ndarray) -> np.ndarray:
    """How much each step of output [T, B, W] matters: [T, B]."""
    weight, bias = parameters["readout.score.weight"], parameters["readout.score.bias"]
    return np.asarray(affine(output, weight, bias)[..., 0])


def readout(
    names: Sequence[str], hidden: int, parameters: Parameters, output: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """All ways of summing up output [T, B, W] of H = `hidden` units a direction, side by side."""
    parts = []
    for name in names:
        if name == "attention":
            parts.append(attend(output, attention_of(parameters, output), lengths))
        elif name == "last":  # of the direction that reads backwards, its last word is the first
            ended = pool(output, "last", lengths)
            ended[:, hidden:] = output[0, :, hidden:]
            parts.append(ended)
        else:
            parts.append(pool(output, name, lengths))
    return np.concatenate(parts, -1)
