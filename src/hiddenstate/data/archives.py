"""Archives of recordings -> folders in the cache: unpacked once, whole or not at all, and never outside."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import lzma
import os
import shutil
import tarfile
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from hiddenstate.data import store
from hiddenstate.errors import DataError

MOST_FILES = 200_000
MOST_BYTES = 8 * 2**30
_PACKED: dict[bytes, Any] = {b"\xfd7zXZ\0": lzma.open, b"\x1f\x8b": gzip.open, b"BZh": bz2.open}
STALE = 3600  # seconds after which what a killed process left half unpacked is removed


def folder(dataset: str, inside: str, archives: Sequence[str], cure: str) -> Path:
    """Return the folder `inside` of a data set's recordings: yours, or unpacked from an archive of these
    names.

    It is looked for in $HIDDENSTATE_DATA/<dataset>, unpacked or packed; else an archive with a known address
    is downloaded. Raises DataError where there is none (`cure` says how to get it) or it cannot be unpacked.
    """
    own = store.own_folder()
    here = own / dataset if own is not None else None
    if here is not None and (here / inside).is_dir():
        return here / inside
    for name in archives:
        if here is not None and (here / name).is_file():
            return _inside(unpacked(here / name, store.cache_folder() / dataset), inside, here / name)
    for name in archives:
        if name in store.REMOTES.get(dataset, {}):
            archive = store.locate(dataset, name)
            return _inside(unpacked(archive, archive.parent), inside, archive)
    raise DataError(
        f"{dataset}: expected the folder {inside} or one of {', '.join(archives)} in "
        f"{here if here is not None else f'${store.VARIABLE}/{dataset}'}, came neither. {cure}"
    )


def unpacked(archive: Path, beside: Path) -> Path:
    """Unpack a tar archive into a folder called after its SHA-256, unless that is there; return the folder.

    Only files and folders are taken, no links; all names stay inside. Raises DataError for anything else, for
    more than `MOST_FILES` files or `MOST_BYTES` bytes, and for a damaged archive; nothing is left of it then.
    """
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    target = beside / f"{archive.name.partition('.')[0]}-{digest[:16]}"
    if target.is_dir():
        return target
    beside.mkdir(parents=True, exist_ok=True)
    _sweep(beside)
    partial = beside / f".{target.name}.{os.getpid()}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        with _content(archive) as content, tarfile.open(fileobj=content, mode="r|") as members:
            _take(members, partial, archive)
            if content.count < members.offset + tarfile.BLOCKSIZE:
                raise EOFError("it ends without its end mark, perhaps in the middle")
        try:
            os.replace(partial, target)
        except OSError:
            if not target.is_dir():  # else another process was as quick
                raise
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise DataError(f"{archive}: the archive is damaged ({error}). Copy or download it again.") from error
    except OSError as error:
        raise DataError(f"{archive}: could not be unpacked to {target} ({error}).") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


class _Counted:
    """A file that says how many bytes were read of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.count = stream, 0

    def read(self, size: int = -1) -> bytes:
        """Read some bytes."""
        found = self.stream.read(size)
        self.count += len(found)
        return found


@contextlib.contextmanager
def _content(archive: Path) -> Iterator[Any]:
    """Open what an archive holds. Python's own readers of compressed files notice where one was cut short,
    which those within tarfile do not."""
    with archive.open("rb") as file:
        start = file.read(6)
    opener = next((each for sign, each in _PACKED.items() if start.startswith(sign)), open)
    with opener(archive, "rb") as stream:
        yield _Counted(stream)


def _take(members: tarfile.TarFile, into: Path, archive: Path) -> None:
    """Write the files of an archive; its modes, owners and times are not taken over."""
    files = size = 0
    for member in members:
        files, size = files + 1, size + member.size
        if files > MOST_FILES or size > MOST_BYTES:
            raise DataError(
                f"{archive}: expected at most {MOST_FILES:,} files and {MOST_BYTES >> 30} GiB, came more. It "
                "was not unpacked."
            )
        if not (member.isfile() or member.isdir()) or not _stays_inside(member.name):
            raise DataError(
                f"{archive}: expected files and folders that stay inside it, came {member.name!r}"
                f"{'' if member.isfile() or member.isdir() else ', a link or a device'}. It was not unpacked."
            )
        place = into.joinpath(*PurePosixPath(member.name).parts)
        if member.isdir():
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        content: IO[bytes] | None = members.extractfile(member)
        if content is not None:
            with place.open("xb") as file:
                shutil.copyfileobj(content, file, 1 << 20)


def _stays_inside(name: str) -> bool:
    """Say whether a name leads to below the folder it is put into, on every system."""
    windows = PureWindowsPath(name)
    return (
        bool(windows.parts or name in (".", "./"))
        and not name.startswith("/")
        and not windows.drive
        and not windows.root
        and ".." not in windows.parts
        and "\0" not in name
    )


def _inside(root: Path, inside: str, archive: Path) -> Path:
    if not (root / inside).is_dir():
        found = ", ".join(sorted(each.name for each in root.iterdir())[:5])
        raise DataError(f"{archive}: expected the folder {inside} in it, came {found or 'nothing'}.")
    return root / inside


def _sweep(beside: Path) -> None:
    for partial in beside.glob(".*.partial"):
        with contextlib.suppress(FileNotFoundError):  # another process sweeps too
            if time.time() - partial.stat().st_mtime > STALE:
                shutil.rmtree(partial, ignore_errors=True)
