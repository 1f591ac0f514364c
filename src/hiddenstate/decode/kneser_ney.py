"""From sentences to the probabilities of grams: interpolated, modified Kneser-Ney.

Chen and Goodman (1999): a gram of the highest order, or one that begins a sentence, counts as often as it was
seen, any other as many words as were seen before it. From every count something is taken off, more from 2 and
from 3 than from 1, and what that leaves goes to the model of the next lower order, the lowest being uniform.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import log10

from hiddenstate.decode.arpa import BEGIN, END, LOWEST, UNKNOWN, Gram
from hiddenstate.errors import DataError, InvalidArgument

HIGHEST_ORDER = 10
DIGITS = 7  # of a logarithm behind the point, so that what is written is what was estimated
WITHOUT_COUNTS = (0.5, 1.0, 1.5)  # taken off where too little was seen to estimate it, as KenLM's fallback is
Counts = dict[Gram, int]


def estimated(
    sentences: Iterable[Sequence[str]], order: int
) -> tuple[dict[Gram, float], dict[Gram, float], tuple[str, ...]]:
    """Probabilities and back-offs of grams, as logarithms to base 10, and notes; see NGram.train."""
    if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= HIGHEST_ORDER:
        raise InvalidArgument(f"expected an order of 1 to {HIGHEST_ORDER} words, came {order!r}")
    counts = _adjusted(_seen(sentences, order))
    words = {gram[0] for gram in counts[0]} | {UNKNOWN}
    lower: dict[Gram, float] = {(): 1 / len(words)}  # of every gram the probability of its last word
    probabilities: dict[Gram, float] = {}
    backoffs: dict[Gram, float] = {}
    notes = []
    for n, level in enumerate(counts, 1):
        taken, known = _discounts(level)
        if not known:
            notes.append(
                f"too few grams of {n} {'word' if n == 1 else 'words'} to estimate what Kneser-Ney takes off "
                f"their counts: {', '.join(map(str, WITHOUT_COUNTS))} were taken"
            )
        total: Counter[Gram] = Counter()
        left: defaultdict[Gram, float] = defaultdict(float)
        for gram, count in level.items():
            total[gram[:-1]] += count
            left[gram[:-1]] += taken[min(count, 3) - 1]
        shares = {context: left[context] / total[context] for context in total}
        here = {
            gram: (count - taken[min(count, 3) - 1]) / total[gram[:-1]]
            + shares[gram[:-1]] * lower[gram[1:] if n > 1 else ()]
            for gram, count in level.items()
        }
        if n == 1:
            here[(UNKNOWN,)] = shares[()] * lower[()]
        probabilities |= {gram: _logarithm(value) for gram, value in here.items()}
        backoffs |= {context: _logarithm(share) for context, share in shares.items() if context}
        lower = here
    if order > 1:
        probabilities[(BEGIN,)] = LOWEST  # it is never said, and only looked back at
    return probabilities, backoffs, tuple(notes)


def _seen(sentences: Iterable[Sequence[str]], order: int) -> list[Counter[Gram]]:
    """How often each gram of 1, 2, ... words was seen; a sentence begins with <s> and ends with </s>."""
    seen: list[Counter[Gram]] = [Counter() for _ in range(order)]
    for number, sentence in enumerate(sentences):
        if isinstance(sentence, str):
            raise InvalidArgument(
                f"expected sentences as lists of words, came the text {sentence!r}; split it"
            )
        for word in sentence:
            if word.split() != [word] or word.lower() in (BEGIN, END, UNKNOWN):
                raise DataError(
                    f"sentence {number}: expected words without spaces, none of them {BEGIN}, {END} or "
                    f"{UNKNOWN}, came {word!r}"
                )
        whole = (BEGIN, *sentence, END)
        for n in range(1, order + 1):
            seen[n - 1].update(whole[start : start + n] for start in range(len(whole) - n + 1))
    if set(seen[0]) <= {(BEGIN,), (END,)}:
        raise DataError("a language model is counted from sentences of words, and there was not one word")
    return [level for level in seen if level]


def _adjusted(seen: list[Counter[Gram]]) -> list[Counts]:
    """What counts: how often, of the longest grams and of a sentence's first; else behind how many words."""
    adjusted: list[Counts] = []
    for level, above in pairwise(seen):
        before = Counter(gram[1:] for gram in above)
        adjusted.append({gram: level[gram] if gram[0] == BEGIN else before[gram] for gram in level})
    adjusted.append(dict(seen[-1]))
    adjusted[0].pop((BEGIN,), None)
    return adjusted


def _discounts(counts: Counts) -> tuple[tuple[float, ...], bool]:
    """What is taken off a count of 1, of 2, and of 3 or more, and whether it could be estimated."""
    of = Counter(counts.values())
    if not all(of[n] for n in (1, 2, 3)):
        return WITHOUT_COUNTS, False
    share = of[1] / (of[1] + 2 * of[2])
    taken = tuple(n - (n + 1) * share * of[n + 1] / of[n] for n in (1, 2, 3))
    sound = all(0 <= value <= n for n, value in enumerate(taken, 1))
    return (taken, True) if sound else (WITHOUT_COUNTS, False)


def _logarithm(share: float) -> float:
    return round(log10(share), DIGITS) if share > 0 else LOWEST
