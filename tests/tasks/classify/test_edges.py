"""Data at the edge of what can be learned, a cell of one's own, and what a person is told of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from hiddenstate.data.corpus import Corpus, Example
from hiddenstate.data.vocabulary import MAX_WORDS
from hiddenstate.errors import InvalidArgument, RunError
from hiddenstate.tasks import classify
from hiddenstate.tasks.classify import ClassifySpec, TextClassifier, deciding
from hiddenstate.tasks.classify.deciding import HELD_OUT, _rehearsed_share
from hiddenstate.tasks.classify.measures import Answers, measures
from hiddenstate.tasks.classify.report import markdown, verdict, words_png

TINY: dict[str, Any] = {
    "hidden": 8,
    "embedding": 8,
    "letter_buckets": 256,
    "wide_buckets": 256,
    "epochs": 1,
    "least_steps": 4,
}
CELL = (
    """
equations = """
    + '"""'
    + """
    f = sigmoid(W_f x + R_f h')
    h = f * h' + (1 - f) * tanh(W_g x + R_g h')
"""
    + '"""'
    + """
states = [{ name = "h" }]
"""
)


def trained(folder: Path, rows: list[tuple[str, str]], **options: object) -> dict[str, Any]:
    data = folder / "rows.jsonl"
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    data.write_text("\n".join(lines), encoding="utf-8")
    return classify.train(ClassifySpec.from_options({"data": str(data), **TINY, **options}), folder / "run")


def test_texts_without_a_word_of_two_letters_have_a_baseline(tmp_path: Path) -> None:
    found = trained(tmp_path, [(f"{'!' if n % 2 else '?'} {chr(0x430 + n)}", f"l{n % 2}") for n in range(24)])
    assert 0 <= found["baseline"]["accuracy"] <= 1
    assert found["baseline"]["bytes"] > 0


def test_too_few_texts_to_rehearse_are_said_so() -> None:
    texts, labels = [f"w{n % 6} x{n}" for n in range(12)], [f"c{n % 6}" for n in range(12)]
    found = TextClassifier(settings=TINY).fit(texts, labels)
    assert list(found.classes_) == [f"c{n}" for n in range(6)]
    assert "too small to rehearse" in found.classifier_.decision.chosen_from


def test_a_rehearsal_takes_out_of_scope_examples_for_no_intent(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tuple(Example(f"{label} {n}", label) for label in (*"abcdef", "oos") for n in range(4))
    seen: list[set[str]] = []
    prepare = deciding.prepare

    def watched(corpus: Corpus, spec: ClassifySpec) -> Any:
        seen.append({e.label for examples in corpus.splits.values() for e in examples})
        return prepare(corpus, spec)

    monkeypatch.setattr(deciding, "prepare", watched)
    corpus = Corpus("rows", {"train": rows, "validation": rows}, "oos", "")
    _rehearsed_share(ClassifySpec.from_options(TINY), corpus, None)
    assert [len(labels) for labels in seen] == [6]
    assert HELD_OUT in seen[0]
    assert "oos" not in seen[0]


def test_small_classes_and_cut_texts_are_told(tmp_path: Path) -> None:
    rows = [(f"some words {n} of {'ab'[n % 2]}", "ab"[n % 2]) for n in range(20)] + [("hello there", "rare")]
    rows.append((" ".join(["word"] * (MAX_WORDS + 100)), "a"))
    found = trained(tmp_path, rows)
    assert found["warnings"] == [
        "Labels with under 3 examples, too few to learn or to judge: rare.",
        "1 texts are longer than 512 words; of each, only the first are read.",
    ]
    report = (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
    assert all(sentence in report for sentence in found["warnings"])
    answer = classify.load(tmp_path / "run").predict(["word " * 600, "word"])
    assert [each.dropped for each in answer] == [88, 0]


def test_a_run_carries_its_own_cell(tmp_path: Path) -> None:
    cell = tmp_path / "mine.toml"
    cell.write_text(CELL, encoding="utf-8")
    rows = [(f"some words {n} of {'ab'[n % 2]}", "ab"[n % 2]) for n in range(20)]
    found = trained(tmp_path, rows, cell=str(cell))
    assert found["table"][0]["name"] == "mine + wide"
    before = classify.load(tmp_path / "run").predict(["some words of a"])
    cell.write_text(CELL.replace("tanh", "relu"), encoding="utf-8")  # another cell of the same shapes
    moved = (tmp_path / "run").rename(tmp_path / "elsewhere")
    assert classify.load(moved).predict(["some words of a"]) == before
    assert classify.evaluate(moved)["accuracy"] == found["accuracy"]


def test_a_run_with_an_unknown_readout_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="damaged or from a newer version: unknown readout 'foo'"):
        ClassifySpec.from_run({"readout": "max,foo"}, str(tmp_path / "spec.json"))


def test_evaluation_leaves_the_report_its_picture(tmp_path: Path) -> None:
    rows = [(f"some words {n} of {'ab'[n % 2]}", "ab"[n % 2]) for n in range(20)]
    trained(tmp_path, rows)
    picture = (tmp_path / "run" / "confusion.png").read_bytes()
    classify.evaluate(tmp_path / "run", split="train")
    assert (tmp_path / "run" / "confusion.png").read_bytes() == picture
    assert "(evaluation.png)" in (tmp_path / "run" / "evaluation.md").read_text(encoding="utf-8")


def test_a_resumed_training_counts_all_its_seconds(tmp_path: Path) -> None:
    rows = [(f"some words {n} of {'ab'[n % 2]}", "ab"[n % 2]) for n in range(20)]
    trained(tmp_path, rows, least_steps=30)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text("utf-8").splitlines()]
    spec = ClassifySpec.from_options(TINY)
    assert classify.train(spec, tmp_path / "run", resume=True)["seconds"] >= log[-1]["seconds"]


def test_dollars_and_long_texts_can_be_drawn() -> None:
    step = classify.WordStep("$", True, "a $x$^ \\frac{", 0.5, True, (("a $x$^ \\frac{", 0.5),))
    assert words_png("from $5 to $^_{ \n" * 50, [step] * 512)[:4] == b"\x89PNG"


def test_a_report_without_texts_in_scope_compares_nothing() -> None:
    row = {"accuracy": None, "out_of_scope_recall": 1.0, "overall_accuracy": 1.0}
    assert verdict([row, row]).startswith("No text here is in scope")
    answers = Answers(("a",), np.array([0]), np.ones(1), np.ones(1), np.array([1]), 0.5)
    shown = markdown("T", [{**measures(answers), "name": "m"}], answers, ["a|b\nc"], ["n"], "p.png")
    assert "| a\\|b c | (out of scope) | a | 100.0 % |" in shown


@pytest.mark.parametrize("name", ["data", "text_column", "label_column", "task"])
def test_settings_without_effect_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match=f"settings cannot hold {name}"):
        TextClassifier(settings={**TINY, name: "classify"}).fit(["a", "b"], ["x", "y"])


def test_the_estimator_says_what_is_missing() -> None:
    with pytest.raises(NotFittedError):
        TextClassifier().predict(["a"])
    with pytest.raises(InvalidArgument, match="came None"):
        TextClassifier().fit(["a", "b"], None)  # type: ignore[arg-type]
