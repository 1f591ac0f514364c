"""How good is a trained tagger, on data it has not seen? No torch, but matplotlib for the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hiddenstate.data import sources
from hiddenstate.data.corpus import SPLITS
from hiddenstate.data.split import FEWEST, carve
from hiddenstate.data.tagged import Sentence, TaggedCorpus, check_taggable
from hiddenstate.errors import DataError
from hiddenstate.runs import Run
from hiddenstate.tasks.tag import report
from hiddenstate.tasks.tag.measures import measures
from hiddenstate.tasks.tag.predictor import Tagger
from hiddenstate.tasks.tag.spec import TagSpec

HELD_OUT = {"test": 0.1, "validation": 0.1}


@dataclass(frozen=True)
class TagDivision:
    """A corpus with all its splits, and the rows of its training split that each was carved from."""

    corpus: TaggedCorpus
    indices: Mapping[str, list[int]]


def evaluate(
    path: str | Path,
    data: str | None = None,
    split: str = "test",
    *,
    text: str | None = None,
    label: str | None = None,
) -> dict[str, Any]:
    """Measure a run on a split of its own data, or of other data; see measures.py.

    Slots and intents that the run does not know count as missed. Writes evaluation.md and evaluation.png into
    the run. Raises DataError where the data have no such split.
    """
    run = Run.open(path)
    tagger = Tagger.load(run.path)
    values = run.spec()
    if data is None:
        corpus = same_division(tagger.spec, values).corpus
    else:
        corpus = sources.read_tagged(data, words=text, tags=label, intent=tagger.spec.intent_column)
        if corpus.sha256 == values.get("data", {}).get("sha256"):
            corpus = divide(corpus, values["data"]["indices"])
        elif split not in corpus.splits and set(corpus.splits) == {"train"}:
            split = "train"  # a file without splits is judged whole
    sentences = corpus.split(split)
    answers = tagger.answers(sentences)
    found = measures(sentences, answers)
    notes = [f"{len(sentences)} sentences of {corpus.name}, split {split}.", *strange(tagger, sentences)]
    row = {"name": tagger.spec.title, **found}
    picture = "evaluation.png"
    run.write("evaluation.md", report.markdown("Evaluation", [row], sentences, answers, notes, picture))
    run.write(picture, report.slots_png(sentences, answers))
    return {
        **found,
        "n": len(sentences),
        "split": split,
        "notes": notes[1:],
        "report": str(run.path / "evaluation.md"),
    }


def read_corpus(spec: TagSpec) -> TaggedCorpus:
    """Read the data that a spec names."""
    return sources.read_tagged(
        spec.data, words=spec.text_column, tags=spec.label_column, intent=spec.intent_column
    )


def divided(corpus: TaggedCorpus, seed: int) -> TagDivision:
    """Carve the splits that are missing out of the training split, by intent, near-duplicates together.

    Raises DataError for a corpus that cannot be trained on.
    """
    check_taggable(corpus)
    wanted = {name: share for name, share in HELD_OUT.items() if name not in corpus.splits}
    if not wanted:
        return TagDivision(corpus, {})
    sentences = corpus.split("train")
    intents = corpus.intents("train")
    # intents too rare to be divided are divided together
    labels = [
        each.intent if intents[each.intent or ""] >= FEWEST and each.intent else "" for each in sentences
    ]
    indices = carve([each.written for each in sentences], labels, wanted, seed)
    division = divide(corpus, indices)
    check_taggable(division)
    return TagDivision(division, indices)


def divide(corpus: TaggedCorpus, indices: Mapping[str, Sequence[int]]) -> TaggedCorpus:
    """Divide the training split by indices saved earlier; no indices, no change.

    Raises DataError where they do not fit.
    """
    if not indices:
        return corpus
    sentences = corpus.split("train")
    if sorted(index for rows in indices.values() for index in rows) != list(range(len(sentences))):
        raise DataError(
            f"{corpus.name}: the saved split does not fit: it should name each of the {len(sentences)} "
            "sentences once. Has the file changed since? Use the file that was trained on, or train again."
        )
    parts = {**corpus.splits, **{name: tuple(sentences[i] for i in rows) for name, rows in indices.items()}}
    return replace(corpus, splits={name: parts[name] for name in SPLITS if parts.get(name)})


def same_division(spec: TagSpec, values: Mapping[str, Any]) -> TagDivision:
    """Read a run's data again and divide them as it did; raises DataError where they have changed."""
    corpus, known = read_corpus(spec), values.get("data", {})
    if corpus.sha256 != known.get("sha256"):
        raise DataError(
            f"{spec.data} has changed since the run began (its sha256 is another); restore the file, or "
            "train anew"
        )
    indices = known.get("indices", {})
    return TagDivision(divide(corpus, indices), indices)


def strange(tagger: Tagger, sentences: Sequence[Sentence]) -> list[str]:
    """What the sentences ask for and the tagger was never shown, in sentences; it counts as missed."""
    slots = {tag[2:] for each in sentences for tag in each.tags if tag != "O"} - {t[2:] for t in tagger.tags}
    intents = {each.intent for each in sentences if each.intent} - set(tagger.intents)
    found = []
    for what, names in (("Slots", slots), ("Intents", intents if tagger.intents else set())):
        if names:
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            listed = ", ".join(sorted(names)[:5])
            found.append(f"{what} that training never shows, counted as missed: {listed}{more}.")
    return found
