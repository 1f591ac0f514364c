"""Columns of words and tags, tables, and folders: each says the same sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hiddenstate.data import sources
from hiddenstate.data.tagged import Sentence, TaggedCorpus, check_taggable
from hiddenstate.errors import DataError, InvalidArgument

FLY = Sentence(("fly", "to", "New", "York"), ("O", "O", "B-city", "I-city"), "flight")
FARE = Sentence(("fare", "to", "Rome"), ("O", "O", "B-city"), "airfare")
CONLL = """-DOCSTART- -X- -X- O

EU NNP I-NP I-ORG
rejects VBZ I-VP O
German JJ I-NP I-MISC
British JJ I-NP B-MISC

Peter NNP I-NP I-PER
"""


def plain(corpus: TaggedCorpus, split: str = "train") -> list[tuple[object, ...]]:
    return [(each.words, each.tags, each.intent) for each in corpus.split(split)]


def expected(*sentences: Sentence) -> list[tuple[object, ...]]:
    return [(each.words, each.tags, each.intent) for each in sentences]


def rows(sentences: tuple[Sentence, ...]) -> list[list[str]]:
    return [[" ".join(each.words), " ".join(each.tags), each.intent or ""] for each in sentences]


def columns_of(sentences: tuple[Sentence, ...], between: str) -> str:
    blocks = [
        f"# intent: {each.intent}\n"
        + "\n".join(f"{w}{between}{t}" for w, t in zip(each.words, each.tags, strict=True))
        for each in sentences
    ]
    return "\n\n".join(blocks) + "\n"


def write(path: Path, kind: str, sentences: tuple[Sentence, ...] = (FLY, FARE)) -> Path:
    """Write sentences in one of the formats."""
    cells = rows(sentences)
    if kind == "spaces.txt":
        text = columns_of(sentences, " ")
    elif kind == "tabs.conll":
        text = columns_of(sentences, "\t").replace("\n", "\r\n")
    elif kind == "tabs.tsv":
        text = columns_of(sentences, "\t")
    elif kind == "atis.iob":
        text = "".join(f"BOS {words} EOS\tO {tags} {intent}\n" for words, tags, intent in cells)
    elif kind == "lines.iob":
        text = "".join("\t".join(row) + "\n" for row in cells)
    elif kind == "table.csv":
        text = "text,slots,intent\n" + "".join(",".join(row) + "\n" for row in cells)
    elif kind == "table.tsv":
        text = "tokens\ttags\tintent\n" + "".join("\t".join(row) + "\n" for row in cells)
    elif kind == "strings.jsonl":
        text = "".join(
            json.dumps(dict(zip(("text", "tags", "intent"), row, strict=True))) + "\n" for row in cells
        )
    elif kind == "list.json":
        text = json.dumps([{"tokens": w.split(), "tags": t.split(), "intent": i} for w, t, i in cells])
    else:
        named = [{"tokens": w.split(), "ner_tags": t.split(), "intent": i} for w, t, i in cells]
        text = "".join(json.dumps(row) + "\n" for row in named)
    file = path / kind
    file.write_text(text, encoding="utf-8", newline="")
    return file


KINDS = (
    "spaces.txt",
    "tabs.conll",
    "tabs.tsv",
    "atis.iob",
    "lines.iob",
    "table.csv",
    "table.tsv",
    "strings.jsonl",
    "lists.jsonl",
    "list.json",
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_says_the_same(tmp_path: Path, kind: str) -> None:
    corpus = sources.read_tagged(write(tmp_path, kind))
    assert plain(corpus) == expected(FLY, FARE)
    assert corpus.notes == ()
    assert corpus.slots() == {"city": 2}


def test_parquet_with_lists(tmp_path: Path) -> None:
    import polars

    frame = polars.DataFrame(
        {"words": [list(FLY.words)], "slots": [list(FLY.tags)], "intent": ["flight"], "split": ["dev"]}
    )
    frame.write_parquet(tmp_path / "a.parquet")
    assert plain(sources.read_tagged(tmp_path / "a.parquet"), "validation") == expected(FLY)


def test_conll_2003(tmp_path: Path) -> None:
    (tmp_path / "eng.train").write_text(CONLL, encoding="utf-8")
    corpus = sources.read_tagged(tmp_path / "eng.train")
    assert [each.tags for each in corpus.split("train")] == [("B-ORG", "O", "B-MISC", "B-MISC"), ("B-PER",)]
    assert corpus.scheme == "IOB1"
    assert corpus.notes == ("Tags in IOB1; read as IOB2.",)
    assert [each.line for each in corpus.split("train")] == [3, 8]


def test_a_folder_of_files_by_split(tmp_path: Path) -> None:
    for name in ("eng.train", "eng.testa", "eng.testb"):
        (tmp_path / name).write_text(CONLL, encoding="utf-8")
    (tmp_path / "README").write_text("about it", encoding="utf-8")
    corpus = sources.read_tagged(tmp_path)
    assert {name: len(rows) for name, rows in corpus.splits.items()} == {
        "train": 2,
        "validation": 2,
        "test": 2,
    }
    assert "Not read, for its name says no split: README." in corpus.notes
    (tmp_path / "other.train").write_text(CONLL, encoding="utf-8")
    with pytest.raises(DataError, match=r"came eng\.train and other\.train, both train"):
        sources.read_tagged(tmp_path)


def test_a_folder_of_parts(tmp_path: Path) -> None:
    for name, each in (("train", FLY), ("valid", FARE), ("test", FLY)):
        (tmp_path / name).mkdir()
        words, tags, intent = rows((each,))[0]
        for file, content in (("seq.in", words), ("seq.out", tags), ("label", intent)):
            (tmp_path / name / file).write_text(content + "\n", encoding="utf-8")
    corpus = sources.read_tagged(tmp_path)
    assert plain(corpus) == expected(FLY)
    assert plain(corpus, "validation") == expected(FARE)
    texts = sources.read(tmp_path)
    assert (texts.texts("test"), texts.targets("test")) == (["fly to New York"], ["flight"])
    (tmp_path / "test" / "label").write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"as many lines in each file, came seq.in: 1, seq.out: 1, label: 2"):
        sources.read_tagged(tmp_path)


def test_comments_that_are_not_used_are_named(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("# id: 3\n# intent: x\na O\n\n# O\nb B-c\n", encoding="utf-8")
    corpus = sources.read_tagged(file)
    assert corpus.notes == ("Lines before sentences that are not used: 'id' (1 times).",)
    assert plain(corpus) == [(("a",), ("O",), "x"), (("#", "b"), ("O", "B-c"), None)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "fly O\nto\n", r"a\.txt, line 2: expected a word and its tag, came 'to' alone"),
        ("a.txt", "fly X O\nto O\n", r"a\.txt, line 2: expected 3 columns as in the first line, came 2"),
        (
            "a.txt",
            "fly VB\nto TO\n",
            r"expected a tag such as O, B-city or I-city, came 'VB' for the word 'fly'",
        ),
        ("a.txt", "a B-x\nb E-x\nc L-x\n", "came the prefixes B, E, L together"),
        ("a.txt", "\n\n", "came an empty file"),
        ("a.txt", "fly\tO\n\tO\n", r"line 2: expected a word first and its tag last"),
        ("a.iob", "fly to\tO O\nfly\tO O\n", r"line 2: expected one tag for each word, came 1 words"),
        ("a.iob", "fly to\tO O\nfly to O O\n", r"line 2: expected words, a tab, and their tags"),
        ("a.csv", "text,tags\nfly to,O\n", r"line 2: expected one tag for each word, came 2 words"),
        ("a.csv", "text,kind\nfly to,O\n", r"expected a column named 'tags'"),
        (
            "a.jsonl",
            '{"tokens": ["a"], "ner_tags": [3]}',
            r"line 1: expected tags as .* came a list with int",
        ),
        ("a.json", "{}", r"expected a list of objects with words and tags, came dict"),
        ("a.json", "[3]", r"came a list of other things"),
        ("a.json", "[", r"expected JSON, came something that is not"),
        ("a.txt", b"caf\xe9 O\n", "expected UTF-8, came the byte 0xE9"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=words):
        sources.read_tagged(file)


def test_a_name_that_is_nowhere(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="there is no file or folder called 'nowhere'"):
        sources.read_tagged("nowhere")
    with pytest.raises(InvalidArgument, match="has no columns to choose"):
        sources.read_tagged(write(tmp_path, "spaces.txt"), words="x")


def test_a_key_that_only_later_lines_have_is_a_column(tmp_path: Path) -> None:
    lines = '{"tokens": ["a"], "tags": ["O"]}\n{"tokens": ["b"], "tags": ["O"], "intent": "x"}\n'
    (tmp_path / "a.jsonl").write_text(lines, encoding="utf-8")
    corpus = sources.read_tagged(tmp_path / "a.jsonl")
    assert [each.intent for each in corpus.split("train")] == [None, "x"]


def test_columns_of_other_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("said,marks,about\nto Rome,O B-city,go\n", encoding="utf-8")
    corpus = sources.read_tagged(tmp_path / "a.csv", words="said", tags="marks", intent="about")
    assert plain(corpus) == [(("to", "Rome"), ("O", "B-city"), "go")]


def made(*sentences: Sentence) -> TaggedCorpus:
    return TaggedCorpus("mine", {"train": sentences}, "")


def test_what_cannot_be_learned_is_named() -> None:
    with pytest.raises(DataError, match="at least 2 sentences to train on, came 1"):
        check_taggable(made(FLY))
    with pytest.raises(DataError, match="came only O tags"):
        check_taggable(made(*[Sentence(("a",), ("O",))] * 2))
    many = [Sentence(("a",), (f"B-{n}",)) for n in range(10_000)]
    with pytest.raises(DataError, match="at most 500 different slots, came 10,000"):
        check_taggable(made(*many))
    check_taggable(made(FLY, FARE))
    with pytest.raises(DataError, match="an intent for every sentence"):
        made(FLY, Sentence(("a",), ("O",))).as_texts()
