"""Each kind of finding on rows made for it: what is found, and what is left alone."""

from __future__ import annotations

import csv
import io

import pytest

from hiddenstate.data.checks import labels, signs, texts
from hiddenstate.data.checks.correction import COLUMNS, csv_of, harmless
from hiddenstate.data.checks.findings import KINDS, Finding, verdicts
from hiddenstate.data.duplicates import groups_of
from hiddenstate.data.rows import Row


def rows_of(*cells: tuple[str, ...]) -> list[Row]:
    """Rows from line 2 on, of text, label and perhaps split."""
    return [
        Row(line, text, label.strip(), (*more, "train")[0], label)
        for line, (text, label, *more) in enumerate(cells, start=2)
    ]


def plain(found: list[Finding]) -> list[tuple[object, ...]]:
    return [(each.kind, each.number, each.suggestion, each.other) for each in found]


def test_the_same_text_under_two_labels() -> None:
    rows = rows_of(
        ("Where is it?", "find"),
        ("where  is it", "find"),
        ("WHERE IS IT!", "lose"),
        ("learn c", "c"),
        ("learn c++", "cpp"),
        ("learn c#", "csharp"),
        ("👍", "yes"),
        ("👎", "no"),
        ("stop", "end"),
        ("Stop.", "halt"),
    )
    keys = [texts.folded(row.text) for row in rows]
    found = texts.contradictions(rows, keys, [row.label for row in rows])
    assert plain(found) == [
        ("contradiction", 4, "find", 2),  # two against one
        ("contradiction", 10, "", 11),  # one against one: nobody can say
        ("contradiction", 11, "", 10),
    ]


NEAR = (
    ("please tell me the balance of my account", "balance"),
    ("please tell me the balance of my accounts", "balance"),
    ("please tell me the balances of my account", "transfer"),
    ("my account of the balance me tell please", "close"),
    ("book a flight to boston", "flight"),
)


def test_nearly_the_same_text_under_two_labels() -> None:
    rows = rows_of(*NEAR)
    keys, groups = [texts.folded(row.text) for row in rows], groups_of([row.text for row in rows])
    assert groups == [0, 0, 0, 0, 1]
    found = texts.near(rows, keys, [row.label for row in rows], groups)
    assert {each.number for each in found} == {4, 5}
    exact = rows_of(("a b c d e f", "x"), ("A b c d e f", "y"))
    keys = [texts.folded(row.text) for row in exact]
    assert texts.near(exact, keys, ["x", "y"], [0, 0]) == [], "that is a contradiction"


def test_texts_in_two_splits() -> None:
    rows = rows_of(
        ("where is my parcel from the shop now", "find", "train"),
        ("Where is my parcel from the shop now?", "find", "test"),
        ("where is my parcel from the shops now", "find", "validation"),
        ("cancel the order", "cancel", "train"),
        ("cancel that order at once", "cancel", "test"),
        ("refund", "refund", "test"),
        ("refund", "refund", "test"),
    )
    keys, groups = [texts.folded(row.text) for row in rows], groups_of([row.text for row in rows])
    found = texts.leaks(rows, keys, groups)
    assert plain(found) == [("leak", 3, "", 2), ("near_leak", 4, "", 2)]
    assert found[0].says == "test has the same text as train"


@pytest.mark.parametrize(
    ("odd", "difference"),
    [
        ("Book_Flight", "case"),
        ("book flight", "space, _ or -"),
        ("book\u00a0flight", "space, _ or -"),
        ("book-flight", "space, _ or -"),
        ("Book\u200b flight", "more than one of"),
    ],
)
def test_labels_that_differ_only_in_writing(odd: str, difference: str) -> None:
    rows = rows_of(("a", "book_flight"), ("b", "book_flight"), ("c", odd), ("d", "cancel"))
    found, usual = labels.written(rows)
    assert plain(found) == [("spelling", 4, "book_flight", None)]
    assert f"differs from 'book_flight' (2 rows) in {difference}" in found[0].says
    assert usual == ["book_flight"] * 3 + ["cancel"]


def test_labels_of_two_unicode_forms() -> None:
    found, usual = labels.written(rows_of(("a", "caf\u00e9"), ("b", "caf\u00e9"), ("c", "cafe\u0301")))
    assert [(each.number, each.says) for each in found] == [
        (4, "differs from 'caf\u00e9' (2 rows) in Unicode form (composed or not)")
    ]
    assert set(usual) == {"caf\u00e9"}


def test_space_around_a_label_is_said_where_others_have_none() -> None:
    found, usual = labels.written(
        rows_of(("a", "refund"), ("b", "refund "), ("c", "\u00a0refund"), ("d", " x"))
    )
    assert plain(found) == [("space", 3, "refund", None), ("space", 4, "refund", None)]
    assert usual == ["refund"] * 3 + ["x"]
    assert labels.spellings({"1_1": 3, "11": 3, "a": 1, "b": 1}) == []


def test_labels_that_are_none() -> None:
    words = [f"text number {n}" for n in range(60)]
    assert labels.column(rows_of(*((word, f"l{n % 3}") for n, word in enumerate(words)))) == []
    (swapped,) = labels.column(rows_of(*((f"l{n % 3}", word) for n, word in enumerate(words))))
    assert swapped.says == "60 different labels but only 3 different texts: are they swapped?"
    (unique,) = labels.column(rows_of(*((word, str(n)) for n, word in enumerate(words))))
    assert "60 different labels in 60 rows" in unique.says
    (alone,) = labels.column(rows_of(*((word, "a") for word in words)))
    assert alone.says == "all 60 rows have the label 'a'"
    (many,) = labels.column(rows_of(*((f"t {n}", f"l{n % 2500}") for n in range(7500))))
    assert many.says == "2,500 labels; training takes at most 2,000: join them into groups"


def test_rare_and_unbalanced_intents() -> None:
    cells = [(f"a {n}", "large") for n in range(50)] + [(f"b {n}", "five") for n in range(5)]
    cells += [("c 0", "three"), ("c 1", "three"), ("c 2", "three"), ("d", "one"), ("e", "oos")]
    cells += [("f", "never", "test")]
    rows = rows_of(*cells)
    found = labels.sizes(rows, [row.label for row in rows], "oos")
    assert sorted((each.kind, each.label) for each in found) == [
        ("classes", "never"),
        ("few", "three"),
        ("imbalance", "five"),
        ("imbalance", "one"),
        ("imbalance", "three"),
        ("single", "one"),
    ]
    says = {(each.kind, each.label): each.says for each in found}
    assert says["imbalance", "five"] == "5 texts; 'large' has 50, 10 times as many"
    assert says["classes", "never"] == "test asks for it, and training has no text of it"


def test_words_of_two_scripts_are_written_again() -> None:
    assert signs.mixed_words("plain ascii") == []
    assert signs.mixed_words("привет мир, hello κόσμε µm 時計 naïve") == []
    assert signs.mixed_words("cаncel") == [("cаncel", "cancel")]
    assert signs.mixed_words("мocква") == [("мocква", "москва")]
    assert signs.mixed_words("λx") == [("λx", "")]


def test_a_row_in_another_script_than_its_corpus() -> None:
    cells = [(f"hello number {n}", "a") for n in range(20)]
    rows = rows_of(*cells, ("привет всем", "a"), ("☕ 12", "a"), ("say привет", "a"), ("hi", "cаncel"))
    found = signs.scripts(rows)
    assert plain(found) == [
        ("script", 25, "cancel", None),
        ("script", 22, "", None),
        ("script", 24, "", None),
    ]
    half = [(f"привет {n}", "a") for n in range(20)]
    assert signs.scripts(rows_of(*cells, *half)) == [], "two languages are no mistake"
    japanese = [(f"時間です {n}", "a") for n in range(9)] + [("テレビ", "b"), ("한국", "b")]
    assert signs.scripts(rows_of(*japanese)) == []


def test_damaged_signs() -> None:
    twice = "café’s naïve".encode().decode("cp1252")
    rows = rows_of((twice, "a"), ("caf\ufffd", "a"), ("café Âge", "a"), ("plain", "a"), ("ĂŁ", "a"))
    found = signs.damaged(rows)
    assert plain(found) == [("damaged", 2, "café’s naïve", None), ("damaged", 3, "", None)]
    assert plain(signs.damaged(rows_of(("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "a")))) == [("damaged", 2, "привет", None)]


def test_texts_that_say_nothing_or_too_much() -> None:
    rows = rows_of(("!!! ...", "a"), ("🙂", "a"), ("ok", "a"), ("word " * 512, "a"), ("word " * 513, "a"))
    rows += rows_of(("x" * 6000, "a"), ("時" * 400, "a"))
    assert [(each.kind, each.number) for each in signs.lengths(rows)] == [
        ("wordless", 2),
        ("wordless", 3),
        ("enormous", 6),
        ("enormous", 2),
    ]


def test_a_share_decides_where_a_share_is_asked_for() -> None:
    doubts = [Finding("mislabelled", "", number) for number in range(26)]
    assert [each.misleads for each in verdicts(doubts, {"mislabelled": 1000})] == [True]
    assert [each.misleads for each in verdicts(doubts[1:], {"mislabelled": 1000})] == [False]
    assert [each.misleads for each in verdicts([Finding("contradiction", "")], {})] == [True]
    assert [each.misleads for each in verdicts([Finding("near", "")] * 50, {})] == [False]
    order = [each.kind for each in verdicts([Finding(kind, "") for kind in reversed(KINDS)], {})]
    assert order == list(KINDS)


def test_the_csv_is_for_a_spreadsheet_and_starts_no_formula() -> None:
    found = [
        Finding("contradiction", "as line 9", 3, '=HYPERLINK("x"),"y"', "@a", "-b", other=9, weight=1.0),
        Finding("contradiction", "café", 4, "two\nlines", "a", weight=2.0),
    ]
    written = csv_of(verdicts(found, {}))
    assert written.startswith(b"\xef\xbb\xbf"), "Excel takes it for another encoding otherwise"
    header, first, second = csv.reader(io.StringIO(written.decode("utf-8-sig"), newline=""))
    assert tuple(header) == COLUMNS
    assert first == ["4", "the same text under two labels", "yes", "two\nlines", "a", "café", "", "", ""]
    assert second[0] == "3"
    assert second[3:] == ['\'=HYPERLINK("x"),"y"', "'@a", "as line 9", "'-b", "label", "9"]
    assert [harmless(f"{sign}1") for sign in "=+-@\t\r"] == [f"'{sign}1" for sign in "=+-@\t\r"]
