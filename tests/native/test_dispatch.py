"""Which instruction sets there are, and that the one that is asked for runs."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hiddenstate import native

INFORMATION = Path("/proc/cpuinfo")
NEEDS = {
    "avx2": {"avx2", "fma"},
    "avx512": {"avx2", "fma", "avx512f", "avx512dq", "avx512bw", "avx512vl"},
}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = native.isa()
    yield
    native.select_isa(before)


def test_every_one_that_is_here_can_be_selected() -> None:
    for name in native.isas():
        native.select_isa(name)
        assert native.isa() == name


def test_plain_comes_first_and_newer_after_older() -> None:
    assert native.isas() == ("scalar", "avx2", "avx512")[: len(native.isas())]


@pytest.mark.skipif(not INFORMATION.is_file(), reason="the judge is what Linux says of the processor")
def test_they_are_those_that_the_system_names() -> None:
    said = {line.split(":")[0].strip(): line for line in INFORMATION.read_text(encoding="utf-8").splitlines()}
    flags = set(said.get("flags", ":").split(":")[1].split())
    newer = [name for name, needs in NEEDS.items() if needs <= flags and platform.machine() == "x86_64"]
    assert native.isas() == ("scalar", *newer)


def test_the_environment_chooses_and_the_best_runs_without_it() -> None:
    program = "from hiddenstate import native; print(native.isa())"
    for name in ("", *native.isas()):
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            env=os.environ | {"HIDDENSTATE_ISA": name},
        )
        assert done.stderr == ""
        assert done.stdout.split() == [name or native.isas()[-1]]
