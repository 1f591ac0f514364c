"""Nearest training texts, and planted wrong labels that are to be found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.errors import RunError
from hiddenstate.runs import Run
from hiddenstate.tasks.classify.doubts import held_out, others_say
from hiddenstate.tasks.classify.neighbours import Memory, readouts
from hiddenstate.tasks.classify.predictor import Classifier
from hiddenstate.tasks.classify.reader import Reader, parameter_shapes
from hiddenstate.tasks.classify.spec import ClassifySpec
from hiddenstate.tasks.text.encoder import Encoder
from hiddenstate.tasks.text.rejection import Decision

VERBS = ("dim", "paint", "fix", "buy", "sell", "clean", "move", "find", "lift", "break")
THINGS = {"lamp": "lamp", "song": "song", "door": "door"}
TEXTS = [f"{verb} the {thing} {when}" for thing in THINGS for verb in VERBS for when in ("now", "please")]
LABELS = [text.split()[2] for text in TEXTS]


def classifier(bidirectional: bool = False) -> Classifier:
    spec = ClassifySpec(
        hidden=24, embedding=16, letter_buckets=64, wide_buckets=512, bidirectional=bidirectional
    )
    encoder = Encoder.build(TEXTS, 64, 512)
    generator = np.random.default_rng(0)
    shapes = parameter_shapes(spec, encoder.words, 3)
    parameters = {name: generator.normal(0, 0.4, shape).astype(np.float32) for name, shape in shapes.items()}
    reader = Reader(spec, parameters)
    return Classifier(spec, tuple(sorted(THINGS)), None, encoder, reader, Decision(1.0, 0.0, "nothing"))


@dataclass(frozen=True)
class Planted:
    memory: Memory
    labels: list[str]
    wrong: set[int]


@pytest.fixture(scope="module")
def planted() -> Planted:
    labels, wrong = list(LABELS), {3, 17, 25, 48}
    for row in wrong:
        labels[row] = {"lamp": "song", "song": "door", "door": "lamp"}[labels[row]]
    return Planted(Memory.build(classifier(), TEXTS, labels), labels, wrong)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_nearest_are_those_of_the_whole_readouts(bidirectional: bool) -> None:
    model = classifier(bidirectional)
    memory = Memory.build(model, TEXTS, LABELS)
    read = readouts(model, TEXTS).astype(np.float64)
    centred = read - read.mean(0)
    for text in ("paint the lamp", "zorp", "", "the door " * 300):
        asked = readouts(model, [text])[0] - read.mean(0)
        similar = centred @ asked / np.linalg.norm(centred, axis=1) / np.linalg.norm(asked)
        best = np.argsort(-similar, kind="stable")[:3]
        found = memory.nearest(model, text, 3)
        assert [each.text for each in found] == [TEXTS[row] for row in best]
        assert [each.similarity for each in found] == pytest.approx(similar[best].tolist(), abs=1e-4)
        assert [each.label for each in found] == [LABELS[row] for row in best]


def test_a_training_text_is_nearest_to_itself_and_repetitions_are_counted() -> None:
    model = classifier()
    texts = [*TEXTS, "Dim the lamp, now", "dim the lamp now", "DIM THE LAMP NOW"]
    memory = Memory.build(model, texts, [*LABELS, "lamp", "song", "lamp"])
    first, second, third = memory.nearest(model, "dim the lamp now", 3)
    assert (first.text, first.label, first.times) == ("dim the lamp now", "lamp", 2)
    assert first.similarity == pytest.approx(1.0, abs=1e-5)
    assert (second.text, second.label, second.times) == ("dim the lamp now", "song", 1)
    assert third.similarity < 1


def test_planted_labels_are_doubted_and_no_others(planted: Planted) -> None:
    memory, model = planted.memory, classifier()
    doubts = {row: label for row in range(len(TEXTS)) if (label := memory.doubted(model, row)[0])}
    assert doubts == {row: LABELS[row] for row in planted.wrong}
    near = memory.nearest(model, TEXTS[17], 1)[0]
    assert (near.label, near.doubt) == (planted.labels[17], LABELS[17])
    assert near.reason


def test_a_memory_is_read_back(planted: Planted, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    planted.memory.save(run, "digest")
    again = Memory.load(run, TEXTS, planted.labels, "digest")
    np.testing.assert_array_equal(again.codes, planted.memory.codes)
    assert again.nearest(classifier(), "zorp", 3) == planted.memory.nearest(classifier(), "zorp", 3)
    for texts, digest in ((TEXTS[1:], "digest"), (TEXTS, "another")):
        with pytest.raises(RunError, match="does not belong to the examples"):
            Memory.load(run, texts, planted.labels, digest)


def test_it_is_small() -> None:
    memory = Memory.build(classifier(), TEXTS, LABELS)
    assert memory.codes.dtype == np.int8
    assert memory.codes.shape == (60, 60)  # as many axes as texts, 64 at most


def test_holding_out_is_training_without(planted: Planted) -> None:
    generator = np.random.default_rng(3)
    rows, values = generator.normal(size=(12, 5)), generator.normal(size=(12, 2))
    found = held_out(rows @ rows.T, values)
    for left in range(12):
        others = np.delete(np.arange(12), left)
        weights = np.linalg.solve(rows[others].T @ rows[others] + np.eye(5), rows[others].T @ values[others])
        np.testing.assert_allclose(found[left], rows[left] @ weights, atol=1e-9)


def test_the_others_agree_where_there_is_one_label(planted: Planted) -> None:
    encoder = classifier().encoder
    best, ahead = others_say(encoder.encode_texts(TEXTS), np.zeros(60, np.int64), 512)
    assert not best.any()
    assert not ahead.any()


def test_many_texts_are_asked_in_blocks() -> None:
    encoder = classifier().encoder
    targets = np.array([sorted(THINGS).index(label) for label in LABELS] * 80)
    targets[7] = (targets[7] + 1) % 3
    best, ahead = others_say(encoder.encode_texts(TEXTS * 80), targets, 512)  # 4,800 texts in three blocks
    assert np.flatnonzero(best != targets).tolist() == [7]
    assert ahead[7] > 0.5
