"""The house keeps its plan: imports point one way; names, lengths and words follow ARCHITECTURE.md."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent
SOURCE = HOUSE / "src" / "hiddenstate"

# ARCHITECTURE.md, section 4: a room imports rooms on lines above its own, never one on its own line
STOREYS = (
    ("errors",),
    ("cells",),
    ("derive",),
    ("infer",),
    ("layers",),
    ("train",),
    ("tasks",),
    ("lens", "export", "scale", "bench"),
    ("lessons",),
    ("serve",),
    ("cli",),
)
# these import errors and native only, and are there for train and what stands after it
SIDE_ROOMS = ("data", "decode", "scores", "runs")
# files that stand beside their room's own and belong to it
PART_OF = {
    "fonts": "runs",
    "intact": "runs",
    "pictures": "runs",
    "checkpoint": "train",
    "learner": "train",
    "progress": "train",
    "schedule": "train",
    "stopping": "train",
}
STOREY = {room: storey for storey, rooms in enumerate(STOREYS) for room in rooms}

# the language that catalogue files, variants and files are written in
CELL_LANGUAGE = ("cell", "elementwise", "equation", "laws", "parts")
WITHOUT_TORCH = ("errors", "cells", "infer", "data", "decode", "scores", "runs")

BANNED_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "core", "base"}
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
# whoever adds a row says why
LONGER_FILES: dict[str, str] = {}
LONGER_FUNCTIONS: dict[str, str] = {}
RAISED_FOR_OTHERS = {"intact raises ValueError": "inside a hook of json's; caught where json is called"}


def files(folder: str, *suffixes: str) -> list[Path]:
    found = (path for path in (HOUSE / folder).rglob("*") if path.suffix in suffixes)
    return sorted(path for path in found if "__pycache__" not in path.parts)


def dotted(path: Path) -> str:
    """Return a file's module name below hiddenstate: 'cells.lstm', 'errors', '' for the package itself."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def modules() -> dict[str, Path]:
    return {dotted(path): path for path in files("src", ".py")}


def imported(module: str) -> Iterator[tuple[int, str]]:
    """Yield line and full name of all that a module imports, also inside functions."""
    path = modules()[module]
    package = ["hiddenstate", *module.split(".")] if module else ["hiddenstate"]
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def own(module: str) -> Iterator[tuple[int, str]]:
    """Yield line and module of each import of ours: the longest name that is a module ('' is the package)."""
    for line, name in imported(module):
        if name.split(".")[0] == "hiddenstate":
            inside = name.split(".")[1:]
            while ".".join(inside) not in modules():
                inside.pop()
            yield line, ".".join(inside)


def room_of(module: str) -> str:
    first = module.split(".")[0]
    return PART_OF.get(first, first)


def may_import(room: str, other: str) -> bool:
    """Say what ARCHITECTURE.md, section 4, says of two rooms."""
    if room == other or other == "errors":
        return True
    if other == "native":
        return room in SIDE_ROOMS or STOREY.get(room, -1) >= STOREY["infer"]
    if room in ("errors", "native") or room in SIDE_ROOMS:
        return False
    if other in SIDE_ROOMS:
        return STOREY[room] >= STOREY["train"]
    return STOREY[other] < STOREY[room]


def test_every_module_has_a_room() -> None:
    rooms = {*STOREY, *SIDE_ROOMS, "native", "", "__main__"}
    assert [module for module in modules() if room_of(module) not in rooms] == []


def test_imports_point_one_way() -> None:
    wrong = [
        f"{module}:{line} imports {other}"
        for module in modules()
        if module not in ("", "__main__")
        for line, other in own(module)
        if other and not may_import(room_of(module), room_of(other))
    ]
    assert wrong == []


def test_the_direction_is_the_one_written_down() -> None:
    assert may_import("tasks", "train")
    assert may_import("train", "runs")
    assert may_import("runs", "native")
    assert may_import("infer", "native")
    for room, other in (
        ("cells", "derive"),
        ("train", "tasks"),
        ("runs", "train"),
        ("data", "decode"),
        ("layers", "data"),
        ("infer", "layers"),
        ("infer", "data"),
        ("derive", "native"),
        ("lens", "export"),
        ("errors", "native"),
    ):
        assert not may_import(room, other), (room, other)


def test_the_direction_is_in_architecture_too() -> None:
    section = (
        (HOUSE / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## 4.")[2].partition("## 5.")[0]
    )
    storeys = [set(re.findall(r"`(\w+)`", storey)) for storey in section.partition("\n`data`")[0].split("<-")]
    assert storeys == [set(storey) for storey in STOREYS]


def test_modules_import_from_rooms_not_from_the_front_door() -> None:
    allowed = {"hiddenstate.__version__"}
    wrong = [
        f"{module}:{line} imports {name}"
        for module in modules()
        if module != "__main__"
        for line, name in imported(module)
        if name.split(".")[0] == "hiddenstate"
        and name not in allowed
        and not (module == "" or ".".join(name.split(".")[1:2]) in modules())
    ]
    assert wrong == []


def test_siblings_in_cells_share_only_the_language() -> None:
    language = {f"cells.{name}" for name in CELL_LANGUAGE}
    wrong = [
        f"{module}:{line} imports {other}"
        for module in modules()
        if module.startswith("cells.")
        for line, other in own(module)
        if other.startswith("cells.") and other not in language
    ]
    assert wrong == []


@pytest.mark.parametrize(("family", "shared"), [("tasks", ("text", "settings")), ("data.sources", ())])
def test_siblings_never_import_each_other(family: str, shared: tuple[str, ...]) -> None:
    def member(module: str) -> str:
        return module.removeprefix(f"{family}.").split(".")[0] if module.startswith(f"{family}.") else ""

    wrong = [
        f"{module}:{line} imports {other}"
        for module in modules()
        if member(module)
        for line, other in own(module)
        if member(other) not in ("", *shared, member(module))
    ]
    assert wrong == []


def test_native_alone_imports_the_binary() -> None:
    binary = re.compile(r"hiddenstate\._\w+$|ctypes\b|cffi\b")
    wrong = [
        f"{module}:{line} imports {name}"
        for module in modules()
        if module != "native"
        for line, name in imported(module)
        if binary.match(name) and name != "hiddenstate.__version__"
    ]
    assert wrong == []


def test_rooms_that_are_data_know_no_torch() -> None:
    wrong = [
        f"{module}:{line} imports {name}"
        for module in modules()
        if room_of(module) in WITHOUT_TORCH
        for line, name in imported(module)
        if name.split(".")[0] == "torch"
    ]
    assert wrong == []


LIGHT = (
    "hiddenstate",
    "hiddenstate.cells",
    "hiddenstate.cli",
    "hiddenstate.data.audio.cache",
    "hiddenstate.data.recordings",
    "hiddenstate.data.sources",
    "hiddenstate.decode",
    "hiddenstate.infer",
    "hiddenstate.lens",
    "hiddenstate.tasks.classify",
    "hiddenstate.tasks.tag",
)


@pytest.mark.parametrize("name", [n for n in LIGHT if n.partition(".")[2] in modules()])
def test_importing_it_imports_nothing_heavy(name: str) -> None:
    heavy = {
        "torch",
        "sklearn",
        "scipy",
        "matplotlib",
        "polars",
        "pooch",
        "onnxruntime",
        "yaml",
        "soundfile",
        "soxr",
    }
    program = f"import sys, {name}; print(*sorted(set(sys.modules) & {heavy!r}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_no_homeless_names() -> None:
    paths = [
        path.relative_to(HOUSE)
        for folder in ("src", "native", "tests", "benchmarks")
        for path in (HOUSE / folder).rglob("*")
        if "__pycache__" not in path.parts and ".egg-info" not in str(path)
    ]
    wrong = [
        path for path in paths if BANNED_NAMES & set(path.stem.removeprefix("test_").strip("_").split("_"))
    ]
    assert wrong == []


def test_files_are_read_in_one_sitting() -> None:
    lengths = {
        module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in modules().items()
    }
    longer = {module: lines for module, lines in lengths.items() if lines > LONGEST_FILE}
    assert {module: lines for module, lines in longer.items() if module not in LONGER_FILES} == {}
    assert set(LONGER_FILES) <= set(longer), "a reason that is no longer needed"


def test_functions_fit_a_screen() -> None:
    longer = {
        f"{module}.{node.name}": node.end_lineno - node.lineno + 1
        for module, path in modules().items()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    }
    assert {name: lines for name, lines in longer.items() if name not in LONGER_FUNCTIONS} == {}
    assert set(LONGER_FUNCTIONS) <= set(longer), "a reason that is no longer needed"


def test_errors_are_ours() -> None:
    """An assert vanishes under -O and tells a user nothing; `raise AssertionError` marks the unreachable.

    The drop-ins for torch.nn raise what torch.nn raises, type and words.
    """
    builtin = (
        "Exception",
        "ValueError",
        "TypeError",
        "RuntimeError",
        "KeyError",
        "IndexError",
        "ImportError",
    )
    wrong = set()
    for module, path in modules().items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Assert):
                wrong.add(f"{module} asserts")
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                wrong.add(f"{module} has a bare except")
            if isinstance(node, ast.Raise):
                raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                if isinstance(raised, ast.Name) and raised.id in builtin:
                    wrong.add(f"{module} raises {raised.id}")
    wrong = {line for line in wrong if not (line.startswith("layers.drop_in") and " raises " in line)}
    assert wrong - set(RAISED_FOR_OTHERS) == set()


def test_text_files_are_read_as_utf8() -> None:
    """On Windows the default encoding is another."""

    def opens_text(call: ast.Call) -> bool:
        if isinstance(call.func, ast.Name):
            modes = [str(part.value) for part in call.args if isinstance(part, ast.Constant)]
            return call.func.id == "open" and not any("b" in mode for mode in modes)
        # of a Path; a run's read_text(name) and write_text(name, text) have one argument more
        of_path = {"read_text": 0, "write_text": 1}
        return isinstance(call.func, ast.Attribute) and of_path.get(call.func.attr) == len(call.args)

    wrong = [
        f"{module}:{node.lineno}"
        for module, path in modules().items()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and opens_text(node)
        if "encoding" not in {keyword.arg for keyword in node.keywords}
    ]
    assert wrong == []


def test_nothing_says_where_or_by_what_it_was_made() -> None:
    absolute = re.compile(r"(?<![\w.:/~-])/(?:work|tmp|root|home|Users|mnt)/\w|\b[A-Z]:\\\w")
    unfinished = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b|NotImplemented[E]rror")
    kinds = (".py", ".cpp", ".h", ".md", ".toml", ".txt", ".json", ".yml", ".html", ".js")
    kept = [path for room in ("src", "native", "tests", "benchmarks", "docs") for path in files(room, *kinds)]
    kept += [path for path in HOUSE.iterdir() if path.suffix in kinds or path.name == "Makefile"]
    wrong = [
        f"{path.relative_to(HOUSE)}:{number} {found[0]}"
        for path in kept
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := absolute.search(line) or unfinished.search(line))
    ]
    assert wrong == []
