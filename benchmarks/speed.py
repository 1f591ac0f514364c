"""How fast is it? Times this library beside its peers: python benchmarks/speed.py --help

Every regime writes results/speed-REGIME.json: each comparison with all medians, quartiles and floors, its
commit and date. What is measured again takes the place of what was there; the rest stays. Each regime runs
in a process of its own, in which all contenders take turns. `tables.py` makes the tables from the files.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import measurement
import regimes
import torch
from measurement import RESULTS

from hiddenstate import intact
from hiddenstate.bench import Effort
from hiddenstate.cells import CELLS
from hiddenstate.errors import DataError, HiddenStateError, InvalidArgument, nearest

FULL, QUICK = Effort(), Effort(seconds=0.3, fewest=3, most=9, turn=0.001)
QUICK_CELLS = ("lstm", "mgu", "mingru", regimes.OWN_CELL.stem)
PEERS = ("onnxruntime", "openvino", "jax")
WANTED = {"regime", "commit", "date", "machine", "versions", "rows"}


class Results:
    """The file of one regime: a row for each comparison, the newest.

    Raises InvalidArgument where it was measured on another machine, unless `again` drops what is there;
    DataError where it is no such file.
    """

    def __init__(self, folder: Path, regime: str, again: bool = False) -> None:
        self.path, self.regime = path_of(folder, regime), regime
        machine = measurement.machine()
        self.machine = {**machine, "threads": 2 if regime == "threads" else 1}
        self.rows: dict[str, dict[str, Any]] = {}
        if not self.path.exists() or again:
            return
        kept = read(self.path)
        if kept["machine"] != self.machine:
            raise InvalidArgument(
                f"{self.path.name} was measured on another machine, {kept['machine']}, and this is "
                f"{self.machine}; measure all of it anew with --again, or write to another folder with --out"
            )
        self.rows = dict(kept["rows"])

    def keep(self, name: str, row: dict[str, Any]) -> None:
        """Put a row in its place and write the file, whole or not at all."""
        when = {"commit": measurement.commit(), "date": measurement.now()}
        self.rows[name] = {**row, **when}
        described = {
            "regime": self.regime,
            **when,
            "machine": self.machine,
            "versions": versions(),
            "rows": self.rows,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        intact.write(self.path, (json.dumps(described, indent=1) + "\n").encode())


def path_of(folder: Path, regime: str) -> Path:
    """Where the figures of a regime are kept."""
    return folder / f"speed-{regime}.json"


def read(path: Path) -> dict[str, Any]:
    """Read what was kept; raises DataError for anything else."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}); restore it, or measure again") from error
    if not isinstance(values, dict) or not values.keys() >= WANTED:
        raise DataError(f"{path} lacks some of {', '.join(sorted(WANTED))}; restore it, or measure again")
    return values


def versions() -> dict[str, str]:
    """The versions of the peers that are installed, and of what all stand on."""
    return measurement.versions() | {name: version(name) for name in PEERS if find_spec(name) is not None}


def measure(regime: str, chosen: regimes.Choice, effort: Effort, results: Results) -> int:
    """Measure the cases of a regime, each written down at once; give how many floors were missed."""
    missed = 0
    for case in regimes.REGIMES[regime](chosen):
        row = case.measure(effort)
        results.keep(case.name, row)
        for promise in row["promises"]:
            print(f"{regime}, {said(promise)}", flush=True)
            missed += promise["met"] is False
    return missed


def said(promise: dict[str, Any]) -> str:
    """One line on a promise.

    >>> said({"line": "scan", "column": "64", "value": 2.5, "low": 2.25, "high": 3.0, "floor": 3.0,
    ...       "sense": ">=", "met": False, "against": "step by step"})
    'scan, H = 64: 2.50 (2.25 to 3.00), at least 3.00: MISSED, against step by step'
    """
    where = f"{promise['line']}, H = {promise['column']}"
    if promise["value"] is None:
        return f"{where}: no peer is installed"
    limit = f"{'at least' if promise['sense'] == '>=' else 'at most'} {promise['floor']:.2f}"
    verdict = "met" if promise["met"] else "MISSED"
    spread = f"{promise['value']:.2f} ({promise['low']:.2f} to {promise['high']:.2f})"
    return f"{where}: {spread}, {limit}: {verdict}, against {promise['against']}"


def options() -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--only", default=",".join(regimes.REGIMES), help="some of: %(default)s")
    add("--cells", help="some of the regime's cells, such as lstm,gru (default: all)")
    add("--hidden", help="some of the regime's sizes, such as 64,128 (default: all)")
    add("--out", type=Path, help="where the results go (default: benchmarks/results)")
    add("--quick", action="store_true", help="one size, few rounds, to see that it works; needs --out")
    add("--again", action="store_true", help="drop what the file holds, as after a change of machine")
    return parser


def chosen_of(given: argparse.Namespace) -> regimes.Choice:
    """The cells and sizes asked for; raises InvalidArgument for others."""
    cells, hidden = None, None
    known = {*CELLS, regimes.OWN_CELL.stem}
    if given.cells is not None:
        cells = tuple(name.strip() for name in given.cells.split(","))
        for name in cells:
            if name not in known:
                raise InvalidArgument(f"--cells: unknown cell {name!r}: {nearest(name, known)}")
    if given.hidden is not None:
        words = [word.strip() for word in given.hidden.split(",")]
        if not all(word in map(str, regimes.HIDDEN) for word in words):
            sizes = ", ".join(map(str, regimes.HIDDEN))
            raise InvalidArgument(f"--hidden: expected some of {sizes}, came {given.hidden!r}")
        hidden = tuple(int(word) for word in words)
    if given.quick:
        return regimes.Choice(cells or QUICK_CELLS, hidden, smallest=hidden is None)
    return regimes.Choice(cells, hidden)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and return the exit code: 0 done (missed floors are results), 1 failed, 2 wrong use."""
    given = options().parse_args(words)
    try:
        names = [name.strip() for name in given.only.split(",")]
        for name in names:
            if name not in regimes.REGIMES:
                raise InvalidArgument(f"--only: unknown regime {name!r}: {nearest(name, regimes.REGIMES)}")
        if given.quick and (given.out is None or given.out.resolve() == RESULTS):
            raise InvalidArgument("--quick measures nothing of worth: name another folder with --out")
        chosen = chosen_of(given)
        if len(names) > 1:
            return max(_in_a_process_of_its_own(name, words) for name in names)
        torch.set_num_threads(1)
        results = Results(given.out or RESULTS, names[0], given.again)
        missed = measure(names[0], chosen, QUICK if given.quick else FULL, results)
        print(f"{names[0]}: {missed} missed; {results.path}", flush=True)
    except HiddenStateError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InvalidArgument) else 1
    return 0


def _in_a_process_of_its_own(regime: str, words: Sequence[str] | None) -> int:
    """Threads and pools of one regime do not outlive it."""
    given = list(sys.argv[1:] if words is None else words)
    return subprocess.run([sys.executable, __file__, *given, "--only", regime]).returncode


if __name__ == "__main__":
    sys.exit(main())
