"""The command line starts quickly, says what it can do, and leaves with the code that fits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command

import hiddenstate
from fresh_python import Line, told
from hiddenstate.cli import VERBS, app, options
from hiddenstate.errors import InvalidArgument

HEAVY = {"torch", "numpy", "sklearn", "scipy", "matplotlib", "polars", "pooch", "safetensors", "rich"}


def start(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hiddenstate", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **environment},
    )


def test_help_and_version_import_nothing_heavy() -> None:
    lines = [["--help"], ["--version"], ["train", "--help"], ["chat", "--help"]]
    for words, found in zip(lines, told(*map(Line, lines), watched=HEAVY), strict=True):
        assert (found.code, found.err, found.loaded) == (0, "", []), words
        assert found.out.strip() != "", words


def test_completion_imports_nothing_heavy() -> None:
    heavy = HEAVY - {"numpy", "safetensors", "rich"}  # what the tables of names need
    rows = (
        ("hiddenstate ev", "evaluate"),
        ("hiddenstate train cl", "classify"),
        ("hiddenstate cells lstm_p", "lstm_peephole"),
        ("hiddenstate data st", "starter"),
        ("hiddenstate data ch", "check"),
        ("hiddenstate train speech --preset b", "base"),
    )
    lines = [
        Line(
            [],
            environment={
                "_HIDDENSTATE_COMPLETE": "complete_bash",
                "COMP_WORDS": typed,
                "COMP_CWORD": str(typed.count(" ")),
            },
        )
        for typed, _ in rows
    ]
    for (typed, expected), found in zip(rows, told(*lines, watched=heavy), strict=True):
        assert expected in found.out.split(), typed
        assert (found.code, found.err, found.loaded) == (0, "", []), typed


def test_version() -> None:
    done = start("--version")
    assert (done.returncode, done.stdout) == (0, f"hiddenstate {hiddenstate.__version__}\n")


def test_help_names_every_verb_and_fits_eighty_columns(
    cli: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = start("--help")
    assert done.returncode == 0
    for verb in VERBS:
        assert re.search(rf"^  {verb.__name__} ", done.stdout, re.MULTILINE)
        lines = cli(verb.__name__, "--help").out.splitlines()
        assert max(map(len, lines)) <= 80
    assert "..." not in done.stdout.partition("Commands:")[2], "a summary is too long for the list"


def test_no_words_show_the_help_as_wrong_use() -> None:
    done = start()
    assert done.returncode == 2
    assert "Commands:" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["trian"], "Did you mean 'train'?"),
        (["train", "classify", "--hiden", "3"], "--hidden"),
        (["train", "classify", "--hidden", "many"], "integer"),
        (["evaluate"], "RUN"),
    ],
)
def test_wrong_words_are_wrong_use(cli: Callable, words: list[str], expected: str) -> None:
    said = cli(*words)
    assert said.code == 2
    assert expected in said.err
    assert said.out == ""


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, cli: Callable) -> None:
    from hiddenstate.data import sources

    def broken(*asked: object, **named: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(sources, "read", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        cli("data", "starter")


def test_ctrl_c_says_so_and_leaves_with_130(monkeypatch: pytest.MonkeyPatch, cli: Callable) -> None:
    from hiddenstate.data import sources

    def stopped(*asked: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sources, "read", stopped)
    said = cli("data", "starter")
    assert said.code == 130
    assert "stopped by Ctrl-C" in said.err


def test_a_terminal_without_the_signs_gets_others(tmp_path: Path) -> None:
    done = start("cells", "lstm", PYTHONIOENCODING="ascii:strict", PYTHONUTF8="0")
    assert done.returncode == 0
    assert "c = f * c' + i * g" in done.stdout


@pytest.mark.parametrize(
    ("written", "seconds"), [("90", 90), ("1.5m", 90), ("2h", 7200), ("30 s", 30), ("0", 0)]
)
def test_times(written: str, seconds: float) -> None:
    assert options.seconds(written) == seconds


@pytest.mark.parametrize("written", ["soon", "-1", "5 days", "", "1e3", "nan"])
def test_times_that_are_none(written: str) -> None:
    with pytest.raises(InvalidArgument, match=r"10m or 2h, came"):
        options.seconds(written)


def test_settings_join_flags_and_pairs() -> None:
    assert options.settings(["a = 1", "b=x=y"], {"hidden": 3, "cell": None}) == {
        "hidden": 3,
        "a": "1",
        "b": "x=y",
    }
    with pytest.raises(InvalidArgument, match="'hidden' is given twice"):
        options.settings(["hidden=4"], {"hidden": 3})
    with pytest.raises(InvalidArgument, match="expects key=value"):
        options.settings(["hidden"], {})


def test_new_folders_are_free(tmp_path: Path) -> None:
    first = options.new_folder("classify", "starter", tmp_path)
    assert first == tmp_path / "classify-starter-1"
    first.mkdir()
    assert options.new_folder("classify", "starter", tmp_path) == tmp_path / "classify-starter-2"
    assert options.new_folder("classify", "...", tmp_path) == tmp_path / "classify-data-1"


def test_the_command_is_named_as_it_can_be_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert options.command() == f"{Path('.venv/bin/python')} -m hiddenstate"
    beside = python.with_name("hiddenstate.exe" if sys.platform == "win32" else "hiddenstate")
    beside.touch(mode=0o755)
    assert options.command() == str(Path(".venv/bin") / beside.name)
    monkeypatch.setenv("PATH", str(python.parent))
    assert options.command() == "hiddenstate"


def test_every_option_says_what_it_does() -> None:
    commands = get_command(app).commands
    wordless = [
        (name, option.name)
        for name, command in commands.items()
        for option in command.params
        if not getattr(option, "help", "")
    ]
    assert wordless == []
