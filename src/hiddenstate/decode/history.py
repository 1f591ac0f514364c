"""Many sequences that share their beginnings, by number: each knows the one before it and its last value."""

from __future__ import annotations

import numpy as np

MOST = 50_000  # sequences that are kept before those that nobody asks for are forgotten


class History:
    """Sequences of whole numbers; number 0 is the empty one, and equal sequences have one number.

    >>> history = History()
    >>> history.values(history.longer(history.longer(0, 7), 3))
    [7, 3]
    """

    def __init__(self) -> None:
        self._before, self._value = [-1], [-1]
        self._numbers: dict[tuple[int, int], int] = {}
        self._limit = MOST

    def longer(self, number: int, value: int) -> int:
        """The number of a sequence with one value more."""
        found = self._numbers.setdefault((number, value), len(self._before))
        if found == len(self._before):
            self._before.append(number)
            self._value.append(value)
        return found

    def values(self, number: int) -> list[int]:
        """All values of a sequence."""
        found = []
        while number:
            found.append(self._value[number])
            number = self._before[number]
        return found[::-1]

    def before(self, numbers: np.ndarray) -> np.ndarray:
        """The numbers of the sequences without their last values, -1 for that of the empty one."""
        return np.array([self._before[number] for number in numbers], np.int64)

    def trimmed(self, numbers: np.ndarray) -> np.ndarray:
        """Forget all that is no beginning of these, where there is much; their numbers after that."""
        if len(self._before) <= self._limit:
            return numbers
        wanted = {0}
        for number in map(int, numbers):
            while number not in wanted:
                wanted.add(number)
                number = self._before[number]
        old = sorted(wanted)  # what comes before has the lower number
        new = {number: place for place, number in enumerate(old)}
        self._value = [self._value[number] for number in old]
        self._before = [-1] + [new[self._before[number]] for number in old[1:]]
        pairs = zip(self._before[1:], self._value[1:], strict=True)
        self._numbers = {pair: place for place, pair in enumerate(pairs, 1)}
        self._limit = MOST + 2 * len(old)
        return np.array([new[int(number)] for number in numbers], np.int64)
