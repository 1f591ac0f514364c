"""HOW GOOD? Whether a difference between two models could be chance; how far texts are from the true ones."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hiddenstate.errors import InvalidArgument, require


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


@dataclass(frozen=True)
class ErrorRates:
    """How far recognised texts are from the true ones: errors a word (wer) and a letter (cer), as fractions.

    substitutions, deletions, insertions: words that are others, missing, or too many; words: the true ones.
    wer and cer are None where nothing was said.
    """

    wer: float | None
    cer: float | None
    substitutions: int
    deletions: int
    insertions: int
    words: int


def error_rates(true: Sequence[str], found: Sequence[str]) -> ErrorRates:
    """Compare texts with the true ones, word by word and letter by letter (Levenshtein, 1966), by jiwer.

    Raises InvalidArgument unless there are as many of one as of the other, MissingExtra without jiwer.

    >>> error_rates(["go on", "stop"], ["go", "stop it"]).wer
    0.6666666666666666
    """
    if len(true) != len(found):
        raise InvalidArgument(f"expected a text for each of {len(true)} true ones, came {len(found)}")
    require("jiwer", "word error rates", extra="speech")
    import jiwer

    said = [(" ".join(a.split()), " ".join(b.split())) for a, b in zip(true, found, strict=True)]
    inserted = [b for a, b in said if not a]  # where nothing was said, every word is too many
    pairs = [pair for pair in said if pair[0]]
    insertions, letters_more = sum(len(b.split()) for b in inserted), sum(map(len, inserted))
    if not pairs:
        return ErrorRates(None, None, 0, 0, insertions, 0)
    words = jiwer.process_words([a for a, _ in pairs], [b for _, b in pairs])
    letters = jiwer.process_characters([a for a, _ in pairs], [b for _, b in pairs])
    counted = words.hits + words.substitutions + words.deletions
    spelt = letters.hits + letters.substitutions + letters.deletions
    wrong = words.substitutions + words.deletions + words.insertions + insertions
    misspelt = letters.substitutions + letters.deletions + letters.insertions + letters_more
    return ErrorRates(
        wrong / counted,
        misspelt / spelt,
        words.substitutions,
        words.deletions,
        words.insertions + insertions,
        counted,
    )


def confusions(true: Sequence[str], found: Sequence[str]) -> Counter[tuple[str, str]]:
    """How often each word was taken for another; ("word", "") is missing, ("", "word") too many.

    >>> confusions(["go on now"], ["go in"])
    Counter({('on', 'in'): 1, ('now', ''): 1})
    """
    require("jiwer", "word error rates", extra="speech")
    import jiwer

    counted: Counter[tuple[str, str]] = Counter()
    pairs = [(a.split(), b.split()) for a, b in zip(true, found, strict=True)]
    counted.update(("", word) for words, others in pairs if not words for word in others)
    pairs = [pair for pair in pairs if pair[0]]
    if not pairs:
        return counted
    aligned = jiwer.process_words([" ".join(a) for a, _ in pairs], [" ".join(b) for _, b in pairs])
    for (words, others), chunks in zip(pairs, aligned.alignments, strict=True):
        for chunk in chunks:
            here = words[chunk.ref_start_idx : chunk.ref_end_idx]
            there = others[chunk.hyp_start_idx : chunk.hyp_end_idx]
            if chunk.type != "equal":
                counted.update(itertools.zip_longest(here, there, fillvalue=""))
    return counted
