"""Training, judging, loading and damage: the task from end to end on a small set."""

from __future__ import annotations

import csv
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from hiddenstate.errors import DataError, InvalidArgument, RunError
from hiddenstate.tasks import classify, find, load
from hiddenstate.tasks.classify import ClassifySpec, TextClassifier
from hiddenstate.tasks.classify.deciding import SHARES

SMALL = {
    "hidden": 16,
    "embedding": 16,
    "letter_buckets": 512,
    "wide_buckets": 2048,
    "epochs": 6,
    "least_steps": 60,
}
WORDS = {
    "music": ["play a song", "put on some jazz", "start the music", "play the radio", "sing something loud",
              "another song please", "some rock music", "play that tune again", "jazz please", "music on"],
    "light": ["turn on the lamp", "lights off", "dim the light", "brighter please", "switch the lamp off",
              "make it dark in here", "light the kitchen", "lamp on", "kitchen lights on", "darker please"],
    "clock": ["what time is it", "tell me the time", "how late is it", "time please", "the hour please",
              "what hour is it now", "is it late", "current time", "give me the time", "clock"],
}  # fmt: skip
OUTSIDE = """
    who won the game; buy me a car; how tall is he; cook some rice; is the train full; my cat is ill;
    where is paris; sell the house; what is love; count the sheep; call a doctor; who is king;
    write a poem; where are my shoes; book a flight; i feel blue; fix the roof; why is snow white;
    name three rivers; is milk healthy; draw a horse; what do bees eat; find my keys; plant a tree
"""


def write(path: Path, outside: bool = True) -> Path:
    rows = [(text, label) for label, texts in WORDS.items() for text in texts]
    rows += [(text.strip(), "oos") for text in OUTSIDE.split(";")] if outside else []
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("task")
    data = write(folder / "rooms.csv")
    torch.set_num_threads(1)
    spec = ClassifySpec.from_options({"data": str(data), **SMALL})
    return folder / "run", classify.train(spec, folder / "run")


def test_it_learns_and_says_how_well_beside_the_baseline(trained: tuple[Path, dict[str, Any]]) -> None:
    path, summary = trained
    assert summary["accuracy"] >= 2 / 3
    assert [row["name"] for row in summary["table"]] == [
        "lstm + wide",
        "snapshot (TF-IDF + logistic regression)",
    ]
    report = (path / "report.md").read_text(encoding="utf-8")
    assert summary["verdict"] in report
    for intent in WORDS:
        assert f"| {intent} |" in report
    for picture in summary["pictures"]:
        assert Path(picture).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert summary["table"][0]["bytes"] == sum(
        (path / name).stat().st_size for name in ("weights.safetensors", "model.json")
    )


def test_evaluate_repeats_the_numbers(trained: tuple[Path, dict[str, Any]]) -> None:
    path, summary = trained
    again = classify.evaluate(path)
    for key in ("accuracy", "in_scope_accuracy", "out_of_scope_recall", "auroc", "macro_f1"):
        assert again[key] == summary[key]
    assert classify.evaluate(path, split="validation")["n"] > 0


def test_the_same_file_named_again_keeps_its_split(trained: tuple[Path, dict[str, Any]]) -> None:
    path, summary = trained
    assert classify.evaluate(path, str(path.parent / "rooms.csv"), "test")["n"] == summary["n"]


def test_other_data_are_judged_whole(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path, _ = trained
    other = tmp_path / "new.csv"
    other.write_text("text,label\nplay jazz,music\nlamp off,light\n", encoding="utf-8")
    found = classify.evaluate(path, str(other), "test")
    assert found["n"] == 2
    assert found["auroc"] is None
    other.write_text("text,label\nplay jazz,music\nlamp off,Light\n", encoding="utf-8")
    with pytest.raises(DataError, match="not trained on 'Light'"):
        classify.evaluate(path, str(other), "test")


def test_what_is_loaded_answers_as_what_was_trained(trained: tuple[Path, dict[str, Any]]) -> None:
    path, _ = trained
    one, other = load(path), classify.load(path)
    assert one.predict(["play the lamp"]) == other.predict(["play the lamp"])
    assert find("classify").load() is classify
    assert one.predict(["sing a song"])[0].ranked[0][0] == "music"


def test_data_that_changed_are_refused(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path, _ = trained
    spec = json.loads((path / "spec.json").read_text(encoding="utf-8"))
    data = Path(spec["spec"]["data"])
    before = data.read_bytes()
    data.write_bytes(before + b"one more,music\n")
    try:
        with pytest.raises(DataError, match="has changed since"):
            classify.evaluate(path)
    finally:
        data.write_bytes(before)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.json", b"{", "damaged"),
        ("model.json", b"[]", "no valid 'labels'"),
        ("weights.safetensors", b"not tensors", "weights.safetensors"),
        ("spec.json", b'{"format": 99}', "newer hiddenstate"),
        ("spec.json", b'{"format": 1, "task": "classify", "spec": {"unheard": 1}}', "unheard"),
        ("spec.json", b'{"format": 1, "task": "cook", "spec": {}}', "names the task 'cook'"),
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


def test_stopping_and_resuming_gives_the_same_weights(tmp_path: Path) -> None:
    data = write(tmp_path / "rooms.csv")
    spec = ClassifySpec.from_options({"data": str(data), **SMALL})
    classify.train(spec, tmp_path / "whole")
    classify.train(spec, tmp_path / "parts", time_limit=0.3)
    found = classify.train(spec, tmp_path / "parts", resume=True)
    assert found["stopped"] == "finished"
    for name in ("weights.safetensors", "model.json"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_without_outside_examples_a_rehearsal_or_a_share_decides(tmp_path: Path) -> None:
    data = write(tmp_path / "rooms.csv", outside=False)
    spec = ClassifySpec.from_options({"data": str(data), **SMALL, "cell": "rnn", "activation": "relu"})
    found = classify.train(spec, tmp_path / "run")
    assert found["auroc"] is None
    model = json.loads((tmp_path / "run" / "model.json").read_text(encoding="utf-8"))
    assert "too few intents" in model["decision"]["chosen_from"]
    assert model["answers"] == 3


def test_intents_are_held_out_where_there_are_enough() -> None:
    texts = [f"{verb} the {thing} {n}" for verb in "abcdef" for thing in ("door", "cup") for n in range(6)]
    labels = [text[0] for text in texts]
    found = TextClassifier(settings=SMALL).fit(texts, labels)
    assert found.classifier_.decision.chosen_from == "a rehearsal with 1 intents held out"
    assert found.score(texts, labels) > 0.9


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hiden": 3}, "did you mean 'hidden'"),
        ({"hidden": "many"}, "hidden: .*came 'many'"),
        ({"cell": "lstn"}, "did you mean 'lstm'"),
        ({"activation": "tanhh"}, "did you mean 'tanh'"),
        ({"readout": "max,men"}, "did you mean 'mean'"),
        ({"dropout": 1.5}, "dropout: .*came 1.5"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        ClassifySpec.from_options(options)


def test_it_is_a_scikit_learn_estimator() -> None:
    texts = [text for group in WORDS.values() for text in group]
    labels = np.array([label for label, group in WORDS.items() for _ in group])
    estimator = TextClassifier(
        hidden=16, epochs=6, settings={k: v for k, v in SMALL.items() if k not in ("hidden", "epochs")}
    )
    twin = clone(estimator)
    assert twin.get_params() == estimator.get_params()
    fitted = twin.fit(texts, labels)
    assert list(fitted.classes_) == sorted(WORDS)
    probabilities = fitted.predict_proba(texts)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert (fitted.classes_[probabilities.argmax(1)] == fitted.predict(texts)).all()
    assert fitted.score(texts, labels) > 0.8
    pipeline = make_pipeline(FunctionTransformer(lambda rows: [row.lower() for row in rows]), estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = cross_val_score(pipeline, texts, labels, cv=2)
    assert scores.mean() > 1 / 3
    with pytest.raises(InvalidArgument, match="came one string"):
        fitted.predict("play")
    with pytest.raises(InvalidArgument, match="int at index 1"):
        fitted.predict(["play", 3])


def test_numbers_as_labels_come_back_as_numbers() -> None:
    texts = [text for group in WORDS.values() for text in group]
    labels = [10] * 10 + [2] * 10 + [7] * 10
    found = TextClassifier(settings=SMALL).fit(texts, labels).predict(["play a song"])
    assert found.tolist() == [10]


def test_validation_weighs_the_heads(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path, _ = trained
    assert float(classify.load(path).model.wide_share) == 1.5  # too few texts in validation to say
    texts = [
        f"{verb} the {thing} {n}"
        for verb in ("open", "close")
        for thing in ("door", "cup")
        for n in range(90)
    ]
    found = TextClassifier(settings=SMALL).fit(texts, [text.split()[0] for text in texts]).classifier_.model
    assert float(found.wide_share) in SHARES
    fixed = TextClassifier(settings={**SMALL, "wide_share": 0.25}).fit(
        texts, [text.split()[0] for text in texts]
    )
    assert float(fixed.classifier_.model.wide_share) == 0.25
