"""Reading corpora by name and by path: exactly what comes out."""

import hashlib
import json
import os
from pathlib import Path

import polars
import pytest

from hiddenstate.data.corpus import Corpus, Example, check_trainable
from hiddenstate.data.sources import read
from hiddenstate.errors import DataError

REAL = os.environ.get("HIDDENSTATE_DATA", "")
GOOD = "text,label\nhi there,greet\nsee you,leave\nasdf,oos\n"


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch):
    monkeypatch.delenv("HIDDENSTATE_DATA", raising=False)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_csv_is_one_training_split_with_its_out_of_scope_rows(tmp_path):
    path = write(tmp_path, "mine.csv", GOOD)
    corpus = read(path)
    assert corpus == Corpus(
        "mine",
        {"train": (Example("hi there", "greet"), Example("see you", "leave"), Example("asdf", "oos"))},
        "oos",
        hashlib.sha256(GOOD.encode()).hexdigest(),
    )
    assert corpus.labels() == ("greet", "leave")


ROWS = [("hi, you", "greet"), ('say "x"\nagain', "leave"), ("naïve ☕", "greet")]


def as_csv(delimiter):
    quoted = [delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in ROWS]
    return "\r\n".join([delimiter.join(("Utterance", "INTENT")), *quoted, ""])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", as_csv(",")),
        ("a.csv", "\ufeff" + as_csv(",")),
        ("a.CSV", as_csv(";")),
        ("a.tsv", as_csv("\t")),
        ("a.jsonl", "\n\n".join(json.dumps({"intent": b, "sentence": a}) for a, b in ROWS)),
        ("a.ndjson", "\n".join(json.dumps({"query": a, "tag": b}, ensure_ascii=False) for a, b in ROWS)),
    ],
)
def test_every_text_format_gives_the_same_rows(tmp_path, name, content):
    corpus = read(write(tmp_path, name, content))
    assert [(example.text, example.label) for example in corpus.split("train")] == ROWS
    assert corpus.out_of_scope is None


@pytest.mark.parametrize("dtype", [polars.String, polars.Categorical, polars.Enum(["greet", "leave"])])
def test_parquet_gives_the_same_rows(tmp_path, dtype):
    frame = polars.DataFrame({"text": [a for a, _ in ROWS], "label": [b for _, b in ROWS]})
    frame.with_columns(polars.col("label").cast(dtype)).write_parquet(tmp_path / "a.parquet")
    assert [(e.text, e.label) for e in read(tmp_path / "a.parquet").split("train")] == ROWS


def test_numbers_are_names_of_classes(tmp_path):
    polars.DataFrame({"text": ["a", "b"], "label": [3, 14]}).write_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").labels() == ("14", "3")


def test_columns_can_be_named_and_splits_have_many_spellings(tmp_path):
    path = write(
        tmp_path, "a.csv", "q,text,y,part\na,x,one,TRAIN\nb,x,two,training\nc,x,one,dev\nd,x,two,Test\n"
    )
    corpus = read(path, text="q", label="y", split="part")
    assert {name: corpus.texts(name) for name in corpus.splits} == {
        "train": ["a", "b"],
        "validation": ["c"],
        "test": ["d"],
    }
    assert corpus.targets("test") == ["two"]


def test_a_very_long_text_is_kept_whole(tmp_path):
    long = " ".join(["word"] * 100_000)
    corpus = read(write(tmp_path, "a.csv", f"text,label\n{long},a\nb,b\n"))
    assert corpus.texts("train") == [long, "b"]


def test_the_starter_set_has_its_splits():
    corpus = read("starter")
    assert corpus.out_of_scope == "out_of_scope"
    assert set(corpus.splits) == {"train", "validation", "test"}
    assert len(corpus.labels()) >= 20
    assert min(sum(corpus.counts(name)[label] for name in corpus.splits) for label in corpus.labels()) >= 40
    check_trainable(corpus)


CLINC = {
    "train": [["hi", "greet"], ["bye", "leave"]],
    "val": [["hey", "greet"]],
    "oos_test": [["qwerty", "oos"]],
    "oos_train": [["asdf", "oos"]],
}


def test_clinc_json_joins_each_split_with_its_out_of_scope_rows(tmp_path):
    corpus = read(write(tmp_path, "small.json", json.dumps(CLINC)))
    assert corpus.out_of_scope == "oos"
    assert corpus.texts("train") == ["hi", "bye", "asdf"]
    assert corpus.targets("test") == ["oos"]
    assert corpus.labels() == ("greet", "leave")


def test_own_data_is_found_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("HIDDENSTATE_DATA", str(tmp_path))
    write(tmp_path, "flat.csv", GOOD)
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder", "rows.csv", GOOD)
    write(tmp_path / "folder", "README.md", "about")
    assert read("flat").name == "flat"
    assert read("folder").splits == read("flat").splits
    write(tmp_path / "folder", "more.csv", GOOD)
    with pytest.raises(
        DataError, match=r"'folder' could be any of 2 files: .*more\.csv.* Give the path of one"
    ):
        read("folder")


@pytest.mark.skipif(not REAL, reason="needs $HIDDENSTATE_DATA/clinc150")
def test_clinc150_as_published(monkeypatch):
    monkeypatch.setenv("HIDDENSTATE_DATA", REAL)
    corpus = read("clinc150")
    assert {name: len(examples) for name, examples in corpus.splits.items()} == {
        "train": 15_100,
        "validation": 3_100,
        "test": 5_500,
    }
    assert len(corpus.labels()) == 150
    assert corpus.counts("test")["oos"] == 1_000
