"""What can be listened to, one recording or several: the same rule for words and for commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from hiddenstate.data.spoken import Spoken
from hiddenstate.errors import InvalidArgument

Said = str | Path | np.ndarray | Spoken
Found = TypeVar("Found")


def answered(given: Said | Sequence[Said], answer: Callable[[Any, str], Found]) -> Found | list[Found]:
    """Answer one recording, or each of several in a list; `answer` is told what to call samples.

    Raises InvalidArgument for what is neither.

    >>> answered("a.wav", lambda each, _: each.upper()), answered(["a.wav"], lambda each, _: each.upper())
    ('A.WAV', ['A.WAV'])
    """
    if _is_recording(given):
        return answer(given, "the samples")
    if not isinstance(given, Iterable):
        raise _refusal(given, "")
    several = list(given)
    for number, each in enumerate(several):
        if not _is_recording(each):
            raise _refusal(each, f" at index {number}")
    return [answer(each, f"recording {number}") for number, each in enumerate(several)]


def _is_recording(given: Any) -> bool:
    return isinstance(given, str | Path | np.ndarray) or hasattr(given, "heard")  # as recordings of a corpus


def _refusal(given: Any, where: str) -> InvalidArgument:
    return InvalidArgument(
        f"expected the path of a recording, its samples [n], or a list of those, came {type(given).__name__}"
        f"{where}. Samples are an array: numpy.asarray(samples, numpy.float32)"
    )
