"""What a run begins with where it goes on from another: that one's weights, moved by name. NumPy only.

Words, intents and letters keep their rows under whatever numbers they have now. They are copied into the new
run at its beginning, so that it needs the old one no more.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.data.vocabulary import FIRST_WORD, UNKNOWN
from hiddenstate.errors import RunError
from hiddenstate.runs import Run
from hiddenstate.tasks.classify.predictor import Classifier

FILE = "start.safetensors"
BY_ANSWER = {"answer.weight": 0, "answer.bias": 0, "wide.weight": 1, "wide_bias": 0}  # name: which axis is K


@dataclass(frozen=True)
class Start:
    """The weights of a trained model, its words, and its answers (None: out of scope)."""

    parameters: Mapping[str, np.ndarray]
    words: tuple[str, ...]
    answers: tuple[str | None, ...]

    @classmethod
    def of(cls, classifier: Classifier) -> Start:
        """What a classifier has learned."""
        answers: list[str | None] = [*classifier.labels]
        if classifier.model.answers > len(answers):
            answers.append(None)
        return cls(classifier.model.parameters, classifier.encoder.vocabulary.words, tuple(answers))

    def save(self, run: Run) -> None:
        """Copy it into a run."""
        described = {"words": list(self.words), "answers": list(self.answers)}
        run.write_arrays(FILE, self.parameters, {"described": json.dumps(described)})

    @classmethod
    def load(cls, run: Run) -> Start:
        """Read it back; raises RunError where it is missing or damaged."""
        if not run.has(FILE):
            raise RunError(
                f"{run.path} was stopped before it had anything to go on from. Begin it again with --from."
            )
        arrays, notes = run.arrays(FILE)
        try:
            described = json.loads(notes["described"])
            return cls(arrays, tuple(described["words"]), tuple(described["answers"]))
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"{run.path / FILE} is damaged: {error}. Begin the run again with --from."
            ) from error

    def moved(
        self,
        fresh: Mapping[str, np.ndarray],
        words: Sequence[str],
        answers: Sequence[str | None],
        given: Collection[str] = (),
    ) -> tuple[dict[str, np.ndarray], list[str]]:
        """Put these weights in place of fresh ones, for a model of these words and answers.

        A new word begins as what it was so far, an unknown one, or, where it is among `given`, as it is in
        the fresh ones; a new answer as it is drawn. Also names the weights that stay fresh, because their
        sizes are others now.
        """
        moved, kept_fresh = {name: array.copy() for name, array in fresh.items()}, []
        for name, array in moved.items():
            if name == "wide_share":  # validation decides, or the settings do
                continue
            if name not in self.parameters:
                kept_fresh.append(name)
                continue
            old = self.parameters[name]
            if name == "word.weight":
                fits = old.shape[1] == array.shape[1]
                if fits:
                    self._move_words(array, old, words, set(given))
            elif name in BY_ANSWER:
                axis = BY_ANSWER[name]
                fits = np.delete(old.shape, axis).tolist() == np.delete(array.shape, axis).tolist()
                if fits:
                    self._move_answers(np.moveaxis(array, axis, 0), np.moveaxis(old, axis, 0), answers)
            else:
                fits = old.shape == array.shape
                if fits:
                    array[...] = old
            if not fits:
                kept_fresh.append(name)
        return moved, kept_fresh

    def _move_words(
        self, array: np.ndarray, old: np.ndarray, words: Sequence[str], given: Collection[str]
    ) -> None:
        """Copy the rows of padding, of unknown words, and of these words, in place."""
        number = {word: row for row, word in enumerate(self.words, start=FIRST_WORD)}
        array[:FIRST_WORD] = old[:FIRST_WORD]
        for row, word in enumerate(words, start=FIRST_WORD):
            if word in number or word not in given:
                array[row] = old[number.get(word, UNKNOWN)]

    def _move_answers(self, array: np.ndarray, old: np.ndarray, answers: Sequence[str | None]) -> None:
        """Copy the rows of the answers that both know, in place."""
        number = {answer: row for row, answer in enumerate(self.answers)}
        for row, answer in enumerate(answers):
            if answer in number:
                array[row] = old[number[answer]]
