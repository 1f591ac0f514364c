"""WHAT REMAINS? A run is a folder that anyone can read.

    spec.json            what was asked for: task, cell, sizes, data, seed, versions
    weights.safetensors  the best weights, for use
    state.safetensors    everything needed to go on training, bit for bit
    log.jsonl            one line an epoch
    curves.png           loss and metric, and whatever pictures and word lists the task adds

Files are written whole or not at all, and nothing in them is ever executed (see intact.py).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as to_safetensors

from hiddenstate import intact
from hiddenstate.errors import InvalidArgument, RunError

FORMAT = 1  # of spec.json and state.safetensors; a reader refuses a newer one
OWN_FILES = (
    "state.safetensors",
    "weights.safetensors",
    "start.safetensors",
    "neighbours.safetensors",
    "examples.csv",
    "log.jsonl",
    "curves.png",
    "model.json",
    "commands.json",
    "report.md",
    "spec.json",
)

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Run:
    """One run's folder: made by `Run.create`, found again by `Run.open`.

    >>> import tempfile
    >>> run = Run.create(Path(tempfile.mkdtemp()) / "first")
    >>> run.write_spec({"task": "classify", "hidden": 128})
    >>> Run.open(run.path).spec()
    {'task': 'classify', 'hidden': 128}
    """

    path: Path

    @classmethod
    def create(cls, path: str | os.PathLike[str], *, overwrite: bool = False) -> Run:
        """Make an empty run folder; raises RunError where a run is there that may not be overwritten.

        Write the spec first: it is what makes the folder known as a run.
        """
        folder = Path(path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            there = sorted(entry.name for entry in folder.iterdir() if not entry.name.endswith(".partial"))
            if there and "spec.json" not in there:
                raise RunError(
                    f"A run needs a new or empty folder, and {folder} holds {len(there)} files that are not "
                    f"a run's ({', '.join(there[:3])}, ...). Choose another folder."
                )
            if there and not overwrite:
                raise RunError(
                    f"{folder} already holds a run. Go on with it (--resume {folder}), choose another "
                    "folder, or say that it may be overwritten."
                )
            for name in OWN_FILES:  # spec.json goes last: until then the folder is still known as a run
                (folder / name).unlink(missing_ok=True)
            for leftover in folder.glob(".*.partial"):
                leftover.unlink()
        except OSError as error:
            raise intact.write_error(folder, error) from error
        return cls(folder)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Run:
        """Find an existing run; raises RunError where there is none."""
        folder = Path(path)
        if not (folder / "spec.json").is_file():
            came = "has no spec.json" if folder.is_dir() else "is not a folder"
            raise RunError(f"Expected a run's folder, and {folder} {came}. Give the folder `train` wrote.")
        return cls(folder)

    # What was asked for

    def write_spec(self, spec: Mapping[str, Any]) -> None:
        """Write `spec.json`: any mapping that JSON can hold, marked with the format's number."""
        if "format" in spec:
            raise InvalidArgument(
                "A spec's key 'format' is the file's own number; give that entry another name."
            )
        self.write("spec.json", intact.to_json({"format": FORMAT, **spec}, indent=2) + "\n")

    def spec(self) -> dict[str, Any]:
        """Read `spec.json`; raises RunError where it is missing, damaged or from a newer version."""
        path = self.path / "spec.json"
        spec = intact.from_json(self.text("spec.json"), path)
        check_format(spec.pop("format", None), path)
        return spec

    # Tensors

    def write_arrays(self, name: str, arrays: Mapping[str, np.ndarray], notes: Mapping[str, str]) -> None:
        """Write arrays of any kind as a safetensors file, with notes in its header."""
        self.write(name, to_safetensors(dict(arrays), metadata=dict(notes)))

    def arrays(self, name: str) -> tuple[Arrays, dict[str, str]]:
        """Read what `write_arrays` wrote; raises RunError where it is missing or damaged."""
        return intact.read_tensors(self._file(name))

    def write_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Write the weights that prediction uses."""
        self.write("weights.safetensors", to_safetensors(dict(weights)))

    def weights(self, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Arrays:
        """Read the weights; with `shapes`, raise RunError unless names and shapes are exactly these."""
        arrays, _ = intact.read_tensors(self.path / "weights.safetensors", shapes)
        return arrays

    def write_state(self, arrays: Mapping[str, np.ndarray], scalars: Mapping[str, Any]) -> None:
        """Write what resuming needs: arrays, and beside them whatever JSON can hold."""
        metadata = {"scalars": intact.to_json({"format": FORMAT, **scalars})}
        self.write("state.safetensors", to_safetensors(dict(arrays), metadata=metadata))

    def has_state(self) -> bool:
        """Say whether there is training to go on with."""
        return (self.path / "state.safetensors").is_file()

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Read the arrays and scalars given to `write_state`; raises RunError where they are damaged."""
        path = self.path / "state.safetensors"
        arrays, metadata = intact.read_tensors(path)
        scalars = intact.from_json(metadata.get("scalars", ""), path)
        check_format(scalars.pop("format", None), path)
        return arrays, scalars

    # The log

    def log(self, entry: Mapping[str, Any]) -> None:
        """Append one line to `log.jsonl`."""
        intact.append(self.path / "log.jsonl", intact.to_utf8(intact.to_json(entry) + "\n"))

    def entries(self) -> list[dict[str, Any]]:
        """Read the log; a last line without its end was cut by a kill and does not count."""
        path = self.path / "log.jsonl"
        if not path.exists():
            return []
        lines = self.text("log.jsonl").split("\n")[:-1]
        return [intact.from_json(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]

    def cut_log(self, step: int) -> list[dict[str, Any]]:
        """Keep the entries up to a step, as the resumed training will write the later ones again."""
        entries = self.entries()
        for number, entry in enumerate(entries, 1):
            if not isinstance(entry.get("step"), int):
                raise RunError(f"{self.path / 'log.jsonl'}, line {number} has no step. {intact.AGAIN}")
        kept = [entry for entry in entries if entry["step"] <= step]
        self.write("log.jsonl", "".join(intact.to_json(entry) + "\n" for entry in kept))
        return kept

    # Any other file

    def write(self, name: str, content: str | bytes) -> None:
        """Write any file (vocabulary, labels, a picture), whole or not at all.

        Raises RunError where the disk is full or closed to us.
        """
        intact.write(self._file(name), intact.to_utf8(content) if isinstance(content, str) else content)

    def has(self, name: str) -> bool:
        """Say whether a file of that name is there."""
        return self._file(name).is_file()

    def remove(self, name: str) -> None:
        """Take a file away that is not needed any more; none there is no error."""
        try:
            self._file(name).unlink(missing_ok=True)
        except OSError as error:
            raise intact.write_error(self._file(name), error) from error

    def text(self, name: str) -> str:
        """Read a text file of the run; raises RunError where it is missing or not UTF-8."""
        return intact.read_utf8(self._file(name))

    def _file(self, name: str) -> Path:
        if not name or name.startswith(".") or any(sign in name for sign in "/\\:\0"):
            raise InvalidArgument(f"A run's file has a plain name such as 'labels.txt', not {name!r}.")
        return self.path / name


def check_format(number: object, path: Path) -> None:
    """Raise RunError unless this version can read files of that format."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise RunError(f"{path} is damaged: its 'format' should be a number, not {number!r}. {intact.AGAIN}")
    if number > FORMAT:
        raise RunError(
            f"{path} has format {number}, from a newer hiddenstate; this one reads up to {FORMAT}. "
            "Upgrade it: pip install --upgrade hiddenstate"
        )
