"""What a recogniser knows of the language before it hears anything: of its transcripts, or of files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hiddenstate.decode import Lexicon, NGram
from hiddenstate.decode.arpa import UNKNOWN
from hiddenstate.errors import DataError
from hiddenstate.tasks.speech.listening import Weights, search_of
from hiddenstate.tasks.speech.spec import SpeechSpec
from hiddenstate.tasks.speech.symbols import Symbols, listed


@dataclass(frozen=True)
class Language:
    """How probable words are behind others, and the words that can be said; none: all that symbols spell.

    notes: sentences on what does not fit the transcripts.
    """

    lm: NGram | None
    words: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, transcripts: Sequence[str], symbols: Symbols, spec: SpeechSpec) -> Language:
        """Count the training transcripts, or read the files that the settings name.

        Raises DataError for a file that cannot be read or knows no word that can be said, InvalidArgument
        for a list with words that the symbols do not spell.
        """
        texts = [text.split() for text in transcripts]
        said = {word for text in texts for word in text}
        words, notes = (said if spec.closed else set()), list[str]()
        if isinstance(spec.closed, str):
            words = set(Lexicon.read(Path(spec.closed).expanduser()).words)
            notes += _cannot_be_said(said - words, spec.closed)
        lm: NGram | None = None
        if isinstance(spec.language_model, str):
            lm = NGram.read_arpa(Path(spec.language_model).expanduser())
            notes += _unknown(words or said, lm, spec.language_model)
        elif spec.language_model:
            lm = NGram.train(texts, order=spec.language_model)
        search_of(spec, symbols, lm, sorted(words), Weights())  # refuses words that cannot be spelt
        return cls(lm, tuple(sorted(words)), tuple(notes))


def _cannot_be_said(words: set[str], path: str) -> Iterator[str]:
    if words:
        yield (
            f"{len(words)} words of the training transcripts are not in {path}, so they are never "
            f"recognised: {listed(sorted(words))}."
        )


def _unknown(words: set[str], lm: NGram, path: str) -> Iterator[str]:
    """What a file of n-grams does not know; raises DataError where that is every word."""
    unknown = sorted(words - lm.vocabulary)
    if unknown and len(unknown) == len(words):
        raise DataError(
            f"{path} knows none of the {len(words)} words that can be said, such as {listed(unknown, 3)}; "
            "it is of another language, or writes capitals otherwise. Make it of texts written as the "
            "transcripts are"
        )
    if unknown:
        yield (
            f"{path} does not know {len(unknown)} of {len(words)} words that can be said, which are as "
            f"probable as its {UNKNOWN}: {listed(unknown)}."
        )
