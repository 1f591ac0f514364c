"""IS A FILE WHOLE? Writing so that it stays whole, reading so that damage is found before it is used.

A file is written under a temporary name in its own folder, synced, and renamed: a file that has its name is
whole, and whatever went wrong, the old one is still there. Reading checks sizes, types and shapes first, and
executes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open

from hiddenstate.errors import InvalidArgument, RunError

LARGEST_HEADER = 16 * 2**20  # bytes; 100,000 tensors need about half of it
LARGEST_TEXT = 256 * 2**20  # bytes; a log of a million epochs, or any vocabulary
DTYPES = {"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}
AGAIN = "Copy it again from where it is whole, or train again."
RESUME = "Free some space and go on with --resume."


def write(path: Path, content: bytes, cure: str = RESUME) -> None:
    """Write a file so that, whatever happens meanwhile, the old one or the new one is there and whole."""
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise write_error(path, error, len(content), cure) from error
    finally:  # nothing is left there after success; after an error or Ctrl-C the space is given back
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Open a file to be written bit by bit: it gets its name once it is whole, else the old one keeps it."""
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise write_error(path, error, cure="Free some space and begin again.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def append(path: Path, content: bytes, cure: str = RESUME) -> None:
    """Append to a file, all of it or nothing."""
    try:
        with open(path, "ab", buffering=0) as file:
            length = file.seek(0, os.SEEK_END)
            try:
                written = file.write(content)
                if written < len(content):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):  # a full disk can still be cut back to whole lines
                    os.truncate(path, length)
                raise
    except OSError as error:
        raise write_error(path, error, len(content), cure) from error


def read_utf8(path: Path) -> str:
    """Read UTF-8; raises RunError where the file is missing, something else, or larger than any run's."""
    with _reading(path):
        if path.stat().st_size > LARGEST_TEXT:
            raise RunError(
                f"{path} is larger than the {LARGEST_TEXT >> 20} MB a run's text can have. {AGAIN}"
            )
        return path.read_bytes().decode("utf-8")


def to_utf8(text: str) -> bytes:
    """Encode a text; raises InvalidArgument for half a surrogate pair, the only thing UTF-8 cannot hold."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidArgument(
            f"Text must be valid Unicode to be saved in a run: {error}. Clean the data it came from first."
        ) from error


def to_json(value: object, indent: int | None = None) -> str:
    """Write JSON; raises InvalidArgument for what it cannot hold, NaN among it."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            f"Only what JSON can hold can be saved in a run: {error}. Convert it first."
        ) from error


def from_json(text: str, where: object) -> dict[str, Any]:
    """Read a JSON object; raises RunError for anything else."""

    def no_constant(name: str) -> None:
        raise InvalidArgument(f"{name} is not JSON")

    try:
        value = json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:  # RecursionError: a bomb of ten thousand brackets
        raise RunError(f"{where} is damaged: not JSON ({error}). {AGAIN}") from error
    if not isinstance(value, dict):
        raise RunError(f"{where} is damaged: expected an object, got {type(value).__name__}. {AGAIN}")
    return value


def read_tensors(
    path: Path, shapes: Mapping[str, tuple[int, ...]] | None = None
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read a safetensors file and its metadata, checked from the outside in before any tensor is touched."""
    with _reading(path):
        size = path.stat().st_size
        with open(path, "rb") as file:
            header = int.from_bytes(file.read(8), "little")
        if size < 10 or header > size - 8:
            raise RunError(
                f"{path} is truncated: it has {size} bytes and announces a header of {header}. {AGAIN}"
            )
        if header > LARGEST_HEADER:
            raise RunError(
                f"{path} is damaged: a header of {header} bytes, the limit is {LARGEST_HEADER}. {AGAIN}"
            )
        with safe_open(path, framework="np") as file:
            found = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            for name, tensor in found.items():
                if tensor.get_dtype() not in DTYPES:
                    raise RunError(
                        f"{path}: tensor {name!r} has type {tensor.get_dtype()}, which no run holds. {AGAIN}"
                    )
            if shapes is not None:
                _check_shapes(
                    path, {name: tuple(tensor.get_shape()) for name, tensor in found.items()}, shapes
                )
            return {name: file.get_tensor(name) for name in found}, dict(file.metadata() or {})


def _check_shapes(
    path: Path, found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]
) -> None:
    missing, extra = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    wrong = [name for name in wanted if name in found and found[name] != tuple(wanted[name])]
    if missing:
        what = f"{len(missing)} tensors are missing ({', '.join(missing[:3])})"
    elif extra:
        what = f"{len(extra)} tensors are not the model's ({', '.join(extra[:3])})"
    elif wrong:
        what = f"{wrong[0]!r} should be {list(wanted[wrong[0]])} and is {list(found[wrong[0]])}"
    else:
        return
    raise RunError(f"{path} does not fit the model that spec.json describes: {what}. {AGAIN}")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever a missing or damaged file raises into a RunError that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise RunError(
            f"{path} is missing: the run stopped before it was written, or was copied in part. {_cure(path)}"
        ) from error
    except UnicodeDecodeError as error:
        raise RunError(f"{path} is damaged: not UTF-8 at byte {error.start}. {AGAIN}") from error
    except (SafetensorError, ValueError, OverflowError) as error:
        raise RunError(f"{path} is damaged or truncated: {error}. {AGAIN}") from error
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}.") from error


def _cure(path: Path) -> str:
    """What to do where a file is missing: a run without its report has not been trained to the end."""
    folder = path.parent
    if (folder / "spec.json").is_file() and not (folder / "report.md").is_file():
        return f"Go on with it: hiddenstate train --resume {folder}; or copy it again from where it is whole."
    return AGAIN


def write_error(path: Path, error: OSError, size: int = 0, cure: str = RESUME) -> RunError:
    """Say why a file could not be written, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        there = next(parent for parent in path.absolute().parents if parent.is_dir())
        free = shutil.disk_usage(there).free >> 10
        return RunError(
            f"The disk is full: {path} needs {(size >> 10) + 1} kB, {free} kB are free ({error.strerror}). "
            f"What was written before is intact. {cure}"
        )
    return RunError(
        f"{path} cannot be written: {error.strerror or error}. What was written before is intact. "
        "Choose a folder where you may write."
    )


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the system can: Windows cannot open a folder."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # some network disks refuse; the rename stands all the same
                os.fsync(handle)
        finally:
            os.close(handle)
