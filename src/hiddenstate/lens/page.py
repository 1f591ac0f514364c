"""WHAT DOES ONE PASS ON? A view as one HTML page: it asks nothing of the network and runs no script."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hiddenstate.lens.view import Named, View

MOST_ROWS, MOST_COLUMNS = 50, 24  # of a table; the rest is in the JSON below it
MOST_VALUES = 200_000  # of an array in that JSON: a page that a browser opens at once
# nothing is fetched, and nothing runs; the bars of shades are pictures inside the page
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1c; --paper: #fff; --pale: #666; --line: #ccc; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --paper: #16181b; --pale: #a5a5a5; --line: #444; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2rem; }
figure { margin: 1rem 0; padding: .5rem; background: #fff; border-radius: .4rem; overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 30rem; height: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; }
dt { color: var(--pale); } dd { margin: 0; justify-self: start; overflow-wrap: anywhere; }
code { white-space: nowrap; }
.verdict { font-size: 1.1rem; font-weight: 600; }
.numbers { overflow-x: auto; margin-bottom: 1rem; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .5rem; border-bottom: 1px solid var(--line); text-align: end; white-space: nowrap; }
th { font-weight: 600; } caption { text-align: start; color: var(--pale); padding: .3rem 0;
  white-space: nowrap; }
tbody th, .told th, .told td { text-align: start; } .told td { vertical-align: top; white-space: normal; }
.more { color: var(--pale); font-size: .85rem; }
@media print {
  :root { --ink: #000; --paper: #fff; --pale: #444; --line: #bbb; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .numbers { overflow: visible; } table { font-size: 7pt; }
  th, td, caption { white-space: normal; padding: .1rem .2rem; }
  figure, tr, dl { break-inside: avoid; } h2 { break-after: avoid; }
}
"""


def page(view: View) -> str:
    """Return a page that stands alone: title, picture, how to read it, facts, numbers, and its JSON."""
    title = escape(view.title)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        f"<h1>{_words(view.title)}</h1>",
        *_verdict(view.facts),
        f'<figure role="img" aria-label="{escape(view.title, quote=True)}">{_inline(view.svg())}</figure>',
        *_reading(view.reading),
        *_facts(view.facts),
        "<h2>Numbers</h2>",
        *(line for name, array in view.arrays.items() for line in _numbers(name, array)),
        f'<script type="application/json" id="view">{_json(_short(view))}</script>',
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _verdict(facts: Mapping[str, Any]) -> Iterator[str]:
    if (verdict := facts.get("verdict")) is not None:
        yield f'<p class="verdict">{_words(verdict)}</p>'


def _reading(sentences: Sequence[str]) -> Iterator[str]:
    if sentences:
        yield "<h2>How to read it</h2>"
        yield from (f"<p>{_words(sentence)}</p>" for sentence in sentences)


def _facts(facts: Mapping[str, Any]) -> Iterator[str]:
    shown = {name: value for name, value in facts.items() if name != "verdict"}
    if shown:
        yield "<h2>Facts</h2>"
        yield "<dl>"
        for name, value in shown.items():
            if not _has_rows(value):
                yield f"<dt>{escape(name.replace('_', ' '))}</dt><dd>{_words(_said(value))}</dd>"
        yield "</dl>"
    for name, value in shown.items():
        if _has_rows(value):
            yield from _fact_table(name, value)


def _has_rows(value: Any) -> bool:
    """Whether a fact is a list of alike rows, which are read in a table."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, Mapping) and each.keys() == value[0].keys() for each in value)
    )


def _fact_table(name: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    heads = "".join(f"<th>{_words(str(column).replace('_', ' '))}</th>" for column in rows[0])
    yield f'<div class="numbers"><table class="told"><caption>{_words(name.replace("_", " "))}</caption>'
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    for row in rows[:MOST_ROWS]:
        yield "<tr>" + "".join(f"<td>{_told(value)}</td>" for value in row.values()) + "</tr>"
    yield "</tbody></table></div>"
    if len(rows) > MOST_ROWS:
        yield f'<p class="more">The first {MOST_ROWS} of {len(rows):,} rows.</p>'


def _told(value: Any) -> str:
    """Write a place of a table of facts: words one after the other, rows within it one below the other."""
    if _has_rows(value):
        return "<br>".join(" · ".join(_words(_said(each)) for each in row.values()) for row in value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return _words(" ".join(value))
    return _words(_said(value))


def _said(value: Any) -> str:
    """Write a fact as a person reads it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{_key(name, each)}: {_said(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_said, value)) or "none"
    return str(value) or "none"


def _key(name: str, value: Any) -> str:
    """The name of a setting in words; that of a network or a text stays what it is."""
    return name.replace("_", " ") if isinstance(value, int | float) else name


def _numbers(name: str, array: Named) -> Iterator[str]:
    """Yield a table of an array: rows and columns are its last two axes, one table for each place before."""
    values = array.values
    if values.ndim == 0:
        yield f"<p>{escape(name)}: {_number(values[()])} {escape(array.unit)}</p>"
        return
    rows_axis = array.axes[max(0, values.ndim - 2)]
    columns = array.labels[array.axes[-1]] if values.ndim > 1 else (array.unit or "value",)
    outer = values.shape[:-2]
    for place in list(np.ndindex(outer))[:MOST_COLUMNS]:
        at = [f"{axis} {array.labels[axis][i]}" for axis, i in zip(array.axes, place, strict=False)]
        unit = f", {array.unit}" if array.unit else ""
        across = f", across: {array.axes[-1]}" if values.ndim > 1 else ""
        caption = " · ".join([name, *at]) + f" (down: {rows_axis}{across}{unit})"
        block = values[place] if values.ndim > 1 else values[:, None]
        yield from _table(caption, array.labels[rows_axis], columns, block)
        height, width = block.shape
        if height > MOST_ROWS or width > MOST_COLUMNS:
            yield f'<p class="more">{height:,} rows and {width:,} columns; {_rest(array)}</p>'
    if len(list(np.ndindex(outer))) > MOST_COLUMNS:
        yield f'<p class="more">{len(list(np.ndindex(outer))):,} tables; {MOST_COLUMNS} are shown.</p>'


def _table(caption: str, rows: Sequence[Any], columns: Sequence[Any], block: np.ndarray) -> Iterator[str]:
    heads = "".join(f"<th>{_words(each)}</th>" for each in columns[:MOST_COLUMNS])
    yield f'<div class="numbers"><table><caption>{_words(caption)}</caption>'
    yield f"<thead><tr><th></th>{heads}</tr></thead><tbody>"
    for label, row in zip(rows[:MOST_ROWS], block, strict=False):
        cells = "".join(f"<td>{_number(value)}</td>" for value in row[:MOST_COLUMNS])
        yield f"<tr><th>{_words(label)}</th>{cells}</tr>"
    yield "</tbody></table></div>"


def _rest(array: Named) -> str:
    """Say where all the numbers of a shortened table are."""
    inside = "in the JSON at the end of this file, and " if array.values.size <= MOST_VALUES else ""
    commands = "<code>--csv</code> and <code>--json</code>"
    return f"the first are shown, all of them are {inside}in what {commands} write."


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def _words(text: object) -> str:
    """Escape a text; one that is written from right to left says so, and in which script."""
    words = str(text)
    kinds = [unicodedata.bidirectional(letter) for letter in words]
    first = next((kind for kind in kinds if kind in ("L", "R", "AL")), "L")
    if first != "L":
        script = "Arab" if first == "AL" else "Hebr"
        return f'<bdi dir="rtl" lang="und-{script}">{escape(words)}</bdi>'
    return f"<bdi>{escape(words)}</bdi>" if {"R", "AL"} & set(kinds) else escape(words)


def _short(view: View) -> dict[str, Any]:
    """Return a view for JSON; the longest arrays say that their values are left out."""
    shown = view.as_dict()
    for name, array in view.arrays.items():
        if array.values.size > MOST_VALUES:
            shown["arrays"][name] |= {"values": None, "left_out": array.values.size}
    return shown


def _json(values: Mapping[str, Any]) -> str:
    """Write JSON that no text in it can end or comment out: `<`, `>` and `&` as escapes of JSON's own."""
    text = json.dumps(values, ensure_ascii=False, allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _inline(svg: bytes) -> str:
    """Return the <svg> element without what stands before it in a file, and without its metadata."""
    text = svg.decode("utf-8")
    text = text[text.index("<svg") :]
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
