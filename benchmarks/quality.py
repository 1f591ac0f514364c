"""How good is it? Measures on real data what the README claims: python benchmarks/quality.py --help

Every task writes results/quality-TASK.json: all seeds, their median and range, never the best. A measurement
that was interrupted goes on where it stopped. `tables.py` makes the tables of README and docs from the files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import digits
import grammar
import intents
import memory
import recall
import rough
import shipping
import watching
from measurement import HOUSE, RESULTS, Record, Task, measure

from hiddenstate.errors import HiddenStateError, InvalidArgument, nearest

RUNS = HOUSE / "runs" / "quality"


def options() -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--tasks", default=",".join(TASKS), help="some of: %(default)s; memory: adding,copy,pixels")
    add("--seeds", default="0,1,2", help="default: %(default)s")
    add("--out", type=Path, help="where the results go (default: benchmarks/results)")
    add("--runs", type=Path, help="where trained classifiers are kept (default: runs/quality)")
    add("--quick", action="store_true", help="tiny settings, to see that it works; needs --out")
    add("--again", action="store_true", help="measure anew what is there, all of its seeds")
    add("--trained", action="store_true", help="int8, bulk, million: of any runs that --runs holds")
    add("--more", action="store_true", help="few_shot with 20, 50 and 100 a class as well")
    return parser


def _trainings(given: argparse.Namespace) -> intents.Trainings:
    folder = given.runs or (given.out / "runs" if given.quick else RUNS)
    return intents.Trainings(folder, intents.QUICK if given.quick else {}, given.trained)


def _few_shot(given: argparse.Namespace) -> Task:
    counts = intents.FEW + (intents.FEW_MORE if given.more else ())
    return intents.few_shot(_trainings(given), counts)


TASKS: dict[str, Callable[[argparse.Namespace], Task]] = {
    "mnist_rows": lambda given: digits.task(given.quick),
    "reber": lambda given: grammar.task(given.quick),
    "adding": lambda given: memory.task(memory.ADDING, given.quick),
    "copy": lambda given: memory.task(memory.COPYING, given.quick),
    "pixels": lambda given: memory.pixels(given.quick),
    "recall": lambda given: recall.task(given.quick),
    "clinc": lambda given: intents.clinc(_trainings(given)),
    "few_shot": _few_shot,
    "latency": lambda given: intents.latency(_trainings(given)),
    "live": lambda given: watching.live(_trainings(given)),
    "rough": lambda given: rough.whole(_trainings(given)),
    "imbalance": lambda given: rough.imbalance(_trainings(given)),
    "size": lambda given: intents.size(_trainings(given)),
    "int8": lambda given: shipping.int8(_trainings(given)),
    "bulk": lambda given: shipping.bulk(_trainings(given), 2_000 if given.quick else 100_000),
    "million": lambda given: shipping.bulk(
        _trainings(given), 10_000 if given.quick else 1_000_000, "million", most_seeds=1
    ),
}
GROUPS = {"memory": ("adding", "copy", "pixels")}


def asked_for(words: str) -> list[str]:
    """The tasks that --tasks names, one by one or by a group's name; raises InvalidArgument for others."""
    names: list[str] = []
    for name in (word.strip() for word in words.split(",")):
        if name not in TASKS and name not in GROUPS:
            raise InvalidArgument(f"--tasks: unknown task {name!r}: {nearest(name, [*TASKS, *GROUPS])}")
        names += GROUPS.get(name, (name,))
    return names


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and return the exit code: 0 done, 1 failed, 2 wrong use."""
    given = options().parse_args(words)
    try:
        names = asked_for(given.tasks)
        if given.trained and not set(names) <= {"int8", "bulk", "million"}:
            raise InvalidArgument(
                "--trained is for int8, bulk and million, whose figures say nothing of training"
            )
        if not all(seed.strip().isdecimal() for seed in given.seeds.split(",")):
            raise InvalidArgument(f"--seeds: expected whole numbers such as 0,1,2, came {given.seeds!r}")
        if given.quick and (given.out is None or given.out.resolve() == RESULTS):
            raise InvalidArgument("--quick measures nothing of worth: name another folder with --out")
        seeds = [int(seed) for seed in given.seeds.split(",")]
        for name in names:
            task = TASKS[name](given)
            record = Record(given.out or RESULTS, task, given.again)
            measure(task, seeds, record, lambda line: print(line, flush=True))
            print(f"{name}: {record.path}", flush=True)
    except HiddenStateError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InvalidArgument) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
