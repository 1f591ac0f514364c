"""Programs that record: which is taken, how it is called, what becomes of what it gives."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hiddenstate.data.audio import recorders
from hiddenstate.data.audio.recorders import Recorder, Take, found
from hiddenstate.errors import DataError, InvalidArgument

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="programs are written as scripts")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is all of the path."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(recorders, "sys", SimpleNamespace(platform="linux"))
    return folder


def program(folder: Path, name: str, body: str = "") -> Path:
    path = folder / name
    path.write_text(f"#!{sys.executable} -S\nimport sys, time\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@POSIX
def test_the_first_that_is_there_or_the_one_named(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"looked for arecord, parecord, pw-record, rec, ffmpeg.*apt install"):
        found()
    for name in ("ffmpeg", "rec", "parecord"):
        program(programs, name)
        assert found().name == name
    assert found("rec", "usb", 8000) == Recorder("rec", str(programs / "rec"), 8000, "usb")
    with pytest.raises(DataError, match="arecord is not installed"):
        found("arecord")
    with pytest.raises(InvalidArgument, match="did you mean 'arecord'"):
        found("arecrod")
    monkeypatch.setattr(recorders, "sys", SimpleNamespace(platform="darwin"))
    assert found().name == "rec"
    monkeypatch.setattr(recorders, "sys", SimpleNamespace(platform="win32"))
    with pytest.raises(InvalidArgument, match="list_devices true -f dshow"):
        found()
    assert found(device="Mic (USB)").command[6:10] == ["dshow", "-i", "audio=Mic (USB)", "-ac"]


def test_every_word_of_a_command_is_its_own() -> None:
    odd = "a b; $(c)"
    assert Recorder("arecord", "x", 16000, odd).command == [
        *("x", "-q", "-t", "raw", "-f", "S16_LE", "-r", "16000", "-c", "1", "-D", odd)
    ]
    assert Recorder("parecord", "x", 8000, odd).command[-1] == f"--device={odd}"
    assert Recorder("pw-record", "x", 8000).command == [
        "x",
        "--format=s16",
        "--rate=8000",
        "--channels=1",
        "-",
    ]
    assert Recorder("rec", "x", 8000, odd).environment["AUDIODEV"] == odd
    assert odd not in Recorder("rec", "x", 8000, odd).command


@POSIX
@pytest.mark.parametrize("header", [b"", b".snd" + (28).to_bytes(4, "big") + bytes(20)])
def test_what_it_gives_are_samples(programs: Path, header: bytes) -> None:
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, 2345)
    content = header + samples.astype(">i2" if header else "<i2").tobytes()
    path = program(
        programs,
        "pw-record",
        f"content = {content!r}\n"  # in pieces of odd sizes
        "for at in range(0, len(content), 7):\n"
        "    sys.stdout.buffer.write(content[at : at + 7]); sys.stdout.buffer.flush()",
    )
    parts = []
    with Take(Recorder("pw-record", str(path), 8000)) as take:
        while not take.ended or len(parts) < 3:
            chunk = take.chunk(5.0)
            if chunk is not None:
                parts.append(chunk)
    assert [len(part) for part in parts] == [800, 800, 745]
    np.testing.assert_array_equal(np.concatenate(parts), (samples / 2**15).astype(np.float32))


@POSIX
def test_a_program_that_fails_is_named_with_its_words(programs: Path) -> None:
    path = program(programs, "arecord", "sys.stderr.write('cannot open default\\n'); sys.exit(1)")
    failed = pytest.raises(
        DataError, match=r"arecord could not record: cannot open default\. Is a microphone"
    )
    with failed, Take(Recorder("arecord", str(path))) as take:
        take.chunk(10.0)
    path.write_text("no program", encoding="utf-8")
    with pytest.raises(DataError, match="could not be started"), Take(Recorder("arecord", str(path))):
        pass


@POSIX
def test_it_is_ended_whatever_happens(programs: Path) -> None:
    path = program(programs, "arecord", "time.sleep(600)")
    take = Take(Recorder("arecord", str(path)))
    with contextlib.suppress(KeyboardInterrupt), take:
        assert take.chunk(0.01) is None
        assert not take.ended
        raise KeyboardInterrupt
    assert take._process.returncode is not None
