"""Texts of a file that is read bit by bit are those of the whole; and where it is that reading fails."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data import lines
from hiddenstate.errors import DataError


class Dripping(io.RawIOBase):
    """A pipe that brings so many bytes at a time."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self.content, self.sizes, self.turn = io.BytesIO(content), sizes, 0

    def read1(self, size: int) -> bytes:
        self.turn += 1
        return self.content.read(min(size, self.sizes[self.turn % len(self.sizes)]))


SIGNS = st.sampled_from(["a", "é", "時", "🙂", " ", "\t", "\n", "\r", "\r\n", "\n\n", "\u2028", "\ufeff"])


@given(st.lists(SIGNS, max_size=40).map("".join), st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_bit_by_bit_is_the_whole(text: str, sizes: list[int]) -> None:
    content = text.encode()
    found = list(lines.pieces(Dripping(content, sizes), "here"))
    whole = re.split("\r\n|\r|\n", text.removeprefix("\ufeff"))
    assert [each for piece in found for each in piece.texts] == [
        each.strip() for each in whole if each.strip()
    ]
    assert [piece.end for piece in found] == sorted(piece.end for piece in found)
    assert not found or found[-1].end == len(content)


def test_blank_lines_are_counted_and_pieces_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "TOGETHER", 3)
    found = list(lines.pieces(io.BytesIO(b"a\n\nb\nc\n \nd\ne"), "here"))
    assert [(piece.texts, piece.blank) for piece in found] == [(["a", "b"], 1), (["c", "d"], 1), (["e"], 0)]
    assert list(lines.pieces(io.BytesIO(b""), "here")) == []


@pytest.mark.parametrize("sizes", [[1], [7], [10**6]])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"one\ntwo\nth\xe9\n", r"byte 0xE9 at byte 10 \(line 3\)"),
        (b"\xef\xbb\xbfone\ntw\x00\n", r"NUL byte at byte 9 \(line 2\)"),
        (b"one\ntwo\n\xff\xfeoops\n", r"byte 0xFF at byte 8 \(line 3\)"),
        ("one\n".encode("utf-16"), "UTF-16"),
        (b"one\ntwo\n" + b"x" * 101, "without the end of line 3"),
    ],
)
def test_where_it_stands(
    content: bytes, words: str, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "LONGEST", 100)
    with pytest.raises(DataError, match=rf"here: .*{words}"):
        list(lines.pieces(Dripping(content, sizes), "here"))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path, words in ((tmp_path, "came a folder"), (tmp_path / "no.txt", "there is no such file")):
        with pytest.raises(DataError, match=words):
            lines.opened(path)
