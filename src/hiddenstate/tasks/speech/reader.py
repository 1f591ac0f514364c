"""The recogniser as it answers: the trained weights in NumPy, no torch. `SpeechModel` is what learns them.

Letters: N frames, T steps of some frames each, B recordings, M numbers a frame, K symbols with the blank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hiddenstate.cells import resolve
from hiddenstate.errors import InvalidArgument
from hiddenstate.infer import Stack, affine, stack_shapes
from hiddenstate.tasks.speech.front import Front, front_shapes, front_width, steps_of, windows
from hiddenstate.tasks.speech.spec import SpeechSpec

FRONT, RECURRENT = "front.", "recurrent."
AT_ONCE = 16  # recordings that are stepped through at once


def parameter_shapes(spec: SpeechSpec, symbols: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of everything that a run holds of a model."""
    hidden, layers = spec.size
    cell = resolve(spec.cell).with_activations(spec.activation)
    shapes = stack_shapes(
        cell, front_width(spec), hidden, num_layers=layers, bidirectional=spec.bidirectional
    )
    return {
        **{FRONT + name: shape for name, shape in front_shapes(spec).items()},
        **{RECURRENT + name: shape for name, shape in shapes.items()},
        "answer.weight": (symbols, hidden * (2 if spec.bidirectional else 1)),
        "answer.bias": (symbols,),
    }


class Reader:
    """Scores the symbols of every step, with parameters named and shaped as `parameter_shapes` says."""

    def __init__(self, spec: SpeechSpec, parameters: Mapping[str, np.ndarray]) -> None:
        self.spec, self.parameters = spec, parameters
        hidden, layers = spec.size
        self.front = Front(spec, self._own(FRONT))
        self.stack = Stack(
            resolve(spec.cell).with_activations(spec.activation),
            front_width(spec),
            hidden,
            self._own(RECURRENT),
            num_layers=layers,
            bidirectional=spec.bidirectional,
        )

    def _own(self, part: str) -> dict[str, np.ndarray]:
        return {
            name.removeprefix(part): value for name, value in self.parameters.items() if name.startswith(part)
        }

    def steps(self, frames: np.ndarray) -> np.ndarray:
        """What the recurrent layers read [T, W] of a recording's frames [N, M]."""
        return self.front.of(steps_of(frames, self.spec.reduce, self.spec.around))

    def scores(self, recordings: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The log probabilities [T, K] of each recording's frames [N, M]."""
        found: list[np.ndarray] = [np.empty(0)] * len(recordings)
        order = np.argsort([len(frames) for frames in recordings], kind="stable").tolist()
        for start in range(0, len(order), AT_ONCE):
            chosen = order[start : start + AT_ONCE]
            steps = [self.steps(recordings[i]) for i in chosen]
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


def refuse_ended(ended: bool, whose: str) -> None:
    """Raise InvalidArgument where a stream has ended that is fed, naming what begins another."""
    if ended:
        raise InvalidArgument(f"this stream has ended; begin another with `{whose}.stream()`.")


class Listening:
    """A recording that arrives frame by frame: the log probabilities of the steps that are complete.

    However it is cut, they are those of the whole recording.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.stream = reader.stack.stream()
        spec = reader.spec
        self.reduce, self.around = spec.reduce, spec.around
        self.waiting = np.zeros((self.around, spec.features.width), np.float32)  # first those seen before

    def feed(self, frames: np.ndarray) -> np.ndarray:
        """Take frames [n, M] more, and give the log probabilities [steps, K] that they complete."""
        self.waiting = np.concatenate([self.waiting, frames])
        steps = windows(self.waiting, self.reduce, self.around)
        self.waiting = self.waiting[len(steps) * self.reduce :]
        return self._scored(steps)

    def finish(self) -> np.ndarray:
        """The log probabilities of the last steps, where some are not complete; nothing can follow them."""
        left = len(self.waiting) - self.around
        missing = -left % self.reduce + self.around if left else 0
        steps = windows(np.pad(self.waiting, ((0, missing), (0, 0))), self.reduce, self.around)
        self.waiting = self.waiting[:0]
        return self._scored(steps)

    def _scored(self, steps: np.ndarray) -> np.ndarray:
        if not len(steps):
            return np.zeros((0, len(self.reader.parameters["answer.bias"])), np.float32)
        return self.reader.answered(self.stream.feed(self.reader.front.of(steps)))
