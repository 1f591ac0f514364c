"""A file is read to its end, whatever is wrong with its rows; every row is named as an editor numbers it."""

from __future__ import annotations

import csv
import io
import json
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data.checks.reading import Reading, examine
from hiddenstate.data.sources import read, tables
from hiddenstate.errors import DataError

ROWS = [("where is my parcel", "delivery"), ("money back please", "refund"), ("cancel it", "cancel")] * 3
PLAIN = "text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS)


def examined(folder: Path, content: str | bytes, name: str = "a.csv", **columns: str) -> Reading:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return examine(path, **columns)


def told(reading: Reading) -> list[tuple[str, object, str]]:
    return [(each.kind, each.number, each.text) for each in reading.findings]


def texts(reading: Reading) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in reading.rows]


def test_a_sound_file_is_what_training_reads(tmp_path: Path) -> None:
    reading = examined(tmp_path, PLAIN)
    assert texts(reading) == ROWS
    assert [row.number for row in reading.rows] == list(range(2, 11))
    assert (reading.findings, reading.count, reading.out_of_scope) == ((), 9, None)
    assert reading.sha256 == read(tmp_path / "a.csv").sha256


def test_every_bad_row_is_named_at_once(tmp_path: Path) -> None:
    content = (
        'text,label,split\n"two\nlines",a,train\n,a,train\nhi,,train\nhi, you,a,train\nho,b,trian\n'
        '"stray" quote,b,train\n\nlast,b,test\ntext,label,split\n'
    )
    reading = examined(tmp_path, content)
    assert texts(reading) == [("two\nlines", "a"), ("last", "b")]
    assert [row.number for row in reading.rows] == [2, 10]
    assert sorted(told(reading)) == [
        ("empty", 4, ""),
        ("empty", 5, "hi"),
        ("unreadable", 6, "hi, you,a,train"),
        ("unreadable", 8, '"stray" quote,b,train'),
        ("value", 7, "ho"),
        ("value", 11, "text"),
    ]
    assert reading.count == 8


def test_a_header_that_comes_again_is_no_row(tmp_path: Path) -> None:
    reading = examined(tmp_path, PLAIN + PLAIN)
    assert told(reading) == [("header", 11, "text")]
    assert len(reading.rows) == 18


@pytest.mark.parametrize(
    ("encoding", "likely"), [("latin-1", "Latin-1"), ("cp1252", "Windows-1252")], ids=["latin-1", "cp1252"]
)
def test_lines_in_a_wrong_encoding_are_named_and_guessed(tmp_path: Path, encoding: str, likely: str) -> None:
    odd = "naïve café" + ("’" if encoding == "cp1252" else "")
    content = f"text,label\nhi,a\n{odd},b\nho,a\n{odd} again,b\n".encode(encoding)
    reading = examined(tmp_path, content)
    assert told(reading) == [("encoding", 3, odd), ("encoding", 5, f"{odd} again")]
    assert {each.says for each in reading.findings} == {f"looks like {likely}"}
    assert [row.text for row in reading.rows] == ["hi", odd, "ho", f"{odd} again"]
    with pytest.raises(DataError, match=r"2 lines are so\. Save it as UTF-8, or convert it"):
        read(tmp_path / "a.csv")


def test_of_two_encodings_in_one_file_each_is_read_in_its_own(tmp_path: Path) -> None:
    content = "text,label\ncafé,a\n".encode() + 'café,b\n"two\ncafé",b\n'.encode("latin-1")
    reading = examined(tmp_path, content)
    assert [row.text for row in reading.rows] == ["café", "café", "two\ncafé"]
    assert told(reading) == [("encoding", 3, "café"), ("encoding", 4, "two\ncafé")]
    with pytest.raises(DataError, match="Other lines are UTF-8: correct these lines alone"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_said_once_for_the_file(tmp_path: Path, encoding: str) -> None:
    reading = examined(tmp_path, PLAIN.encode(encoding))
    assert texts(reading) == ROWS
    assert told(reading) == [("encoding", None, "")]
    assert f"encoding='{encoding}'" in reading.findings[0].says


def test_nul_bytes_are_named_with_their_rows(tmp_path: Path) -> None:
    reading = examined(tmp_path, PLAIN.encode() + b"we\0ll,refund\n")
    assert told(reading) == [("encoding", 11, "well")]
    assert texts(reading)[-1] == ("well", "refund")


def test_a_missing_header_is_said_and_its_row_is_kept(tmp_path: Path) -> None:
    reading = examined(tmp_path, PLAIN.partition("\n")[2])
    assert texts(reading) == ROWS
    assert reading.rows[0].number == 1
    (finding,) = reading.findings
    assert finding.kind == "header"
    assert "'where is my parcel' looks like a value (2 more rows have it)" in finding.says
    with pytest.raises(DataError, match="expected a header that names the columns, came a row in line 1"):
        read(tmp_path / "a.csv")


def test_columns_without_a_header_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    rows = [
        (n, ("train", "test")[n % 2], ("b", "a", "c")[n % 3], f"this is text number {n}") for n in range(12)
    ]
    content = "".join(",".join(map(str, row)) + "\n" for row in rows)
    reading = examined(tmp_path, content)
    assert texts(reading) == [(row[3], row[2]) for row in rows]
    assert [row.split for row in reading.rows] == [row[1] for row in rows]


def test_unknown_names_are_no_missing_header(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a column named 'text'.*came the columns: body, kind"):
        examined(tmp_path, PLAIN.replace("text,label", "body,kind"))
    named = examined(tmp_path, PLAIN.replace("text,label", "body,kind"), text="body", label="kind")
    assert (texts(named), named.findings) == (ROWS, ())


def test_json_lines_and_clinc_rows_are_named(tmp_path: Path) -> None:
    lines = [json.dumps({"text": text, "label": label}) for text, label in ROWS]
    reading = examined(tmp_path, "\n".join([*lines, "{broken", '["a"]', '{"text": "hi"}']), "a.jsonl")
    assert told(reading) == [("unreadable", 10, "{broken"), ("unreadable", 11, '["a"]'), ("empty", 12, "hi")]
    document = {"train": [*ROWS, ["half"], ["x", "oos"]], "oos_test": [["who won", "oos"]]}
    reading = examined(tmp_path, json.dumps(document), "a.json")
    assert [(each.kind, each.number) for each in reading.findings] == [
        ("unreadable", "train[9]"),
        ("value", "train[10]"),
    ]
    assert (len(reading.rows), reading.rows[-1].number, reading.out_of_scope) == (10, "oos_test[0]", "oos")


def test_two_names_for_out_of_scope_are_told(tmp_path: Path) -> None:
    reading = examined(tmp_path, PLAIN + "who won,oos\nwho lost,out_of_scope\n")
    assert told(reading) == [("value", 11, "who won"), ("value", 12, "who lost")]
    assert reading.out_of_scope == "oos"


@given(
    st.lists(
        st.lists(st.text(string.printable + "é時😀", min_size=1, max_size=12), min_size=2, max_size=2),
        min_size=1,
        max_size=8,
    )
)
def test_what_a_writer_wrote_is_read_back_with_its_lines(rows: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    lines = []
    for row in [["text", "label"], *rows]:
        text = written.getvalue()
        # what an editor takes for the end of a line: \n, \r and \r\n
        lines.append(len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")))
        writer.writerow(row)
    table = tables.PARSERS[".csv"](
        written.getvalue().encode(), "a.csv", lambda fault: pytest.fail(fault.words)
    )
    assert [list(row) for row in table.rows] == rows
    assert list(table.numbers) == lines[1:]
