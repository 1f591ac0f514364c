"""What is measured, and what remains of it: one JSON file a task, every seed in it, median and range of all.

A file is written again after every measurement, so that one which was interrupted goes on with what is
missing. Seeds measured with other settings or on another machine are never mixed in.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hiddenstate import __version__, intact
from hiddenstate.errors import DataError, InvalidArgument

HOUSE = Path(__file__).resolve().parent.parent
RESULTS = HOUSE / "benchmarks" / "results"
PACKAGES = ("torch", "numpy", "scikit-learn")

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Task:
    """What to measure: `measure(variant, seed)` gives named rows of figures, one named as the variant.

    What takes an hour says with `most_seeds` that it is measured with the first of the seeds asked for.
    """

    name: str
    variants: tuple[str, ...]
    settings: Mapping[str, Any]
    measure: Callable[[str, int], Mapping[str, Figures]]
    most_seeds: int | None = None


class Record:
    """The file of one task.

    Raises InvalidArgument where it holds seeds measured with other settings or on another machine, unless
    `again` says to measure all of them anew; DataError where it is no such file.
    """

    def __init__(self, folder: Path, task: Task, again: bool = False) -> None:
        self.path = path_of(folder, task.name)
        self.task = task
        self.same = {"settings": json.loads(json.dumps(task.settings)), "machine": machine()}
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        if not self.path.exists() or again:
            return
        kept = read(self.path)
        for name, value in self.same.items():
            if kept[name] != value:
                raise InvalidArgument(
                    f"{self.path.name} holds seeds measured with other {name}: "
                    f"{_differences(kept[name], value)}; measure them all anew with --again, or write to "
                    "another folder with --out"
                )
        self.rows = {row: dict(values["seeds"]) for row, values in kept["rows"].items()}

    def missing(self, variant: str, seeds: Iterable[int]) -> list[int]:
        """The seeds that this variant has not been measured with."""
        return [seed for seed in seeds if str(seed) not in self.rows.get(variant, {})]

    def keep(self, seed: int, rows: Mapping[str, Figures]) -> None:
        """Add one seed's figures and write the file, whole or not at all."""
        when = {"commit": commit(), "date": now()}
        for row, figures in rows.items():
            self.rows.setdefault(row, {})[str(seed)] = {**figures, **when}
        described = {
            "task": self.task.name,
            **when,
            "machine": self.same["machine"],
            "versions": versions(),
            "settings": self.same["settings"],
            "rows": {row: {**summary(seeds), "seeds": seeds} for row, seeds in self.rows.items()},
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        intact.write(self.path, (json.dumps(described, indent=1) + "\n").encode())


def measure(task: Task, seeds: Sequence[int], record: Record, say: Callable[[str], None]) -> None:
    """Measure what the record lacks."""
    for seed in seeds[: task.most_seeds]:
        for variant in task.variants:
            if not record.missing(variant, [seed]):
                say(f"{task.name}, {variant}, seed {seed}: already measured")
                continue
            rows = task.measure(variant, seed)
            record.keep(seed, rows)
            shown = "  ".join(f"{name} {value:.5g}" for name, value in rows[variant].items())
            say(f"{task.name}, {variant}, seed {seed}: {shown}")


def path_of(folder: Path, task: str) -> Path:
    """Where the figures of a task are kept."""
    return folder / f"quality-{task}.json"


def read(path: Path) -> dict[str, Any]:
    """Read what a record wrote; raises DataError for anything else."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}); restore it, or measure again") from error
    wanted = {"task", "commit", "date", "machine", "versions", "settings", "rows"}
    if not isinstance(values, dict) or not wanted <= values.keys():
        raise DataError(f"{path} lacks some of {', '.join(sorted(wanted))}; restore it, or measure again")
    return values


def summary(seeds: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Median and range over seeds of every figure that all of them have."""
    first, *others = seeds.values()
    names = [
        name
        for name, value in first.items()
        if isinstance(value, int | float) and all(name in other for other in others)
    ]
    columns = {name: [figures[name] for figures in seeds.values()] for name in names}
    return {
        "median": {name: statistics.median(values) for name, values in columns.items()},
        "min": {name: min(values) for name, values in columns.items()},
        "max": {name: max(values) for name, values in columns.items()},
    }


def machine() -> dict[str, Any]:
    """The processor, its cores, and the threads that torch uses: nothing that tells whose it is."""
    import torch

    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def versions() -> dict[str, str]:
    """The versions that figures may depend on."""
    own = {"hiddenstate": __version__, "python": platform.python_version()}
    return own | {name: version(name) for name in PACKAGES}


def commit() -> str:
    """The commit that is measured, with "+changes" where the sources differ from it, or "unknown"."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(HOUSE), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", "src", "benchmarks/*.py")
        return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def now() -> str:
    """The date and time, in UTC."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _differences(kept: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    names = [name for name in {**kept, **now} if kept.get(name) != now.get(name)]
    return ", ".join(f"{name} {kept.get(name)!r} then and {now.get(name)!r} now" for name in names[:4])
