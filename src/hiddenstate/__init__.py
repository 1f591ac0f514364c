"""Recurrent networks from equation to application."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Where each public name lives. Names are imported when they are first asked for, so that `import hiddenstate`
# stays fast and does not import torch.
_PLACES = {
    "AdditiveAttention": "layers",
    "CELLS": "cells",
    "Cell": "cells",
    "DataError": "errors",
    "GRU": "layers",
    "GRUCell": "layers",
    "HiddenStateError": "errors",
    "InvalidArgument": "errors",
    "LSTM": "layers",
    "LSTMCell": "layers",
    "Mask": "cells",
    "Matrix": "cells",
    "MissingExtra": "errors",
    "RNN": "layers",
    "RNNCell": "layers",
    "Recurrent": "layers",
    "RecurrentCell": "layers",
    "RunError": "errors",
    "SpeechRecognizer": "tasks.speech",
    "State": "cells",
    "TextClassifier": "tasks.classify",
    "TrainingError": "errors",
    "Unsupported": "errors",
    "Vector": "cells",
    "detached": "layers",
}
__all__ = sorted(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        from hiddenstate.errors import nearest

        raise AttributeError(f"hiddenstate has no name {name!r}; {nearest(name, _PLACES)}")
    if _PLACES[name] == "layers":
        from hiddenstate.errors import require

        require("torch", f"hiddenstate.{name}", extra="train")
    value = getattr(import_module(f"hiddenstate.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
