"""How scores become words: the search, and what language weighs in it, chosen on what was held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hiddenstate.decode import Lexicon, NGram, PrefixBeam
from hiddenstate.scores import error_rates
from hiddenstate.tasks.speech.spec import SpeechSpec
from hiddenstate.tasks.speech.symbols import Symbols

ALPHAS, BETAS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5), (-1.0, 0.0, 1.0, 2.0)
MOST_JUDGED = 200  # recordings


@dataclass(frozen=True)
class Weights:
    """What the language weighs: alpha times the logarithm of a word's probability, and beta more a word."""

    alpha: float = 0.5
    beta: float = 0.0


def search_of(
    spec: SpeechSpec, symbols: Symbols, lm: NGram | None, words: Sequence[str], weights: Weights
) -> PrefixBeam:
    """The search that a recogniser answers with."""
    return PrefixBeam(
        width=spec.beam,
        lm=lm,
        words=Lexicon(words, symbols.cut if symbols.kind == "bpe" else None) if words else None,
        alpha=None if lm is None else weights.alpha,
        beta=weights.beta,
        alphabet=symbols.alphabet,
    )


def chosen_weights(
    make: Callable[[Weights], PrefixBeam], scores: Sequence[np.ndarray], true: Sequence[str]
) -> Weights:
    """The weights with the fewest wrong words among recordings that were held out; of equal ones the middle.

    First alpha is chosen with beta 0, then beta, then alpha once more.
    """
    scores, true = scores[:MOST_JUDGED], true[:MOST_JUDGED]
    seen: dict[Weights, float] = {}

    def wrong(weights: Weights) -> float:
        if weights not in seen:
            search = make(weights)
            seen[weights] = (
                error_rates(true, [search.decode(each, most=1)[0].text for each in scores]).wer or 0.0
            )
        return seen[weights]

    best = Weights()
    for _ in range(2):
        best = _middle([Weights(alpha, best.beta) for alpha in ALPHAS], wrong)
        best = _middle([Weights(best.alpha, beta) for beta in BETAS], wrong)
    return best


def _middle(candidates: Sequence[Weights], wrong: Callable[[Weights], float]) -> Weights:
    values = [wrong(each) for each in candidates]
    equal = [each for each, value in zip(candidates, values, strict=True) if value == min(values)]
    return equal[len(equal) // 2]
