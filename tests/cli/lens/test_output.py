"""Where a view goes: the terminal, files that are whole or not there, and the JSON line."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hiddenstate import errors
from hiddenstate.cli import screen
from hiddenstate.cli.lens.output import Asked, checked, deliver
from hiddenstate.errors import InvalidArgument, MissingExtra, RunError
from hiddenstate.lens import Named, View

VALUES = np.array([[0.25, 0.0], [0.1, 1 / 3]])


def view(*words: str) -> View:
    labels = {"step": [1, 2], "input": words or ("what", "time")}
    return View(
        "Memory", {"share": Named(VALUES, ("step", "input"), labels, "share")}, {"verdict": "It holds."}
    )


def shown(on: object) -> None:
    screen.say(on, "drawn here")


def test_nothing_asked_for_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    deliver(view(), checked(Asked()), shown)
    assert capsys.readouterr() == ("drawn here\n", "")


def test_json_is_one_line_and_the_drawing_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    deliver(view(), checked(Asked(json=True)), shown)
    out, err = capsys.readouterr()
    assert json.loads(out) == view().as_dict()
    assert (out.count("\n"), err) == (1, "drawn here\n")


def test_files_are_written_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = {kind: tmp_path / f"memory.{kind}" for kind in ("csv", "png", "svg", "html")}
    deliver(view(), checked(Asked(**paths, json=True)), shown)
    out, err = capsys.readouterr()
    named = [f"{kind.upper():<6}{path}" for kind, path in paths.items()]
    assert err.splitlines() == ["Memory", "It holds.", "", *named]
    assert json.loads(out)["files"] == {kind: str(path) for kind, path in paths.items()}
    assert paths["png"].read_bytes() == view().png()
    assert paths["svg"].read_bytes() == view().svg()
    assert paths["html"].read_text(encoding="utf-8") == view().html()
    with paths["csv"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["array", "step", "input", "value", "measured_in"]
    assert np.array([float(row[3]) for row in rows[1:]]).reshape(2, 2).tolist() == VALUES.tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths.values())


def test_a_file_that_is_there_is_kept_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(
        InvalidArgument, match=r"--csv: .*mine\.csv exists; choose another file, or replace it"
    ):
        checked(Asked(csv=path))
    assert path.read_text(encoding="utf-8") == "mine"
    deliver(view(), checked(Asked(csv=path, overwrite=True)), shown)
    assert path.read_text(encoding="utf-8").startswith("array,step,input,value,measured_in")


def test_what_cannot_be_written_is_told_before_anything_is_computed(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"--png: there is no folder .*none\. Make it first"):
        checked(Asked(png=tmp_path / "none" / "a.png"))
    with pytest.raises(InvalidArgument, match=r"--svg expects a file to write, and .* is a folder"):
        checked(Asked(svg=tmp_path))
    with pytest.raises(InvalidArgument, match="two options name the same file"):
        checked(Asked(svg=tmp_path / "a", html=tmp_path / "." / "a"))
    with pytest.raises(InvalidArgument, match="--overwrite replaces files; name one"):
        checked(Asked(overwrite=True))


@pytest.mark.parametrize("kind", ["csv", "png"])
def test_a_folder_where_one_may_not_write(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("hiddenstate.intact.os.replace", refuse)
    with pytest.raises(RunError, match="cannot be written: Permission denied"):
        deliver(view(), checked(Asked(**{kind: tmp_path / "a"})), shown)
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"drawing a picture needs matplotlib.*hiddenstate\[train\]"):
        checked(Asked(html=tmp_path / "a.html"))
    deliver(view(), checked(Asked(csv=tmp_path / "a.csv")), shown)
    assert (tmp_path / "a.csv").is_file()


def test_letters_without_a_font_are_named_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(view("\U000f0000", "time"), checked(Asked(png=tmp_path / "a.png")), shown)
    assert "No font here has \U000f0000 (private or unassigned letters)" in capsys.readouterr().err


def test_a_failing_picture_leaves_no_file(tmp_path: Path) -> None:
    class Broken(View):
        def draw(self, figure: object) -> None:
            raise InvalidArgument("cannot")

    with pytest.raises(InvalidArgument, match="cannot"):
        deliver(Broken("t", {}), checked(Asked(csv=tmp_path / "a.csv", png=tmp_path / "a.png")), shown)
    assert list(tmp_path.iterdir()) == []


def test_help_fits_the_terminal(cli: Callable) -> None:
    said = cli("lens", "--help")
    assert said.code == 0
    assert "See what a run remembers, and why it forgets." in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_wrong_words_in_place_of_a_view(cli: Callable, tmp_path: Path) -> None:
    said = cli("lens", "memorry", "run")
    assert said.code == 2
    assert "lens expects a view, came 'memorry'" in said.err
    (tmp_path / "spec.json").write_text("{}", encoding="utf-8")
    assert (
        f'a view before the run, such as: hiddenstate lens memory {tmp_path} "what'
        in cli("lens", tmp_path).err
    )


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import hiddenstate.cli.lens.drawn, hiddenstate.cli.lens.output\n"
        "import sys; from hiddenstate.cli import app\n"
        "try: app(['lens', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'matplotlib', 'numpy', 'rich', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
