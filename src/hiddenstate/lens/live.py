"""What is remembered while a text still arrives: after each word, without reading again what was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.data.vocabulary import MAX_WORDS
from hiddenstate.errors import InvalidArgument
from hiddenstate.lens.memory_view import MemoryView, Told, direction_of, view_of
from hiddenstate.lens.occlusion import Held, occlusion
from hiddenstate.lens.opened import opened, sequence_of
from hiddenstate.lens.passes import refuse_infinite

MOST_INPUTS = MAX_WORDS  # as many as a model reads of a text


@dataclass(frozen=True)
class Moment:
    """What is held after the last input: `shares` [inputs] of the hidden state.

    Of a model with a head also the `answer` it would give, and the `effects` [inputs] on its score.
    """

    words: tuple[str, ...]
    shares: np.ndarray
    answer: str | None = None
    effects: np.ndarray | None = None


class LiveMemory:
    """Occlusion (see `memory`) while inputs arrive: each costs one step of a batch, a row for each so far.

    `subject` is what `memory` takes. Of a stack that reads both ways each beginning is read anew.

    >>> from hiddenstate.cells import Cell, State, Vector
    >>> from hiddenstate.infer import Stack
    >>> cell = Cell("leaky", "h = W x + u * h'", (State("h"),), vectors=(Vector("u"),))
    >>> live = LiveMemory(Stack(cell, 1, 1, {"weight_ih_l0": np.ones((1, 1)), "u_l0": np.array([0.5])}))
    >>> [live.feed(np.array([[x]])).shares.round(2).tolist() for x in (1.0, 3.0)]
    [[1.0], [0.17, 0.83]]
    """

    def __init__(self, subject: Any) -> None:
        self._inside = opened(subject)
        self.reset()

    def reset(self) -> None:
        """Begin a new sequence."""
        self._running = occlusion(self._inside)
        self._words: list[str] = []
        self._held: list[Held] = []

    @property
    def words(self) -> tuple[str, ...]:
        """The inputs so far."""
        return tuple(self._words)

    @property
    def labels(self) -> Sequence[str]:
        """The answers of the model's head; none without one."""
        return () if self._inside.head is None else self._inside.head.labels

    def room_for(self, text: str) -> int:
        """How many inputs a piece of text would be, 0 where nothing is read in it or it is past the last."""
        count = 0 if self._inside.read is None else len(self._inside.read(text)[0])
        return count if len(self._words) + count <= MOST_INPUTS else 0

    def feed(self, given: Any) -> Moment:
        """Take a word, or a piece of text with several, or numbers [n, F]; tell what is held after them.

        Raises InvalidArgument where there is nothing to read, and past 512 inputs.
        """
        sequence = sequence_of(self._inside, given)
        names = sequence.names
        if len(self._words) + len(names) > MOST_INPUTS:
            raise InvalidArgument(
                f"live memory tells {MOST_INPUTS} inputs apart at most, as many words as a text has that is "
                "read; begin a new one, or ask memory(...) of the whole, which joins neighbours"
            )
        if not isinstance(given, str):
            names = tuple(str(len(self._words) + step) for step in range(len(names)))
        x = sequence.x.astype(self._inside.stack.dtype)
        refuse_infinite(x, "the input", len(self._words))
        for name, step in zip(names, x, strict=True):
            self._held.append(self._running.feed(step[None]))
            self._words.append(name)
        return self.moment()

    def moment(self) -> Moment:
        """What is held after the last input; raises InvalidArgument before the first."""
        self._begun()
        last = self._held[-1]
        whole = last.amount.sum()
        shares = last.amount / whole if whole else np.full(len(last.amount), np.nan)
        answer = None if last.predicted is None else self.labels[last.predicted]
        return Moment(self.words, shares, answer, last.effect)

    def view(self) -> MemoryView:
        """All moments so far, as `memory` gives them; raises InvalidArgument before the first."""
        self._begun()
        count = len(self._words)
        told = Told(self.words, tuple(range(1, count + 1)), tuple(range(count)), tuple(self._held))
        return view_of("occlusion", told, self.labels, direction_of(self._inside.stack))

    def _begun(self) -> None:
        if not self._held:
            raise InvalidArgument("nothing was read yet: feed a word first")
