"""Tag words: the values of slots in a sentence, and its intent. `train`, `evaluate` and `load` are the whole.

Answering needs NumPy alone; what trains or draws is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hiddenstate.errors import nearest, require
from hiddenstate.tasks.tag import shown
from hiddenstate.tasks.tag.inside import inside
from hiddenstate.tasks.tag.predictor import Slot, Tagger, Tagging, WordStep
from hiddenstate.tasks.tag.spec import TagSpec

if TYPE_CHECKING:
    from hiddenstate.tasks.tag.evaluating import evaluate
    from hiddenstate.tasks.tag.training import train

__all__ = ["Slot", "TagSpec", "Tagger", "Tagging", "WordStep", "evaluate", "inside", "load", "shown", "train"]
SPEC = TagSpec
load = Tagger.load

# name: where it is, what a person calls it, and the packages of the extra `train` that it cannot do without
_LATER = {
    "evaluate": ("evaluating", "evaluating a tagger", ("matplotlib",)),
    "train": ("training", "training a tagger", ("torch", "sklearn", "matplotlib")),
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"{__name__} has no name {name!r}; {nearest(name, __all__)}")
    module, what, packages = _LATER[name]
    for package in packages:
        require(package, what, extra="train")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
