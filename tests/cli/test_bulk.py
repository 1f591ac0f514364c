"""Answers to files of any length: all of them, in order, in bounded memory, in a whole file or none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hiddenstate import tasks
from hiddenstate.data import lines
from hiddenstate.tasks.classify import Classifier

if TYPE_CHECKING:
    from conftest import Said

WORDS = "what time is it now please tell me a joke play some zorp music turn the light off".split()  # noqa: SIM905
COMMAND = (sys.executable, "-m", "hiddenstate", "predict")
POSIX = pytest.mark.skipif(os.name != "posix", reason="pipes and terminals are POSIX here")


def texts_of(count: int) -> list[str]:
    return [" ".join(WORDS[n % 7 : n % 7 + 2 + n % 9]) for n in range(count)]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n\n".join(texts_of(500)) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "READ", 999)


@pytest.mark.usefixtures("small_pieces")
def test_every_text_is_answered_in_order_as_it_is_alone(
    cli: Callable, trained: tuple[Path, Said], texts: Path
) -> None:
    said = cli("predict", trained[0], "--file", texts, "--json")
    assert said.code == 0
    assert "499 blank lines, which have no answer" in said.err
    model, found = tasks.load(trained[0]), [json.loads(line) for line in said.out.splitlines()]
    assert [each["text"] for each in found] == texts_of(500)
    for each in found[::29]:
        (alone,) = model.predict([each["text"]])
        assert (each["label"], each["score"], each["probability"]) == (
            alone.label,
            alone.score,
            alone.probability,
        )
        assert [tuple(pair) for pair in each["ranked"]] == list(alone.ranked)


@pytest.mark.usefixtures("small_pieces")
def test_without_json_there_are_columns(cli: Callable, trained: tuple[Path, Said], tmp_path: Path) -> None:
    file = tmp_path / "two.txt"
    file.write_bytes(b"what\ttime is it\x1b[2J\nplay zorp music\n" + b"tell me a joke\n" * 200)
    head, first, second, *rest = cli("predict", trained[0], "--file", file).out.splitlines()
    assert head.split("\t") == ["text", "intent", "probability", "unknown words"]
    assert first.split("\t")[0] == "what time is it\ufffd[2J"
    assert second.split("\t")[3] == "zorp"
    assert len(rest) == 200
    assert len(set(rest)) == 1


def test_a_file_of_answers_is_whole_or_not_there(
    cli: Callable, trained: tuple[Path, Said], texts: Path, tmp_path: Path, small_pieces: None
) -> None:
    out = tmp_path / "answers.jsonl"
    said = cli("predict", trained[0], "--file", texts, "--out", out, "--json")
    assert (said.code, said.out) == (0, "")
    assert f"500 answers in {out}" in said.err
    written = out.read_bytes()
    assert written.decode() == cli("predict", trained[0], "--file", texts, "--json").out
    texts.write_bytes(texts.read_bytes() + b"caf\xe9\n")
    said = cli("predict", trained[0], "--file", texts, "--out", out)
    assert said.code == 1
    assert "came the byte 0xE9" in said.err
    assert "(line 1000)" in said.err
    assert out.read_bytes() == written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.jsonl", "texts.txt"]


@pytest.mark.usefixtures("small_pieces")
def test_ctrl_c_leaves_nothing_half_written(
    cli: Callable, trained: tuple[Path, Said], texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = Classifier.predict

    def stopped(self: Classifier, texts: Sequence[str]) -> Any:
        if texts_of(500)[300] in texts and self.pieces > 3:
            raise KeyboardInterrupt
        stopped.calls += 1
        return predict(self, texts)

    stopped.calls = 0
    monkeypatch.setattr(Classifier, "pieces", property(lambda self: stopped.calls), raising=False)
    monkeypatch.setattr(Classifier, "predict", stopped)
    said = cli("predict", trained[0], "--file", texts, "--out", tmp_path / "a.txt")
    assert said.code == 130
    assert "stopped by Ctrl-C after" in said.err
    assert "nothing was written" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["texts.txt"]


def test_out_is_checked_before_anything_is_answered(
    cli: Callable, trained: tuple[Path, Said], texts: Path, tmp_path: Path
) -> None:
    before = texts.read_bytes()
    for words, expected in (
        (["--file", texts, "--out", texts], "would replace the texts"),
        (["--file", texts, "--out", tmp_path], "is a folder"),
        (["--file", texts, "--out", tmp_path / "no" / "a.txt"], "there is no folder"),
        (["the time", "--out", tmp_path / "a.txt"], "takes the answers to --file or to a pipe"),
    ):
        said = cli("predict", trained[0], *words)
        assert (said.code, said.out) == (2, "")
        assert expected in said.err
    assert texts.read_bytes() == before


def test_a_file_without_texts_leaves_no_answers(
    cli: Callable, trained: tuple[Path, Said], tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").write_bytes(b"\n \n")
    for words in ((), ("--out", tmp_path / "a.txt")):
        said = cli("predict", trained[0], "--file", tmp_path / "empty.txt", *words)
        assert (said.code, said.out) == (2, "")
        assert "only blank lines" in said.err
    assert not (tmp_path / "a.txt").exists()


@POSIX
def test_a_reader_that_has_enough_ends_it_quietly(trained: tuple[Path, Said], tmp_path: Path) -> None:
    file = tmp_path / "many.txt"
    file.write_text("\n".join(texts_of(20_000)), encoding="utf-8")
    ours = subprocess.Popen(
        [*COMMAND, str(trained[0]), "--file", str(file), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert ours.stdout
    assert ours.stderr
    assert json.loads(ours.stdout.readline())["text"] == texts_of(1)[0]
    ours.stdout.close()
    assert (ours.stderr.read(), ours.wait()) == (b"", 0)
    ours.stderr.close()


@POSIX
def test_a_pipe_that_stays_open_is_answered_at_once(trained: tuple[Path, Said]) -> None:
    with subprocess.Popen(
        [*COMMAND, str(trained[0]), "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as ours:
        assert ours.stdin
        assert ours.stdout
        for text in texts_of(3):
            ours.stdin.write(f"{text}\n".encode())
            ours.stdin.flush()
            assert json.loads(ours.stdout.readline())["text"] == text
        ours.stdin.close()
        assert ours.wait() == 0


@POSIX
def test_a_terminal_gets_tables_of_its_width(trained: tuple[Path, Said], texts: Path) -> None:
    ours, theirs = os.openpty()
    done = subprocess.Popen(
        [*COMMAND, str(trained[0]), "--file", str(texts)],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TERM": "dumb"},
    )
    os.close(theirs)
    found = b""
    while True:
        try:
            came = os.read(ours, 65536)
        except OSError:  # the end, as Linux has it
            break
        if not came:
            break
        found += came
    os.close(ours)
    assert done.wait() == 0
    rows = found.decode().splitlines()
    assert max(map(len, rows)) <= 80
    assert rows[0].split() == ["text", "intent", "probability", "unknown", "words"]


@POSIX
def test_ctrl_c_at_a_terminal(trained: tuple[Path, Said], tmp_path: Path) -> None:
    out = tmp_path / "a.txt"
    with subprocess.Popen(
        [*COMMAND, str(trained[0]), "--out", str(out)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ours:
        assert ours.stdin
        assert ours.stderr
        ours.stdin.write(b"the time\n")
        ours.stdin.flush()
        partial = tmp_path / ".a.txt.partial"
        while not partial.exists():
            time.sleep(0.05)
        ours.send_signal(signal.SIGINT)
        assert ours.wait() == 130
        assert b"stopped by Ctrl-C" in ours.stderr.read()
    assert list(tmp_path.iterdir()) == []


MEASURED = """
import sys
from pathlib import Path
from hiddenstate.cli import main
try:
    main()
finally:  # of this program alone: what the system tells of a child counts the process that started it as well
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")), file=sys.stderr)
"""


def memory_of(run: Path, file: Path) -> int:
    """The most memory that answering a file took, in kilobytes."""
    words = [sys.executable, "-c", MEASURED, "predict", str(run), "--file", str(file), "--json"]
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    return int(done.stderr.split()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="a program is asked for its memory as Linux has it")
def test_memory_does_not_grow_with_the_file(trained: tuple[Path, Said], tmp_path: Path) -> None:
    found = []
    for count in (15_000, 40_000):
        file = tmp_path / f"{count}.txt"
        file.write_text("\n".join(texts_of(count)), encoding="utf-8")
        found.append(memory_of(trained[0], file))
    assert found[1] - found[0] < 8_000  # the answers, held at once, would take twenty-five thousand
