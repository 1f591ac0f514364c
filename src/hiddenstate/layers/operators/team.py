"""The threads that torch keeps for its own work, lent to the compiled core.

A second set of threads would get in their way: after an optimiser's step, torch's still spin.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch

from hiddenstate import native

_NAMES = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")


def team_of_torch() -> tuple[int, ...] | None:
    """The addresses of GOMP_parallel, omp_get_thread_num and omp_get_num_threads, as torch calls them.

    None where torch was built on something else, as on Windows and macOS.
    """
    return native.addresses(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so", _NAMES)


@cache
def share_team() -> bool:
    """Hand torch's team to the core, once; False where torch has none of this kind (the core has its own)."""
    found = team_of_torch()
    if found is not None:
        native.module().team(*found)
    return found is not None
