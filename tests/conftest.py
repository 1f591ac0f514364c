"""What every test stands on: fixed seeds, one thread, and an environment that is the same everywhere."""

from __future__ import annotations

import gc
import os
import random
import sys

import numpy as np
import pytest
from hypothesis import settings

# torch and subprocesses read it when they start: on many threads small tensors are slower and timings noisier
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")
for forces_colour in ("FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS", "GITHUB_ACTIONS"):
    os.environ.pop(forces_colour, None)

settings.register_profile("local", deadline=None, print_blob=True)
settings.register_profile("everywhere_the_same", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("everywhere_the_same" if os.environ.get("CI") else "local")


def pytest_collection_finish() -> None:
    """Modules and the table of tests stay to the end: no collection of garbage is to walk over them again."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Start every test from the same random states; torch's where a test has imported it."""
    random.seed(0)
    np.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what the tests compute out of the user's cache."""
    os.environ.setdefault("HIDDENSTATE_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the recordings whose features are computed, as it happens."""
    from hiddenstate.data.audio import cache as caching

    seen: list[str] = []

    def noting(recording, features, speed=1.0, computed=caching.computed):
        seen.append(recording.name)
        return computed(recording, features, speed)

    monkeypatch.setattr(caching, "computed", noting)
    return seen
