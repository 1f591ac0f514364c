"""How each corpus and each file format is read: one file each, and one table of the corpora with a name.

`mnist` (pictures) and `reber` (a grammar) are no labelled texts and are read from their own modules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from hiddenstate.data import store
from hiddenstate.data.corpus import Corpus
from hiddenstate.data.sources import clinc150, starter, tables
from hiddenstate.errors import InvalidArgument, nearest

SOURCES: Mapping[str, Callable[[], Corpus]] = {
    "clinc150": lambda: clinc150.read(store.locate("clinc150", "data_full.json"), name="clinc150"),
    "starter": starter.read,
}
SUFFIXES = (*tables.PARSERS, ".json")
_NOT_TEXTS = {"mnist": "read()", "reber": "embedded(count, seed)"}


def read(
    name_or_path: str | Path, *, text: str | None = None, label: str | None = None, split: str | None = None
) -> Corpus:
    """Read labelled texts: a corpus of `SOURCES`, a file of one of `SUFFIXES`, or your own by name.

    A name that is not in `SOURCES` is looked for in $HIDDENSTATE_DATA: `<name>.csv` and so on, or a folder
    `<name>` with one such file. text, label and split name the columns of a table.

    Raises InvalidArgument for an unknown name, suffix or column; DataError for a file that cannot be read.
    """
    named = {role: column for role, column in (("text", text), ("label", label), ("split", split)) if column}
    name = str(name_or_path)
    if name in SOURCES:
        _refuse_columns(named, name)
        return SOURCES[name]()
    if name in _NOT_TEXTS:
        raise InvalidArgument(
            f"{name!r} holds no labelled texts; in Python: hiddenstate.data.sources.{name}.{_NOT_TEXTS[name]}"
        )
    path = Path(name_or_path).expanduser()
    if not path.exists() and len(path.parts) == 1:
        path = store.own_table(name, SUFFIXES) or path
    suffix = path.suffix.lower()
    if suffix in tables.PARSERS:
        return tables.read(path, text=text, label=label, split=split)
    if suffix == ".json":
        _refuse_columns(named, name)
        return clinc150.read(path)
    if path.is_dir():
        return tables.read(path)
    if path.exists() or suffix:
        raise InvalidArgument(f"{path}: unknown suffix {suffix!r}; choose one of: {', '.join(SUFFIXES)}")
    raise InvalidArgument(
        f"there is no corpus and no file called {name!r}; {nearest(name, SOURCES)} "
        f"(or give the path of a file: {', '.join(SUFFIXES)})"
    )


def _refuse_columns(named: Mapping[str, str], name: str) -> None:
    if named:
        given = ", ".join(f"{role}={column!r}" for role, column in named.items())
        raise InvalidArgument(f"{name} has no columns to choose, came {given}; leave that out.")
