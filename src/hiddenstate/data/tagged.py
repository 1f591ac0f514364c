"""What a corpus of tagged sentences is: words with their tags, perhaps an intent, in splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hiddenstate.data.corpus import SPLITS, Corpus, Example
from hiddenstate.data.rows import OUT_OF_SCOPE_NAMES
from hiddenstate.data.schemes import OUTSIDE, detect, parse, to_iob2
from hiddenstate.errors import DataError, InvalidArgument, nearest

MOST_SLOTS = 500  # a transition between every two tags is learned
FEWEST_SENTENCES = 2


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words, a tag for each, perhaps an intent; `text` is what they were cut from, `line` its place."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    intent: str | None = None
    text: str | None = None
    line: int = 0

    @property
    def written(self) -> str:
        """The sentence as a text."""
        return " ".join(self.words) if self.text is None else self.text


@dataclass(frozen=True)
class TaggedCorpus:
    """Sentences with IOB2 tags in splits; `notes` say what was found and what is not used, in sentences.

    synonyms: the value that a text stands for, by the text in lower case; lookups: known values of slots.
    Raises InvalidArgument for a split of another name.
    """

    name: str
    splits: Mapping[str, tuple[Sentence, ...]]
    sha256: str
    scheme: str = "IOB2"
    notes: tuple[str, ...] = ()
    synonyms: Mapping[str, str] = field(default_factory=dict)
    lookups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.splits:
            if name not in SPLITS:
                raise InvalidArgument(f"{self.name}: unknown split {name!r}; {nearest(name, SPLITS)}")

    def __len__(self) -> int:
        return sum(len(sentences) for sentences in self.splits.values())

    def split(self, name: str) -> tuple[Sentence, ...]:
        """Return the sentences of one split; raises DataError where the corpus has no such split."""
        if name not in self.splits:
            raise DataError(f"{self.name} has no split {name!r}; {nearest(name, self.splits)}")
        return self.splits[name]

    def slots(self, *splits: str) -> Counter[str]:
        """Count the values of each slot in some splits, in all where none is named."""
        tags = (
            tag for name in splits or self.splits for each in self.splits.get(name, ()) for tag in each.tags
        )
        return Counter(tag[2:] for tag in tags if tag.startswith("B-"))

    def intents(self, *splits: str) -> Counter[str]:
        """Count the sentences of each intent in some splits, in all where none is named."""
        found = (each.intent for name in splits or self.splits for each in self.splits.get(name, ()))
        return Counter(intent for intent in found if intent is not None)

    def as_texts(self) -> Corpus:
        """The same sentences as texts with their intent for a label.

        Raises DataError where a sentence has none.
        """
        for sentences in self.splits.values():
            for each in sentences:
                if each.intent is None:
                    raise DataError(
                        f"{self.name}: expected an intent for every sentence, came none for "
                        f"{each.written[:40]!r} (line {each.line}). Its slots alone are learned by: train tag"
                    )
        splits = {
            name: tuple(Example(each.written, each.intent or "") for each in sentences)
            for name, sentences in self.splits.items()
        }
        rejected = sorted(name for name in self.intents() if name.casefold() in OUT_OF_SCOPE_NAMES)
        if len(rejected) > 1:
            raise DataError(
                f"{self.name}: expected one name for out of scope, came {', '.join(map(repr, rejected))}. "
                "Use the same for all."
            )
        return Corpus(self.name, splits, next(iter(rejected), None), self.sha256, self.notes)


def assembled(
    where: str,
    splits: Mapping[str, Sequence[Sentence]],
    corpus: TaggedCorpus,
) -> TaggedCorpus:
    """Bring the tags of all splits to IOB2, and note which scheme they had and what had to be repaired.

    `corpus` holds all but the sentences. Raises DataError for a tag of no scheme or several schemes together.
    """
    parsed = {name: [_parsed(each, where) for each in sentences] for name, sentences in splits.items()}
    scheme = detect((tags for rows in parsed.values() for tags in rows), where)
    broken, first = 0, 0
    done: dict[str, tuple[Sentence, ...]] = {}
    for name, sentences in splits.items():
        rows = []
        for each, tags in zip(sentences, parsed[name], strict=True):
            written, count = to_iob2(tags, scheme)
            if count and not broken:
                first = each.line
            broken += count
            rows.append(Sentence(each.words, written, each.intent, each.text, each.line))
        done[name] = tuple(rows)
    notes = list(corpus.notes)
    if scheme != "IOB2":
        notes.append(f"Tags in {scheme}; read as IOB2.")
    if broken:
        at = f" (the first near line {first})" if first else ""
        notes.append(
            f"{broken} tags break the rules of {scheme}, such as an I- without its B-{at}; they are read as "
            "CoNLL's conlleval reads them: a value begins there."
        )
    filled = {name: done[name] for name in SPLITS if done.get(name)}
    return TaggedCorpus(
        corpus.name, filled, corpus.sha256, scheme, tuple(notes), corpus.synonyms, corpus.lookups
    )


def _parsed(sentence: Sentence, where: str) -> list[tuple[str, str]]:
    found = []
    for word, tag in zip(sentence.words, sentence.tags, strict=True):
        each = parse(tag)
        if each is None:
            raise DataError(
                f"{where}: expected a tag such as O, B-city or I-city, came {tag[:40]!r} for the word "
                f"{word[:40]!r} in the sentence of line {sentence.line}. Tags mark spans (IOB1, IOB2, IOBES, "
                "BILOU or BMES); write a word that is no value as O."
            )
        found.append(each)
    return found


def check_taggable(corpus: TaggedCorpus) -> None:
    """Check that a tagger can be trained on the corpus.

    Raises DataError for too few sentences, only O tags, or so many slots that they cannot be meant.
    """
    sentences = corpus.splits.get("train", ())
    if len(sentences) < FEWEST_SENTENCES:
        found = ", ".join(f"{name}: {len(rows)}" for name, rows in corpus.splits.items()) or "none"
        raise DataError(
            f"{corpus.name}: expected at least {FEWEST_SENTENCES} sentences to train on, came "
            f"{len(sentences)} (found: {found}). Some ten for each slot make a beginning; sentences are "
            "divided by blank lines."
        )
    slots = corpus.slots("train")
    if not slots:
        raise DataError(
            f"{corpus.name}: expected values to learn in the training split, came only {OUTSIDE} tags. "
            "Tag the words of each value, as in B-city I-city, or learn the intents alone: train classify"
        )
    if len(slots) > MOST_SLOTS:
        shown = ", ".join(sorted(slots)[:3])
        raise DataError(
            f"{corpus.name}: expected at most {MOST_SLOTS} different slots, came {len(slots):,} ({shown}, "
            "...). Is another column the tags? Slots are kinds of values (city), not the values (boston)."
        )
