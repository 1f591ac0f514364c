"""hiddenstate data: which data is known by name, where it lies, and what is in it."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate.cli import options, screen

if TYPE_CHECKING:
    from rich.console import Console

    from hiddenstate.data.corpus import Corpus
    from hiddenstate.data.spoken import SpokenCorpus

SHOWN_LABELS = 40  # of a corpus with more, the rest is counted; --json has them all


def _first_words(incomplete: str) -> list[str]:
    """The names of data, and the verb that stands beside them: `data check`."""
    return [*options.data_names(incomplete), *(["check"] if "check".startswith(incomplete) else [])]


def data(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME_OR_PATH]",
            show_default=False,
            autocompletion=_first_words,
            help="A name of the table, or a file; none: the whole table.",
        ),
    ] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    json: options.Json = False,
) -> None:
    """List the data known by name, or show what is in one.

    hiddenstate data tickets.csv --label category

    hiddenstate data an4
    """
    from hiddenstate.data import recordings, sources
    from hiddenstate.errors import InvalidArgument

    on = screen.console(for_program=json)
    if name is None:
        if text is not None or label is not None:
            raise InvalidArgument("--text and --label name columns of a file; give the file too.")
        found: dict[str, Any] = {"data": known()}
        _show_table(on, found["data"])
    elif recordings.are_at(name):
        if text is not None or label is not None:
            raise InvalidArgument(f"--text and --label name columns of texts; {name} holds recordings.")
        found = spoken_contents(recordings.read_recordings(name, skip_bad=True))
        _show_spoken(on, found, name.partition(":")[0] in recordings.NAMED)
    else:
        _refuse_unknown(name)
        found = contents(sources.read(name, text=text, label=label))
        _show(on, found)
    if json:
        screen.emit(found)


def _refuse_unknown(name: str) -> None:
    """Raise InvalidArgument for a word that is neither in the table nor a file, naming what is."""
    from pathlib import Path

    from hiddenstate.data import sources, store
    from hiddenstate.errors import InvalidArgument, nearest

    names, path = [row["name"] for row in known()], Path(name).expanduser()
    if name in names or path.exists() or path.suffix or len(path.parts) > 1:
        return
    if store.own_table(name, sources.SUFFIXES) is None:
        raise InvalidArgument(
            f"there is no data and no file called {name!r}; {nearest(name, names)} (or give the path of a "
            f"file: {', '.join(sources.SUFFIXES)}, or of recordings)"
        )


def known() -> list[dict[str, Any]]:
    """List what has a name: of the package, of your own folder, of the cache, or to be downloaded."""
    from hiddenstate.data import recordings, store
    from hiddenstate.data.sources import SOURCES, SUFFIXES

    rows = [
        {
            "name": name,
            "use": "--data",
            "where": _where(name) if name in store.REMOTES else "comes with the package",
        }
        for name in sorted(SOURCES)
    ]
    rows += [
        {"name": name, "use": f"Python: data.sources.{name}", "where": _where(name)}
        for name in sorted(set(store.REMOTES) - set(SOURCES) - set(recordings.NAMED))
    ]
    rows += [
        {"name": name, "use": "speech --data", "where": _where(name.removesuffix("_connected"))}
        for name in recordings.NAMED
    ]
    own = store.own_folder()
    if own is not None:
        tables = sorted({path.stem for path in own.iterdir() if path.suffix.lower() in SUFFIXES})
        rows += [{"name": name, "use": "--data", "where": str(own)} for name in tables if name not in SOURCES]
    return rows


def _where(name: str) -> str:
    """Say where the files of a data set lie now; never downloads."""
    from hiddenstate.data import recordings, store

    own = store.own_folder()
    if own is not None and name in recordings.NAMED and (own / name).is_dir():
        return str(own / name)
    if name not in store.REMOTES:
        return f"not here; how to get it: hiddenstate data {name}"
    places = [own / name] if own is not None else []
    downloads = find_spec("pooch") is not None
    if downloads:
        places.append(store.cache_folder() / name)
    for place in places:
        if all((place / file).is_file() for file in store.REMOTES[name]):
            return str(place)
    return "downloaded when first used" if downloads else "to be had with: pip install 'hiddenstate[train]'"


def contents(corpus: Corpus) -> dict[str, Any]:
    """Count what a corpus holds, as plain values."""
    counts: dict[str, Counter[str]] = {split: corpus.counts(split) for split in corpus.splits}
    labels = sorted(set().union(*counts.values()))
    return {
        "name": corpus.name,
        "examples": len(corpus),
        "splits": {split: count.total() for split, count in counts.items()},
        "out_of_scope": corpus.out_of_scope,
        "labels": {label: {split: counts[split][label] for split in counts} for label in labels},
        "sha256": corpus.sha256,
    }


def spoken_contents(corpus: SpokenCorpus) -> dict[str, Any]:
    """Count what a corpus of recordings holds, as plain values."""
    words = {split: Counter(" ".join(corpus.texts(split)).split()) for split in corpus.splits}
    return {
        "name": corpus.name,
        "recordings": len(corpus),
        "splits": {
            split: {
                "recordings": len(corpus.split(split)),
                "seconds": round(corpus.seconds(split), 2),
                "speakers": len(corpus.speakers(split)) or None,
                "words": words[split].total(),
                "different_words": len(words[split]),
            }
            for split in corpus.splits
        },
        "rates": {str(rate): count for rate, count in sorted(corpus.rates().items())},
        "notes": list(corpus.notes),
        "left_out": list(corpus.left_out),
        "sha256": corpus.sha256,
    }


def _show_spoken(on: Console, found: dict[str, Any], known_by_name: bool) -> None:
    rates = " and ".join(f"{rate} Hz" for rate in found["rates"])
    screen.say(on, f"{found['name']}: {found['recordings']:,} recordings at {rates}")
    for note in found["notes"]:
        screen.say(on, note)
    if found["left_out"]:
        screen.say(on, f"{len(found['left_out'])} more cannot be used:")
    for fault in found["left_out"][:SHOWN_LABELS]:
        screen.say(on, f"  {fault}")
    if len(found["left_out"]) > SHOWN_LABELS:
        screen.say(on, f"  ... and {len(found['left_out']) - SHOWN_LABELS} more")
    if not known_by_name:
        screen.say(on, "Headers alone were read; training reads samples, and says what is wrong with them.")
    if "validation" not in found["splits"]:
        screen.say(on, "No validation split: training holds out about a tenth, whole speakers where it can.")
    screen.say(on)
    rows = [
        (
            split,
            f"{each['recordings']:,}",
            f"{each['seconds'] / 60:,.1f}",
            "?" if each["speakers"] is None else f"{each['speakers']:,}",
            f"{each['words']:,}",
            f"{each['different_words']:,}",
        )
        for split, each in found["splits"].items()
    ]
    columns = ("split", "recordings", "minutes", "speakers", "words", "different")
    screen.table(on, columns, rows, right=columns[1:])


def _show_table(on: Console, rows: list[dict[str, Any]]) -> None:
    screen.table(on, ("name", "for", "where"), [(row["name"], row["use"], row["where"]) for row in rows])
    screen.say(on)
    screen.say(
        on,
        "What is in it: hiddenstate data starter. Yours: a CSV, TSV, JSONL or Parquet file with a column "
        "of texts and one of labels, by its path, or by its name in the folder $HIDDENSTATE_DATA; "
        "or recordings with transcripts (docs/speech.md).",
    )


def _show(on: Console, found: dict[str, Any]) -> None:
    splits = found["splits"]
    intents = len(found["labels"]) - (found["out_of_scope"] in found["labels"])
    screen.say(on, f"{found['name']}: {found['examples']:,} texts, {intents} intents")
    rejected = found["out_of_scope"]
    screen.say(on, f"Out of scope: {'none' if rejected is None else f'the label {rejected!r}'}")
    if list(splits) == ["train"]:
        screen.say(on, "No split column: training divides it, the same way for the same seed.")
    screen.say(on)
    most = sorted(found["labels"].items(), key=lambda item: (-sum(item[1].values()), item[0]))
    rows: list[tuple[object, ...]] = [
        (label, *(f"{counts[split]:,}" for split in splits)) for label, counts in most[:SHOWN_LABELS]
    ]
    if len(most) > SHOWN_LABELS:
        rest = [sum(counts[split] for _, counts in most[SHOWN_LABELS:]) for split in splits]
        rows.append((f"... and {len(most) - SHOWN_LABELS} more", *(f"{count:,}" for count in rest)))
    rows.append(("in all", *(f"{count:,}" for count in splits.values())))
    screen.table(on, ("label", *splits), rows, right=tuple(splits))
