"""Train a classifier into a run folder, beside it the snapshot baseline, and report on both."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hiddenstate import __version__, progress
from hiddenstate.checkpoint import environment, note_environment
from hiddenstate.data.checks.labels import spelling_in_words
from hiddenstate.data.corpus import Corpus
from hiddenstate.data.split import FEWEST, Division, split
from hiddenstate.data.vectors import WordVectors
from hiddenstate.data.vocabulary import FIRST_WORD, MAX_WORDS
from hiddenstate.errors import DataError
from hiddenstate.runs import Run
from hiddenstate.tasks.classify import report
from hiddenstate.tasks.classify.baseline import Snapshot
from hiddenstate.tasks.classify.deciding import decide
from hiddenstate.tasks.classify.evaluating import (
    answers_of,
    calibration_in_words,
    decision_in_words,
)
from hiddenstate.tasks.classify.examples import KEPT, as_csv, digest, read_corpus, same_division
from hiddenstate.tasks.classify.fitting import Prepared, class_weights, fit_model, prepare
from hiddenstate.tasks.classify.measures import Answers, measures
from hiddenstate.tasks.classify.neighbours import Memory
from hiddenstate.tasks.classify.predictor import Classifier
from hiddenstate.tasks.classify.spec import ClassifySpec
from hiddenstate.tasks.classify.updating import Update, beside_the_old
from hiddenstate.tasks.classify.warm import FILE as START
from hiddenstate.tasks.classify.warm import Start
from hiddenstate.tasks.text.timing import milliseconds

LISTED = 10  # labels, in a sentence
JUDGED = ("test", "validation", "train")  # the split that is reported, the first that there is


def train(
    spec: ClassifySpec,
    out: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    time_limit: float | None = None,
    update: Update | None = None,
) -> dict[str, Any]:
    """Train a classifier into a run folder, beside it the snapshot baseline, and report on both.

    With `resume` the folder's own settings and split are used, and an unfinished training goes on. `update`
    is what a run begins with that goes on from another (see updating.py). Returns the summary that the
    command line prints. Raises DataError for data that cannot be trained on.
    """
    began = time.perf_counter()
    if resume:
        run, spec, division, prepared = _resumed(Path(out))
    else:
        spec = spec.sized()
        division = update.joined.division if update else split(read_corpus(spec), spec.seed)
        prepared = prepare(division.corpus, spec)
        run = _new_run(spec, division, Path(out), overwrite, _Beginning(prepared, update))
    known = run.spec()
    corpus, origin = division.corpus, known.get("from")
    start = Start.load(run) if origin and not run.has_state() else None
    before_fit = time.perf_counter() - began
    module, fitted = fit_model(prepared, spec, run, time_limit, start)
    run.remove(START)  # the state, which has been written by now, has all of it
    after_fit = time.perf_counter()
    say = progress.Lines().say
    say("Choosing what to refuse, on validation.")
    module.settle()
    decision = decide(module, prepared, spec, corpus, time_limit)
    reader = module.reader()
    classifier = Classifier(spec, prepared.labels, corpus.out_of_scope, prepared.encoder, reader, decision)
    classifier.save(run)
    if spec.keep_examples:
        memory = Memory.build(classifier, corpus.texts("train"), corpus.targets("train"))
        memory.save(run, known["data"].get("examples", ""))
    # what was spent before a run was stopped and resumed counts too
    seconds = before_fit + fitted.seconds + time.perf_counter() - after_fit
    say("Fitting the snapshot baseline, and judging both.")
    warnings = [*(origin["notes"] if origin else ()), *_warnings(division, prepared, spec)]
    summary = _report(run, corpus, seconds, prepared.learns_scope, warnings)
    if origin:
        summary |= {"from": _beside_the_old(run, corpus, origin), "new_labels": origin["new_labels"]}
    if not spec.keep_examples and fitted.stopped in ("finished", "patience"):
        run.remove(KEPT)  # an update has nothing else to train on, and needed it until now
    return {
        **summary,
        "stopped": fitted.stopped,
        "small_classes": list(division.small_classes),
        "warnings": warnings,
    }


def _resumed(folder: Path) -> tuple[Run, ClassifySpec, Division, Prepared]:
    """A run that goes on, with the settings and the data that it began with."""
    run = Run.open(folder)
    values = run.spec()
    spec = ClassifySpec.from_run(values.get("spec", {}), str(run.path / "spec.json"))
    division = same_division(run, spec, values)
    prepared = prepare(division.corpus, spec)
    if values.get("data", {}).get("vectors") != _digest(prepared):
        raise DataError(f"{spec.vectors} has changed since the run began; restore the file, or train anew")
    note_environment(run, values)
    return run, spec, division, prepared


@dataclass(frozen=True)
class _Beginning:
    """What a new run begins with."""

    prepared: Prepared
    update: Update | None


def _new_run(spec: ClassifySpec, division: Division, out: Path, overwrite: bool, begun: _Beginning) -> Run:
    """Make the folder, and write what the run was asked for and all that it is to go on with."""
    update = begun.update
    # before an old run, perhaps its own, goes
    cell = None if spec.cell_file is None else spec.cell_file.read_bytes()
    examples = update.examples if update else as_csv(division.corpus) if spec.keep_examples else None
    described = _described(spec, division, begun.prepared, examples)
    if update:
        described["spec"]["data"] = KEPT
        described["data"] |= {"together": True, "indices": {}}
        described["from"] = update.origin
    run = Run.create(out, overwrite=overwrite)
    run.write_spec(described)
    if cell is not None:
        run.write(spec.kept_name, cell)
    if update:
        update.keep(run)
    elif examples is not None:
        run.write(KEPT, examples)
    return run


def _beside_the_old(run: Run, corpus: Corpus, origin: dict[str, Any]) -> dict[str, Any] | None:
    """What the run answers better and worse than the old one, on the test texts of that one."""
    if "test" not in corpus.splits:
        return None
    return beside_the_old(Classifier.load(run.path), corpus.texts("test"), corpus.targets("test"), origin)


def _digest(prepared: Prepared) -> str | None:
    """A checksum of the word vectors that are begun with, None where there are none."""
    found = prepared.vectors
    return (
        None if found is None else hashlib.sha256(found.places.tobytes() + found.values.tobytes()).hexdigest()
    )


def _described(
    spec: ClassifySpec, division: Division, prepared: Prepared, examples: bytes | None
) -> dict[str, Any]:
    corpus = division.corpus
    kept = {} if examples is None else {"examples": digest(examples)}
    return {
        "task": "classify",
        "spec": {**spec.model_dump(), "cell": spec.kept_name},
        "data": {
            "name": corpus.name,
            "sha256": corpus.sha256,
            "vectors": _digest(prepared),
            "sizes": {name: len(examples) for name, examples in corpus.splits.items()},
            "indices": dict(division.indices),
            "small_classes": list(division.small_classes),
            **kept,
        },
        "versions": {"hiddenstate": __version__, "torch": torch.__version__, "numpy": np.__version__},
        "environment": environment(),
    }


def _warnings(division: Division, prepared: Prepared, spec: ClassifySpec) -> list[str]:
    """What a person should know about the data, in sentences."""
    found = list(division.corpus.notes)
    found += spelling_in_words(e.label for examples in division.corpus.splits.values() for e in examples)
    if small := division.small_classes:
        listed = ", ".join(small[:LISTED]) + (
            f" and {len(small) - LISTED:,} more" if len(small) > LISTED else ""
        )
        found.append(f"Labels with under {FEWEST} examples, too few to learn or to judge: {listed}.")
    cut = sum(each.dropped > 0 for texts in prepared.encoded.values() for each in texts)
    if cut:
        found.append(f"{cut} texts are longer than {MAX_WORDS} words; of each, only the first are read.")
    if prepared.named:
        found.append(
            f"The names of {len(prepared.named)} of {len(prepared.labels)} intents are read as examples of "
            "them too (--set label_names=false: not so)."
        )
    targets = prepared.targets["train"]
    if class_weights(targets, prepared.answers, spec.balance) is not None:
        sizes = np.bincount(targets)
        found.append(
            f"Intents have from {sizes[sizes > 0].min()} to {sizes.max()} examples to learn from: the rare "
            "ones weigh more (--balance none: not so)."
        )
    if prepared.vectors is not None and spec.vectors is not None:
        found.append(_coverage(prepared, prepared.vectors, spec.vectors))
    return found


def _coverage(prepared: Prepared, vectors: WordVectors, path: str) -> str:
    """How many words began with a vector of the file."""
    known, words = set((vectors.places + FIRST_WORD).tolist()), len(prepared.encoder.vocabulary.words)
    read = [word for each in prepared.encoded["train"] for word in each.ids.tolist()]
    share = np.mean([word in known for word in read]) if read else 0.0
    return (
        f"{Path(path).name} has vectors of {len(known)} of the {words} words, which are {share:.0%} of all "
        f"that is read in training ({1 - share:.0%} has none)."
    )


def _snapshot_answers(snapshot: Snapshot, corpus: Corpus, name: str) -> Answers:
    number = {label: index for index, label in enumerate(snapshot.labels)}
    scores, best = snapshot.scored(corpus.texts(name))
    targets = [number.get(label, len(number)) for label in corpus.targets(name)]
    chosen = np.array([number[label] for label in best])
    return Answers(snapshot.labels, chosen, scores, scores, np.array(targets), snapshot.threshold)


def _report(
    run: Run, corpus: Corpus, seconds: float, learns_scope: bool, warnings: Sequence[str]
) -> dict[str, Any]:
    """Fit the baseline, judge both on the same texts, write the report; the summary of it all."""
    classifier = Classifier.load(run.path)  # what was saved is what is judged
    name = next(each for each in JUDGED if corpus.splits.get(each))
    answers, texts = answers_of(classifier, corpus, name)
    snapshot = Snapshot.fit(corpus, learns_scope)
    ours: dict[str, Any] = {
        "name": classifier.spec.title,
        **measures(answers),
        "seconds": seconds,
        "bytes": sum((run.path / part).stat().st_size for part in ("weights.safetensors", "model.json")),
        "milliseconds": milliseconds(classifier.predict, texts),
    }
    rival = {
        "name": "snapshot (TF-IDF + logistic regression)",
        **measures(_snapshot_answers(snapshot, corpus, name)),
        "seconds": snapshot.seconds,
        "bytes": snapshot.bytes(),
        "milliseconds": milliseconds(snapshot.scored, texts),
    }
    rows = [ours, rival]
    notes = [
        f"{len(texts)} texts of {corpus.name}, split {name}.",
        f"Decision: {decision_in_words(classifier)}",
        calibration_in_words(classifier, ours),
    ]
    if classifier.encoder.tokenise.turkish:
        notes.append("Capitals are folded as in Turkish: I to ı, İ to i (--set language=other: not so).")
    notes += warnings
    picture = "confusion.png"
    run.write("report.md", report.markdown("Intent classifier", rows, answers, texts, notes, picture))
    run.write(picture, report.confusion_png(answers))
    sentence = "what time is it?" if "time" in classifier.labels else texts[0]
    run.write("words.png", report.words_png(sentence, classifier.steps(sentence)))
    found = {key: value for key, value in ours.items() if key not in ("name", "bytes", "milliseconds")}
    return {
        "task": classifier.spec.task,
        "run": str(run.path),
        "split": name,
        "n": len(texts),
        **found,
        "baseline": {key: value for key, value in rival.items() if key != "name"},
        "table": rows,
        "verdict": report.verdict(rows),
        "report": str(run.path / "report.md"),
        "pictures": [str(run.path / each) for each in ("curves.png", "confusion.png", "words.png")],
    }
