"""How probable a word is behind others: a language model that counts, kept as ARPA files keep it."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Mapping, Sequence
from math import log
from pathlib import Path

from hiddenstate.decode import arpa, kneser_ney
from hiddenstate.decode.arpa import BEGIN, END, LOWEST, UNKNOWN, Gram
from hiddenstate.errors import DataError

LN10 = log(10.0)


class NGram:
    """A back-off model of up to `order` words: logarithms to base 10 of grams' probabilities and back-offs.

    A gram that is not there has the probability of a shorter one times its context's back-off. A word that is
    not there is <unk>. notes: what is to be known of its making.

    >>> model = NGram.train([["go", "left"], ["go", "right"]], order=2)
    >>> model.score("left", ["go"]) > model.score("go", ["go"])
    True
    """

    def __init__(
        self,
        probabilities: Mapping[Gram, float],
        backoffs: Mapping[Gram, float],
        notes: tuple[str, ...] = (),
    ) -> None:
        self.probabilities, self.backoffs, self.notes = dict(probabilities), dict(backoffs), notes
        self.probabilities.setdefault((UNKNOWN,), LOWEST)
        self.order = max(map(len, self.probabilities))
        self.vocabulary = frozenset(gram[0] for gram in self.probabilities if len(gram) == 1) - {BEGIN}
        # what a context has to be for anything to depend on it
        self._contexts = {gram[:-1] for gram in self.probabilities} | set(self.backoffs)

    @classmethod
    def train(cls, sentences: Iterable[Sequence[str]], order: int = 3) -> NGram:
        """Count sentences of words: interpolated, modified Kneser-Ney (Chen and Goodman 1999).

        Where no sentence has so many words, the order is that of the longest. Raises InvalidArgument for an
        order below 1 or above 10, DataError where there are no words, or some that are none.
        """
        return cls(*kneser_ney.estimated(sentences, order))

    @classmethod
    def read_arpa(cls, path: str | Path) -> NGram:
        """Read an ARPA file, as SRILM and KenLM write it, also compressed by gzip; nothing is executed.

        Raises DataError for what is no such file, with the line.
        """
        return cls(*arpa.read(Path(path)))

    def arpa(self) -> str:
        """The model as the text of an ARPA file, from which the same model is read."""
        return arpa.text_of(self.probabilities, self.backoffs)

    def write_arpa(self, path: str | Path) -> None:
        """Write an ARPA file, whole or not at all, compressed where its name ends with .gz."""
        path = Path(path)
        content = self.arpa().encode("utf-8")
        temporary = path.with_name(f".{path.name}.partial")
        try:
            temporary.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise DataError(f"{path} cannot be written: {error.strerror or error}") from error

    @property
    def start(self) -> Gram:
        """The context in which every sentence begins."""
        return self.context((BEGIN,))

    def context(self, words: Sequence[str]) -> Gram:
        """Of the words before, the last ones: as many as can make a difference to what follows."""
        last = words[max(0, len(words) - self.order + 1) :]
        known = tuple(word if word in self.vocabulary or word == BEGIN else UNKNOWN for word in last)
        while known and known not in self._contexts:
            known = known[1:]
        return known

    def score(self, word: str, context: Sequence[str] = ()) -> float:
        """The natural logarithm of P(word | context); the end of a sentence is the word </s>."""
        known, total = self.context(context), 0.0
        word = word if word in self.vocabulary else UNKNOWN
        while (found := self.probabilities.get((*known, word))) is None:
            total += self.backoffs.get(known, 0.0)
            known = known[1:]
        return (total + found) * LN10

    def sentence(self, words: Sequence[str]) -> float:
        """The natural logarithm of the probability of a whole sentence, its end included."""
        said = [BEGIN, *words]
        return sum(self.score(word, said[: place + 1]) for place, word in enumerate([*words, END]))
