"""The most probable texts: prefix beam search, with a language model and a closed list of words where wanted.

Hannun, Maas, Jurafsky, Ng (2014), after Graves et al. (2006). A width that holds every prefix makes it exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hiddenstate.decode.alphabet import Alphabet, blank_of
from hiddenstate.decode.ctc import align, checked, forward_score
from hiddenstate.decode.decoded import Decoded, spans_from, spans_of, words_of
from hiddenstate.decode.grammar import Grammar
from hiddenstate.decode.lexicon import Lexicon
from hiddenstate.decode.ngram import NGram
from hiddenstate.decode.prefixes import Prefixes
from hiddenstate.decode.tables import Tables
from hiddenstate.errors import InvalidArgument, nearest

WIDEST = 2**20
USUAL_ALPHA = 0.5
FIRST_FRAMES, FORGET_EVERY = 64, 256
OVER = ("symbols", "words")


@dataclass(frozen=True)
class PrefixBeam:
    """How to search: with how many prefixes at once, what the symbols are, and what language adds.

    width: prefixes that are kept after a frame; alphabet: the texts of the symbols, which a language model
    and a list of words ask for; lm: each word adds alpha (0.5) times ln P(word | those before), and beta,
    the end alpha ln P(end); over: what the model counts, "words" or "symbols"; words: nothing else can be
    said; blank: by default the alphabet's, else 0. With an alphabet, prefixes that differ only in spaces are
    one answer.
    Raises InvalidArgument for what cannot be, such as words that the symbols do not spell.

    >>> beam = PrefixBeam(width=4)
    >>> [round(found.acoustic, 4) for found in beam.decode(np.log([[0.6, 0.4], [0.6, 0.4]]))]
    [-0.4463, -1.0217]
    """

    width: int = 16
    lm: NGram | None = None
    words: Lexicon | None = None
    alpha: float | None = None
    beta: float = 0.0
    blank: int | None = None
    alphabet: Alphabet | None = None
    over: str = "words"

    def __post_init__(self) -> None:
        """Refuse what cannot be, before a recording is read."""
        if isinstance(self.width, bool) or not isinstance(self.width, int) or not 1 <= self.width <= WIDEST:
            raise InvalidArgument(f"expected a width of 1 to {WIDEST} prefixes, came {self.width!r}")
        for name, value in (("alpha", self.alpha), ("beta", self.beta)):
            if value is not None and not np.isfinite(value):
                raise InvalidArgument(f"expected {name} as a number, came {value}")
        if self.over not in OVER:
            raise InvalidArgument(
                f"expected over={' or '.join(OVER)}, came {self.over!r}; {nearest(self.over, OVER)}"
            )
        if self.over == "symbols" and self.lm is None:
            raise InvalidArgument(
                "over='symbols' says what a language model counts, and there is none; give lm"
            )
        if self.alpha is not None and self.lm is None:
            raise InvalidArgument(
                f"alpha={self.alpha} weighs a language model, and there is none; give lm, or leave alpha out"
            )
        blank_of(self.blank, self.alphabet)
        if self.alphabet is None and (self.lm or self.words or self.beta):
            raise InvalidArgument(
                "a language model, a list of words and beta weigh words, which are known by the texts of the "
                "symbols; give an alphabet, such as alphabet=Alphabet(('', ' ', 'a', 'b'))"
            )
        if self.alphabet and self.words:
            self.words.check(self.alphabet)

    def decode(self, log_probs: np.ndarray, most: int | None = None) -> list[Decoded]:
        """The most probable texts under log_probs [T, K], the best first; so many at most, else all.

        Raises InvalidArgument for what is no logarithm of probabilities, or does not fit the alphabet.
        """
        stream = self.stream()
        stream.feed(log_probs)
        return stream.finish(most)

    @cached_property
    def grammar(self) -> Grammar | None:
        """What language adds; None where it adds nothing."""
        if self.alphabet is None or not (self.lm or self.words or self.beta):
            return None
        alpha = USUAL_ALPHA if self.alpha is None else self.alpha
        return Grammar(self.alphabet, self.lm, self.words, alpha, self.beta, self.over)

    def stream(self) -> BeamStream:
        """The same for frames that arrive bit by bit."""
        return BeamStream(self)


class BeamStream:
    """A search whose frames arrive bit by bit; however they are cut, the answers are those of the whole."""

    def __init__(self, beam: PrefixBeam) -> None:
        self.beam = beam
        self.blank = blank_of(beam.blank, beam.alphabet)
        self._prefixes: Prefixes | None = None  # until it is known how many symbols there are
        self._frames = np.zeros((0, 0))
        self.steps = 0

    def feed(self, log_probs: np.ndarray) -> None:
        """Take the next frames [n, K]; raises InvalidArgument, before it takes any, as `decode` does."""
        K = len(self.beam.alphabet.symbols) if self.beam.alphabet else self._frames.shape[1] or None
        given = checked(log_probs, self.blank, K)
        if self._prefixes is None:
            tables = Tables(self.beam.grammar, given.shape[1])
            self._prefixes = Prefixes(tables, self.blank, self.beam.width)
            self._frames = np.zeros((FIRST_FRAMES, given.shape[1]))
        while self.steps + len(given) > len(self._frames):
            self._frames = np.concatenate([self._frames, np.zeros_like(self._frames)])
        for frame in given:
            self._prefixes.step(frame, self.steps)
            self._frames[self.steps] = frame
            self.steps += 1
            if self.steps % FORGET_EVERY == 0:
                self._prefixes.forget()

    def best(self) -> Decoded:
        """What is most probable so far; its last word may have only begun, and the end is not weighed.

        A word that has only begun counts in `language` as the best word that begins so.
        """
        if (prefixes := self._prefixes) is None:
            return self._answer([], [], 0.0, 0.0)
        return self._found(prefixes, 0, float(prefixes.acoustic[0]), float(prefixes.language[0]))

    def finish(self, most: int | None = None) -> list[Decoded]:
        """The most probable texts, the best first, of all frames that were fed."""
        if most is not None and most < 1:
            raise InvalidArgument(f"expected to be asked for at least one text, came most={most}")
        grammar, alphabet = self.beam.grammar, self.beam.alphabet
        if (prefixes := self._prefixes) is None:
            return [self._answer([], [], 0.0, grammar.end(grammar.start) if grammar else 0.0)]
        acoustic = prefixes.acoustic
        language = prefixes.language + [prefixes.tables.end(int(state)) for state in prefixes.states]
        if grammar and (language == -np.inf).all():
            return self._cut_back(prefixes, grammar)[:most]
        alike: dict[object, list[int]] = {}
        for place in np.flatnonzero(language > -np.inf).tolist():
            alike.setdefault(alphabet.text(prefixes.symbols(place)) if alphabet else place, []).append(place)
        answers = []
        for places in alike.values():
            total = acoustic[places] + language[places]
            answers.append((float(np.logaddexp.reduce(total)), places[int(total.argmax())]))
        answers.sort(key=lambda answer: (-answer[0], answer[1]))
        return [
            self._found(prefixes, place, total - float(language[place]), float(language[place]))
            for total, place in answers[:most]
        ]

    def _found(self, prefixes: Prefixes, place: int, acoustic: float, language: float) -> Decoded:
        """A prefix of the beam as an answer."""
        symbols = prefixes.symbols(place)
        spans = spans_from(prefixes.onsets(place), symbols, self._frames[: self.steps], self.blank)
        return self._answer(symbols, spans, acoustic, language)

    def _cut_back(self, prefixes: Prefixes, grammar: Grammar) -> list[Decoded]:
        """Where none ends with a word of the list: all up to their last whole words, weighed anew."""
        frames, found = self._frames[: self.steps], []
        whole = set()
        for place in range(len(prefixes)):
            said = prefixes.symbols(place)
            whole.add(tuple(said[: grammar.alphabet.words(said)[-1][1]]))
        for symbols in sorted(whole):
            acoustic = forward_score(frames, symbols, self.blank)
            if acoustic > -np.inf:
                spans = spans_of(align(frames, symbols, self.blank), self.blank)
                found.append(self._answer(symbols, spans, acoustic, grammar.whole(symbols)))
        return sorted(found, key=lambda answer: -answer.total)

    def _answer(
        self, symbols: Sequence[int], spans: Sequence[tuple[int, int]], acoustic: float, language: float
    ) -> Decoded:
        """An answer with its words."""
        alphabet = self.beam.alphabet
        words = words_of(alphabet, symbols, spans, self._frames) if alphabet else ()
        return Decoded(tuple(symbols), acoustic, language, tuple(spans), words)
