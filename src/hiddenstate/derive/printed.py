"""C++ of the three classics, printed from their tile programs: what the core would interpret, written out.

    python -m hiddenstate.derive            show where native/printed/ differs from what is derived now
    python -m hiddenstate.derive --update   write it anew

The core finds a printed function by the text of the code that it does the work of, so that a change of the
derivation makes it interpret, never run the wrong code. The same bits come out either way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hiddenstate.cells import CELLS
from hiddenstate.derive.encoded import KINDS, code_text, encoded

PRINTED = ("lstm", "gru", "rnn")
OPS = (
    *("load", "store", "const", "add", "sub", "mul", "div", "max", "select", "exp", "log"),
    *("sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "softsign", "hard_sigmoid", "silu", "gelu"),
    *("normal_cdf", "identity", "sin", "cos", "affine", "thresholded_relu", "scaled_tanh"),
)  # the order of native/layer.h
_HALVES = ("plain", "taped", "back")
_PRIMITIVES = {"add": "add", "sub": "sub", "mul": "mul", "div": "div", "max": "maximum", "select": "select"}
_CALLS = ("sigmoid", "tanh")


def printed_files() -> dict[str, str]:
    """The files of native/printed/ by name."""
    files, rows = {}, []
    for name in PRINTED:
        parts = [
            f"// Made from cells/ by python -m hiddenstate.derive --update; do not edit. The {name} cell.\n"
        ]
        for function, code, buffers in _codes(name):
            parts.append(_function(function, code, buffers))
            rows.append((function, code_text(OPS, code[3])))
        files[f"{name}.h"] = "\n".join(parts)
    files["table.h"] = _table(rows)
    return files


def _codes(name: str) -> Iterator[tuple[str, tuple[Any, ...], list[str]]]:
    """Each function's name, its code, and what to call its buffers."""
    halves = encoded(CELLS[name], (), OPS).arguments[-3:]
    for half, (buffers, stages, *_) in zip(_HALVES, halves, strict=True):
        names = [f"{KINDS[kind]}_{index}" for kind, index, _ in buffers]
        for s, (_, _, _, codes) in enumerate(stages):
            for c, code in enumerate(codes):
                yield f"{name}_{half}_{s}_{c}", code, names


def _function(function: str, code: tuple[Any, ...], buffers: list[str]) -> str:
    cursors: dict[int, str] = {}
    held: dict[int, str] = {}
    lines = []
    for k, (numbers, k0, _) in enumerate(code[3]):
        op = OPS[numbers[0]]
        out, a, b, c, buffer = numbers[1:]
        if op in ("load", "store"):
            cursor = cursors.setdefault(buffer, buffers[buffer])
        if op == "store":
            lines.append(f"{cursor}.write(g, r, {held[a]});")
            continue
        if op == "load":
            value = f"{cursor}.read(g, r)"
        elif op == "const":
            value = f"set1({k0!r}f)"
        elif op in _CALLS:
            value = f"{op}({held[a]})"
        else:
            given = [held[n] for n in (a, b, c)[: 3 if op == "select" else 2]]
            value = f"{_PRIMITIVES[op]}({', '.join(given)})"
        held[out] = f"v{k}"
        lines.append(f"const V v{k} = {value};")
    reach = [f"  const Cursor {cursor} = block.cursor({buffer});" for buffer, cursor in cursors.items()]
    body = [f"      {line}" for line in lines]
    return "\n".join(
        [
            f"static void {function}(const Block &block) {{",
            *reach,
            "  for (int g = 0; g < block.tiles; g++)",
            "    for (int r = 0; r < block.rows; r++) {",
            *body,
            "    }",
            "}",
            "",
        ]
    )


def _table(rows: list[tuple[str, str]]) -> str:
    lines = [
        "// Made from cells/ by python -m hiddenstate.derive --update; do not edit.",
        "// PRINTED(function, code) for each function of the files beside this one, by their numbers.",
    ]
    for function, text in rows:
        pieces = [f'        "{text[k : k + 100]}"' for k in range(0, len(text), 100)]
        lines.append(f"PRINTED({function},\n" + "\n".join(pieces) + ")")
    return "\n".join(lines) + "\n"


def differences(folder: Path) -> Mapping[str, tuple[str, str]]:
    """What lies in a folder and is not what is derived now: name -> (found, derived)."""
    derived = printed_files()
    names = {*derived, *(path.name for path in folder.glob("*.h"))}
    found = {
        name: (folder / name).read_text(encoding="utf-8") if (folder / name).is_file() else ""
        for name in names
    }
    return {
        name: (found[name], derived.get(name, ""))
        for name in sorted(names)
        if found[name] != derived.get(name, "")
    }
