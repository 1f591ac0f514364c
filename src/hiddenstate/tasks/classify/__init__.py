"""Classify utterances: which intent, or none of them. `train`, `evaluate` and `load` are the whole of it.

Answering needs NumPy alone; what trains or draws is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hiddenstate.errors import nearest, require
from hiddenstate.tasks.classify import comparing, explaining, shown
from hiddenstate.tasks.classify.inside import inside
from hiddenstate.tasks.classify.predictor import Classifier, Prediction, WordStep
from hiddenstate.tasks.classify.spec import ClassifySpec

if TYPE_CHECKING:
    from hiddenstate.tasks.classify.checking import check
    from hiddenstate.tasks.classify.estimator import TextClassifier
    from hiddenstate.tasks.classify.evaluating import evaluate
    from hiddenstate.tasks.classify.training import train
    from hiddenstate.tasks.classify.updating import update

__all__ = [
    "Classifier",
    "ClassifySpec",
    "Prediction",
    "TextClassifier",
    "WordStep",
    "check",
    "comparing",
    "evaluate",
    "explaining",
    "inside",
    "load",
    "shown",
    "train",
    "update",
]
SPEC = ClassifySpec
load = Classifier.load

# name: where it is, what a person calls it, and the packages of the extra `train` that it cannot do without
_LATER = {
    "TextClassifier": ("estimator", "TextClassifier", ("sklearn",)),
    "check": ("checking", "checking data", ("sklearn",)),
    "evaluate": ("evaluating", "evaluating a classifier", ("matplotlib",)),
    "train": ("training", "training a classifier", ("torch", "sklearn", "matplotlib")),
    "update": ("updating", "training a classifier", ("torch", "sklearn", "matplotlib")),
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
