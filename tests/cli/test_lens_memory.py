"""`lens memory`: a run's memory on screen, as files and for programs, and live while words arrive."""

from __future__ import annotations

import csv
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hiddenstate import lens, tasks
from hiddenstate.cli.lens.memory import _whole

if TYPE_CHECKING:
    from conftest import Said

TEXT = "tell me what time it is, please"
WORDS = ["tell", "me", "what", "time", "it", "is", ",", "please"]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_numbers_for_programs(cli: Callable, trained: tuple[Path, Said]) -> None:
    folder, _ = trained
    before = bytes_of(folder)
    said = cli("lens", "memory", folder, TEXT, "--json")
    assert said.code == 0, said.err
    found = said.json()
    assert (found["view"], found["measure"], found["steps"]) == ("memory", "occlusion", 8)
    assert found["title"] == f'What the hidden state remembers of "{TEXT}"'
    share = np.array(found["arrays"]["share"]["values"])
    assert found["arrays"]["share"]["labels"] == {"after": WORDS, "input": WORDS}
    np.testing.assert_allclose(share.sum(1), 1.0)
    assert share[0, 0] == 1.0
    # the answer is that of the recurrent part, and its effects are what leaving words out does to its score
    inside = tasks.inside(folder)
    assert inside.head is not None
    _, x = inside.read(TEXT)
    scores = [
        inside.head.scores(inside.stack.run(rows[:, None])[0], np.array([len(rows)]))[0]
        for rows in (x, *(np.delete(x, word, 0) for word in range(8)))
    ]
    best = int(scores[0].argmax())
    assert found["answer"] == inside.head.labels[best]
    expected = [scores[0][best] - other[best] for other in scores[1:]]
    np.testing.assert_allclose(found["arrays"]["answer"]["values"][-1], expected, atol=2e-6)
    assert said.out.count("\n") == 1
    assert "Share of the hidden state" in said.err
    assert bytes_of(folder) == before, "looking changes nothing"


@pytest.mark.parametrize("measure", ["occlusion", "jacobian", "integrated"])
@pytest.mark.parametrize("columns", [60, 80])
def test_it_fits_a_terminal(
    cli: Callable, trained: tuple[Path, Said], monkeypatch: pytest.MonkeyPatch, measure: str, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    said = cli("lens", "memory", trained[0], TEXT, "--measure", measure)
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= columns
    for words in (
        "What the hidden state remembers",
        'After "please"',
        "The state after each word",
    ):
        assert words in said.out
    assert "\x1b" not in said.out
    assert [line.split()[0] for line in lines if line.endswith(" %")] == WORDS
    begin = next(number for number, line in enumerate(lines) if line.startswith("The state after"))
    divided = [line for line in lines[begin:] if line[:2] in [f"{letter} " for letter in "abcdefgh"]][:8]
    assert [line[2:].split()[0] for line in divided] == WORDS
    assert set(divided[-1].split()[-1]) <= set("abcdefgh")
    paper = {"occlusion": "Zeiler", "jacobian": "Pascanu", "integrated": "Sundararajan"}[measure]
    assert paper in said.out
    assert "predict --why" in " ".join(said.out.split())


def test_in_a_terminal_of_few_signs(trained: tuple[Path, Said]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "60", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "hiddenstate", "lens", "memory", str(trained[0]), "play some music"]
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    lines = done.stdout.decode("ascii").splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.startswith("play  #") for line in lines)
    assert not any("?" in line for line in lines)


def test_letters_that_a_terminal_lacks_are_numbers_and_bars_stay_in_line(trained: tuple[Path, Said]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "60", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "hiddenstate", "lens", "memory", str(trained[0])]
    done = subprocess.run(
        [*command, "internationalisation 现在 café"], capture_output=True, env=environment, check=True
    )
    lines = done.stdout.decode("ascii").splitlines()
    bars = [line for line in lines if line.endswith(" %")]
    assert [line.split()[0] for line in bars] == ["internationali~", "#2", "#3", "#4"]
    assert len({len(line) for line in bars}) == 1
    begin = next(number for number, line in enumerate(lines) if line.startswith("The state after"))
    assert [line[2:].split()[0] for line in lines[begin + 1 : begin + 5]] == [
        "internationali~",
        "#2",
        "#3",
        "#4",
    ]
    assert len({len(line) for line in lines[begin + 1 : begin + 5]}) == 1
    assert "After #4 the hidden state" in " ".join(lines)


@pytest.mark.parametrize(
    ("share", "signed", "expected"),
    [
        (-0.004, True, "0 %"),
        (0.004, True, "0 %"),
        (0.006, True, "+1 %"),
        (-0.5, True, "-50 %"),
        (0.5, False, "50 %"),
    ],
)
def test_what_is_rounded_to_zero_has_no_sign(share: float, signed: bool, expected: str) -> None:
    assert _whole(share, signed) == expected


@pytest.mark.slow
def test_as_files(cli: Callable, trained: tuple[Path, Said], in_tmp: Path) -> None:
    names = {kind: in_tmp / f"memory.{kind}" for kind in ("csv", "png", "svg", "html")}
    options = [part for kind, path in names.items() for part in (f"--{kind}", path)]
    said = cli("lens", "memory", trained[0], TEXT, *options)
    assert said.code == 0, said.err
    view = lens.memory(trained[0], TEXT)
    with names["csv"].open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["array"] == "share"]
    read = np.array([float(row["value"]) for row in rows]).reshape(8, 8)
    np.testing.assert_array_equal(read, view.arrays["share"].values)
    assert names["png"].read_bytes() == view.png()
    assert names["svg"].read_bytes() == view.svg()
    page = names["html"].read_text(encoding="utf-8")
    assert "How to read it" in page
    assert "Li, Monroe, Jurafsky 2016" in page


def test_a_part_of_the_text_and_parts_of_it(cli: Callable, trained: tuple[Path, Said]) -> None:
    folder, _ = trained
    whole = cli("lens", "memory", folder, TEXT, "--json").json()["arrays"]["share"]["values"]
    part = cli("lens", "memory", folder, TEXT, "--step", "3", "--json").json()["arrays"]["share"]["values"]
    np.testing.assert_allclose(part, np.array(whole)[:3, :3], atol=1e-9)
    said = cli("lens", "memory", folder, TEXT, "--parts", "3", "--moments", "2", "--json")
    labels = said.json()["arrays"]["share"]["labels"]
    assert labels["input"] == ["tell..what", "time..it", "is..please"]
    assert labels["after"] == ["time..it", "is..please"]
    assert "8 steps, told apart in 3 parts of neighbours; after 2 of 3 inputs" in " ".join(said.err.split())
    assert "after down, input across" in said.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["RUN", ""], "there is no word to read in ''"),
        (["RUN", "  \u200b "], "there is no word to read"),
        (["RUN"], "expected a text to read"),
        (["RUN", TEXT, "--step", "9"], "step: expected a whole number of 1 to 8"),
        (["RUN", TEXT, "--step", "0"], "came 0"),
        (["RUN", TEXT, "--measure", "oclusion"], "did you mean 'occlusion'"),
        (["RUN", TEXT, "--parts", "0"], "parts: expected"),
        (["RUN", TEXT, "--live"], "leave a text out"),
        (["RUN", "--live", "--step", "2"], "leave --step out"),
        (["RUN", "--live", "--measure", "jacobian"], "--live tells by occlusion alone"),
        (["RUN", "--live"], "--live read no word"),
        (["RUN", TEXT, "--png", "no/such/folder.png"], "there is no folder"),
        (["NOWHERE", TEXT], "NOWHERE"),
    ],
)
def test_wrong_use(
    cli: Callable, trained: tuple[Path, Said], in_tmp: Path, words: list[str], expected: str
) -> None:
    given = [trained[0] if word == "RUN" else word for word in words]
    said = cli("lens", "memory", *given, typed=" \n\u200b\n")
    assert said.code in (1, 2)
    assert (said.code == 2) == (words[0] == "RUN")
    assert expected in " ".join(said.err.split())
    assert not list(in_tmp.iterdir())


def test_one_word_and_very_many(cli: Callable, trained: tuple[Path, Said]) -> None:
    said = cli("lens", "memory", trained[0], "music")
    assert said.code == 0, said.err
    assert '"music": 100.0 %, the only input.' in said.out
    said = cli("lens", "memory", trained[0], "play some more music " * 150)
    assert said.code == 0, said.err
    assert max(map(len, said.out.splitlines())) <= 80
    joined = " ".join(said.out.split())
    assert "No more than 512 words of a text are read; 512 steps, told apart in 200 parts" in joined
    assert "Of 200 inputs, the 24 with the largest shares." in joined


@pytest.mark.parametrize(
    "text", ["مرحبا كيف الطقس", "今天天气怎么样", "आज का मौसम", "👩\u200d👧 party 🇩🇪 \x1b[2J"]
)
def test_in_any_script(cli: Callable, trained: tuple[Path, Said], text: str) -> None:
    from rich.cells import cell_len

    said = cli("lens", "memory", trained[0], text)
    assert said.code == 0, said.err
    assert max(map(cell_len, said.out.splitlines())) <= 80
    assert "\x1b" not in said.out


@pytest.mark.slow
def test_of_a_tagger(cli: Callable, tmp_path: Path) -> None:
    rows = [("wake me at [seven](time)", "alarm"), ("alarm at [nine](time)", "alarm")] * 6
    rows += [("play [jazz](genre)", "music"), ("some [rock](genre) please", "music")] * 6
    file, run = tmp_path / "rows.jsonl", tmp_path / "run"
    lines = []
    for text, intent in rows:
        words = text.replace("[", "").replace("]", " ").split()
        tokens = [word for word in words if not word.startswith("(")]
        tags = [
            f"B-{words[place + 1].strip('()')}"
            if words[place + 1 : place + 2] and words[place + 1][0] == "("
            else "O"
            for place, word in enumerate(words)
            if not word.startswith("(")
        ]
        lines.append(json.dumps({"tokens": tokens, "tags": tags, "intent": intent}))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    tiny = ["embedding=8", "letter_buckets=64", "epochs=2", "least_steps=10"]
    options = [part for pair in tiny for part in ("--set", pair)]
    done = cli("train", "tag", "--data", file, "--out", run, "--hidden", "6", *options)
    assert done.code == 0, done.err
    found = cli("lens", "memory", run, "wake me at nine", "--json").json()
    share = np.array(found["arrays"]["share"]["values"])
    np.testing.assert_allclose(share.sum(1), 1.0)
    assert found["answer"] in ("alarm", "music")
    whole = np.array(cli("lens", "memory", run, "wake me", "--json").json()["arrays"]["share"]["values"])
    if not tasks.inside(run).stack.bidirectional:
        np.testing.assert_allclose(share[:2, :2], whole, atol=1e-9)


# live


def test_a_pipe_is_told_word_by_word(cli: Callable, trained: tuple[Path, Said]) -> None:
    folder, _ = trained
    said = cli("lens", "memory", folder, "--live", "--json", typed="play it\n\nwhat \u200b time is it?\n")
    assert said.code == 0, said.err
    whole = cli("lens", "memory", folder, "what time is it?", "--json").json()
    # it was fed words, and knows no more of the text
    assert said.json() == whole | {"title": 'What the hidden state remembers of "what time is it ?"'}
    told = [line for line in said.err.splitlines() if line.startswith("> ")]
    assert told[:2] == ["> play", "> play it"]
    assert told[2:] == ["> what", "> what � time", "> what � time is", "> what � time is it?"]
    last = said.err.rindex("> what")
    assert [line.split()[0] for line in said.err[last:].splitlines() if line.endswith(" %")] == whole[
        "arrays"
    ]["share"]["labels"]["input"]


def test_damaged_weights_are_said(cli: Callable, trained: tuple[Path, Said], tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    run = tmp_path / "run"
    shutil.copytree(trained[0], run)
    weights = load_file(run / "weights.safetensors")
    name = next(each for each in weights if "weight_hh" in each)
    weights[name] = np.full_like(weights[name], np.nan)
    save_file(weights, run / "weights.safetensors")
    for measure in ("occlusion", "jacobian", "integrated"):
        said = cli("lens", "memory", run, TEXT, "--measure", measure)
        assert said.code == 2
        assert "not finite" in said.err
        assert said.out == ""


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of this kind are POSIX's")
def test_bars_follow_what_is_typed(trained: tuple[Path, Said]) -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "70", "LINES": "24"}
    command = [sys.executable, "-m", "hiddenstate", "lens", "memory", str(trained[0]), "--live"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    try:
        until(ours, "Ctrl-D leaves")
        for typed, expected in (
            (b"play ", "play \x1b"),
            (b"mus", "> play mus"),
            (b"\x1b[D\x7f\x7fore ", "more \x1b"),  # an arrow is no letter; two are taken back
            (b"\x17\x17stop it\r", "it   \x1b"),  # two words are taken back
        ):
            os.write(ours, typed)
            seen = until(ours, expected)
        assert "play" not in seen.split("> stop it")[-1]
        os.write(ours, b"\x04")
        assert process.wait(60) == 0
        assert "How" not in seen
        assert termios.tcgetattr(theirs) == before, "the terminal is put back"
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def until(terminal: int, expected: str, seconds: float = 60) -> str:
    """Read what a terminal shows until something is there."""
    seen, end = "", time.monotonic() + seconds
    while expected not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"no {expected!r} in {seen!r}"
        seen += os.read(terminal, 65536).decode("utf-8", "replace")
    return seen
