"""From tagged sentences in every format to slots, through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flights import columns, nlu, sentences

if TYPE_CHECKING:
    from conftest import Said

HEAVY = ("torch", "sklearn", "scipy", "matplotlib", "polars", "pooch", "yaml")
RUN_IT = (
    f"import sys\nfor name in {HEAVY!r}:\n    sys.modules[name] = None\n"
    "from hiddenstate.cli import main\nsys.argv = ['hiddenstate', *sys.argv[1:]]\nmain()\n"
)
SIZES = ("hidden=12", "embedding=12", "letter_buckets=128", "wide_buckets=256", "batch_size=16", "epochs=1")


def small(steps: int) -> list[str]:
    settings = [*SIZES, "learning_rate=0.02", f"least_steps={steps}"]
    return [part for each in settings for part in ("--set", each)]


def in_parts(folder: Path) -> Path:
    """Folders train, valid and test of seq.in, seq.out and label."""
    rows = list(sentences())
    for name, part in (("train", rows[:60]), ("valid", rows[60:75]), ("test", rows[75:])):
        (folder / name).mkdir(parents=True)
        for file, lines in (
            ("seq.in", [" ".join(each.words) for each in part]),
            ("seq.out", [" ".join(each.tags) for each in part]),
            ("label", [each.intent for each in part]),
        ):
            (folder / name / file).write_text("\n".join(map(str, lines)) + "\n", encoding="utf-8")
    return folder


def written(folder: Path, kind: str) -> Path:
    """The same sentences in one of the formats."""
    if kind == "parts":
        return in_parts(folder / kind)
    rows = [(" ".join(each.words), " ".join(each.tags), each.intent) for each in sentences()]
    if kind == "nlu.yml":
        text = nlu()
    elif kind == "flights.conll":
        text = columns()
    elif kind == "atis.iob":
        text = "".join(f"BOS {words} EOS\tO {tags} {intent}\n" for words, tags, intent in rows)
    elif kind == "flights.csv":
        text = "text,slots,intent\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    else:
        named = [{"tokens": w.split(), "tags": t.split(), "intent": i} for w, t, i in rows]
        text = "".join(json.dumps(each) + "\n" for each in named)
    (folder / kind).write_text(text, encoding="utf-8")
    return folder / kind


@pytest.fixture(scope="module")
def tagger(cli: Callable, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Said]:
    folder = tmp_path_factory.mktemp("tagged")
    data = written(folder, "nlu.yml")
    return folder / "run", cli("train", "tag", "--data", data, "--out", folder / "run", *small(120), "--json")


@pytest.mark.parametrize(
    "kind",
    [
        "flights.conll",
        "parts",
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in ("atis.iob", "flights.csv", "flights.jsonl")
        ),
    ],
)
def test_every_format_is_trained_judged_and_asked(cli: Callable, tmp_path: Path, kind: str) -> None:
    data, run = written(tmp_path, kind), tmp_path / "run"
    said = cli("train", "tag", "--data", data, "--out", run, *small(4), "--json")
    assert said.code == 0, said.err
    summary = said.json()
    assert (summary["task"], summary["split"]) == ("tag", "test")
    assert summary["n"] == (len(list(sentences())) - 75 if kind == "parts" else summary["n"])
    done = cli("evaluate", run, "--data", data, "--json")
    assert done.code == 0, done.err
    assert done.json()["slot_f1"] == summary["slot_f1"]
    found = cli("predict", run, "fly from oslo to rome", "--json").json()
    assert found.keys() >= {"text", "intent", "probability", "slots"}


def test_train_says_what_came_of_it(tagger: tuple[Path, Said]) -> None:
    folder, said = tagger
    assert said.code == 0, said.err
    summary = said.json()
    assert summary["slot_f1"] >= 0.8
    words = " ".join(said.err.split())
    for expected in ("slot F1", "snapshot (windows", "values of slots: F1 (exact)", f"chat {folder}"):
        assert expected in words
    assert "Regexes, not used: zip." in words
    assert max(map(len, said.err.splitlines())) <= 110


def test_predict_shows_slots(cli: Callable, tagger: tuple[Path, Said]) -> None:
    folder, _ = tagger
    text = "Weather in New York on friday please"
    found = cli("predict", folder, text, "--json").json()
    assert found["intent"] == "weather"
    (city, day) = found["slots"]
    assert (city["slot"], city["text"], city["value"]) == ("city", "New York", "New York City")
    assert text[city["start"] : city["end"]] == "New York"
    assert (day["slot"], day["value"]) == ("day", "friday")
    table = cli("predict", folder, text, "thank you").out
    assert "city=New York City" in " ".join(table.split())
    assert max(map(len, table.splitlines())) <= 80


def test_evaluate_and_chat(cli: Callable, tagger: tuple[Path, Said]) -> None:
    folder, _ = tagger
    done = cli("evaluate", folder)
    assert done.code == 0
    assert "sentences: all of it right" in done.out
    talk = cli("chat", folder, typed="fly from Oslo to Rome\n").out.splitlines()
    assert [row.split()[0] for row in talk[1:6]] == ["fly", "from", "oslo", "to", "rome"]
    assert "city.from" in talk[3]
    assert any(row.startswith("  city.from = Oslo") for row in talk)


def test_what_training_never_showed_is_named(
    cli: Callable, tagger: tuple[Path, Said], tmp_path: Path
) -> None:
    (tmp_path / "a.conll").write_text("go O\nMars B-planet\n", encoding="utf-8")
    said = cli("evaluate", tagger[0], "--data", tmp_path / "a.conll")
    assert said.code == 0
    assert "Slots that training never shows, counted as missed: planet." in " ".join(said.out.split())


def test_it_answers_without_torch(tagger: tuple[Path, Said]) -> None:
    folder, _ = tagger
    done = subprocess.run(
        [sys.executable, "-c", RUN_IT, "predict", str(folder), "fly to Oslo", "", "--json"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["text"] == "fly to Oslo"
    assert second["slots"] == []


def test_the_intents_of_tagged_files_are_classified(cli: Callable, tmp_path: Path) -> None:
    for kind in ("nlu.yml", "flights.conll", "parts"):
        said = cli("data", written(tmp_path, kind), "--json")
        assert said.code == 0, said.err
        assert said.json()["labels"].keys() == {"flight", "weather", "thanks"}
    sizes = ("hidden=4", "embedding=4", "letter_buckets=16", "wide_buckets=32", "least_steps=4", "epochs=1")
    words = [part for each in sizes for part in ("--set", each)]
    said = cli(
        "train", "classify", "--data", tmp_path / "nlu.yml", "--out", tmp_path / "run", *words, "--json"
    )
    assert said.code == 0, said.err
    assert "Regexes, not used: zip." in said.json()["warnings"]


def test_time_limit_keeps_the_best_and_resume_goes_on(cli: Callable, tmp_path: Path) -> None:
    data, run = written(tmp_path, "flights.csv"), tmp_path / "run"
    said = cli("train", "tag", "--data", data, "--out", run, *small(10), "--time-limit", "0", "--json")
    assert (said.code, said.json()["stopped"]) == (0, "time limit")
    assert cli("predict", run, "fly to oslo").code == 0
    assert cli("train", "--resume", run, "--json").json()["stopped"] == "finished"


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("a.conll", "fly O\nto\n", 1, "line 2: expected a word and its tag"),
        ("a.conll", "fly O\n", 1, "at least 2 sentences to train on, came 1"),
        ("a.conll", "fly O\n\nto O\n", 1, "came only O tags"),
        ("a.conll", "fly VB\n\nto TO\n", 1, "expected a tag such as O, B-city or I-city"),
        ("a.csv", "text,tags\nfly to,O\n", 1, "line 2: expected one tag for each word"),
        ("nlu.yml", "nlu: !!python/name:os.system ''\n", 1, "nothing in a data file is executed"),
        (
            "nlu.yml",
            "nlu:\n- intent: a\n  examples: |\n    - [x](y\n",
            1,
            "line 4: expected a value marked as",
        ),
        ("a.conll", "", 1, "came an empty file"),
    ],
)
def test_files_that_cannot_be_learned_are_refused(
    cli: Callable, in_tmp: Path, name: str, content: str, code: int, words: str
) -> None:
    Path(name).write_text(content, encoding="utf-8")
    said = cli("train", "tag", "--data", name, "--out", "run")
    assert (said.code, said.out) == (code, "")
    assert words in said.err
    assert not Path("run").exists()


def test_wrong_words_are_refused(cli: Callable, in_tmp: Path) -> None:
    assert "tag needs 'data'" in cli("train", "tag").err
    assert "no file or folder called 'nowhere'" in cli("train", "tag", "--data", "nowhere").err
    assert "there is no such file" in cli("train", "tag", "--data", "nowhere.conll").err
