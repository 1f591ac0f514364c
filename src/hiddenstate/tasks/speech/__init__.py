"""Recognise speech: from a recording to words. `train`, `evaluate` and `load` are the whole of it.

Listening needs NumPy, soundfile and soxr alone; what trains or draws is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hiddenstate.errors import nearest, require
from hiddenstate.tasks.speech import shown
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
    "Recogniser",
    "SpeechRecognizer",
    "SpeechSpec",
    "SpeechStream",
    "SpokenWord",
    "Transcript",
    "evaluate",
    "inside",
    "load",
    "shown",
    "train",
]
SPEC = SpeechSpec
HEARS = True  # its texts are in recordings
load = Recogniser.load

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
