"""A trained tagger, ready to answer. NumPy and the compiled core: no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.data.batch import Batch
from hiddenstate.data.pieces import Piece, cut
from hiddenstate.data.schemes import OUTSIDE, spans
from hiddenstate.data.tagged import Sentence
from hiddenstate.data.vocabulary import MAX_WORDS
from hiddenstate.errors import RunError
from hiddenstate.infer import Beliefs
from hiddenstate.runs import Run
from hiddenstate.tasks.tag.encoding import NO_WORDS, TagEncoder, Units, shape_of, tags_of_words
from hiddenstate.tasks.tag.measures import Answer
from hiddenstate.tasks.tag.reader import Reader, parameter_shapes
from hiddenstate.tasks.tag.spec import TagSpec
from hiddenstate.tasks.text.rejection import softmax

RANKED = 5  # how many intents an answer names
TOGETHER = 256  # texts whose different words are looked up once


@dataclass(frozen=True)
class Slot:
    """One value found: text[start:end] of the whole text; `value` is what it stands for (a synonym's)."""

    slot: str
    value: str
    text: str
    start: int
    end: int
    probability: float


@dataclass(frozen=True)
class Tagging:
    """The answer to one text.

    intent and probability are None in a model without intents; unknown names the words never seen in
    training;
    dropped counts the words past the limit, which were not read.
    """

    text: str
    intent: str | None
    probability: float | None
    slots: tuple[Slot, ...]
    unknown: tuple[str, ...]
    ranked: tuple[tuple[str, float], ...]
    dropped: int = 0


@dataclass(frozen=True)
class WordStep:
    """One word of a text and what it is part of: label is the slot, "" for none."""

    word: str
    known: bool
    label: str
    probability: float
    in_scope: bool = True


@dataclass(frozen=True)
class Read:
    """What the model makes of one sentence: a tag a unit, each intent's probability, the scores [T, K]."""

    tags: tuple[str, ...]
    intents: np.ndarray
    emissions: np.ndarray


@dataclass(frozen=True)
class Tagger:
    """Model, encoder, tags and intents together; `load` reads them from a run."""

    spec: TagSpec
    tags: tuple[str, ...]
    intents: tuple[str, ...]
    encoder: TagEncoder
    model: Reader
    temperature: float
    synonyms: Mapping[str, str]

    def predict(self, texts: Sequence[str]) -> list[Tagging]:
        """Find the slots and the intent of texts."""
        cuts = [self._cut(text) for text in texts]
        units = [_units(text, pieces) for text, pieces in zip(texts, cuts, strict=True)]
        rows = zip(texts, cuts, units, self.read(units), strict=True)
        return [self._tagging(*row) for row in rows]

    def steps(self, text: str) -> list[WordStep]:
        """Each word of a text, the slot that it is part of, and how probable its tag is."""
        units = _units(text, self._cut(text))
        read = next(iter(self.read([units])))
        shares = self._beliefs(read).tags()
        number = {tag: index for index, tag in enumerate(self.tags)}
        unknown = set(self.encoder.unknown(units.words))
        return [
            WordStep(word, word not in unknown, "" if tag == OUTSIDE else tag[2:], float(row[number[tag]]))
            for word, tag, row in zip(units.words, read.tags, shares, strict=True)
        ]

    def answers(self, sentences: Sequence[Sentence]) -> list[Answer]:
        """The answers to sentences, for the words as their file has them."""
        units = [self.encoder.units(each.words) for each in sentences]
        found = []
        for each, cuts, read in zip(sentences, units, self.read(units), strict=True):
            intent = self.intents[int(read.intents.argmax())] if self.intents else None
            found.append(Answer(tuple(tags_of_words(cuts, read.tags, len(each.words))), intent))
        return found

    def read(self, sentences: Sequence[Units]) -> list[Read]:
        """Read sentences, and give in their order what the model makes of them."""
        order = np.argsort([len(each) for each in sentences], kind="stable")
        found: list[Read | None] = [None] * len(sentences)
        for start in range(0, len(order), TOGETHER):
            places = order[start : start + TOGETHER]
            batch = self.encoder.batch([sentences[i] for i in places])
            for place, read in zip(places.tolist(), self._read_batch(batch), strict=True):
                found[place] = read
        return [each for each in found if each is not None]

    def units(self, text: str) -> Units:
        """The words of a text as they are read; none where it has none."""
        pieces = self._cut(text)
        return _units(text, pieces) if pieces else Units((), np.zeros(0, np.int64), np.zeros(0, np.int64))

    def _cut(self, text: str) -> list[Piece]:
        """The words of a text that are read."""
        pieces = cut(text, self.encoder.tokeniser)
        return [
            each for each in pieces if self.encoder.reads(each.word, shape_of(text[each.start : each.end]))
        ]

    def _read_batch(self, batch: Batch) -> Iterator[Read]:
        scores = self.model.scores(batch)
        best = self.model.chain.best(scores.emissions, batch.lengths)
        intents = softmax(scores.intents / self.temperature) if self.intents else scores.intents
        for row, length in enumerate(batch.lengths.tolist()):
            tags = tuple(self.tags[tag] for tag in best[:length, row])
            yield Read(tags, intents[row], scores.emissions[:length, row])

    def _beliefs(self, read: Read) -> Beliefs:
        return self.model.chain.beliefs(read.emissions)

    def _tagging(self, text: str, pieces: Sequence[Piece], units: Units, read: Read) -> Tagging:
        best = np.argsort(-read.intents, kind="stable")[:RANKED].tolist()
        ranked = tuple((self.intents[i], float(read.intents[i])) for i in best)
        intent, probability = ranked[0] if ranked else (None, None)
        unknown = tuple(word for word in self.encoder.unknown(units.words) if word != NO_WORDS)
        slots = tuple(self._slots(text, pieces, read)) if pieces else ()
        return Tagging(text, intent, probability, slots, unknown, ranked, units.dropped)

    def _slots(self, text: str, pieces: Sequence[Piece], read: Read) -> Iterator[Slot]:
        found = spans(read.tags)
        beliefs = self._beliefs(read) if found else None
        number = {tag: index for index, tag in enumerate(self.tags)}
        for each in found:
            start, end = pieces[each.start].start, pieces[each.end - 1].end
            came = text[start:end]
            value = self.synonyms.get(" ".join(came.casefold().split()), came)
            first, inside = number[f"B-{each.slot}"], number[f"I-{each.slot}"]
            share = beliefs.span(each.start, each.end, first, inside) if beliefs is not None else 0.0
            yield Slot(each.slot, value, came, start, end, share)

    # --- on disk ---

    def save(self, run: Run) -> None:
        """Write what prediction needs beside spec.json: model.json, and the weights in half precision."""
        described = {
            "tags": list(self.tags),
            "intents": list(self.intents),
            "temperature": self.temperature,
            "synonyms": dict(self.synonyms),
            "encoder": self.encoder.as_dict(),
        }
        run.write("model.json", json.dumps(described, ensure_ascii=False, indent=1) + "\n")
        arrays = {**self.model.parameters, "rarity": self.encoder.rarity}
        run.write_weights({name: array.astype(np.float16) for name, array in arrays.items()})

    @classmethod
    def load(cls, path: str | Path) -> Tagger:
        """Read a tagger from its run; raises RunError where the folder is damaged or too new."""
        run = Run.open(path)
        spec = TagSpec.from_run(run.spec().get("spec", {}), str(run.path / "spec.json"))
        where = str(run.path / "model.json")
        described = _described(run, where)
        tags, intents = tuple(described["tags"]), tuple(described["intents"])
        arrays = {name: array.astype(np.float32) for name, array in run.weights().items()}
        rarity = arrays.pop("rarity", np.empty(0, np.float32))
        encoder = TagEncoder.from_dict(described["encoder"], rarity, where)
        shapes = parameter_shapes(spec, len(encoder.vocabulary), len(tags), len(intents))
        fits = shapes == {name: array.shape for name, array in arrays.items()}
        wide = spec.wide_buckets if intents and spec.wide else 0
        if not fits or encoder.letter_buckets != spec.letter_buckets or rarity.shape != (wide,):
            raise RunError(f"{run.path / 'weights.safetensors'} does not fit {where}; train again")
        reader = Reader(spec, tags, arrays)
        return cls(spec, tags, intents, encoder, reader, described["temperature"], described["synonyms"])


def _units(text: str, pieces: Sequence[Piece]) -> Units:
    """A text's words as they are read, at least one."""
    kept = pieces[:MAX_WORDS]
    words = tuple(piece.word for piece in kept) or (NO_WORDS,)
    shapes = [shape_of(text[piece.start : piece.end]) for piece in kept] or [0]
    return Units(words, np.array(shapes), np.arange(len(words)), len(pieces) - len(kept))


def _described(run: Run, where: str) -> dict[str, Any]:
    """Read model.json and check that it has what it should."""
    try:
        described = json.loads(run.text("model.json"))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{where} is damaged: {error}; restore the file or train again") from error
    wanted = {"tags": list, "intents": list, "temperature": float, "synonyms": dict, "encoder": dict}
    for name, kind in wanted.items():
        if not isinstance(described, dict) or not isinstance(described.get(name), kind):
            raise RunError(f"{where} is damaged: no valid {name!r}; restore the file or train again")
    tags = described["tags"]
    texts = [*tags, *described["intents"], *described["synonyms"].values()]
    pairs = [f"{prefix}{str(tag)[1:]}" for tag in tags[1::2] for prefix in "BI"]
    if not all(isinstance(each, str) for each in texts) or tags != [OUTSIDE, *pairs]:
        raise RunError(f"{where} is damaged: its tags are not O and pairs of B- and I-; train again")
    if not 0 < described["temperature"] < 1e6:
        raise RunError(f"{where} is damaged: temperature {described['temperature']}; train again")
    result: dict[str, Any] = described
    return result
