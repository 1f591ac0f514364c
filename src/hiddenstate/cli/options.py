"""WHAT DO SEVERAL VERBS TAKE? Their options, and how words of a shell become values."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from hiddenstate.errors import InvalidArgument, Unsupported

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def cell_names(incomplete: str) -> list[str]:
    from hiddenstate.cells import CELLS

    return [name for name in CELLS if name.startswith(incomplete)]


def text_names(incomplete: str) -> list[str]:
    from hiddenstate.data.sources import SOURCES

    return [name for name in SOURCES if name.startswith(incomplete)]


def data_names(incomplete: str) -> list[str]:
    from hiddenstate.data.recordings import NAMED

    return [*text_names(incomplete), *(name for name in NAMED if name.startswith(incomplete))]


RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, as `train` wrote it.")]
Json = Annotated[
    bool,
    typer.Option(
        "--json", help="One JSON object as the last line of stdout; everything else goes to stderr."
    ),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out recordings that cannot be used, and say which.")
]
TextColumn = Annotated[str | None, typer.Option("--text", metavar="COLUMN", help="The column of the texts.")]
LabelColumn = Annotated[
    str | None, typer.Option("--label", metavar="COLUMN", help="The column of the labels.")
]
CellName = Annotated[
    str | None,
    typer.Option(
        "--cell", metavar="NAME_OR_PATH", autocompletion=cell_names, help="See `hiddenstate cells`."
    ),
]
DataName = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="NAME_OR_PATH",
        autocompletion=data_names,
        help="A name that `hiddenstate data` lists; a CSV, TSV, JSONL, Parquet, CLINC150 JSON or "
        "Rasa YAML file; for tag also a file or folder of words and tags; for speech recordings.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE", help="For a run with commands: how probable one must be, 0 to 1, not the run's own."
    ),
]
Activation = Annotated[
    str | None,
    typer.Option(
        "--activation",
        metavar="NAME",
        help="In place of the cell's tanh: relu, leaky_relu(0.2); or by gate: h=relu,f=hard_sigmoid",
    ),
]


def seconds(written: str | None) -> float | None:
    """Read a duration: seconds, or a number with s, m or h.

    >>> seconds("90"), seconds("10m"), seconds("1.5h"), seconds(None)
    (90.0, 600.0, 5400.0, None)
    """
    if written is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([smh]?)\s*", written)
    if not match:
        raise InvalidArgument(f"--time-limit expects seconds or a time such as 10m or 2h, came {written!r}.")
    return float(match[1]) * _UNITS[match[2]]


def settings(pairs: Iterable[str], named: Mapping[str, object]) -> dict[str, object]:
    """Join `--set key=value` with the options that have a flag of their own and were given.

    Raises InvalidArgument for a pair without an equals sign, and for a key that is given twice.

    >>> settings(["epochs=3"], {"hidden": 64, "cell": None})
    {'hidden': 64, 'epochs': '3'}
    """
    given = {key: value for key, value in named.items() if value is not None}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.strip()
        if not equals or not key:
            raise InvalidArgument(f"--set expects key=value, such as --set epochs=30, came {pair!r}.")
        if key in given:
            raise InvalidArgument(f"{key!r} is given twice; leave one of them out.")
        given[key] = value.strip()
    return given


def moved(module: Any, threshold: float | None) -> dict[str, float]:
    """Another threshold as words for a task that has one; raises Unsupported for others."""
    if threshold is None:
        return {}
    if not getattr(module, "HEARS", False):
        raise Unsupported("--threshold is of runs of train speech --commands; leave it out.")
    return {"threshold": threshold}


def command() -> str:
    """Say how this program is called from here: by its name, by its path, or through Python."""
    beside = Path(sys.executable).with_name("hiddenstate.exe" if sys.platform == "win32" else "hiddenstate")
    on_path = shutil.which("hiddenstate")
    if on_path is not None and (not beside.exists() or Path(on_path).samefile(beside)):
        return "hiddenstate"
    program, words = (beside, "") if beside.exists() else (Path(sys.executable), " -m hiddenstate")
    here = Path.cwd()
    shown = program.relative_to(here) if program.is_relative_to(here) else program
    return f"{shown}{words}"


def new_folder(task: str, data: str, runs: Path = Path("runs")) -> Path:
    """Return the first of runs/<task>-<data>-1, -2, ... that is free.

    >>> new_folder("classify", "some/where/My tickets.csv", Path("no-runs-yet")).name
    'classify-My-tickets-1'
    """
    name = re.sub(r"[^\w]+", "-", Path(data).stem).strip("-") or "data"
    number = 1
    while (runs / f"{task}-{name}-{number}").exists():
        number += 1
    return runs / f"{task}-{name}-{number}"
