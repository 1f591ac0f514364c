"""MNIST digits (LeCun, Cortes, Burges, 1998) from their IDX files, to be read row by row."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hiddenstate.data import store
from hiddenstate.errors import DataError

FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


@dataclass(frozen=True)
class Pictures:
    """Grey pictures [N, 28, 28] uint8 and the digit on each [N] uint8."""

    images: np.ndarray
    labels: np.ndarray

    def rows(self, indices: np.ndarray) -> np.ndarray:
        """Return some pictures as sequences of rows [T=28, B, F=28], float32 from 0 to 1."""
        return np.ascontiguousarray(self.images[indices].transpose(1, 0, 2), dtype=np.float32) / np.float32(
            255
        )


def read() -> Mapping[str, Pictures]:
    """Read the 60,000 training and 10,000 test pictures, in the official order.

    Raises DataError for a file that is cut short or no IDX file, or labels that do not match the pictures.
    """
    return {
        split: _pictures(*(store.locate("mnist", name) for name in names)) for split, names in FILES.items()
    }


def _pictures(images: Path, labels: Path) -> Pictures:
    pictures, digits = read_idx(images), read_idx(labels)
    if pictures.ndim != 3 or digits.shape != pictures.shape[:1]:
        raise DataError(
            f"{images}: expected pictures [N, rows, columns] and labels [N], came {list(pictures.shape)} and "
            f"{list(digits.shape)} ({labels.name}). Were the files mixed up?"
        )
    return Pictures(pictures, digits)


def read_idx(path: Path) -> np.ndarray:
    """Read one gzipped IDX file of unsigned bytes, of any number of dimensions.

    Raises DataError for anything else, or for more or fewer bytes than its header promises.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: expected a whole gzip file ({error}). Remove it to download it again."
        ) from error
    dimensions = content[3] if len(content) > 3 else 0
    start = 4 + 4 * dimensions
    if content[:3] != b"\0\0\x08" or not dimensions or len(content) < start:
        raise DataError(
            f"{path}: expected an IDX file of bytes (00 00 08 ..), came {content[:4].hex(' ') or 'nothing'}."
        )
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4"))
    promised = int(np.prod(shape, dtype=object))
    if len(content) - start != promised:
        raise DataError(
            f"{path}: its header promises {promised} bytes {list(shape)}, came {len(content) - start}. "
            "Remove it to download it again."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
