"""HOW GOOD? Whether a difference between two models could be chance. Exact tests, no tables, no SciPy."""

from __future__ import annotations

from collections.abc import Sequence

from hiddenstate.errors import InvalidArgument


def mcnemar(gained: int, lost: int) -> float:
    """The exact two-sided p-value of McNemar's test (1947): were the changed answers better by chance alone?

    gained: what only the second model answers rightly, lost: what only the first does. By chance each change
    goes either way like a fair coin, so the p-value is that of so uneven a split, or a more uneven one.
    Raises InvalidArgument for numbers below 0.

    >>> mcnemar(9, 1), mcnemar(0, 0)
    (0.021484375, 1.0)
    """
    if gained < 0 or lost < 0:
        raise InvalidArgument(f"expected counts of 0 or more, came gained={gained} and lost={lost}")
    total, term, tail = gained + lost, 1, 0
    for heads in range(min(gained, lost) + 1):
        tail += term  # binomial coefficients as whole numbers: nothing is rounded until the end
        term = term * (total - heads) // (heads + 1)
    return min(1.0, 2 * tail / 2**total)


def holm(values: Sequence[float]) -> list[float]:
    """p-values of several tests, raised so that one in twenty still means all of them together (Holm, 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    raised = [1.0] * len(values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        raised[place] = highest
    return raised
