"""Where the compiled core is found, and what is said where it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hiddenstate import native
from hiddenstate.cli import train
from hiddenstate.errors import InvalidArgument

ASK = "from hiddenstate import native; print(native.available(), native.notice(), native.notice(), sep='\\n')"


def run(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=os.environ | variables
    )


def without_module(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program where the module is not found."""
    hide = (
        "import importlib.util as util; find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name.endswith('._native') else find(name, *rest)\n"
    )
    return run(hide + program, HIDDENSTATE_NATIVE_FILE="")


def test_it_is_here_and_is_loaded_once() -> None:
    assert native.available(), f"make test builds it. {native.CURE}"
    assert native.module() is native.module()
    assert native.notice() is None


def test_operations_are_named_once_each() -> None:
    names = native.ops()
    assert names is native.ops()
    assert {"add", "mul", "sigmoid", "tanh"} <= set(names)
    assert len(set(names)) == len(names)


def test_a_word_that_is_no_instruction_set_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    before = native.isa()
    with pytest.raises(InvalidArgument, match=r"came 'skalar'; did you mean 'scalar'\?"):
        native.select_isa("skalar")
    assert native.isa() == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("asked", ["sse9", "Scalar"])
def test_one_from_the_environment_that_is_not_here_is_refused(asked: str) -> None:
    program = (
        "from hiddenstate import native\n"
        "for ask in (native.isa, native.ops, native.isa):\n"
        "    try: ask()\n"
        "    except Exception as error: print(type(error).__name__, error)\n"
    )
    done = run(program, HIDDENSTATE_ISA=asked)
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert len(set(lines)) == 1
    assert lines[0].startswith("InvalidArgument the environment variable HIDDENSTATE_ISA expects")
    assert f"came '{asked}'" in lines[0]
    assert "scalar" in lines[0]
    assert done.stderr == ""


def test_without_it_the_cure_is_said_once() -> None:
    available, first, second = without_module(ASK).stdout.splitlines()
    assert available == "False"
    assert first.startswith("The compiled core was not built")
    assert "--config-settings compiler=ziglang" in first
    assert second == "None"


def test_without_it_asking_for_it_says_the_cure() -> None:
    done = without_module("from hiddenstate import native; native.module()")
    assert "hiddenstate.errors.Unsupported: The compiled core hiddenstate._native was expected" in done.stderr
    assert "compiler=ziglang" in done.stderr


def test_another_build_of_it_is_taken_where_one_is_named(tmp_path: Path) -> None:
    program = "from hiddenstate import native; print(native.module().__file__)"
    here = native.module().__file__
    assert here is not None
    other = tmp_path / Path(here).name
    other.write_bytes(Path(here).read_bytes())
    assert run(program, HIDDENSTATE_NATIVE_FILE=str(other)).stdout.strip() == str(other)


def test_a_build_that_is_named_and_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIDDENSTATE_NATIVE_FILE", "nowhere.so")
    native._spec.cache_clear()
    try:
        with pytest.raises(InvalidArgument, match=r"nowhere\.so is no file"):
            native.available()
    finally:
        native._spec.cache_clear()


def test_training_says_it_once_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(native, "available", lambda: False)
    monkeypatch.setattr(native, "_unsaid", ["The compiled core was not built."])
    train._say_if_slower()
    train._say_if_slower()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "hiddenstate: The compiled core was not built.\n"
