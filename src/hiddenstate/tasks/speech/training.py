"""Train a recogniser into a run folder, and report on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hiddenstate import __version__, progress
from hiddenstate.checkpoint import environment, note_environment
from hiddenstate.data.audio.cache import FeatureCache
from hiddenstate.data.recordings import read_recordings
from hiddenstate.data.spoken import SpokenCorpus, divided
from hiddenstate.errors import DataError
from hiddenstate.runs import Run
from hiddenstate.scores import error_rates
from hiddenstate.tasks.speech.baseline import NAME, Window
from hiddenstate.tasks.speech.commands import training as commands
from hiddenstate.tasks.speech.commands.material import heard_for
from hiddenstate.tasks.speech.commands.spotter import Spotter
from hiddenstate.tasks.speech.deciding import decide
from hiddenstate.tasks.speech.evaluating import JUDGED, judged, write_report
from hiddenstate.tasks.speech.fitting import fit_model
from hiddenstate.tasks.speech.predictor import Recogniser
from hiddenstate.tasks.speech.prepared import Prepared, prepare
from hiddenstate.tasks.speech.report import verdict
from hiddenstate.tasks.speech.settled import settled
from hiddenstate.tasks.speech.spec import SpeechSpec


def train(
    spec: SpeechSpec,
    out: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    time_limit: float | None = None,
) -> dict[str, Any]:
    """Train a recogniser into a run folder, and report on it.

    With `resume` the folder's own settings are used, and an unfinished training goes on. Returns the summary
    that the command line prints. Raises DataError for recordings that cannot be trained on.
    """
    began = time.perf_counter()
    if resume:
        run = Run.open(out)
        values = run.spec()
        spec = SpeechSpec.from_run(values.get("spec", {}), str(run.path / "spec.json"))
        corpus = divided(_headers_of(spec), spec.seed)
        if corpus.sha256 != values.get("data", {}).get("sha256"):
            raise DataError(f"{spec.data} has changed since the run began; restore it, or train anew")
        learned = heard_for(corpus, spec)
        prepared = prepare(learned, spec, _telling(), FeatureCache())
        note_environment(run, values)
    else:
        corpus = divided(_headers_of(spec), spec.seed)
        spec, decided = settled(spec, corpus)
        for note in decided:
            progress.Lines().say(note)
        learned = heard_for(corpus, spec)
        prepared = prepare(learned, spec, _telling(), FeatureCache())
        cell = None if spec.cell_file is None else spec.cell_file.read_bytes()
        run = Run.create(out, overwrite=overwrite)
        run.write_spec(_described(spec, corpus))
        if cell is not None:
            run.write(spec.kept_name, cell)
    before_fit = time.perf_counter() - began
    module, fitted = fit_model(prepared, spec, run, time_limit)
    after_fit = time.perf_counter()
    chosen = "the threshold" if spec.commands else "what the language weighs"
    progress.Lines().say(f"Choosing {chosen}, on recordings that were held out.")
    recogniser = decide(prepared, spec, module.reader())
    recogniser.save(run)
    seconds = before_fit + fitted.seconds + time.perf_counter() - after_fit
    progress.Lines().say("Fitting the snapshot baseline, and judging both.")
    if isinstance(recogniser, Spotter):
        summary = commands.report(run, learned, prepared, seconds)
    else:
        counted = () if recogniser.lm is None else recogniser.lm.notes
        summary = _report(run, corpus, prepared, seconds, counted)
    return {**summary, "stopped": fitted.stopped}


def _headers_of(spec: SpeechSpec) -> SpokenCorpus:
    """The recordings to learn from; `prepare` says what is wrong with headers and with samples at once."""
    found = read_recordings(spec.data, skip_bad=True)
    few = len(found.splits.get("train", ())) < 2  # too few to go on: what is wrong with headers is all
    return read_recordings(spec.data, skip_bad=spec.skip_bad) if few else found


def _described(spec: SpeechSpec, corpus: SpokenCorpus) -> dict[str, Any]:
    hidden, layers = spec.size
    # said, so that the run is read whatever a preset means by then
    size = {"hidden": hidden, "layers": layers, "convolved": spec.channels}
    return {
        "task": "speech",
        "spec": {**spec.model_dump(), **size, "cell": spec.kept_name},
        "data": {
            "name": corpus.name,
            "sha256": corpus.sha256,
            "sizes": {name: len(recordings) for name, recordings in corpus.splits.items()},
        },
        "versions": {"hiddenstate": __version__, "torch": torch.__version__, "numpy": np.__version__},
        "environment": environment(),
    }


def _telling() -> Callable[[int, int], None]:
    """Say now and then how many recordings were heard."""
    lines, last = progress.Lines(), [time.monotonic()]

    def tell(done: int, of: int) -> None:
        if done == of or time.monotonic() - last[0] > 5:
            last[0] = time.monotonic()
            lines.say(f"Heard {done:,} of {of:,} recordings.")

    return tell


def _report(
    run: Run, corpus: SpokenCorpus, prepared: Prepared, seconds: float, counted: Sequence[str]
) -> dict[str, Any]:
    """Judge what was saved, write the report, and sum it up."""
    recogniser = Recogniser.load(run.path)  # what was saved is what is judged
    name = next(each for each in JUDGED if prepared.heard.get(each))
    recordings = [each.recording for each in prepared.heard[name]]
    found = judged(recogniser, recordings)
    rival = _rival(prepared, recogniser, name)
    told = [*corpus.notes, *prepared.notes]
    notes = [f"{found.count} recordings of {corpus.name}, split {name}.", *told]
    notes += [f"Of the language model: {each}." for each in counted]
    size = sum((run.path / part).stat().st_size for part in ("weights.safetensors", "model.json"))
    ours = {
        "name": recogniser.spec.title,
        **found.measures(),
        "seconds": seconds,
        "bytes": size,
        "milliseconds": 1000 * found.real_time_factor,
    }
    notes.insert(1, verdict([ours, rival]))
    write_report(run, "Recogniser", "report.md", recogniser, found, notes)
    return {
        "task": "speech",
        "run": str(run.path),
        "split": name,
        "n": found.count,
        **{key: value for key, value in ours.items() if key not in ("name", "bytes", "milliseconds")},
        "baseline": {key: value for key, value in rival.items() if key != "name"},
        "table": [ours, rival],
        "verdict": verdict([ours, rival]),
        "parameters": sum(value.size for value in recogniser.model.parameters.values()),
        "warnings": told,
        "report": str(run.path / "report.md"),
        "pictures": [str(run.path / each) for each in ("curves.png", "heard.png")],
    }


def _rival(prepared: Prepared, recogniser: Recogniser, name: str) -> dict[str, Any]:
    """The snapshot baseline on the same recordings, read by the same search."""
    window, search = Window.fit(prepared, recogniser.spec), recogniser.search
    heard = prepared.heard[name]
    began = time.process_time()
    scores = window.scores([prepared.features.normalised(each.frames) for each in heard])
    texts = [search.decode(each, most=1)[0].text for each in scores]
    spent = time.process_time() - began
    rates = error_rates([each.text for each in heard], texts)
    sound = sum(each.recording.seconds for each in heard)
    return {
        "name": NAME,
        "wer": rates.wer,
        "cer": rates.cer,
        "sentence_accuracy": sum(a.text == b for a, b in zip(heard, texts, strict=True)) / len(heard),
        "n": len(heard),
        "seconds": window.seconds,
        "bytes": window.bytes(),
        "milliseconds": 1000 * spent / sound,
    }
