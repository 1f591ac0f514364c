"""How each corpus and each file format is read: one file each, and one table of the corpora with a name.

`read` gives texts with labels, `read_tagged` sentences with a tag for every word.
`mnist` (pictures), `reber` (a grammar) and the recordings (`an4`, `fsdd`, `yesno`; see `data.recordings`)
are no labelled texts and are read from their own modules.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from hiddenstate.data import store, tagged_rows, textfile
from hiddenstate.data.corpus import Corpus
from hiddenstate.data.faults import Tell, refuse
from hiddenstate.data.rows import SPLIT_NAMES, Table
from hiddenstate.data.sources import clinc150, columns, rasa, starter, tables
from hiddenstate.data.tagged import Sentence, TaggedCorpus, assembled
from hiddenstate.errors import DataError, InvalidArgument, nearest

SOURCES: Mapping[str, Callable[[], Corpus]] = {
    "clinc150": lambda: clinc150.read(store.locate("clinc150", "data_full.json"), name="clinc150"),
    "starter": starter.read,
}
YAML = (".yml", ".yaml")
SUFFIXES = (*tables.PARSERS, ".json", *YAML)
TAGGED_SUFFIXES = (".conll", ".iob", ".bio", ".txt")  # columns; so is a file of any suffix no other has
SPLIT_FILES = {**SPLIT_NAMES, "testa": "validation", "testb": "test"}  # as CoNLL calls them
_NOT_TEXTS = {
    "mnist": "read()",
    "reber": "embedded(count, seed)",
    "an4": "read()",
    "fsdd": "read()",
    "yesno": "read()",
}


def read(
    name_or_path: str | Path, *, text: str | None = None, label: str | None = None, split: str | None = None
) -> Corpus:
    """Read labelled texts: a corpus of `SOURCES`, a file of one of `SUFFIXES`, or your own by name.

    Of Rasa's NLU data, and of files and folders of tagged words, the intents are the labels.

    A name that is not in `SOURCES` is looked for in $HIDDENSTATE_DATA: `<name>.csv` and so on, or a folder
    `<name>` with one such file. text, label and split name the columns of a table.

    Raises InvalidArgument for an unknown name, suffix or column; DataError for a file that cannot be read.
    """
    named = {role: column for role, column in (("text", text), ("label", label), ("split", split)) if column}
    name = str(name_or_path)
    if name in SOURCES:
        _refuse_columns(named, name)
        return SOURCES[name]()
    path = _file(name_or_path)
    if path.suffix.lower() in tables.PARSERS:
        return tables.read(path, text=text, label=label, split=split)
    _refuse_columns(named, name)
    return clinc150.read(path) if path.suffix.lower() == ".json" else read_tagged(path).as_texts()


def table(name_or_path: str | Path, tell: Tell = refuse) -> tuple[Table, str]:
    """Read the rows of what `read` reads, with their numbers, and the SHA-256 of the file.

    Rows that cannot be read are told and left out. Raises as `read` does, where there are no rows at all.
    """
    name = str(name_or_path)
    if name == "starter":
        return starter.table()
    path = store.locate("clinc150", "data_full.json") if name == "clinc150" else _file(name_or_path)
    if path.suffix.lower() == ".json":
        return clinc150.table(path, tell)
    if path.suffix.lower() in tables.PARSERS:
        return tables.table(path, tell)
    return tagged_rows.table_of(read_tagged(path), str(path))


def _file(name_or_path: str | Path) -> Path:
    """Find a file by its path or, in $HIDDENSTATE_DATA, by its name; or a folder that is read as a whole.

    Raises InvalidArgument for what is neither, DataError for a folder of other things.
    """
    name = str(name_or_path)
    if name in _NOT_TEXTS:
        raise InvalidArgument(
            f"{name!r} holds no labelled texts; in Python: hiddenstate.data.sources.{name}.{_NOT_TEXTS[name]}"
        )
    path = Path(name_or_path).expanduser()
    if not path.exists() and len(path.parts) == 1:
        path = store.own_table(name, SUFFIXES) or path
    suffix = path.suffix.lower()
    if path.is_dir() and not (_parts(path) or _yaml(path)):
        textfile.load(path)  # says what is in it
    if suffix in (*SUFFIXES, *TAGGED_SUFFIXES) or path.is_dir():
        return path
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


def read_tagged(
    name_or_path: str | Path, *, words: str | None = None, tags: str | None = None, intent: str | None = None
) -> TaggedCorpus:
    """Read tagged sentences: a table, a file of columns, Rasa's NLU data, or a folder with files by split.

    What has no such path is looked for in $HIDDENSTATE_DATA. words, tags and intent name the columns of a
    table.

    Raises InvalidArgument for an unknown name or column; DataError for a file that cannot be read.
    """
    named = {
        role: column for role, column in (("text", words), ("label", tags), ("intent", intent)) if column
    }
    path = Path(name_or_path).expanduser()
    if not path.exists() and len(path.parts) == 1:
        own = store.own_folder()
        inside = own / path if own is not None and (own / path).exists() else None
        path = inside or store.own_table(str(path), (*SUFFIXES, *TAGGED_SUFFIXES)) or path
    if not path.exists() and not path.suffix:
        raise InvalidArgument(
            f"there is no file or folder called {str(name_or_path)!r}; give the path of a table (CSV, TSV, "
            "JSONL, Parquet), a file of words and tags, Rasa's NLU data, or a folder with a file for each "
            "split"
        )
    if not path.is_dir():
        return _tagged_file(path, named)
    if parts := _parts(path):
        _refuse_columns(named, path.name)
        return _tagged_parts(path, parts)
    if _yaml(path):
        _refuse_columns(named, path.name)
        return rasa.read(path)
    return _tagged_folder(path, named)


def _tagged_file(path: Path, named: Mapping[str, str]) -> TaggedCorpus:
    """Read one file by its suffix; a .tsv is a table where its first line names the columns."""
    suffix = path.suffix.lower()
    if suffix in YAML:
        _refuse_columns(named, path.name)
        return rasa.read(path)
    content = textfile.load(path)
    described = TaggedCorpus(path.stem, {}, hashlib.sha256(content).hexdigest())
    is_table = suffix in (*tables.PARSERS, ".json")
    if is_table and (suffix != ".tsv" or named or tagged_rows.is_header(content)):
        table = tables.json_list(content, str(path)) if suffix == ".json" else tables.rows_of(content, path)
        splits = tagged_rows.sentences_of(
            table, words=named.get("text"), tags=named.get("label"), intent=named.get("intent")
        )
        return assembled(str(path), splits, described)
    _refuse_columns(named, path.name)
    sentences, notes = columns.parse(content, str(path))
    return assembled(
        str(path), {"train": sentences}, TaggedCorpus(path.stem, {}, described.sha256, notes=tuple(notes))
    )


def _tagged_parts(path: Path, parts: Mapping[str, Path]) -> TaggedCorpus:
    """Read folders of seq.in, seq.out and label, one for each split."""
    splits, contents = {}, []
    for name, folder in parts.items():
        splits[name], read = columns.read_parts(folder)
        contents += read
    digest = hashlib.sha256(b"".join(contents)).hexdigest()
    return assembled(str(path), splits, TaggedCorpus(path.name, {}, digest))


def _tagged_folder(path: Path, named: Mapping[str, str]) -> TaggedCorpus:
    """Read a folder whose files say in their names which split they are."""
    files = sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
    chosen: dict[str, Path] = {}
    others = []
    for file in files:
        name = _split_of(file.name)
        if name is None:
            others.append(file.name)
        elif name in chosen:
            raise DataError(
                f"{path}: expected one file for each split, came {chosen[name].name} and {file.name}, both "
                f"{name}. Take one of them out of the folder."
            )
        else:
            chosen[name] = file
    if "train" not in chosen:
        raise DataError(
            f"{path}: expected a file whose name says train (and perhaps dev and test), came "
            f"{', '.join(each.name for each in files[:5]) or 'none'}. Name the files so, or give one file."
        )
    splits: dict[str, tuple[Sentence, ...]] = {}
    notes = [f"Not read, for its name says no split: {', '.join(others[:5])}."] if others else []
    digest = hashlib.sha256()
    for name, file in chosen.items():
        corpus = _tagged_file(file, named)
        if set(corpus.splits) - {"train"}:
            raise DataError(
                f"{file}: its name says {name}, and a column names other splits. Leave one of them out."
            )
        splits[name] = corpus.splits.get("train", ())
        notes += [f"{file.name}: {note}" for note in corpus.notes]
        digest.update(corpus.sha256.encode())
    return TaggedCorpus(
        path.name, {k: v for k, v in splits.items() if v}, digest.hexdigest(), notes=tuple(notes)
    )


def _split_of(file: str) -> str | None:
    """The split that a file's name speaks of: train.txt, eng.testa, atis.dev.w-intent.iob."""
    found = {SPLIT_FILES[part] for part in re.split(r"[^a-z]+", file.lower()) if part in SPLIT_FILES}
    return next(iter(found)) if len(found) == 1 else None


def _parts(path: Path) -> dict[str, Path]:
    """The folders of seq.in by split: this one alone, or those in it that are called after one."""
    if (path / columns.PARTS[0]).is_file():
        return {"train": path}
    folders = sorted(each for each in path.iterdir() if (each / columns.PARTS[0]).is_file())
    return {name: each for each in folders if (name := SPLIT_NAMES.get(each.name.lower()))}


def _yaml(path: Path) -> bool:
    return any(next(path.rglob(f"*{suffix}"), None) is not None for suffix in YAML)
