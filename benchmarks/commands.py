"""How well are commands told from all else? python benchmarks/commands.py --help

Five digits of fsdd are commands, the other five are the else that is learned. Judged on fsdd's official test,
and on what was never heard: an4 (other people, another microphone; with and without the commands in it) and
yesno (Hebrew). Everything is heard as one stream, at the threshold that the run chose for itself. Figures go
to results/quality-commands.json.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measurement import HOUSE, RESULTS, Figures, Record, Task, measure

from hiddenstate.data.recordings import read_recordings
from hiddenstate.data.spoken import Spoken
from hiddenstate.tasks import speech
from hiddenstate.tasks.speech.commands import judging, reporting

RUNS = HOUSE / "runs" / "commands"
COMMANDS = ("one", "three", "five", "seven", "nine")
SETTINGS: dict[str, Any] = {
    "data": "fsdd",
    "commands": COMMANDS,
    "rate": 8000,
}
KEPT = (
    "misses",
    "false_alarms_per_hour",
    "false_alarms",
    "commands_said",
    "hours_without_commands",
    "threshold",
)
CHUNK = 0.1  # seconds
ROW = "fsdd"


def unheard(name: str) -> tuple[Spoken, ...]:
    """All recordings of a corpus, their words in small letters."""
    corpus = read_recordings(name)
    found = [each for split in corpus.splits.values() for each in split]
    return tuple(replace(each, text=each.text.lower()) for each in found)


def kept(values: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a summary, as far as there are any."""
    return {name: values[name] for name in KEPT if values.get(name) is not None}


def chunk_milliseconds(spotter: speech.Spotter, chunks: int = 200) -> float:
    """Processor time for a tenth of a second of a stream."""
    stream, generator = spotter.stream(), np.random.default_rng(0)
    sound = generator.normal(0, 0.05, round(CHUNK * spotter.spec.rate)).astype(np.float32)
    stream.feed(sound)
    began = time.process_time()
    for _ in range(chunks):
        stream.feed(sound)
    return 1000 * (time.process_time() - began) / chunks


def figures(folder: Path, settings: Mapping[str, Any], seed: int) -> Mapping[str, Figures]:
    """Train once, and judge on everything."""
    path = folder / f"seed-{seed}"
    began = time.process_time()
    summary = speech.train(speech.SpeechSpec.from_options({**settings, "seed": seed}), path, overwrite=True)
    cpu, spotter = time.process_time() - began, speech.load(path)
    rows: dict[str, Figures] = {
        ROW: {
            **kept(summary),
            "seconds": summary["seconds"],
            "cpu_seconds": cpu,
            "parameters": summary["parameters"],
            "milliseconds_a_chunk": chunk_milliseconds(spotter),
        },
        "fsdd, snapshot": kept(summary["baseline"]),
    }
    for row in summary["curve"]:
        if row["threshold"] in judging.THRESHOLDS:
            rows[f"fsdd, threshold {row['threshold']:.2f}"] = kept(row)
    for name in ("an4", "yesno"):
        heard, _ = reporting.judged(spotter, unheard(name), seed)
        for threshold in sorted({0.9, 0.99, spotter.threshold}):
            own = threshold == spotter.threshold
            told = kept(reporting.measures(heard.tally(threshold)))
            rows[name if own else f"{name}, threshold {threshold:.2f}"] = told
    return rows


def main(words: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", default="0,1,2", help="default 0,1,2")
    options.add_argument("--out", type=Path, default=RESULTS, help="a folder for the figures")
    options.add_argument("--runs", type=Path, default=RUNS, help="a folder for the runs")
    options.add_argument("--again", action="store_true", help="measure anew what is there")
    given = options.parse_args(words)

    def measured(_: str, seed: int) -> Mapping[str, Figures]:
        return figures(given.runs, SETTINGS, seed)

    task = Task("commands", (ROW,), SETTINGS, measured)
    seeds = [int(seed) for seed in given.seeds.split(",")]
    measure(task, seeds, Record(given.out, task, given.again), lambda line: print(line, file=sys.stderr))
    return 0


if __name__ == "__main__":
    sys.exit(main())
