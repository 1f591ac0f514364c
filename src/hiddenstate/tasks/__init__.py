"""What do we ask of a sequence? One row a task; a task's module is imported when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from hiddenstate.errors import InvalidArgument, RunError, Unsupported, nearest
from hiddenstate.infer import Inside
from hiddenstate.runs import Run


@dataclass(frozen=True)
class Task:
    """One task: what it answers, and the module that trains, evaluates and loads it."""

    name: str
    summary: str
    module: str

    def load(self) -> ModuleType:
        """Import the task's module; what trains is imported when it is first asked for."""
        return import_module(self.module)


TASKS: dict[str, Task] = {
    "classify": Task(
        "classify",
        "the intent of an utterance, read word by word, or that it is out of scope",
        "hiddenstate.tasks.classify",
    ),
    "tag": Task(
        "tag",
        "the values of slots in a sentence, each word tagged, and its intent",
        "hiddenstate.tasks.tag",
    ),
    "speech": Task(
        "speech",
        "what is said in a recording, word by word, with a network that reads its spectrogram",
        "hiddenstate.tasks.speech",
    ),
}


def find(name: str) -> Task:
    """Find a task by name.

    Raises InvalidArgument for an unknown one, naming the nearest.
    """
    if name not in TASKS:
        raise InvalidArgument(f"unknown task {name!r}: {nearest(name, TASKS)}")
    return TASKS[name]


def of_run(path: str | Path) -> ModuleType:
    """Import the module of the task that a run was trained for.

    Raises RunError where the folder is no run, or its task is not known here.
    """
    run = Run.open(path)
    name = run.spec().get("task")
    if name not in TASKS:
        raise RunError(
            f"{run.path / 'spec.json'} names the task {name!r}; this version knows {', '.join(TASKS)}"
        )
    return TASKS[name].load()


def inside(path: str | Path) -> Inside:
    """Lay open what a run reads with, for those who look into it.

    Raises RunError where the folder is no run, Unsupported where its task has nothing recurrent to show.
    """
    module = of_run(path)
    if not hasattr(module, "inside"):
        raise Unsupported(
            f"{path} is a run of {module.__name__.split('.')[-1]}, which has no recurrent layer"
        )
    opened: Inside = module.inside(path)
    return opened


def load(path: str | Path) -> Any:
    """Load the trained model of a run, whatever its task: what it returns can `predict`.

    Raises RunError where the folder is no run, or its task is not known here.
    """
    return of_run(path).load(path)
