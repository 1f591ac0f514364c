"""Word vectors of every kind of file, and every kind of damage, named by line."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.data.vectors import read_vectors, width_of
from hiddenstate.errors import DataError, InvalidArgument

ROWS = "the 0.5 -1 2e-1\ncat 1 2 3\nDog 4 5 6\ndog 7 8 9\nZebra 1 1 1\n"
WORDS = ("dog", "zebra", "unicorn", "cat")


def text(tmp_path: Path, content: str, name: str = "words.vec") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode())
    return path


@pytest.mark.parametrize(
    "content", [ROWS, "5 3\n" + ROWS, ROWS.replace("\n", " \r\n"), ROWS.replace(" ", "\t")]
)
def test_text_files_with_and_without_sizes(tmp_path: Path, content: str) -> None:
    path = text(tmp_path, content)
    found = read_vectors(path, WORDS)
    assert found.places.tolist() == [0, 1, 3]
    np.testing.assert_array_equal(found.values, [[7, 8, 9], [1, 1, 1], [1, 2, 3]])
    assert found.width == width_of(path) == 3


def test_npz_files(tmp_path: Path) -> None:
    path = tmp_path / "words.npz"
    vectors = np.arange(30000, dtype=np.float16).reshape(10000, 3)
    words = np.array([f"w{i}" for i in range(9998)] + ["Cat", "cat"])
    np.savez_compressed(path, words=words, vectors=vectors)
    found = read_vectors(path, ("cat", "w5000", "none"))
    assert found.places.tolist() == [0, 1]
    np.testing.assert_array_equal(found.values, vectors[[9999, 5000]].astype(np.float32))


def test_the_first_spelling_with_capitals_counts(tmp_path: Path) -> None:
    found = read_vectors(text(tmp_path, "Paris 1 2\nPARIS 3 4\n"), ("paris",))
    np.testing.assert_array_equal(found.values, [[1, 2]])


def test_words_with_spaces_as_some_files_have_them(tmp_path: Path) -> None:
    found = read_vectors(text(tmp_path, "cat 1 2\nat name@domain.com 5 6\ndog 3 4\n"), ("dog",))
    np.testing.assert_array_equal(found.values, [[3, 4]])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("cat 1 2 3\nbird 1 2\ndog 1 2 3\n", "line 2: expected a word and 3 numbers .* came 2: 'bird 1 2'"),
        ("cat 1 2 3\nbird 1 2 3 4\n", "line 2: expected a word and 3 numbers .* came 4"),
        ("2 4\ncat 1 2 3\n", "line 2: expected a word and 4 numbers"),
        ("cat 1 2 3\ndog 1 x 3\n", "line 2: expected numbers behind the word, came 'x'"),
        ("cat 1 2 3\ndog 1 nan 3\n", "line 2: expected numbers behind the word, came 'nan'"),
        ("cat 1 2 3\n\ndog 1 2 3\n", "line 2: .* an empty line"),
        ("", "is empty"),
        ("cat\n", "line 1: expected a word and its numbers"),
        ("the quick brown fox\n", "line 1: expected numbers"),
    ],
)
def test_a_ragged_file_names_the_line(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_vectors(text(tmp_path, content), WORDS)


def test_other_files_are_refused_in_clear_words(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidArgument, match=r"expects a file of \.vec, \.txt, \.npz, came 'cc\.en\.300\.bin'"
    ):
        width_of(tmp_path / "cc.en.300.bin")
    with pytest.raises(InvalidArgument, match="there is no file"):
        width_of(tmp_path / "none.vec")
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"bad\.npz is no \.npz"):
        width_of(bad)
    for content, words in (
        ({"words": np.array(["a"])}, "has no array 'vectors'"),
        ({"vectors": np.ones((1, 2))}, "has no array 'words'"),
        ({"words": np.array(["a"], dtype=object), "vectors": np.ones((1, 2))}, "'words' to hold strings"),
        ({"words": np.array(["a"]), "vectors": np.ones(2)}, r"'vectors' to hold .* came float64 \[2\]"),
        ({"words": np.array(["a"]), "vectors": np.ones((2, 2))}, "a vector for each of 1 words, came 2"),
        (
            {"words": np.array(["a"]), "vectors": np.full((1, 2), np.inf)},
            "'a' has a number that is not finite",
        ),
    ):
        np.savez(bad, **content)
        with pytest.raises(DataError, match=words):
            read_vectors(bad, ("a",))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.vec"
    row = " 0.125" * 100
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"word{i}{row}\n" for i in range(20000))
    tracemalloc.start()
    found = read_vectors(path, ("word7", "word19999"))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.values.shape == (2, 100)
    assert most < 0.2 * path.stat().st_size
