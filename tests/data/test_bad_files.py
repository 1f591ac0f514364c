"""What each kind of bad file, name and corpus is told: what was expected, what came, where, and the cure."""

from pathlib import Path

import pytest

from hiddenstate.data.corpus import Corpus, Example, check_trainable
from hiddenstate.data.sources import read
from hiddenstate.errors import DataError, InvalidArgument

GOOD = "text,label\nhi there,greet\nsee you,leave\nasdf,oos\n"


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch):
    monkeypatch.delenv("HIDDENSTATE_DATA", raising=False)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


BAD = {
    "empty": ("a.csv", "", "expected lines of text, came an empty file"),
    "blank": ("a.csv", "\ufeff \n\n", "came an empty file"),
    "header alone": ("a.csv", "text,label\n", "came a header alone"),
    "latin-1": (
        "a.csv",
        "text,label\nna\u00efve,x\n".encode("latin-1"),
        r"0xEF at byte 13 \(line 2\).*Latin-1 \('na\u00efve,x'\)",
    ),
    "windows": (
        "a.csv",
        "text,label\nit\u2019s,x\n".encode("cp1252"),
        r"0x92 at byte 13 \(line 2\).*Windows-1252.*encoding='cp1252'",
    ),
    "bom and latin-1": ("a.csv", b"\xef\xbb\xbftext,label\n\xe9t\xe9,x\n", r"0xE9 at byte 14 \(line 2\)"),
    "utf-16": ("a.csv", "text,label\na,b\n".encode("utf-16"), r"came UTF-16 .*encoding='utf-16'"),
    "nul": ("a.csv", b"text,label\na,b\nc\0,d\n", r"came a NUL byte at byte 16 \(line 3\)"),
    "escaped nul": (
        "a.jsonl",
        '{"text": "a\\u0000", "label": "x"}',
        "without NUL characters in the column 'text'.*line 1",
    ),
    "no text column": (
        "a.csv",
        "a,label\n1,2\n",
        "a column named 'text' .* came the columns: a, label. .*--text COLUMN",
    ),
    "no label column": (
        "a.csv",
        "text,b\n1,2\n",
        "a column named 'label' .* came the columns: text, b. .*--label COLUMN",
    ),
    "two text columns": ("a.csv", "text,Text,label\n1,2,3\n", "more than one column is called 'text'"),
    "empty text": (
        "a.csv",
        'text,label\na,b\n" ",c\n,d\n',
        "in the column 'text', came nothing at lines 3, 4",
    ),
    "empty label": (
        "a.jsonl",
        '{"text": "a", "label": "b"}\n{"text": "c"}',
        "in the column 'label', came nothing at line 2",
    ),
    "ragged": (
        "a.csv",
        "text,label\nhi, you,greet\n",
        r"expected 2 fields .*\(text, label\), came 3 at line 2. Put quotes",
    ),
    "open quote": (
        "a.csv",
        'text,label\na,b\n"hi,greet\nbye,leave\n',
        "row that begins in line 3 cannot be read",
    ),
    "unknown split": (
        "a.csv",
        "text,label,split\na,b,trian\n",
        "unknown split 'trian' .* at line 2; did you mean 'train'",
    ),
    "two rejections": (
        "a.csv",
        "text,label\na,oos\nb,c\nd,out_of_scope\n",
        r"one name .*'oos' \(line 2\) and 'out_of_scope' \(line 4\)",
    ),
    "number as text": ("a.jsonl", '{"text": 1.5, "label": "b"}', "column 'text', came float '1.5' at line 1"),
    "not json": ("a.jsonl", '{"text": "a", "label": "b"}\n{text', "line 2 is not JSON"),
    "json list": ("a.jsonl", '["a", "b"]', "one JSON object a line, came list at line 1"),
    "nested json": ("a.json", "[" * 100_000, "expected JSON"),
    "not parquet": ("a.parquet", "text,label\n", "expected a Parquet file"),
    "unknown key": ("a.json", '{"tain": []}', "unknown key 'tain'; did you mean 'train'"),
    "clinc row": (
        "a.json",
        '{"train": [["a", "b"], ["c"]]}',
        r"expected \[text, label\], came \['c'\] at train\[1\]",
    ),
    "clinc oos": ("a.json", '{"train": [["a", "oos"]]}', r"came the label 'oos' at train\[0\]"),
    "clinc empty": ("a.json", '{"train": [["", "b"]]}', r"came \['', 'b'\] at train\[0\]"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_told_what_where_and_the_cure(tmp_path, kind):
    name, content, words = BAD[kind]
    path = write(tmp_path, name, content)
    with pytest.raises(DataError, match=f"(?s){words}") as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_folder_and_a_missing_file_name_what_is_there(tmp_path):
    write(tmp_path, "mine.csv", GOOD)
    with pytest.raises(
        DataError, match=r"expected a data file, came a folder. Name one of its files: mine\.csv"
    ):
        read(tmp_path)
    with pytest.raises(DataError, match=r"there is no such file. Beside it: mine\.csv"):
        read(tmp_path / "mien.csv")
    with pytest.raises(DataError, match="that folder does not exist either"):
        read(tmp_path / "no" / "mine.csv")


def test_a_file_without_permission_says_so(tmp_path, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    path = write(tmp_path, "mine.csv", GOOD)
    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(DataError, match=r"mine\.csv: could not be read \(Permission denied\)\. Check"):
        read(path)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("startr", {}, "no corpus and no file called 'startr'; did you mean 'starter'"),
        ("mine.xlsx", {}, r"unknown suffix '\.xlsx'; choose one of: \.csv"),
        ("mnist", {}, r"no labelled texts; in Python: hiddenstate\.data\.sources\.mnist\.read"),
        ("starter", {"label": "x"}, "starter has no columns to choose, came label='x'"),
    ],
)
def test_a_wrong_name_names_the_nearest(name, options, words):
    with pytest.raises(InvalidArgument, match=words):
        read(name, **options)


def test_a_named_column_must_exist(tmp_path):
    with pytest.raises(
        InvalidArgument, match=r"no column 'lable'; did you mean 'label'.*columns found: text, label"
    ):
        read(write(tmp_path, "a.csv", GOOD), label="lable")


def corpus_of(**splits):
    made = {name: tuple(Example(label, label) for label in labels) for name, labels in splits.items()}
    return Corpus("c", made, "oos", "")


@pytest.mark.parametrize(
    ("corpus", "words"),
    [
        (corpus_of(train=["a", "a", "oos"]), "at least two classes .* came only 'a'"),
        (corpus_of(train=["oos"]), r"came only 'oos' \(out of scope\)"),
        (
            corpus_of(test=["a", "b"]),
            r"expected examples in the split 'train', came none \(splits found: test\)",
        ),
        (corpus_of(train=["a", "b"], test=["a", "c", "oos"]), "of the test split .* but 'c' has none"),
        (
            corpus_of(train=["a", "b"], validation=["d", "c"]),
            "of the validation split .* but 'c', 'd' have none",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_refused(corpus, words):
    with pytest.raises(DataError, match=words):
        check_trainable(corpus)


def test_a_corpus_knows_its_splits():
    with pytest.raises(InvalidArgument, match="unknown split 'tests'; did you mean 'test'"):
        corpus_of(tests=["a"])
    with pytest.raises(DataError, match="c has no split 'test'; choose one of: train, validation"):
        corpus_of(train=["a"], validation=["a"]).split("test")
