"""Recognise speech: from a recording to words. `train`, `evaluate` and `load` are the whole of it.

Listening needs NumPy, soundfile and soxr alone; what trains or draws is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hiddenstate.errors import Unsupported, nearest, require
from hiddenstate.runs import Run
from hiddenstate.tasks.speech import shown
from hiddenstate.tasks.speech.commands import shown as commands_shown
from hiddenstate.tasks.speech.commands.spotter import FILE, Answer, CommandStream, Spotted, Spotter
from hiddenstate.tasks.speech.inside import inside
from hiddenstate.tasks.speech.predictor import Recogniser, SpokenWord, Transcript
from hiddenstate.tasks.speech.spec import SpeechSpec
from hiddenstate.tasks.speech.stream import SpeechStream

if TYPE_CHECKING:
    from hiddenstate.tasks.speech.estimator import SpeechRecognizer
    from hiddenstate.tasks.speech.evaluating import evaluate
    from hiddenstate.tasks.speech.training import train

__all__ = [
    "HEARS",
    "Answer",
    "CommandStream",
    "Recogniser",
    "SpeechRecognizer",
    "SpeechSpec",
    "SpeechStream",
    "SpokenWord",
    "Spotted",
    "Spotter",
    "Transcript",
    "evaluate",
    "inside",
    "load",
    "shown",
    "shown_for",
    "train",
]
SPEC = SpeechSpec
HEARS = True  # its texts are in recordings


def load(path: str | Path, threshold: float | None = None) -> Recogniser | Spotter:
    """Read what was trained from its run: words, or commands alone, perhaps at another threshold.

    Raises RunError where the folder is damaged, Unsupported for a threshold of a run without commands.
    """
    if Run.open(path).has(FILE):
        return Spotter.load(path, threshold)
    if threshold is not None:
        raise Unsupported(f"--threshold is of commands, and {path} writes words; leave it out.")
    return Recogniser.load(path)


def shown_for(found: Any) -> Any:
    """What shows a summary, or a loaded run: that of commands or that of words."""
    spots = "misses" in found if isinstance(found, dict) else isinstance(found, Spotter)
    return commands_shown if spots else shown


# name: where it is, what a person calls it, and the packages that it cannot do without
_LATER = {
    "SpeechRecognizer": ("estimator", "SpeechRecognizer", ("soundfile", "soxr", "jiwer")),
    "evaluate": ("evaluating", "evaluating a recogniser", ("matplotlib", "jiwer")),
    "train": ("training", "training a recogniser", ("torch", "matplotlib", "jiwer")),
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"{__name__} has no name {name!r}; {nearest(name, __all__)}")
    module, what, packages = _LATER[name]
    for package in packages:
        require(package, what, extra="speech" if package in ("jiwer", "soundfile", "soxr") else "train")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
