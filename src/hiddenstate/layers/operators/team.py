"""The threads that torch keeps for its own work, lent to the compiled core.

A second set of threads would wait for the first: after an optimiser's step, torch's threads still spin.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

import torch

from hiddenstate import native

_NAMES = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")


@cache
def share_team() -> bool:
    """Hand torch's team to the core, once; False where torch has none of this kind (the core has its own)."""
    found = team_of_torch()
    if found is not None:
        native.module().team(*found)
    return found is not None


def team_of_torch() -> tuple[int, int, int] | None:
    """The addresses of GOMP_parallel, omp_get_thread_num and omp_get_num_threads, as torch calls them.

    None where torch was built on something else, as on Windows and macOS.
    """
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    if not hasattr(os, "RTLD_NOLOAD") or not library.is_file():
        return None
    # A name is looked up in torch's library and then in those that it loaded: other packages' libgomp, of
    # which a process may have several, are not among them. NOLOAD: what torch has loaded, or nothing.
    loaded = ctypes.CDLL(str(library), mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    if not all(hasattr(loaded, name) for name in _NAMES):
        return None
    parallel, number, count = (_address(loaded, name) for name in _NAMES)
    return parallel, number, count


def _address(library: ctypes.CDLL, name: str) -> int:
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
