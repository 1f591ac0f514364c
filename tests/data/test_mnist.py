"""MNIST's files: exact bytes back, and damage refused."""

import gzip
import hashlib
import os

import numpy as np
import pytest

from hiddenstate.data.sources import mnist
from hiddenstate.errors import DataError


def write(path, array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("HIDDENSTATE_DATA", str(tmp_path))
    folder = tmp_path / "mnist"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for images, labels in mnist.FILES.values():
        write(folder / images, generator.integers(0, 256, (5, 28, 28), dtype=np.uint8))
        write(folder / labels, np.arange(5, dtype=np.uint8))
    return folder


def test_pictures_come_back_and_turn_into_rows(own):
    pictures = mnist.read()["train"]
    expected = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    np.testing.assert_array_equal(pictures.images, expected)
    assert pictures.labels.tolist() == [0, 1, 2, 3, 4]
    rows = pictures.rows(np.array([3, 1]))
    assert rows.shape == (28, 2, 28)
    np.testing.assert_array_equal(rows[7, 1], expected[1, 7].astype(np.float32) / np.float32(255))


def test_damage_is_refused(own):
    images = own / mnist.FILES["test"][0]
    whole = images.read_bytes()
    images.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"expected a whole gzip file .* Remove it"):
        mnist.read()
    images.write_bytes(gzip.compress(gzip.decompress(whole)[:-1]))
    with pytest.raises(DataError, match=r"promises 3920 bytes \[5, 28, 28\], came 3919"):
        mnist.read()
    images.write_bytes(gzip.compress(b"PNG"))
    with pytest.raises(DataError, match=r"expected an IDX file of bytes .* came 50 4e 47"):
        mnist.read()
    write(images, np.zeros((4, 28, 28), np.uint8))
    with pytest.raises(DataError, match=r"came \[4, 28, 28\] and \[5\] \(t10k-labels"):
        mnist.read()


@pytest.mark.skipif(not os.environ.get("HIDDENSTATE_DATA"), reason="needs $HIDDENSTATE_DATA/mnist")
def test_mnist_as_published():
    splits = mnist.read()
    assert {name: (len(part.images), np.bincount(part.labels).tolist()) for name, part in splits.items()} == {
        "train": (60_000, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        "test": (10_000, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    }
    # The SHA-256 of the official file, unpacked.
    header = bytes([0, 0, 8, 3]) + b"".join(size.to_bytes(4, "big") for size in (10_000, 28, 28))
    found = hashlib.sha256(header + splits["test"].images.tobytes()).hexdigest()
    assert found == "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
