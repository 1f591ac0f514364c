"""Every example in a docstring runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import hiddenstate

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(hiddenstate.__path__, "hiddenstate.")
    if not module.name.endswith(("__main__", "._native"))
)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def has_examples(name: str) -> bool:
    path = importlib.util.find_spec(name).origin
    with open(path, encoding="utf-8") as file:
        return ">>> " in file.read()


@pytest.mark.parametrize("name", [name for name in MODULES if has_examples(name)])
def test_examples_print_what_they_say(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert result.attempted > 0
    assert result.failed == 0, capsys.readouterr().out
