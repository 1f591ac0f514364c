"""The tables of speed: in README a line a promise, a column a size; in benchmarks/README all comparisons."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from regimes import HIDDEN, REGIMES
from speed import path_of, read

ABSENT = "Not measured yet."
Results = Mapping[str, Mapping[str, Any]]


def results_in(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the results of speed that there are, by the name of their table."""
    return {
        table_of(regime): read(path_of(folder, regime))
        for regime in REGIMES
        if path_of(folder, regime).exists()
    }


def table_of(regime: str) -> str:
    """The name of a regime's table."""
    return f"speed-{regime}"


def figure(promise: Mapping[str, Any]) -> str:
    """A ratio beside its limit; a miss says so, and so does a goal beyond the floor that was reached.

    >>> figure({"value": 2.125, "floor": 3.0, "sense": ">=", "met": False})
    '**2.12, missed** (3)'
    """
    if promise["value"] is None:
        return "no peer"
    written = f"{promise['value']:.2f}"
    limit = f"{'' if promise['sense'] == '>=' else '≤ '}{promise['floor']:.3g}"
    return f"{written} ({limit})" if promise["met"] else f"**{written}, missed** ({limit})"


def summary(results: Results) -> list[str]:
    """Every promise: the ratio, and its floor in brackets; of the other cells only the worst."""
    lines: dict[str, dict[str, str]] = {}
    found = [results[table_of(regime)] for regime in REGIMES if table_of(regime) in results]
    if not found:
        return [ABSENT]
    for each in found:
        for promise in _promises(each):
            lines.setdefault(promise["line"], {})[promise["column"]] = figure(promise)
    columns = [str(H) for H in HIDDEN]
    head = " | ".join(f"H = {column}" for column in columns)
    rows = [f"| best peer's time / ours (floor) | {head} |", "|---|" + "---|" * len(columns)]
    for line, values in lines.items():
        rows.append(f"| {line} | {' | '.join(values.get(column, '') for column in columns)} |")
    return [*rows, "", *counted(found), "", *_where(found)]


def counted(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """How many promises are kept, and who was not there."""
    judged = [promise for each in found for row in each["rows"].values() for promise in row["promises"]]
    met = sum(promise["met"] is True for promise in judged)
    return [f"{met} of {len(judged)} floors met."]


def _promises(each: Mapping[str, Any]) -> list[dict[str, Any]]:
    promises = [promise for row in each["rows"].values() for promise in row["promises"]]
    if each["regime"] != "cells":
        return promises
    # one line of many cells: the one that is nearest to missing, or misses most
    worst: dict[tuple[str, str], dict[str, Any]] = {}
    for promise in promises:
        words = promise["line"].partition(": ")[2]
        place = (words, promise["column"])
        kept = worst.get(place)
        if kept is None or _margin(promise) < _margin(kept):
            worst[place] = {**promise, "line": f"other cells and an own one, the worst: {words}"}
    return list(worst.values())


def _margin(promise: Mapping[str, Any]) -> float:
    if promise["value"] is None:
        return float("inf")
    quotient = promise["value"] / promise["floor"]
    return float(quotient if promise["sense"] == ">=" else 1 / quotient)


def regime_table(regime: str, results: Results) -> list[str]:
    """Every comparison of a regime: all medians, then each promise with its quartiles."""
    if table_of(regime) not in results:
        return [ABSENT]
    each = results[table_of(regime)]
    names = list(
        dict.fromkeys(_column(peer["name"]) for row in each["rows"].values() for peer in row["peers"])
    )
    promised = max(len(row["promises"]) for row in each["rows"].values())
    head = ["ours", *names, *["ratio (quartiles), limit"] * promised]
    lines = [f"| | {' | '.join(head)} |", "|---|" + "---|" * len(head)]
    for name, row in each["rows"].items():
        times = {_column(peer["name"]): _milliseconds(peer["median"]) for peer in row["peers"]}
        if row["best_peer"] is not None:
            times[_column(row["best_peer"])] = f"**{times[_column(row['best_peer'])]}**"
        cells = [_milliseconds(row["ours"]["median"]), *(times.get(peer, "") for peer in names)]
        lines.append(f"| {name} | {' | '.join(cells + [_judged(p) for p in row['promises']])} |")
    return [*lines, "", "Milliseconds of a call; the best peer's are bold.", "", *_where([each])]


def _column(name: str) -> str:
    """A peer's name without the cell's.

    >>> _column("torch.nn.GRUCell"), _column("torch.nn.RNN, packed")
    ('torch.nn cell', 'torch.nn layer, packed')
    """
    return re.sub(
        r"torch\.nn\.(LSTM|GRU|RNN)(Cell)?", lambda m: f"torch.nn {'cell' if m[2] else 'layer'}", name
    )


def _milliseconds(value: float) -> str:
    return f"{value:.4f}" if value < 1 else f"{value:.2f}"


def _judged(promise: Mapping[str, Any]) -> str:
    if promise["value"] is None:
        return "no peer"
    sense = "at least" if promise["sense"] == ">=" else "at most"
    verdict = "" if promise["met"] else ", **missed**"
    spread = f"{promise['value']:.2f} ({promise['low']:.2f} to {promise['high']:.2f})"
    return f"{spread}, {sense} {promise['floor']:.3g}{verdict}"


def _where(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say on what, when, with which code, backend and peers, once for the regimes of which it is the same."""
    places: dict[str, list[str]] = {}
    for each in found:
        places.setdefault(_place(each), []).append(each["regime"])
    return [f"{', '.join(regimes)}: {place}  " for place, regimes in places.items()]


def _place(each: Mapping[str, Any]) -> str:
    machine, rows = each["machine"], each["rows"].values()
    threads, cores = (_counted(machine[word], word[:-1]) for word in ("threads", "cores"))
    ran = _listed(row["backend"] + ("" if row["isa"] == "none" else f" {row['isa']}") for row in rows)
    commits = _listed(row["commit"] for row in rows)
    peers = ", ".join(f"{name} {number}" for name, number in each["versions"].items() if name in _SHOWN)
    absent = _listed(name for row in rows for name, why in row["absent"].items() if "not installed" in why)
    return (
        f"{machine['cpu']}, {cores}, {threads}; {ran}; {peers}; "
        + (f"not installed: {absent}; " if absent else "")
        + f"commit {commits}, {each['date'][:10]}."
    )


_SHOWN = ("torch", "onnxruntime", "openvino", "jax")


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


TABLES: dict[str, Callable[[Results], Sequence[str]]] = {
    "speed": summary,
    **{
        table_of(regime): lambda results, regime=regime: regime_table(regime, results)  # type: ignore[misc]
        for regime in REGIMES
    },
}
