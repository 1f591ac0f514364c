"""How well and how fast is speech recognised? python benchmarks/speech.py --help

Every training is one of the product, as `hiddenstate train speech --data NAME` does it: its own settings,
none of them chosen on what is reported, which is judged once. A task writes results/quality-TASK.json, every
seed in it; `load` is how busy the machine was when a measurement began (the mean of a minute).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import speech_speed
from measurement import HOUSE, RESULTS, Figures, Record, Task, measure

from hiddenstate.errors import HiddenStateError, InvalidArgument, nearest
from hiddenstate.runs import Run
from hiddenstate.tasks import speech

RUNS = HOUSE / "runs" / "speech"
SNAPSHOT = "snapshot"
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
KEPT = (
    "wer",
    "cer",
    "substitutions",
    "deletions",
    "insertions",
    "words",
    "sentence_accuracy",
    "real_time_factor",
    "parameters",
    "seconds",
    "bytes",
)


@dataclass(frozen=True)
class Training:
    """A training and what is judged: rows named after the data sets, each beside its snapshot baseline."""

    name: str
    data: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def task(self, folder: Path, changed: Mapping[str, Any], resume: bool = False) -> Task:
        """The measurement; `changed` are settings that differ from the product's.

        With `resume` a training that is in the folder goes on; one that had ended is judged as it is.
        """
        given = {**self.settings, **changed}

        def figures(row: str, seed: int) -> Mapping[str, Figures]:
            spec = speech.SpeechSpec.from_options({**given, "data": self.data[row], "seed": seed})
            path = folder / f"{self.name}-{self.data[row].replace(':', '-')}-{seed}"
            load, spent = busy(), time.process_time()
            going_on = resume and path.exists()
            if going_on:
                refuse_others(path, spec)
            summary = speech.train(spec, path, resume=going_on, overwrite=not going_on)
            costs = {} if going_on else {"cpu_seconds": time.process_time() - spent, "load": load}
            model = {**summary, "bytes": summary["table"][0]["bytes"]}
            return {
                row: {**kept(model), **costs},
                f"{row}, {SNAPSHOT}": kept(summary["baseline"]),
            }

        spec = speech.SpeechSpec.from_options({**given, "data": next(iter(self.data.values()))})
        settings = {
            name: value for name, value in spec.model_dump().items() if name not in ("data", "seed", "task")
        }
        return Task(self.name, tuple(self.data), {"data": dict(self.data), **settings}, figures)


def refuse_others(path: Path, spec: speech.SpeechSpec) -> None:
    """Raise InvalidArgument where the run was trained with other settings than these."""
    trained, asked = Run.open(path).spec()["spec"], spec.model_dump(mode="json")
    asked["hidden"], asked["layers"] = spec.size
    asked["convolved"] = spec.channels
    others = [f"{name}={value}" for name, value in trained.items() if asked.get(name, value) != value]
    if others:
        raise InvalidArgument(f"{path} was trained with {', '.join(others)}; give these with --set")


def kept(summary: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a summary, as far as there are any."""
    return {name: summary[name] for name in KEPT if summary.get(name) is not None}


def busy() -> float:
    """How many processes wanted to run, on average over the last minute; 0 where that is not known."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0


TELEPHONE = {"rate": 8000}  # samples a second of these recordings
TRAININGS = (
    Training("fsdd", {"single digits": "fsdd"}, TELEPHONE),
    Training("fsdd_connected", {"3 to 7 digits": "fsdd_connected"}, {**TELEPHONE, "epochs": 12}),
    Training("fsdd_speakers", {f"without {name}": f"fsdd:{name}" for name in SPEAKERS}, TELEPHONE),
    Training("yesno", {"12 recordings": "yesno"}, TELEPHONE),
    Training("an4", {"held-out speakers": "an4"}, {"preset": "base"}),
    Training("an4_streaming", {"held-out speakers": "an4"}, {"preset": "base", "bidirectional": False}),
)
SPEED: dict[str, Callable[[bool], Task]] = {
    "throughput": speech_speed.throughput,
    "streaming": speech_speed.streaming,
}
TASKS = {each.name: each for each in TRAININGS}


def options() -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--tasks", default="fsdd,yesno", help=f"some of {', '.join([*TASKS, *SPEED])}; default: %(default)s")
    add("--seeds", default="0,1,2", help="default: %(default)s")
    add("--out", type=Path, default=RESULTS, help="where the results go (default: benchmarks/results)")
    add("--runs", type=Path, default=RUNS, help="where trained recognisers go (default: runs/speech)")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the trainings")
    add("--resume", action="store_true", help="go on with the trainings that are in --runs")
    add("--quick", action="store_true", help="tiny settings, to see that it works; needs --out")
    add("--again", action="store_true", help="measure anew what is there, all of its seeds")
    return parser


def tasks_of(given: argparse.Namespace) -> list[Task]:
    """The tasks that are asked for; raises InvalidArgument for what cannot be."""
    if given.quick and given.out.resolve() == RESULTS:
        raise InvalidArgument("--quick measures nothing of worth: name another folder with --out")
    if wrong := [each for each in given.set if "=" not in each]:
        raise InvalidArgument(f"--set: expected NAME=VALUE, came {wrong[0]!r}")
    changed: dict[str, Any] = {"epochs": 1, "hidden": 4, "layers": 1} if given.quick else {}
    changed |= dict(each.split("=", 1) for each in given.set)
    found = []
    for name in (word.strip() for word in given.tasks.split(",")):
        if name not in TASKS and name not in SPEED:
            raise InvalidArgument(f"--tasks: unknown task {name!r}: {nearest(name, [*TASKS, *SPEED])}")
        found.append(
            TASKS[name].task(given.runs, changed, given.resume) if name in TASKS else SPEED[name](given.quick)
        )
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and return the exit code: 0 done, 1 failed, 2 wrong use."""
    given = options().parse_args(words)
    try:
        if not all(seed.strip().isdecimal() for seed in given.seeds.split(",")):
            raise InvalidArgument(f"--seeds: expected whole numbers such as 0,1,2, came {given.seeds!r}")
        seeds = [int(seed) for seed in given.seeds.split(",")]
        for task in tasks_of(given):
            record = Record(given.out, task, given.again)
            measure(task, seeds, record, lambda line: print(line, flush=True))
            print(f"{task.name}: {record.path}", flush=True)
    except HiddenStateError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InvalidArgument) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
