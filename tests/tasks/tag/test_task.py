"""Training, judging, loading and damage: the task from end to end on a small set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from flights import columns, nlu
from hiddenstate.checkpoint import environment
from hiddenstate.errors import DataError, InvalidArgument, RunError
from hiddenstate.tasks import find, load, tag
from hiddenstate.tasks.tag import TagSpec
from hiddenstate.tasks.tag.evaluating import read_corpus
from hiddenstate.tasks.tag.fitting import prepare, swapped

SMALL = {
    "hidden": 16,
    "embedding": 16,
    "letter_buckets": 256,
    "wide_buckets": 512,
    "epochs": 4,
    "least_steps": 120,
    "batch_size": 16,
    "learning_rate": 0.02,
    "swap": 0.2,
}


def trained_on(folder: Path, name: str, content: str, **options: object) -> tuple[Path, dict[str, Any]]:
    data = folder / name
    data.write_text(content, encoding="utf-8")
    torch.set_num_threads(1)
    spec = TagSpec.from_options({"data": str(data), **SMALL, **options})
    return folder / "run", tag.train(spec, folder / "run", overwrite=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    return trained_on(tmp_path_factory.mktemp("tag"), "nlu.yml", nlu())


def test_it_learns_and_says_how_well_beside_the_baseline(trained: tuple[Path, dict[str, Any]]) -> None:
    path, summary = trained
    assert summary["slot_f1"] >= 0.8
    assert summary["intent_accuracy"] >= 0.8
    assert [row["name"] for row in summary["table"]] == [
        "bidirectional lstm + wide",
        "snapshot (windows + logistic regression)",
    ]
    assert 0 <= summary["baseline"]["slot_f1"] <= 1
    report = (path / "report.md").read_text(encoding="utf-8")
    assert summary["verdict"] in report
    assert "| city.from |" in report
    assert "Regexes, not used: zip." in summary["warnings"]
    for picture in summary["pictures"]:
        assert Path(picture).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_it_answers_where_the_values_stand(trained: tuple[Path, dict[str, Any]]) -> None:
    path, _ = trained
    text = "  Weather in  NEW YORK, on Monday please"
    (found,) = load(path).predict([text])
    assert found.intent == "weather"
    assert 0.5 < found.probability <= 1
    slots = {each.slot: each for each in found.slots}
    city = slots["city"]
    assert (city.text, city.value) == ("NEW YORK", "New York City")
    assert text[city.start : city.end] == city.text
    assert 0 < city.probability <= 1
    assert (slots["day"].text, slots["day"].value) == ("Monday", "Monday")


def test_evaluate_repeats_the_numbers(trained: tuple[Path, dict[str, Any]]) -> None:
    path, summary = trained
    again = tag.evaluate(path)
    for key in ("slot_f1", "slot_precision", "slot_recall", "intent_accuracy", "sentence_accuracy", "n"):
        assert again[key] == summary[key]
    named = tag.evaluate(path, str(path.parent / "nlu.yml"), "test")
    assert named["n"] == summary["n"]
    assert tag.evaluate(path, split="validation")["n"] > 0


def test_what_training_never_showed_counts_as_missed(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    path, _ = trained
    other = tmp_path / "other.csv"
    other.write_text("text,tags,intent\nfly to Oslo,O O B-planet,joke\n", encoding="utf-8")
    found = tag.evaluate(path, str(other), "test")
    assert (found["n"], found["slot_recall"], found["intent_accuracy"]) == (1, 0.0, 0.0)
    assert found["notes"] == [
        "Slots that training never shows, counted as missed: planet.",
        "Intents that training never shows, counted as missed: joke.",
    ]


def test_steps_say_what_each_word_is_part_of(trained: tuple[Path, dict[str, Any]]) -> None:
    steps = tag.load(trained[0]).steps("weather in zorp")
    assert [(step.word, step.known) for step in steps] == [("weather", True), ("in", True), ("zorp", False)]
    assert steps[0].label == ""
    assert all(0 < step.probability <= 1 + 1e-9 for step in steps)


def test_a_file_without_intents_has_slots_alone(tmp_path: Path) -> None:
    plain = "".join(line for line in columns().splitlines(keepends=True) if not line.startswith("#"))
    path, summary = trained_on(tmp_path, "a.conll", plain)
    assert summary["intent_accuracy"] is None
    assert summary["slot_f1"] >= 0.8
    (found,) = load(path).predict(["fly to Oslo"])
    assert (found.intent, found.probability, found.ranked) == (None, None, ())
    assert "wide.weight" not in load_file(path / "weights.safetensors")


def test_stopping_and_resuming_gives_the_same_weights(tmp_path: Path) -> None:
    data = tmp_path / "a.txt"
    data.write_text(columns(), encoding="utf-8")
    spec = TagSpec.from_options({"data": str(data), **SMALL, "least_steps": 30})
    tag.train(spec, tmp_path / "whole")
    tag.train(spec, tmp_path / "parts", time_limit=0.05)
    found = tag.train(spec, tmp_path / "parts", resume=True)
    assert found["stopped"] == "finished"
    for name in ("weights.safetensors", "model.json"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    told = json.loads((tmp_path / "parts" / "spec.json").read_text(encoding="utf-8"))
    assert told["environment"] == environment()
    assert sum(told["data"]["sizes"].values()) == columns().count("\n\n") + 1
    assert "gone_on_with" not in told
    data.write_text(columns() + "\nmore O\n", encoding="utf-8")
    with pytest.raises(DataError, match="has changed since the run began"):
        tag.train(spec, tmp_path / "parts", resume=True)


def test_values_are_swapped_for_others_of_their_slot(trained: tuple[Path, dict[str, Any]]) -> None:
    spec = TagSpec.from_options({"data": str(trained[0].parent / "nlu.yml"), **SMALL})
    prepared = prepare(read_corpus(spec), spec)
    sentence = next(each for each in prepared.sentences["train"] if each.words[0] == "fly")
    generator = np.random.default_rng(0)
    drawn = [swapped(sentence, prepared.pools, 1.0, generator) for _ in range(50)]
    assert {each.words[:2] for each in drawn} == {("fly", "from")}
    assert len({each.words for each in drawn}) > 5
    for each in drawn:
        assert each.tags[2] == "B-city.from"
        assert each.tags.count("B-city.to") == each.tags.count("B-city.from") == 1
        assert len(each.tags) == len(each.words)
    assert swapped(sentence, prepared.pools, 0.0, generator).words == sentence.words


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.json", b"{", "damaged"),
        ("model.json", b"[]", "no valid 'tags'"),
        ("weights.safetensors", b"not tensors", r"weights\.safetensors"),
        ("spec.json", b'{"format": 1, "task": "tag", "spec": {"unheard": 1}}', "damaged or from a newer"),
    ],
)
def test_a_damaged_run_is_named(
    trained: tuple[Path, dict[str, Any]], name: str, content: bytes, words: str
) -> None:
    path, _ = trained
    before = (path / name).read_bytes()
    (path / name).write_bytes(content)
    try:
        with pytest.raises(RunError, match=words):
            load(path)
    finally:
        (path / name).write_bytes(before)


def test_tags_that_do_not_fit_are_named(trained: tuple[Path, dict[str, Any]]) -> None:
    path, _ = trained
    before = (path / "model.json").read_text(encoding="utf-8")
    model = json.loads(before)
    for change, words in (
        ({"tags": model["tags"][:-1]}, "not O and pairs"),
        ({"tags": [*model["tags"], "B-x", "I-x"]}, "does not fit"),
        ({"temperature": -1.0}, "temperature -1.0"),
    ):
        (path / "model.json").write_text(json.dumps({**model, **change}), encoding="utf-8")
        with pytest.raises(RunError, match=words):
            load(path)
    (path / "model.json").write_text(before, encoding="utf-8")


def test_settings_are_checked() -> None:
    with pytest.raises(InvalidArgument, match="tag needs 'data'; give it, as in --data FILE"):
        TagSpec.from_options({})
    with pytest.raises(InvalidArgument, match="tag has no setting 'hiden': did you mean 'hidden'"):
        TagSpec.from_options({"data": "x", "hiden": 3})
    assert find("tag").load() is tag
