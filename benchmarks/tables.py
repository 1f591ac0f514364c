"""The tables of README and docs, made from benchmarks/results: python benchmarks/tables.py [--check]

A table stands between `<!-- results:begin NAME -->` and `<!-- results:end -->`; NAME is one of TABLES. Every
figure is a median with its range over all seeds; one that misses its target says so. With --check nothing is
written, and the exit code is 1 where a page does not say what the results say.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import speech_tables
import speed_tables
from measurement import HOUSE, RESULTS, path_of, read
from promises import SENSES, TARGETS

from hiddenstate.errors import DataError, HiddenStateError, InvalidArgument, nearest

MARKED = re.compile(r"(<!-- results:begin (\S+) -->\n)(.*?)(<!-- results:end -->)", re.DOTALL)
BEGIN, END = "<!-- results:begin", "<!-- results:end"
ABSENT = "not measured yet"
NAMES = {
    "accuracy": "accuracy",
    "in_scope_accuracy": "accepted and right",
    "out_of_scope_recall": "out-of-scope recall",
    "auroc": "AUROC",
    "steps_right": "steps right",
    "last_but_one": "last symbol but one",
    "squared_error": "mean squared error",
    "cross_entropy": "cross-entropy",
    "of_memoryless": "of the best without memory",
    "epochs": "epochs",
    **{f"recalled_{delay}": f"after {delay}" for delay in (5, 20, 50, 100, 200)},
    "ahead": "ahead of the snapshot baseline",
    "seconds": "training",
    "cpu_seconds": "processor time",
    "bytes": "file",
    "milliseconds": "one utterance",
    "milliseconds_95": "95 % within",
    "milliseconds_word": "one word more",
    "milliseconds_word_95": "95 % within",
    "milliseconds_word_cpu": "of it processor time",
    "milliseconds_last_word": "the 40th word",
    "parameters": "parameters",
    "macro_f1": "mean F1",
    "typo_accuracy": "with misspelt words",
    "typo_lost": "lost by them",
    "strings_refused": "random strings refused",
    "mashes_refused": "runs of keys refused",
    "ece": "calibration error",
    "ece_unscaled": "before the temperature",
    "rarest_fifth": "rarest fifth of intents",
    "largest_fifth": "largest fifth of intents",
    "accuracy_lost": "lost",
    "per_second": "utterances a second",
    "per_cpu_second": "a second of processor time",
    "memory": "memory at most",
    **speech_tables.NAMES,
}
COLUMNS = {
    "mnist_rows": ("accuracy", "seconds", "cpu_seconds"),
    "reber": ("accuracy", "steps_right", "last_but_one", "seconds"),
    "adding": ("squared_error", "of_memoryless", "seconds", "cpu_seconds"),
    "copy": ("cross_entropy", "of_memoryless", "seconds", "cpu_seconds"),
    "pixels": ("accuracy", "epochs", "seconds", "cpu_seconds"),
    "recall": (
        *(f"recalled_{delay}" for delay in (5, 20, 50, 100, 200)),
        "parameters",
        "seconds",
        "cpu_seconds",
    ),
    "clinc": (
        "in_scope_accuracy",
        "out_of_scope_recall",
        "auroc",
        "accuracy",
        "seconds",
        "bytes",
        "milliseconds",
    ),
    "few_shot": (
        "accuracy",
        "ahead",
        "auroc",
        "typo_lost",
        "strings_refused",
        "mashes_refused",
        "ece",
        "seconds",
    ),
    "rough": (
        "accuracy",
        "ahead",
        "typo_accuracy",
        "typo_lost",
        "strings_refused",
        "mashes_refused",
        "ece",
        "ece_unscaled",
    ),
    "imbalance": ("accuracy", "macro_f1", "rarest_fifth", "largest_fifth"),
    "latency": ("milliseconds", "milliseconds_95"),
    "live": (
        "milliseconds_word",
        "milliseconds_word_cpu",
        "milliseconds_word_95",
        "milliseconds_last_word",
    ),
    "size": ("bytes", "parameters"),
    "int8": ("bytes", "accuracy", "accuracy_lost", "in_scope_accuracy", "out_of_scope_recall", "auroc"),
    "bulk": ("per_second", "per_cpu_second", "memory"),
    "million": ("per_second", "per_cpu_second", "memory"),
    **speech_tables.COLUMNS,
}


def shown(figure: str, value: float) -> str:
    """Write a figure with its unit.

    >>> shown("accuracy", 0.98765), shown("bytes", 7.25e6), shown("ahead", -0.005), shown("auroc", 0.96149)
    ('98.77 %', '7.2 MB', '-0.50 points', '0.961')
    """
    if (written := speech_tables.shown(figure, value)) is not None:
        return written
    if figure == "ahead":
        return f"{100 * value:+.2f} points"
    if figure.endswith("_lost"):
        return f"{100 * value:.2f} points"
    if figure.startswith("per_"):
        return f"{value:,.0f}"
    if figure in ("typo_lost", "ece", "ece_unscaled"):
        return f"{100 * value:.2f} points"
    if figure == "auroc":
        return f"{value:.3f}"
    if figure in ("squared_error", "cross_entropy"):
        return f"{value:.5f}"
    if figure == "epochs":
        return f"{value:.0f}"
    if figure in ("bytes", "memory"):
        return f"{value / 1e6:.1f} MB"
    if figure == "parameters":
        return f"{value:,.0f}"
    if figure.startswith("milliseconds"):
        return f"{value:.2f} ms"
    if figure.endswith("seconds"):
        return f"{value:.0f} s"
    return f"{100 * value:.2f} %"


def with_range(figure: str, row: Mapping[str, Any]) -> str:
    """Write a median and, where there are several different seeds, its range."""
    low, middle, high = (shown(figure, row[kind][figure]) for kind in ("min", "median", "max"))
    return middle if low == high else f"{middle} ({low} to {high})"


def targets_table(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Every promise beside what was measured."""
    lines = ["| measured | median (range) | seeds | target | |", "|---|---|---|---|---|"]
    for each in TARGETS:
        goal = f"{SENSES[each.sense]} {shown(each.figure, each.limit)}"
        row = results.get(each.task, {}).get("rows", {}).get(each.row)
        if row is None or each.figure not in row["median"]:
            lines.append(f"| {each.words} | {ABSENT} | | {goal} | |")
            continue
        verdict = "met" if each.is_met(row) else "**missed**"
        figure = with_range(each.figure, row)
        lines.append(f"| {each.words} | {figure} | {len(row['seeds'])} | {goal} | {verdict} |")
    return [*lines, "", *_where(each for task, each in results.items() if task in COLUMNS)]


def task_table(task: str, results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """All rows of one task."""
    if task not in results:
        return [ABSENT.capitalize() + "."]
    rows = results[task]["rows"]
    columns = [name for name in COLUMNS[task] if any(name in row["median"] for row in rows.values())]
    lines = [f"| | {' | '.join(NAMES[name] for name in columns)} |", "|---|" + "---|" * len(columns)]
    for name, row in rows.items():
        cells = [with_range(figure, row) if figure in row["median"] else "" for figure in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, "", *_where([results[task]])]


def _where(results: Any) -> list[str]:
    """Say on what, when and with which code: one line for each machine."""
    lines: dict[str, None] = {}
    for each in results:
        machine = each["machine"]
        threads = f"{machine['threads']} thread{'s' if machine['threads'] != 1 else ''}"
        cores = f"{machine['cores']} core{'s' if machine['cores'] != 1 else ''}"
        lines[
            f"{each['task']}: {machine['cpu']}, {cores}, {threads}, torch {each['versions']['torch']}, "
            f"commit {each['commit']}, {each['date'][:10]}."
        ] = None
    return [line + "  " for line in lines]


TABLES: dict[str, Callable[[Mapping[str, Mapping[str, Any]]], Sequence[str]]] = {
    "quality": targets_table,
    **{task: lambda results, task=task: task_table(task, results) for task in COLUMNS},  # type: ignore[misc]
    **speed_tables.TABLES,
}


def results_in(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the results that there are, by task; those of speed by the name of their table."""
    quality = {task: read(path_of(folder, task)) for task in COLUMNS if path_of(folder, task).exists()}
    return quality | speed_tables.results_in(folder)


def filled(page: str, results: Mapping[str, Mapping[str, Any]], where: str) -> str:
    """Return a page with every marked table as the results have it.

    Raises InvalidArgument for a table of another name, DataError for a marker without its partner.
    """
    found = MARKED.findall(page)
    if page.count(BEGIN) != len(found) or page.count(END) != len(found):
        raise DataError(
            f"{where}: expected each '{BEGIN} NAME -->' on a line of its own and '{END} -->' after it, came "
            f"{page.count(BEGIN)} beginnings and {page.count(END)} ends"
        )

    def table(match: re.Match[str]) -> str:
        if match[2] not in TABLES:
            raise InvalidArgument(f"{where}: unknown table {match[2]!r}: {nearest(match[2], TABLES)}")
        return f"{match[1]}{_joined(TABLES[match[2]](results))}{match[4]}"

    return MARKED.sub(table, page)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines).rstrip(" ") + "\n"


def pages(house: Path) -> list[Path]:
    """README.md, that of the benchmarks, and all pages of docs."""
    found = [house / "README.md", house / "benchmarks" / "README.md", *sorted((house / "docs").rglob("*.md"))]
    return [path for path in found if path.exists()]


def main(words: Sequence[str] | None = None) -> int:
    """Write or check the pages, and return the exit code: 0 done, 1 a page is out of date, 2 wrong use."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 for an old page")
    parser.add_argument("--results", type=Path, default=RESULTS, help="default: benchmarks/results")
    parser.add_argument("--house", type=Path, default=HOUSE, help="the folder of README.md and docs")
    given = parser.parse_args(words)
    try:
        results, old = results_in(given.results), []
        for path in pages(given.house):
            page = path.read_text(encoding="utf-8")
            new = filled(page, results, path.name)
            if new != page:
                old.append(path)
            if new != page and not given.check:
                path.write_text(new, encoding="utf-8", newline="\n")
    except HiddenStateError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InvalidArgument) else 1
    for path in old:
        name = path.relative_to(given.house).as_posix()
        print(f"{name} is not what the results say: run benchmarks/tables.py" if given.check else name)
    return 1 if given.check and old else 0


if __name__ == "__main__":
    sys.exit(main())
