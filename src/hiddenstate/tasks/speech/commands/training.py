"""From a trained network to a run with commands: its threshold, chosen on what was held out; its report."""

from __future__ import annotations

from typing import Any

import numpy as np

from hiddenstate.data.spoken import SpokenCorpus
from hiddenstate.progress import Lines
from hiddenstate.runs import Run
from hiddenstate.tasks.speech.baseline import NAME, Window
from hiddenstate.tasks.speech.commands import judging, reporting
from hiddenstate.tasks.speech.commands.judging import Course, Heard
from hiddenstate.tasks.speech.commands.listed import Commands
from hiddenstate.tasks.speech.commands.spotter import FILE, Spotter
from hiddenstate.tasks.speech.predictor import Recogniser
from hiddenstate.tasks.speech.prepared import Prepared
from hiddenstate.tasks.speech.spec import SpeechSpec

SPLITS = ("test", "validation", "train")  # the split that is reported, the first that there is


def with_threshold(prepared: Prepared, recogniser: Recogniser) -> Spotter:
    """The recogniser as a spotter, with the threshold that `alarms` asks for on what was held out."""
    spec = recogniser.spec
    spotter = Spotter(recogniser, Commands(spec.commands), judging.LEAST)
    held = judging.heard(spotter, _course(prepared, spotter, "validation"))
    if said := judging.surest(held, spotter.commands.texts):
        Lines().say(said)
    return spotter.at(held.chosen(spec.alarms))


def _course(prepared: Prepared, spotter: Spotter, split: str) -> Course:
    heard = prepared.heard.get(split) or prepared.heard["train"]
    return Course.of([each.recording for each in heard], spotter.commands, spotter.spec.seed)


class _InBlocks:
    """The window model for frames that arrive in blocks: what fills no step waits for the next."""

    def __init__(self, window: Window, spec: SpeechSpec) -> None:
        self.window, self.reduce = window, spec.reduce
        self.waiting = np.zeros((0, spec.features.width), np.float32)

    def feed(self, frames: np.ndarray) -> np.ndarray:
        """The log probabilities [steps, K] that frames [n, M] more complete."""
        given = np.concatenate([self.waiting, frames])
        whole = len(given) // self.reduce * self.reduce
        self.waiting = given[whole:]
        return self._scored(given[:whole])

    def finish(self) -> np.ndarray:
        """Those of the last step, where it is not complete."""
        return self._scored(self.waiting)

    def _scored(self, frames: np.ndarray) -> np.ndarray:
        if not len(frames):
            return np.zeros((0, self.window.module.answer.out_features), np.float32)
        return self.window.scores([frames])[0]


def report(run: Run, corpus: SpokenCorpus, prepared: Prepared, seconds: float) -> dict[str, Any]:
    """Judge what was saved beside the snapshot baseline, write the report, and sum it up.

    Both are judged at thresholds that were chosen for them in the same way.
    """
    Lines().say("Letting both hear everything as one stream.")
    spotter = Spotter.load(run.path)  # what was saved is what is judged
    name = next(each for each in SPLITS if prepared.heard.get(each))
    course = _course(prepared, spotter, name)
    found = judging.heard(spotter, course)
    rival, baseline = _rival(prepared, spotter, course)
    ours, theirs = found.tally(spotter.threshold), rival.heard.tally(rival.threshold)
    told = [*corpus.notes, *prepared.notes]
    said = reporting.verdict(ours, theirs)
    told.append(_operating(prepared, spotter))
    notes = [f"{len(course.said)} recordings of {corpus.name}, split {name}.", said, *told]
    reporting.write(run, "Commands", "report.md", spotter, found, notes, rival)
    size = sum((run.path / part).stat().st_size for part in ("weights.safetensors", "model.json", FILE))
    row = {
        "name": spotter.spec.title,
        **reporting.measures(ours),
        "seconds": seconds,
        "bytes": size,
        "milliseconds": 1000 * found.seconds,
    }
    return {
        "task": "speech",
        "run": str(run.path),
        "split": name,
        **reporting.summary(found, spotter.threshold),
        "seconds": seconds,
        "real_time_factor": found.seconds,
        "baseline": {**baseline, "curve": reporting.curve(rival.heard, rival.threshold)},
        "table": [row, {"name": NAME, **baseline}],
        "verdict": said,
        "parameters": sum(value.size for value in spotter.recogniser.model.parameters.values()),
        "warnings": told,
        "report": str(run.path / "report.md"),
        "pictures": [str(run.path / each) for each in ("curves.png", "heard.png")],
    }


def _operating(prepared: Prepared, spotter: Spotter) -> str:
    """In words, at which point the threshold was chosen, and whether so little sound can tell."""
    hours = _course(prepared, spotter, "validation").hours
    told = (
        f"The threshold {spotter.threshold:.3f} was chosen on what was held out, for at most "
        f"{spotter.spec.alarms:g} false alarm{'s' * (spotter.spec.alarms != 1)} an hour"
    )
    if hours * spotter.spec.alarms >= 1:
        return f"{told}."
    return (
        f"{told}; only {judging.long(hours)} of it hold no command, so none was let through, which does not "
        "tell how rare they are. More recordings without commands do."
    )


def _rival(prepared: Prepared, spotter: Spotter, course: Course) -> tuple[reporting.Rival, dict[str, Any]]:
    """The snapshot baseline under the same decision, and its measures."""
    spec = spotter.spec
    window = Window.fit(prepared, spec)

    def listened(over: Course) -> Heard:
        return judging.heard(spotter, over, _InBlocks(window, spec))

    threshold = listened(_course(prepared, spotter, "validation")).chosen(spec.alarms)
    found = listened(course)
    told = {
        **reporting.measures(found.tally(threshold)),
        "n": len(course.said),
        "seconds": window.seconds,
        "bytes": window.bytes(),
        "milliseconds": 1000 * found.seconds,
    }
    return reporting.Rival(NAME, found, threshold), told
