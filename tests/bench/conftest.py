"""JAX starts threads that outlive a test and warn of every fork: it runs in a process of its own only."""

from __future__ import annotations

import pytest

from hiddenstate.bench import in_jax


@pytest.fixture(autouse=True)
def without_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_jax, "find_spec", lambda name: None)
