"""The exceptions of hiddenstate: one family, so that `except HiddenStateError` catches them all.

    HiddenStateError
    ├── InvalidArgument   (ValueError)    a value that cannot be used: an unknown name, a wrong size
    ├── Unsupported       (TypeError)     a combination that exists but is not offered here
    ├── DataError         (ValueError)    a data file or recording that cannot be read or trained on
    ├── RunError          (RuntimeError)  a run folder that is missing, damaged or from a newer version
    ├── TrainingError     (RuntimeError)  training that cannot go on: a loss that is not a number
    └── MissingExtra      (ImportError)   an optional dependency that is not installed

Each is also one of Python's own exceptions, so existing `except ValueError` clauses keep working.
`exit_code` is what the command line returns: 2 for wrong use, 1 for work that failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from importlib.util import find_spec


class HiddenStateError(Exception):
    """The root of every error that hiddenstate raises on purpose."""

    exit_code = 1


class InvalidArgument(HiddenStateError, ValueError):
    """A value that cannot be used."""

    exit_code = 2


class Unsupported(HiddenStateError, TypeError):
    """A combination that exists but is not offered here."""

    exit_code = 2


class DataError(HiddenStateError, ValueError):
    """A data file that cannot be read or trained on."""


class RunError(HiddenStateError, RuntimeError):
    """A run folder that is missing, damaged or from a newer version."""


class TrainingError(HiddenStateError, RuntimeError):
    """Training that cannot go on."""


class MissingExtra(HiddenStateError, ImportError):
    """An optional dependency that is not installed."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """Say which valid word is nearest to `word`, or list the valid ones where none is near.

    >>> nearest("lstn", ["gru", "lstm"])
    "did you mean 'lstm'?"
    >>> nearest("transformer", ["gru", "lstm"])
    'choose one of: gru, lstm'
    """
    words = sorted(valid)
    close = get_close_matches(word, words, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose one of: {', '.join(words)}"


def require(package: str, what: str, extra: str) -> None:
    """Raise MissingExtra, naming the extra that brings it, unless a package that `what` needs is installed.

    >>> require("json", "reading a run", extra="train")
    """
    if find_spec(package) is None:
        raise MissingExtra(
            f"{what} needs {package}, which is not installed; install it with: pip install "
            f"'hiddenstate[{extra}]'"
        )
