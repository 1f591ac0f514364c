"""The recogniser as it answers: the trained weights in NumPy, no torch. `SpeechModel` is what learns them.

Letters: N frames, T steps of some frames each, B recordings, M numbers a frame, K symbols with the blank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hiddenstate.cells import resolve
from hiddenstate.infer import Stack, affine, stack_shapes
from hiddenstate.tasks.speech.spec import SpeechSpec

RECURRENT = "recurrent."
AT_ONCE = 16  # recordings that are stepped through at once


def parameter_shapes(spec: SpeechSpec, symbols: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of everything that a run holds of a model."""
    hidden, layers = spec.size
    cell = resolve(spec.cell).with_activations(spec.activation)
    shapes = stack_shapes(
        cell, spec.features.width * spec.reduce, hidden, num_layers=layers, bidirectional=spec.bidirectional
    )
    return {
        **{RECURRENT + name: shape for name, shape in shapes.items()},
        "answer.weight": (symbols, hidden * (2 if spec.bidirectional else 1)),
        "answer.bias": (symbols,),
    }


def steps_of(frames: np.ndarray, reduce: int) -> np.ndarray:
    """Read neighbouring frames [N, M] as one step [T, reduce x M]; the last step is filled with zeros.

    >>> steps_of(np.ones((3, 1)), 2).tolist()
    [[1.0, 1.0], [1.0, 0.0]]
    """
    missing = -len(frames) % reduce
    filled = np.concatenate([frames, np.zeros((missing, frames.shape[1]), frames.dtype)])
    return filled.reshape(len(filled) // reduce, -1)


class Reader:
    """Scores the symbols of every step, with parameters named and shaped as `parameter_shapes` says."""

    def __init__(self, spec: SpeechSpec, parameters: Mapping[str, np.ndarray]) -> None:
        self.spec, self.parameters = spec, parameters
        hidden, layers = spec.size
        own = {
            name.removeprefix(RECURRENT): value
            for name, value in parameters.items()
            if name.startswith(RECURRENT)
        }
        self.stack = Stack(
            resolve(spec.cell).with_activations(spec.activation),
            spec.features.width * spec.reduce,
            hidden,
            own,
            num_layers=layers,
            bidirectional=spec.bidirectional,
        )

    def scores(self, recordings: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The log probabilities [T, K] of each recording's frames [N, M]."""
        found: list[np.ndarray] = [np.empty(0)] * len(recordings)
        order = np.argsort([len(frames) for frames in recordings], kind="stable").tolist()
        for start in range(0, len(order), AT_ONCE):
            chosen = order[start : start + AT_ONCE]
            steps = [steps_of(recordings[i], self.spec.reduce) for i in chosen]
            lengths = np.array([len(each) for each in steps])
            x = np.zeros((lengths.max(), len(chosen), self.stack.input_size), np.float32)
            for place, each in enumerate(steps):
                x[: len(each), place] = each
            output, _ = self.stack.run(x, lengths=lengths)
            for place, i in enumerate(chosen):
                found[i] = self.answered(output[: lengths[place], place])
        return found

    def answered(self, output: np.ndarray) -> np.ndarray:
        """The log probabilities [T, K] of outputs [T, W]."""
        logits = affine(output, self.parameters["answer.weight"], self.parameters["answer.bias"])
        largest = logits.max(-1, keepdims=True)
        return np.asarray(logits - largest - np.log(np.exp(logits - largest).sum(-1, keepdims=True)))


class Listening:
    """A recording that arrives frame by frame: the log probabilities of the steps that are complete.

    However it is cut, they are those of the whole recording.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.stream = reader.stack.stream()
        self.waiting = np.zeros((0, reader.spec.features.width), np.float32)

    def feed(self, frames: np.ndarray) -> np.ndarray:
        """Take frames [n, M] more, and give the log probabilities [steps, K] that they complete."""
        self.waiting = np.concatenate([self.waiting, frames])
        reduce = self.reader.spec.reduce
        whole = len(self.waiting) // reduce * reduce
        ready, self.waiting = self.waiting[:whole], self.waiting[whole:]
        return self._scored(ready)

    def finish(self) -> np.ndarray:
        """The log probabilities of the last step, where one is not complete; nothing can follow it."""
        left, self.waiting = self.waiting, self.waiting[:0]
        return self._scored(left)

    def _scored(self, frames: np.ndarray) -> np.ndarray:
        if not len(frames):
            return np.zeros((0, len(self.reader.parameters["answer.bias"])), np.float32)
        return self.reader.answered(self.stream.feed(steps_of(frames, self.reader.spec.reduce)))
