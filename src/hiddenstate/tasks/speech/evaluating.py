"""How good is a trained recogniser, on recordings it has not heard? No torch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hiddenstate.data.recordings import read_recordings
from hiddenstate.data.spoken import Spoken, SpokenCorpus, divided
from hiddenstate.errors import DataError, Unsupported
from hiddenstate.runs import Run
from hiddenstate.scores import ErrorRates, confusions, error_rates
from hiddenstate.tasks.speech import report
from hiddenstate.tasks.speech.commands.reporting import evaluated
from hiddenstate.tasks.speech.commands.spotter import FILE as SPOTS
from hiddenstate.tasks.speech.commands.spotter import Spotter
from hiddenstate.tasks.speech.judgeable import can_be_heard, judgeable
from hiddenstate.tasks.speech.picture import heard_png
from hiddenstate.tasks.speech.predictor import Recogniser, Transcript
from hiddenstate.tasks.speech.symbols import normal

JUDGED = ("test", "validation", "train")  # the split that is reported, the first that there is


@dataclass(frozen=True)
class Judged:
    """Recordings with their true texts, and what was recognised."""

    recordings: tuple[Spoken, ...]
    found: tuple[Transcript, ...]
    rates: ErrorRates
    real_time_factor: float  # processor time of this process, for a second of sound

    @property
    def count(self) -> int:
        """How many recordings."""
        return len(self.recordings)

    @property
    def true(self) -> list[str]:
        """What was said."""
        return [normal(each.text) for each in self.recordings]

    def measures(self) -> dict[str, Any]:
        """The measures of a summary, as fractions and counts."""
        right = sum(a == b.text for a, b in zip(self.true, self.found, strict=True))
        return {
            "wer": self.rates.wer,
            "cer": self.rates.cer,
            "substitutions": self.rates.substitutions,
            "deletions": self.rates.deletions,
            "insertions": self.rates.insertions,
            "words": self.rates.words,
            "sentence_accuracy": right / self.count if self.count else None,
            "real_time_factor": self.real_time_factor,
        }

    def worst(self, most: int) -> list[tuple[str, str, str]]:
        """File, true text and recognised text where most words are wrong."""
        rows = []
        for recording, true, found in zip(self.recordings, self.true, self.found, strict=True):
            rate = error_rates([true], [found.text])
            wrong = rate.substitutions + rate.deletions + rate.insertions
            if wrong:
                rows.append((wrong, recording.name, true, found.text))
        rows.sort(key=lambda row: (-row[0], row[1]))
        return [row[1:] for row in rows[:most]]

    def confused(self) -> Counter[tuple[str, str]]:
        """How often which word was taken for which; a missing word is "" """
        return confusions(self.true, [each.text for each in self.found])


def judged(recogniser: Recogniser, recordings: Sequence[Spoken]) -> Judged:
    """Listen to recordings, and compare with what was said in them."""
    began = time.process_time()
    found = tuple(recogniser.transcribe(recordings))
    spent = time.process_time() - began
    rates = error_rates([normal(each.text) for each in recordings], [each.text for each in found])
    seconds = sum(each.seconds for each in found)
    return Judged(tuple(recordings), found, rates, spent / seconds if seconds else 0.0)


def evaluate(
    path: str | Path,
    data: str | None = None,
    split: str | None = None,
    *,
    text: str | None = None,
    label: str | None = None,
    skip_bad: bool = False,
    threshold: float | None = None,
) -> dict[str, Any]:
    """Measure a run on a split of its own data, or on other recordings with transcripts.

    split: by default test; of its own data without one, what training judged; of other data, all of it.
    threshold: of commands, in place of the run's.

    Writes evaluation.md and evaluation.png into the run. Raises DataError where there is no such split, and
    for recordings that cannot be used, unless skip_bad leaves those out; Unsupported for columns, which
    recordings do not have.
    """
    if text is not None or label is not None:
        raise Unsupported(
            "--text and --label choose columns of tables, and recordings have none; leave them out."
        )
    run = Run.open(path)
    spotter = Spotter.load(run.path, threshold) if run.has(SPOTS) else None
    if spotter is None and threshold is not None:
        raise Unsupported(f"--threshold is of commands, and {path} writes words; leave it out.")
    recogniser = Recogniser.load(run.path) if spotter is None else spotter.recogniser
    values = run.spec()
    skip_bad = skip_bad or (data is None and recogniser.spec.skip_bad)
    corpus = read_recordings(data or recogniser.spec.data, skip_bad=True)  # what is wrong is said below
    if data is None and corpus.sha256 != values.get("data", {}).get("sha256"):
        raise DataError(f"{recogniser.spec.data} has changed since the run began; restore it, or name --data")
    if data is None:
        corpus = divided(corpus, recogniser.spec.seed)
    chosen: list[str] = []
    if data is None and split is None:
        split, chosen = _as_training(corpus, recogniser.spec.rate)
    split, given = _asked(corpus, split or "test", own=data is None)
    recordings, doubts = judgeable(given, recogniser, skip_bad, corpus.left_out)
    notes = [f"{len(recordings)} recordings of {corpus.name}, split {split}.", *chosen, *corpus.notes]
    notes += doubts
    if spotter is not None:
        return {**evaluated(run, spotter, recordings, notes), "split": split}
    found = judged(recogniser, recordings)
    write_report(run, "Evaluation", "evaluation.md", recogniser, found, notes)
    return {
        **found.measures(),
        "n": found.count,
        "split": split,
        "notes": notes[1:],
        "report": str(run.path / "evaluation.md"),
    }


def _as_training(corpus: SpokenCorpus, rate: int) -> tuple[str, list[str]]:
    """The split that training judged, the first with a recording that can be read, and a sentence on it."""
    there = [each for each in JUDGED if any(can_be_heard(one, rate) for one in corpus.splits.get(each, ()))]
    if there[:1] == ["test"] or not there:
        return "test", []
    return there[0], [f"{corpus.name} has no split test: judged on {there[0]}, as training did."]


def _asked(corpus: SpokenCorpus, split: str, own: bool) -> tuple[str, list[Spoken]]:
    """The name of what is judged, and its recordings: of other data without that split, all of it."""
    if not own and split not in corpus.splits:
        return "all of it", [each for part in corpus.splits.values() for each in part]
    return split, list(corpus.split(split))


def write_report(
    run: Run, title: str, name: str, recogniser: Recogniser, found: Judged, notes: Sequence[str]
) -> None:
    """Write a report and its picture."""
    picture = "heard.png" if name == "report.md" else "evaluation.png"
    run.write(name, report.markdown(title, found, notes, picture))
    run.write(picture, heard_png(recogniser, found.recordings[0]))
