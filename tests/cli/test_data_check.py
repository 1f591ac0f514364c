"""`hiddenstate data check` from file to screen, CSV and exit code; and what `train` says of the same rows."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Said

THINGS = (
    "parcel",
    "order",
    "refund",
    "ticket",
    "invoice",
    "login",
    "card",
    "bill",
    "router",
    "phone",
    "house",
    "key",
)
INTENTS = {
    "track": "where is my {}; track the {}; when will the {} come; is the {} on its way",
    "cancel": "cancel my {}; please stop the {}; i no longer want the {}; end the {} today",
    "change": "change my {}; i need another {}; update the {}; replace this {} please",
}
TINY = ("--hidden", "4", "--set", "least_steps=1", "--set", "epochs=1")


def sound(*more: str) -> list[tuple[str, str]]:
    """Rows that nothing is wrong with, in a random order; each once more with each of some endings."""
    rows = [
        (form.strip().format(thing) + ending, intent)
        for intent, forms in INTENTS.items()
        for form in forms.split(";")
        for thing in THINGS
        for ending in ("", *more)
    ]
    random.Random(0).shuffle(rows)
    return rows


def ids(rows: int, each: int) -> bytes:
    """Rows of texts unlike one another, so many for each label."""
    return b"".join(b"%x is it,label %d\n" % (n * 2654435761 % 2**32, n // each) for n in range(rows))


def write(path: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = ("text", "label")) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows] if header else rows)
    return path


def corrections(path: str | Path) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_sound_file_leaves_with_0_and_writes_nothing(cli: Callable[..., Said], in_tmp: Path) -> None:
    write(Path("good.csv"), sound())
    said = cli("data", "check", "good.csv", "--json")
    found = said.json()
    assert (said.code, found["misleads"], found["rows"], found["labels"]) == (0, False, 144, 3)
    kinds = set(found["counts"])
    assert kinds <= {"near", "mislabelled"}, "looked at, not misled by"


def test_one_wrong_row_of_each_kind(cli: Callable[..., Said], in_tmp: Path) -> None:
    rows = sound()
    rows += [
        (rows[0][0].upper() + "!", "nonsense"),  # line 146
        ("", "track"),
        ("track the lоrry", "track"),  # a Cyrillic letter
        ("word " * 600, "track"),
        ("=1+1 and a bill", "Track"),
        ("where is the bike", "track "),
        ("...", "change"),
    ]
    write(Path("bad.csv"), rows)
    said = cli("data", "check", "bad.csv", "--json")
    found = said.json()
    assert said.code == 1
    assert found["misleading"] == ["empty", "spelling", "contradiction", "single"]
    by_kind = {kind: [each for each in found["findings"] if each["kind"] == kind] for kind in found["counts"]}
    assert {kind: [each["row"] for each in by_kind[kind]] for kind in by_kind if kind != "mislabelled"} == {
        "empty": [147],
        "spelling": [150],
        "space": [151],
        "contradiction": [2, 146],
        "single": [146],
        "imbalance": [None],
        "script": [148],
        "wordless": [152],
        "enormous": [149],
    }
    assert by_kind["script"][0]["suggestion"] == "track the lorry"
    assert [each["other_row"] for each in by_kind["contradiction"]] == [146, 2]
    assert (found["rows"], found["usable"], found["to_correct"]) == (151, 150, "bad-to-correct.csv")
    written = corrections("bad-to-correct.csv")
    assert len(written) == len(found["findings"])
    assert [row["row"] for row in written if row["finding"] == "no text or no label"] == ["147"]
    (formula,) = [row for row in written if row["row"] == "150"]
    assert (formula["text"], formula["suggestion"]) == ("'=1+1 and a bill", "track")
    assert "misled" in said.err
    assert max(len(line) for line in said.err.splitlines()) <= 80


def test_labels_that_are_wrong_are_told_with_the_right_one(cli: Callable[..., Said], in_tmp: Path) -> None:
    rows = sound(" that belongs to my mother", " before the end of the week")
    wrong = {}
    for place in range(0, 432, 24):
        wrong[place + 2] = rows[place][1]
        rows[place] = (
            rows[place][0],
            {"track": "cancel", "cancel": "change", "change": "track"}[rows[place][1]],
        )
    write(Path("wrong.csv"), rows)
    said = cli("data", "check", "wrong.csv", "--json", "--seed", "3")
    found = {
        each["row"]: each["suggestion"] for each in said.json()["findings"] if each["kind"] == "mislabelled"
    }
    assert said.code == 1, "eighteen of 432 are over 2.5 %"
    assert found.items() <= wrong.items()
    assert len(found) >= 9


def test_texts_in_two_splits_make_the_score_too_high(cli: Callable[..., Said], in_tmp: Path) -> None:
    rows = [(*row, "test" if n % 5 == 0 else "train") for n, row in enumerate(sound())]
    rows.append((rows[1][0].upper(), rows[1][1], "test"))
    write(Path("split.csv"), rows, ("text", "label", "split"))
    found = cli("data", "check", "split.csv", "--json").json()
    assert found["misleading"] == ["leak"]
    (leak,) = [each for each in found["findings"] if each["kind"] == "leak"]
    assert (leak["row"], leak["other_row"]) == (146, 3)


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        ("text,label\ncafé,a\nthé,b\n".encode("latin-1"), "encoding", "looks like Latin-1"),
        ("text,label\nhi,a\nho,b\n".encode("utf-16"), "encoding", "came UTF-16"),
        (b"text,label\nhi\0,a\nho,b\n", "encoding", "holds a NUL byte"),
        (b"hi there,a\nho there,b\nhu there,a\n", "header", "expected a header that names the columns"),
        (
            b"label,text\n" + b"".join(b"this is text %d,intent %d\n" % (n, n % 3) for n in range(60)),
            "column",
            "are they swapped?",
        ),
        (
            b"text,label\n" + ids(10_000, 1),
            "column",
            "10,000 different labels in 10,000 rows",
        ),
        (
            b"text,label\n" + ids(30_000, 3),
            "column",
            "10,000 labels; training takes at most 2,000",
        ),
        (b"text,label\nhi,a\nho,a\nhu,b\n", "single", "the only text of its intent"),
        (b"text,label\nhi,a\nho,a\n", "column", "all 2 rows have the label 'a'"),
        (b"text,label,split\nhi,a,train\nhu,a,train\nho,b,test\n", "classes", "training has no text of it"),
    ],
)
def test_what_training_cannot_use_is_told(
    cli: Callable[..., Said], in_tmp: Path, content: bytes, kind: str, words: str
) -> None:
    Path("odd.csv").write_bytes(content)
    said = cli("data", "check", "odd.csv", "--json")
    found = said.json()
    assert said.code == 1
    assert kind in found["misleading"]
    assert any(words in each["says"] for each in found["findings"] if each["kind"] == kind)
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["empty.csv"], 1, "came an empty file"),
        (["nowhere.csv"], 1, "there is no such file"),
        (["startr"], 2, "did you mean 'starter'?"),
        (["good.csv", "--label", "kind"], 2, "there is no column 'kind'"),
        (["good.csv", "--out", "good.csv"], 2, "--out names the data themselves"),
        (
            ["good.csv", "--out", "taken.csv"],
            2,
            "exists; choose another file, or replace it with --overwrite",
        ),
        (["good.csv", "--out", "no/where.csv"], 2, "in a folder that does not exist"),
        (["good.csv", "--overwrite"], 2, "give --out too"),
        (["good.csv", "--seed", "-1"], 2, "--seed"),
        ([], 2, "FILE"),
    ],
)
def test_wrong_use(
    cli: Callable[..., Said], in_tmp: Path, words: list[str], code: int, expected: str
) -> None:
    write(Path("good.csv"), sound())
    Path("empty.csv").write_bytes(b"")
    Path("taken.csv").write_text("mine", encoding="utf-8")
    said = cli("data", "check", *words)
    assert (said.code, said.out) == (code, "")
    assert expected in said.err
    assert sorted(path.name for path in Path().iterdir()) == ["empty.csv", "good.csv", "taken.csv"]
    assert Path("taken.csv").read_text(encoding="utf-8") == "mine"


def test_corrections_never_replace_older_ones_unasked(cli: Callable[..., Said], in_tmp: Path) -> None:
    write(Path("few.csv"), [("hi", "a"), ("hi", "b"), ("ho", "a")])
    for name in ("few-to-correct.csv", "few-to-correct-2.csv", "few-to-correct-3.csv"):
        assert cli("data", "check", "few.csv", "--json").json()["to_correct"] == name
    before = Path("few-to-correct.csv").read_bytes()
    Path("few-to-correct.csv").write_text("corrected by hand", encoding="utf-8")
    assert cli("data", "check", "few.csv", "--out", "few-to-correct.csv").code == 2
    assert cli("data", "check", "few.csv", "--out", "few-to-correct.csv", "--overwrite").code == 1
    assert Path("few-to-correct.csv").read_bytes() == before


def test_known_data_and_a_file_called_check(cli: Callable[..., Said], in_tmp: Path) -> None:
    said = cli("data", "check", "starter")
    assert said.code == 0
    assert "Nothing here would mislead training." in said.out
    assert corrections("starter-to-correct.csv")[0]["finding"] == "probably another label"
    help_page = cli("data", "check", "--help").out
    assert "Usage: hiddenstate data check [OPTIONS]" in help_page.replace("root", "hiddenstate")
    assert help_page.count("hiddenstate data check ") >= 2, "two examples"
    write(Path("check.csv"), sound())
    assert "144 texts" in cli("data", "./check.csv").out
    assert "1,050 texts" in cli("data", "starter").out


def test_it_needs_no_torch_and_says_what_it_needs(in_tmp: Path) -> None:
    write(Path("good.csv"), sound())
    program = (
        "import sys\n{before}\nfrom hiddenstate.cli import main\nsys.argv = ['hiddenstate', 'data', 'check', "
        "'good.csv']\ntry:\n    main()\nfinally:\n    print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program.format(before="")], capture_output=True, text=True, encoding="utf-8"
    )
    assert (done.returncode, done.stderr.strip()) == (0, "False")
    hidden = (
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'sklearn' else find(name, *more)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program.format(before=hidden)],
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 1
    assert "checking data needs sklearn" in done.stderr
    assert "pip install 'hiddenstate[train]'" in done.stderr


def test_train_says_what_it_does_with_labels_that_differ_in_writing(
    cli: Callable[..., Said], in_tmp: Path
) -> None:
    rows = sound()
    rows[5] = rows[5][0], rows[5][1] + " "
    rows[9] = rows[9][0], "Track"
    write(Path("odd.csv"), rows)
    said = cli("train", "classify", "--data", "odd.csv", "--out", "run", *TINY, "--json")
    warnings = said.json()["warnings"]
    assert said.code == 0
    label = rows[5][1].strip()
    assert (
        f"'{label}' and '{label} ' were read as one label (space around it is dropped): line 7." in warnings
    )
    tracks = sum(label.strip() == "track" for _, label in rows)
    assert (
        "Labels that differ only in writing are learned as 2 intents: "
        f"'track' ({tracks} rows), 'Track' (1 rows)." in warnings
    )
    assert "Labels with under 3 examples, too few to learn or to judge: Track." in warnings


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hi there,a\nho there,b\nhu there,a\n", "expected a header that names the columns"),
        (
            b"label,text\n" + b"".join(b"this is text %d,intent %d\n" % (n, n % 3) for n in range(60)),
            "Are the columns swapped?",
        ),
        (
            b"text,label\n" + ids(10_000, 1),
            "10,000 different ones in 10,000 rows",
        ),
        (
            b"text,label\n" + ids(30_000, 3),
            "expected at most 2,000 labels, came 10,000",
        ),
    ],
)
def test_train_refuses_what_cannot_be_labels(
    cli: Callable[..., Said], in_tmp: Path, content: bytes, words: str
) -> None:
    Path("odd.csv").write_bytes(content)
    said = cli("train", "classify", "--data", "odd.csv", "--out", "run")
    assert (said.code, said.out) == (1, "")
    assert words in said.err
    assert not Path("run").exists()
