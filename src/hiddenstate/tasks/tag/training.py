"""Train a tagger into a run folder, beside it the snapshot baseline, and report on both."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hiddenstate import __version__, progress
from hiddenstate.checkpoint import environment, note_environment
from hiddenstate.data.tagged import TaggedCorpus
from hiddenstate.data.vocabulary import MAX_WORDS
from hiddenstate.runs import Run
from hiddenstate.tasks.tag import report
from hiddenstate.tasks.tag.baseline import TagSnapshot
from hiddenstate.tasks.tag.evaluating import (
    TagDivision,
    divided,
    read_corpus,
    same_division,
    strange,
)
from hiddenstate.tasks.tag.fitting import calibrate, fit_model, prepare, tagger_of
from hiddenstate.tasks.tag.measures import measures
from hiddenstate.tasks.tag.predictor import Tagger
from hiddenstate.tasks.tag.spec import TagSpec
from hiddenstate.tasks.text.timing import milliseconds

JUDGED = ("test", "validation", "train")  # the split that is reported, the first that there is


def train(
    spec: TagSpec,
    out: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    time_limit: float | None = None,
) -> dict[str, Any]:
    """Train a tagger into a run folder, beside it the snapshot baseline, and report on both.

    With `resume` the folder's own settings and split are used, and an unfinished training goes on. Returns
    the summary that the command line prints. Raises DataError for data that cannot be trained on.
    """
    began = time.perf_counter()
    if resume:
        run = Run.open(out)
        values = run.spec()
        spec = TagSpec.from_run(values.get("spec", {}), str(run.path / "spec.json"))
        division = same_division(spec, values)
        note_environment(run, values)
    else:
        division = divided(read_corpus(spec), spec.seed)
        # before an old run, perhaps its own, goes
        cell = None if spec.cell_file is None else spec.cell_file.read_bytes()
        run = Run.create(out, overwrite=overwrite)
        run.write_spec(_described(spec, division))
        if cell is not None:
            run.write(spec.kept_name, cell)
    corpus = division.corpus
    prepared = prepare(corpus, spec)
    before_fit = time.perf_counter() - began
    module, fitted = fit_model(prepared, spec, run, time_limit)
    after_fit = time.perf_counter()
    temperature = calibrate(module, prepared)
    tagger_of(module, prepared, temperature, corpus.synonyms).save(run)
    # what was spent before a run was stopped and resumed counts too
    seconds = before_fit + fitted.seconds + time.perf_counter() - after_fit
    progress.Lines().say("Fitting the snapshot baseline, and judging both.")
    summary = _report(run, corpus, seconds)
    return {**summary, "stopped": fitted.stopped}


def _described(spec: TagSpec, division: TagDivision) -> dict[str, Any]:
    corpus = division.corpus
    return {
        "task": "tag",
        "spec": {**spec.model_dump(), "cell": spec.kept_name},
        "data": {
            "name": corpus.name,
            "sha256": corpus.sha256,
            "scheme": corpus.scheme,
            "sizes": {name: len(sentences) for name, sentences in corpus.splits.items()},
            "indices": dict(division.indices),
        },
        "versions": {"hiddenstate": __version__, "torch": torch.__version__, "numpy": np.__version__},
        "environment": environment(),
    }


def _warnings(corpus: TaggedCorpus, tagger: Tagger, judged: str) -> list[str]:
    """What a person should know about the data, in sentences."""
    found = list(corpus.notes)
    intents = corpus.intents("train")
    if len(intents) == 1:
        found.append(f"Every intent is {next(iter(intents))!r}, so none is learned.")
    without = sum(each.intent is None for each in corpus.split("train"))
    if without and tagger.intents:
        found.append(f"{without} training sentences have no intent; of them the slots alone are learned.")
    found += strange(tagger, corpus.split(judged))
    cut = sum(
        tagger.encoder.units(each.words).dropped > 0 for rows in corpus.splits.values() for each in rows
    )
    if cut:
        found.append(f"{cut} sentences are longer than {MAX_WORDS} words; of each, only the first are read.")
    if judged == "train":
        found.append("Too few sentences to hold any out: what is measured is what was learned from.")
    return found


def _report(run: Run, corpus: TaggedCorpus, seconds: float) -> dict[str, Any]:
    """Fit the baseline, judge both on the same sentences, write the report; the summary of it all."""
    tagger = Tagger.load(run.path)  # what was saved is what is judged
    name = next(each for each in JUDGED if corpus.splits.get(each))
    sentences = corpus.split(name)
    answers = tagger.answers(sentences)
    snapshot = TagSnapshot.fit(corpus, tagger.spec.seed, bool(tagger.intents))
    texts = [each.written for each in sentences]
    ours = {
        "name": tagger.spec.title,
        **measures(sentences, answers),
        "seconds": seconds,
        "bytes": sum((run.path / part).stat().st_size for part in ("weights.safetensors", "model.json")),
        "milliseconds": milliseconds(tagger.predict, texts),
    }
    rival = {
        "name": "snapshot (windows + logistic regression)",
        **measures(sentences, snapshot.answers(sentences)),
        "seconds": snapshot.seconds,
        "bytes": snapshot.bytes(),
        "milliseconds": milliseconds(snapshot.answers, sentences),
    }
    rows, warnings = [ours, rival], _warnings(corpus, tagger, name)
    notes = [f"{len(sentences)} sentences of {corpus.name}, split {name}.", *warnings]
    picture = "slots.png"
    run.write("report.md", report.markdown("Tagger of slots", rows, sentences, answers, notes, picture))
    run.write(picture, report.slots_png(sentences, answers))
    kept = {key: value for key, value in ours.items() if key not in ("name", "bytes", "milliseconds")}
    return {
        "task": "tag",
        "run": str(run.path),
        "split": name,
        "n": len(sentences),
        **kept,
        "baseline": {key: value for key, value in rival.items() if key != "name"},
        "table": rows,
        "verdict": report.verdict(rows),
        "warnings": warnings,
        "report": str(run.path / "report.md"),
        "pictures": [str(run.path / each) for each in ("curves.png", picture)],
    }
