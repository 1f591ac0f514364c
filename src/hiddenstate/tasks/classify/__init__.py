"""Classify utterances: which intent, or none of them. `train`, `evaluate` and `load` are the whole of it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hiddenstate import __version__, progress
from hiddenstate.data import sources
from hiddenstate.data.corpus import Corpus
from hiddenstate.data.split import FEWEST, Division, divide, split
from hiddenstate.data.vocabulary import MAX_WORDS
from hiddenstate.errors import DataError
from hiddenstate.runs import Run
from hiddenstate.tasks.classify import report
from hiddenstate.tasks.classify.baseline import Snapshot
from hiddenstate.tasks.classify.estimator import TextClassifier
from hiddenstate.tasks.classify.fitting import Prepared, decide, fit_model, prepare
from hiddenstate.tasks.classify.measures import Answers, measures
from hiddenstate.tasks.classify.model import logits_of
from hiddenstate.tasks.classify.predictor import Classifier, Prediction, WordStep
from hiddenstate.tasks.classify.rejection import scope_scores, softmax
from hiddenstate.tasks.classify.spec import ClassifySpec

__all__ = [
    "Classifier",
    "ClassifySpec",
    "Prediction",
    "TextClassifier",
    "WordStep",
    "evaluate",
    "load",
    "train",
]
SPEC = ClassifySpec
load = Classifier.load
JUDGED = ("test", "validation", "train")  # the split that is reported, the first that there is


def train(
    spec: ClassifySpec,
    out: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    time_limit: float | None = None,
) -> dict[str, Any]:
    """Train a classifier into a run folder, beside it the snapshot baseline, and report on both.

    With `resume` the folder's own settings and split are used, and an unfinished training goes on. Returns
    the summary that the command line prints. Raises DataError for data that cannot be trained on.
    """
    began = time.perf_counter()
    if resume:
        run = Run.open(out)
        values = run.spec()
        spec = ClassifySpec.from_run(values.get("spec", {}), str(run.path / "spec.json"))
        division = _same_division(spec, values)
    else:
        division = split(_read(spec), spec.seed)
        cell = (
            None if spec.cell_file is None else spec.cell_file.read_bytes()
        )  # before an old run, perhaps its own, goes
        run = Run.create(out, overwrite=overwrite)
        run.write_spec(_described(spec, division))
        if cell is not None:
            run.write(_kept_name(spec), cell)
    corpus = division.corpus
    prepared = prepare(corpus, spec)
    before_fit = time.perf_counter() - began
    module, fitted = fit_model(prepared, spec, run, time_limit)
    after_fit = time.perf_counter()
    say = progress.Lines().say
    say("Choosing what to refuse, on validation.")
    decision = decide(module, prepared, spec, corpus, time_limit)
    classifier = Classifier(spec, prepared.labels, corpus.out_of_scope, prepared.encoder, module, decision)
    classifier.save(run)
    # what was spent before a run was stopped and resumed counts too
    seconds = before_fit + fitted.seconds + time.perf_counter() - after_fit
    say("Fitting the snapshot baseline, and judging both.")
    warnings = _warnings(division, prepared)
    summary = _report(run, corpus, seconds, prepared.learns_scope, warnings)
    return {
        **summary,
        "stopped": fitted.stopped,
        "small_classes": list(division.small_classes),
        "warnings": warnings,
    }


def evaluate(
    path: str | Path,
    data: str | None = None,
    split: str = "test",
    *,
    text: str | None = None,
    label: str | None = None,
) -> dict[str, Any]:
    """Measure a run on a split of its own data, or of other data with the same labels; see measures.py.

    Writes evaluation.md and evaluation.png into the run. Raises DataError where the data name labels that the
    run does not know, or have no such split.
    """
    run = Run.open(path)
    classifier = load(run.path)
    values = run.spec()
    if data is None:
        corpus = _same_division(classifier.spec, values).corpus
    else:
        corpus = sources.read(data, text=text, label=label)
        if corpus.sha256 == values.get("data", {}).get("sha256"):
            corpus = divide(corpus, values["data"]["indices"])
        elif split not in corpus.splits and set(corpus.splits) == {"train"}:
            split = "train"  # a file without splits is judged whole
    answers, texts = _answers(classifier, corpus, split)
    found = measures(answers)
    notes = [f"{len(texts)} texts of {corpus.name}, split {split}.", f"Decision: {_decision(classifier)}"]
    row = {"name": classifier.spec.title, **found}
    picture = "evaluation.png"  # confusion.png is the report's
    run.write("evaluation.md", report.markdown("Evaluation", [row], answers, texts, notes, picture))
    run.write(picture, report.confusion_png(answers))
    return {**found, "n": len(texts), "split": split, "report": str(run.path / "evaluation.md")}


def _read(spec: ClassifySpec) -> Corpus:
    return sources.read(spec.data, text=spec.text_column, label=spec.label_column)


def _described(spec: ClassifySpec, division: Division) -> dict[str, Any]:
    corpus = division.corpus
    return {
        "task": "classify",
        "spec": {**spec.model_dump(), "cell": _kept_name(spec)},
        "data": {
            "name": corpus.name,
            "sha256": corpus.sha256,
            "indices": dict(division.indices),
            "small_classes": list(division.small_classes),
        },
        "versions": {"hiddenstate": __version__, "torch": torch.__version__, "numpy": np.__version__},
    }


def _kept_name(spec: ClassifySpec) -> str:
    """What the run calls its cell: one's own file is copied, so that the run can be carried elsewhere."""
    file = spec.cell_file
    return spec.cell if file is None else f"{file.name.split('.')[0]}.cell{file.suffix}"


def _warnings(division: Division, prepared: Prepared) -> list[str]:
    """What a person should know about the data, in sentences."""
    found = []
    if division.small_classes:
        listed = ", ".join(division.small_classes)
        found.append(f"Labels with under {FEWEST} examples, too few to learn or to judge: {listed}.")
    cut = sum(each.dropped > 0 for texts in prepared.encoded.values() for each in texts)
    if cut:
        found.append(f"{cut} texts are longer than {MAX_WORDS} words; of each, only the first are read.")
    return found


def _same_division(spec: ClassifySpec, values: dict[str, Any]) -> Division:
    """Read a run's data again and divide them as it did; raises DataError where they have changed."""
    corpus, known = _read(spec), values.get("data", {})
    if corpus.sha256 != known.get("sha256"):
        raise DataError(
            f"{spec.data} has changed since the run began (its sha256 is another); restore the file, or "
            "train anew"
        )
    indices = known.get("indices", {})
    return Division(divide(corpus, indices), indices, tuple(known.get("small_classes", ())))


def _answers(classifier: Classifier, corpus: Corpus, name: str) -> tuple[Answers, list[str]]:
    examples = corpus.split(name)
    number = {label: index for index, label in enumerate(classifier.labels)}
    outside = {classifier.out_of_scope, corpus.out_of_scope} - {None}
    strange = sorted({e.label for e in examples} - number.keys() - outside)
    if strange:
        raise DataError(
            f"{corpus.name}: the run was not trained on {', '.join(map(repr, strange[:5]))}; it knows "
            f"{len(number)} labels. Correct the spelling, take those rows out, or train with them."
        )
    texts = [e.text for e in examples]
    logits = logits_of(classifier.model, classifier.encoder, [classifier.encoder.encode(t) for t in texts])
    intents = len(classifier.labels)
    probabilities = softmax(logits[:, :intents] / classifier.decision.temperature)
    return Answers(
        classifier.labels,
        logits[:, :intents].argmax(1),
        probabilities.max(1),
        scope_scores(logits, intents),
        np.array([number.get(e.label, intents) for e in examples], dtype=np.int64),
        classifier.decision.threshold,
    ), texts


def _snapshot_answers(snapshot: Snapshot, corpus: Corpus, name: str) -> Answers:
    number = {label: index for index, label in enumerate(snapshot.labels)}
    scores, best = snapshot.scored(corpus.texts(name))
    targets = [number.get(label, len(number)) for label in corpus.targets(name)]
    chosen = np.array([number[label] for label in best])
    return Answers(snapshot.labels, chosen, scores, scores, np.array(targets), snapshot.threshold)


def _milliseconds(answer: Callable[[Sequence[str]], Any], texts: Sequence[str]) -> float:
    """The median time for one text on one core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    for text in texts[:60]:
        began = time.perf_counter()
        answer([text])
        times.append(time.perf_counter() - began)
    torch.set_num_threads(threads)
    return 1000 * statistics.median(times)


def _decision(classifier: Classifier) -> str:
    decision = classifier.decision
    return f"accepted from a score of {decision.threshold:.2f}, chosen from {decision.chosen_from}."


def _report(
    run: Run, corpus: Corpus, seconds: float, learns_scope: bool, warnings: Sequence[str]
) -> dict[str, Any]:
    """Fit the baseline, judge both on the same texts, write the report; the summary of it all."""
    classifier = load(run.path)  # what was saved is what is judged
    name = next(each for each in JUDGED if corpus.splits.get(each))
    answers, texts = _answers(classifier, corpus, name)
    snapshot = Snapshot.fit(corpus, learns_scope)
    ours = {
        "name": classifier.spec.title,
        **measures(answers),
        "seconds": seconds,
        "bytes": sum((run.path / part).stat().st_size for part in ("weights.safetensors", "model.json")),
        "milliseconds": _milliseconds(classifier.predict, texts),
    }
    rival = {
        "name": "snapshot (TF-IDF + logistic regression)",
        **measures(_snapshot_answers(snapshot, corpus, name)),
        "seconds": snapshot.seconds,
        "bytes": snapshot.bytes(),
        "milliseconds": _milliseconds(snapshot.scored, texts),
    }
    rows = [ours, rival]
    notes = [f"{len(texts)} texts of {corpus.name}, split {name}.", f"Decision: {_decision(classifier)}"]
    notes += warnings
    picture = "confusion.png"
    run.write("report.md", report.markdown("Intent classifier", rows, answers, texts, notes, picture))
    run.write(picture, report.confusion_png(answers))
    sentence = "what time is it?" if "time" in classifier.labels else texts[0]
    run.write("words.png", report.words_png(sentence, classifier.steps(sentence)))
    found = {key: value for key, value in ours.items() if key not in ("name", "bytes", "milliseconds")}
    return {
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
