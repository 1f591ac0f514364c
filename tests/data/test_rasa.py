"""Rasa's NLU data: what it means, what is named as not used, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hiddenstate.data import sources
from hiddenstate.data.annotated import Entity, plain
from hiddenstate.data.sources import rasa
from hiddenstate.errors import DataError

NLU = """version: "3.1"
# a comment
nlu:
- intent: book
  examples: |
    - to [NYC]{"entity": "city", "role": "to", "value": "New York"} from [Boston](city)
    - to [new york city](city) on [monday](day)

    # not an example
    - two [mushroom]{"entity": "topping", "group": "2"} pizzas
- intent: faq/hours
  examples:
  - text: |
      when do you open
    metadata: {tone: kind}
  - are you [open](state)
- synonym: New York
  examples: |
    - new york city
    - ny
- lookup: city
  examples: |
    - Boston
    - Oslo
- lookup: colour
  examples: |
    - red
- regex: zip
  examples: |
    - \\d{5}
rules:
- rule: one
  steps: []
- rule: two
  steps: []
"""


def read(tmp_path: Path, content: str) -> rasa.TaggedCorpus:
    file = tmp_path / "nlu.yml"
    file.write_text(content, encoding="utf-8")
    return sources.read_tagged(file)


def test_what_the_file_means(tmp_path: Path) -> None:
    corpus = read(tmp_path, NLU)
    first, second, third, fourth, fifth = corpus.split("train")
    assert first.words == ("to", "NYC", "from", "Boston")
    assert first.tags == ("O", "B-city.to", "O", "B-city")
    assert (first.text, first.intent, first.line) == ("to NYC from Boston", "book", 6)
    assert second.tags == ("O", "B-city", "I-city", "I-city", "O", "B-day")
    assert third.tags == ("O", "B-topping#2", "O")
    assert third.line == 10
    assert (fourth.written, fourth.intent) == ("when do you open", "faq/hours")
    assert fifth.tags == ("O", "O", "B-state")
    assert corpus.synonyms == {"nyc": "New York", "new york city": "New York", "ny": "New York"}
    assert corpus.lookups == {"city": ("Boston", "Oslo")}


def test_what_is_not_used_is_named(tmp_path: Path) -> None:
    notes = " ".join(read(tmp_path, NLU).notes)
    for words in (
        "Regexes, not used: zip.",
        "Lookup tables of no entity here, not used: colour.",
        "`metadata` of examples (1)",
        "a comment among examples (1)",
        "`rules` (2)",
        "Retrieval intents, each learned as an intent of its own: faq/hours.",
    ):
        assert words in notes


def test_classify_reads_its_intents(tmp_path: Path) -> None:
    (tmp_path / "nlu.yml").write_text(NLU, encoding="utf-8")
    corpus = sources.read(tmp_path / "nlu.yml")
    assert corpus.texts("train")[0] == "to NYC from Boston"
    assert corpus.counts("train") == {"book": 3, "faq/hours": 2}
    assert "`rules` (2)" in " ".join(corpus.notes)
    assert sources.read(tmp_path).counts("train") == corpus.counts("train")


def test_a_project_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nlu.yml").write_text(NLU, encoding="utf-8")
    (tmp_path / "data" / "more.yaml").write_text(
        "nlu:\n- intent: bye\n  examples: '- good bye'\n", encoding="utf-8"
    )
    (tmp_path / "domain.yml").write_text("intents: [book]\nx: !not/ours y\n", encoding="utf-8")
    corpus = sources.read_tagged(tmp_path)
    assert corpus.intents() == {"book": 3, "faq/hours": 2, "bye": 1}
    assert "Files without `nlu`, not read: domain.yml." in " ".join(corpus.notes)


def test_values_inside_words_are_named(tmp_path: Path) -> None:
    corpus = read(tmp_path, "nlu:\n- intent: a\n  examples: |\n    - [york](city)ers\n    - [rome](city)\n")
    assert corpus.split("train")[0].tags == ("B-city",)
    assert corpus.notes == (
        "Values that do not begin and end with words: 'york' (line 4) is read as 'yorkers'.",
    )


def test_two_values_for_one_text_are_named(tmp_path: Path) -> None:
    twice = "".join(
        f'    - [ny]{{"entity": "city", "value": "{value}"}}\n' for value in ("New York", "Nyack")
    )
    corpus = read(tmp_path, f"nlu:\n- intent: a\n  examples: |\n{twice}")
    assert corpus.synonyms == {"ny": "New York"}
    assert corpus.notes == ("'ny' stands for 'New York', and line 5 says 'Nyack'; the first is used.",)


def test_brackets_that_mark_nothing_stay() -> None:
    assert plain("see [1] and (2) [x", "here") == ("see [1] and (2) [x", [])
    assert plain("[NY](city:New York) [a](b)", "here") == (
        "NY a",
        [Entity("city", 0, 2, "New York"), Entity("b", 3, 4)],
    )


EXAMPLES = "nlu:\n- intent: a\n  examples: |\n    - "


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("nlu:\n\t- intent: a\n", r"line 2: expected YAML, came .* not with tabs"),
        ("nlu: [\n", "expected YAML, came something that is not"),
        (
            "nlu:\n- intent: a\n  intent: b\n",
            r"line 3: the key 'intent' stands there twice \(first in line 2\)",
        ),
        (
            "nlu: !!python/object/apply:os.system ['echo']\n",
            r"line 1: .* came the tag 'tag:yaml.org,2002:python",
        ),
        ("nlu: !include other.yml\n", r"came the tag '!include'"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nnlu: [*b, *b]\n", r"line 2: .* came the alias \*a"),
        ("nlu: " + "[" * 10_000, "came 41 levels"),
        ("rules: []\n", "expected a key `nlu`"),
        ("- a\n", "expected keys such as `nlu`, came a sequence"),
        ("---\n", "came an empty document"),
        ("version: '1.0'\nnlu: []\n", "expected version 2.0 or 3.1, came '1.0'"),
        ("nlu: []\n", "expected examples under `nlu:`"),
        ("nlu:\n- intnet: a\n  examples: '- b'\n", r"line 2: .*did you mean 'intent'"),
        ("nlu:\n- intent: a\n", r"line 2: expected a name and `examples`"),
        ("nlu:\n- intent: a\n  examples: >\n    - b\n    - c\n", r"line 3: expected a block of lines"),
        (EXAMPLES + "b\n    c\n", r"line 5: expected an example such as `- hello`, came 'c'"),
        (EXAMPLES + "\n", r"line 4: expected a text behind the dash"),
        (EXAMPLES + "to [boston](city\n", r"line 4: expected a value marked as \[boston\]\(city\), came one"),
        (EXAMPLES + 'to [boston]{"entity": "city"\n', r"line 4: .* not closed"),
        (EXAMPLES + "to [boston]{entity: city}\n", r"line 4: expected JSON such as"),
        (
            EXAMPLES + 'to [boston]{"entitty": "city"}\n',
            r"line 4: unknown key 'entitty' .*did you mean 'entity'",
        ),
        (EXAMPLES + "to [boston]()\n", r"line 4: expected the entity of 'boston'"),
        (
            EXAMPLES + 'to [a][{"entity": "b"}, {"entity": "c"}]\n',
            r"line 4: expected JSON .* several entities",
        ),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(tmp_path, content)
