"""What the pages say is so: snippets run, commands and their options exist, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from hiddenstate import tasks
from hiddenstate.cells import load
from hiddenstate.cli import app
from hiddenstate.data.words import Tokeniser
from hiddenstate.tasks import TASKS

HOUSE = Path(__file__).resolve().parents[2]
PAGES = [HOUSE / "README.md", *sorted((HOUSE / "docs").glob("*.md"))]
VERBS = get_command(app).commands


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def commands(page: Path) -> list[list[str]]:
    """All shell commands of a page, in words, without their comments."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {}
    found = blocks(HOUSE / "README.md", "python")
    assert len(found) == 5
    for block in found:
        exec(compile(block, "README.md", "exec"), namespace)
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["torch.Size([110, 10])", "['delivery' 'refund']"]
    assert namespace["gates"].shape == (7, 3, 10)


def named(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words name, in one word or two or below a group, and what it is given."""
    if (longer := " ".join(words[:2])) in VERBS:
        return VERBS[longer], words[2:]
    command, given = VERBS[words[0]], words[1:]
    while hasattr(command, "commands") and given and not given[0].startswith("-"):
        command, given = command.commands[given[0]], given[1:]
    return command, given


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_their_options_exist(page: Path) -> None:
    makefile = (HOUSE / "Makefile").read_text(encoding="utf-8")
    found = commands(page)
    assert found
    for words in found:
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), words
            continue
        assert words[0] in ("hiddenstate", ".venv/bin/hiddenstate"), words
        command, given = named(words[1:])
        context = command.make_context(words[1], given)  # raises for an option or a number that is wrong
        for pair in context.params.get("settings") or ():
            tasks.find(words[2]).load().SPEC.from_options({"data": "-", **dict([pair.split("=")])})
        for word in words:
            if word.startswith("--"):
                assert word in {name for option in command.params for name in option.opts}, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_cell_of_the_page_is_one(tmp_path: Path) -> None:
    (source,) = blocks(HOUSE / "docs" / "cells.md", "toml")
    (tmp_path / "mine.toml").write_text(source, encoding="utf-8")
    assert load(tmp_path / "mine.toml").parameter_count(F=3, H=2) == 2 * (2 * 3 + 2 + 2 * 2 + 2)


def test_the_tree_of_the_readme_is_the_tree() -> None:
    (tree,) = blocks(HOUSE / "README.md", "text")
    for line in tree.splitlines():
        name = line.split()[0]
        place = HOUSE / "src" / "hiddenstate" / name if line.startswith("  ") else HOUSE / name
        assert place.exists(), line
    rooms = {
        path.name for path in (HOUSE / "src" / "hiddenstate").iterdir() if (path / "__init__.py").exists()
    }
    assert rooms <= {line.split()[0].rstrip("/") for line in tree.splitlines()}, (
        "a room is missing in the tree"
    )


def test_the_words_of_the_page_on_languages_are_those_of_the_texts() -> None:
    page = (HOUSE / "docs" / "languages.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if " · " in line and line.startswith("| ")]
    assert len(rows) == 15
    for language, text, words, *_ in rows:
        split = Tokeniser(turkish="Turkish" in language)
        assert split(text) == words.split(" · "), language


def test_every_setting_that_the_pages_name_exists() -> None:
    named = {pair for page in PAGES for pair in re.findall(r"--set (\w+)=", page.read_text(encoding="utf-8"))}
    assert named
    specs = (task.load().SPEC for task in TASKS.values())
    assert named <= {name for spec in specs for name in spec.model_fields}
