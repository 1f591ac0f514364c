"""Archives of recordings: unpacked once, whole or not at all, and never outside."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import time
from pathlib import Path

import pytest

from hiddenstate.data import archives, store
from hiddenstate.errors import DataError


def packed(path: Path, members: dict[str, bytes | tarfile.TarInfo], mode: str = "w:xz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = content if isinstance(content, bytes) else b""
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


def directory(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    return info


@pytest.mark.parametrize("mode", ["w:xz", "w:gz", "w:bz2", "w"])
def test_an_archive_is_unpacked_once(tmp_path: Path, mode: str) -> None:
    members = {"wav": directory("wav"), "wav/a.wav": b"first", "wav/deep/b.wav": b"second" * 1000}
    archive = packed(tmp_path / "wav.tar.xz", members, mode)
    found = archives.unpacked(archive, tmp_path / "cache")
    files = {
        path.relative_to(found).as_posix(): path.read_bytes() for path in found.rglob("*") if path.is_file()
    }
    assert files == {"wav/a.wav": b"first", "wav/deep/b.wav": b"second" * 1000}
    (found / "wav" / "a.wav").write_bytes(b"touched")
    assert archives.unpacked(archive, tmp_path / "cache") == found
    assert (found / "wav" / "a.wav").read_bytes() == b"touched"
    assert os.listdir(tmp_path / "cache") == [found.name]


@pytest.mark.parametrize(
    "name",
    ["../outside", "a/../../outside", "/etc/outside", "C:\\outside", "c:outside", "..\\outside", "\\outside"],
)
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    archive = packed(tmp_path / "wav.tar.xz", {"fine.wav": b"x", name: b"y"})
    with pytest.raises(DataError, match=r"stay inside it, came .*outside'. It was not unpacked"):
        archives.unpacked(archive, tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []
    assert sorted(os.listdir(tmp_path)) == ["cache", "wav.tar.xz"]


@pytest.mark.parametrize(
    "member",
    [link("a", "/etc/passwd"), link("a", "b", tarfile.LNKTYPE), link("a", "", tarfile.FIFOTYPE)],
    ids=["symbolic link", "hard link", "pipe"],
)
def test_links_and_devices_are_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    archive = packed(tmp_path / "wav.tar.xz", {"b": b"x", "a": member})
    with pytest.raises(DataError, match=r"came 'a', a link or a device. It was not unpacked"):
        archives.unpacked(archive, tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []


def test_what_is_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(tmp_path / "wav.tar.xz", {f"{number}": bytes(2**20) for number in range(5)})
    monkeypatch.setattr(archives, "MOST_BYTES", 4 * 2**20)
    with pytest.raises(DataError, match=r"came more. It was not unpacked"):
        archives.unpacked(archive, tmp_path / "cache")
    monkeypatch.setattr(archives, "MOST_BYTES", 8 * 2**20)
    monkeypatch.setattr(archives, "MOST_FILES", 4)
    with pytest.raises(DataError, match="at most 4 files"):
        archives.unpacked(archive, tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wav.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        for content in (b"first", b"second"):
            info = tarfile.TarInfo("a.wav")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    with pytest.raises(DataError, match="could not be unpacked"):
        archives.unpacked(path, tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []


@pytest.mark.parametrize("share", [0.0, 0.5, 0.98])
def test_a_damaged_archive_leaves_nothing(tmp_path: Path, share: float) -> None:
    archive = packed(tmp_path / "wav.tar.xz", {"a.wav": os.urandom(50_000), "b.wav": os.urandom(50_000)})
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match="the archive is damaged"):
        archives.unpacked(archive, tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []


@pytest.mark.parametrize("suffix", ["", ".xz", ".gz", ".bz2"])
def test_an_archive_that_ends_between_two_files_is_damaged_too(tmp_path: Path, suffix: str) -> None:
    whole = packed(tmp_path / "whole.tar", {"a.wav": b"a" * 512, "b.wav": b"b" * 512}, "w").read_bytes()
    opener = {"": open, ".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}[suffix]
    path = tmp_path / f"wav.tar{suffix}"
    with opener(path, "wb") as file:
        file.write(whole[:1024])  # a header and its file
    with pytest.raises(DataError, match="the archive is damaged"):
        archives.unpacked(path, tmp_path / "cache")
    with opener(path, "wb") as file:
        file.write(whole)
    assert sorted(os.listdir(archives.unpacked(path, tmp_path / "cache"))) == ["a.wav", "b.wav"]


def test_wherever_a_compressed_archive_is_cut_it_is_damaged(tmp_path: Path) -> None:
    files = {f"{name}.wav": os.urandom(512) for name in "abc"}
    content = packed(tmp_path / "wav.tar.xz", files).read_bytes()
    for end in range(1, len(content) - 100, 7):
        (tmp_path / "wav.tar.xz").write_bytes(content[:end])
        with pytest.raises(DataError, match="the archive is damaged"):
            archives.unpacked(tmp_path / "wav.tar.xz", tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []


def test_what_killed_processes_left_is_swept_up_once_it_is_old(tmp_path: Path) -> None:
    for name in ("old", "young"):
        (tmp_path / "cache" / f".{name}.1.partial" / "deep").mkdir(parents=True)
    os.utime(tmp_path / "cache" / ".old.1.partial", (time.time() - 7200,) * 2)
    found = archives.unpacked(packed(tmp_path / "wav.tar.xz", {"a": b"x"}), tmp_path / "cache")
    assert sorted(os.listdir(tmp_path / "cache")) == [".young.1.partial", found.name]


def test_the_own_folder_comes_first_then_the_own_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIDDENSTATE_DATA", str(tmp_path))
    monkeypatch.setattr(store, "cache_folder", lambda: tmp_path / "cache")
    (tmp_path / "set").mkdir()
    with pytest.raises(
        DataError, match=r"the folder wav or one of wav.tar.xz in .*set, came neither. Get it so"
    ):
        archives.folder("set", "wav", ("wav.tar.xz",), "Get it so.")
    packed(tmp_path / "set" / "wav.tar.xz", {"wav/a": b"x"})
    found = archives.folder("set", "wav", ("wav.tar.xz",), "")
    assert found.parent.parent == tmp_path / "cache" / "set"
    with pytest.raises(DataError, match="expected the folder flac in it, came wav"):
        archives.folder("set", "flac", ("wav.tar.xz",), "")
    (tmp_path / "set" / "wav").mkdir()
    assert archives.folder("set", "wav", ("wav.tar.xz",), "") == tmp_path / "set" / "wav"
