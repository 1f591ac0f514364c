"""The compiled core: whether it is here, the module itself, its instruction sets. Nothing else imports it.

The environment is read when the module is first used:
    HIDDENSTATE_ISA=scalar|avx2|avx512    run this instruction set, not the best that the processor has
    HIDDENSTATE_NATIVE_FILE=PATH          another build of the module, as the sanitizers' is
"""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from hiddenstate.errors import InvalidArgument, Unsupported, nearest

NAME = "hiddenstate._native"
FILE = "HIDDENSTATE_NATIVE_FILE"
ISA = "HIDDENSTATE_ISA"
CURE = (
    "Install a C++ compiler and then hiddenstate again, or let pip fetch a compiler for the build; "
    "in hiddenstate's source folder: pip install --no-deps --config-settings compiler=ziglang . "
    "(with make: make demo COMPILER=ziglang)"
)
_unsaid = [f"The compiled core was not built: the slower reference backend does its work. {CURE}"]


def available() -> bool:
    """Say whether the compiled core was built.

    Raises InvalidArgument where $HIDDENSTATE_NATIVE_FILE names no file.
    """
    return _spec() is not None


@cache
def module() -> ModuleType:
    """Return the compiled core.

    Raises Unsupported where it was not built, InvalidArgument where $HIDDENSTATE_ISA is not here.
    """
    loaded = _loaded()
    if asked := os.environ.get(ISA):
        _select(loaded, asked, f"the environment variable {ISA}")
    return loaded


@cache
def ops() -> tuple[str, ...]:
    """Return the names of a tile program's operations, each at the place of its number."""
    return tuple(module().ops())


def isas() -> tuple[str, ...]:
    """Return the instruction sets that this build and this processor have, the plainest first."""
    return tuple(module().isas())


def isa() -> str:
    """Return the instruction set that runs."""
    return str(module().isa())


def select_isa(name: str) -> None:
    """Run this instruction set from now on; raises InvalidArgument where it is not one of isas()."""
    _select(module(), name, "select_isa")


def notice() -> str | None:
    """Return, once in a process, what to tell somebody whose installation lacks the compiled core."""
    return None if available() or not _unsaid else _unsaid.pop()


def addresses(library: Path, names: tuple[str, ...]) -> tuple[int, ...] | None:
    """Return where the functions stand that a loaded library calls; None where there are none.

    A name is looked up in the library and then in those that it loaded itself, whatever else the process has.
    """
    import ctypes  # here, as a start without torch has no use for it

    if not hasattr(os, "RTLD_NOLOAD") or not library.is_file():
        return None
    loaded = ctypes.CDLL(str(library), mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    if not all(hasattr(loaded, name) for name in names):
        return None
    found = [ctypes.cast(getattr(loaded, name), ctypes.c_void_p).value for name in names]
    return tuple(address or 0 for address in found)


@cache
def _spec() -> ModuleSpec | None:
    if not (file := os.environ.get(FILE)):
        return importlib.util.find_spec(NAME)
    if not Path(file).is_file():
        raise InvalidArgument(f"{FILE} should name a build of {NAME}, and {file} is no file. Unset it.")
    return importlib.util.spec_from_file_location(NAME, file)


@cache
def _loaded() -> ModuleType:
    spec = _spec()
    if spec is None or spec.loader is None:
        raise Unsupported(
            f"The compiled core {NAME} was expected, and this installation was made without it. {CURE}"
        )
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def _select(loaded: ModuleType, name: str, where: str) -> None:
    here = list(loaded.isas())
    if name not in here:
        raise InvalidArgument(
            f"{where} expects an instruction set that this build and this processor have "
            f"({', '.join(here)}), came {name!r}; {nearest(str(name), here)}"
        )
    loaded.select_isa(name)
