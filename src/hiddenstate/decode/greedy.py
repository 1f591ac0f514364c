"""The most probable symbol of every frame, and what they say together."""

from __future__ import annotations

import numpy as np

from hiddenstate.decode.alphabet import Alphabet, blank_of
from hiddenstate.decode.ctc import checked, collapse, forward_score
from hiddenstate.decode.decoded import Decoded, spans_of, words_of


def greedy(log_probs: np.ndarray, blank: int | None = None, alphabet: Alphabet | None = None) -> Decoded:
    """What the best path of log_probs [T, K] says (Graves et al. 2006); the lower number wins a draw.

    blank: its number, by default the alphabet's, else 0. Raises InvalidArgument for what is no logarithm of
    probabilities, or does not fit the alphabet.

    >>> greedy(np.log([[0.6, 0.4], [0.1, 0.9], [0.8, 0.2]])).symbols
    (1,)
    """
    blank = blank_of(blank, alphabet)
    given = checked(log_probs, blank, len(alphabet.symbols) if alphabet else None)
    path = given.argmax(1)
    symbols, spans = tuple(collapse(path, blank)), spans_of(path, blank)
    words = words_of(alphabet, symbols, spans, given) if alphabet else ()
    return Decoded(symbols, forward_score(given, symbols, blank), 0.0, spans, words)
