"""What answers without torch is what was trained with it: the reader against the torch model itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from hiddenstate.cells import CELLS
from hiddenstate.errors import RunError
from hiddenstate.runs import Run
from hiddenstate.tasks import classify
from hiddenstate.tasks.classify import Classifier
from hiddenstate.tasks.classify.model import IntentModel
from hiddenstate.tasks.classify.reader import Listener, logits_of, parameter_shapes
from hiddenstate.tasks.classify.spec import ClassifySpec
from hiddenstate.tasks.text import wide
from hiddenstate.tasks.text.encoder import Encoder
from hiddenstate.tasks.text.rejection import Decision
from hiddenstate.tasks.text.settings import READOUTS

TEXTS = [
    "set an alarm for seven",
    "play music",
    "what time is it",
    "turn it off now please",
    "",
    "off ^ $ off",
]
CLOSE = 1e-5


def trained(**options: object) -> tuple[IntentModel, Encoder]:
    """A model whose every part has a say."""
    small = {"hidden": 7, "embedding": 5, "letter_buckets": 64, "wide_buckets": 128}
    spec = ClassifySpec.from_options({**small, "readout": ",".join(READOUTS), **options})
    encoder = Encoder.build(TEXTS, spec.letter_buckets, spec.wide_buckets)
    model = IntentModel(spec, encoder.words, 4).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.5)
    return model, encoder


def compare(model: IntentModel, encoder: Encoder) -> None:
    reader = model.reader()
    encoded = [encoder.encode(text) for text in TEXTS]
    expected = logits_of(model, encoder, encoded)
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(logits_of(reader, encoder, encoded), expected, atol=CLOSE, rtol=0)
    words = [word for text in TEXTS for word in encoder.words_of(text)[0]]
    beginnings = [encoder.encode_words(words[: n + 1]) for n in range(len(words))]
    listener = Listener(reader, encoder)
    fed = [listener.feed(words[:3]), listener.feed([]), listener.feed(words[3:4]), listener.feed(words[4:])]
    after = logits_of(model, encoder, beginnings)
    np.testing.assert_allclose(np.concatenate(fed), after, atol=CLOSE, rtol=0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_reader_scores_as_the_model_does(cell: str, bidirectional: bool) -> None:
    compare(*trained(cell=cell, bidirectional=bidirectional))


@pytest.mark.parametrize("readout", [*READOUTS, "max,attention,last"])
def test_with_each_readout(readout: str) -> None:
    for bidirectional in (False, True):
        compare(*trained(readout=readout, bidirectional=bidirectional))


@pytest.mark.parametrize(
    "options",
    [
        {"layers": 2, "bidirectional": True},
        {"layers": 3, "cell": "gru"},
        {"wide": False},
        {"wide_share": 0.25},
        {"activation": "g=softsign", "dropout": 0.7, "word_dropout": 0.9, "wide_dropout": 0.9},
    ],
)
def test_with_each_setting(options: dict[str, object]) -> None:
    compare(*trained(**options))


def test_the_parameters_are_those_of_the_model_and_go_back_into_one() -> None:
    for options in ({}, {"wide": False, "readout": "max"}, {"bidirectional": True, "layers": 2}):
        model, encoder = trained(**options)
        shapes = parameter_shapes(model.spec, encoder.words, 4)
        assert shapes == {name: tuple(value.shape) for name, value in model.state_dict().items()}
        again = IntentModel.of(model.reader())
        for name, value in again.state_dict().items():
            torch.testing.assert_close(value, model.state_dict()[name], rtol=0, atol=0)


def saved(folder: Path, **options: object) -> tuple[IntentModel, Classifier]:
    """A run with a model that was never trained, and the classifier that was saved in it."""
    model, encoder = trained(**options)
    classifier = Classifier(
        model.spec, ("a", "b", "c"), "oos", encoder, model.reader(), Decision(1.0, 0.0, "-")
    )
    run = Run.create(folder)
    run.write_spec({"task": "classify", "spec": model.spec.model_dump()})
    classifier.save(run)
    return model, classifier


def test_a_saved_classifier_answers_to_half_precision(tmp_path: Path) -> None:
    model, classifier = saved(tmp_path / "run")
    loaded = classify.load(tmp_path / "run")
    np.testing.assert_allclose(loaded.logits(TEXTS), classifier.logits(TEXTS), atol=0.05)
    again = IntentModel.of(loaded.model)
    encoded = [loaded.encoder.encode(text) for text in TEXTS]
    np.testing.assert_allclose(loaded.logits(TEXTS), logits_of(again, loaded.encoder, encoded), atol=CLOSE)
    assert model.answers == loaded.model.answers == 4


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    saved(tmp_path / "one")
    saved(tmp_path / "other", hidden=8)
    weights = (tmp_path / "other" / "weights.safetensors").read_bytes()
    (tmp_path / "one" / "weights.safetensors").write_bytes(weights)
    with pytest.raises(RunError, match=r"weights.safetensors does not fit .*model.json: .*; train again"):
        classify.load(tmp_path / "one")


def test_the_growing_wide_part_is_that_of_each_beginning() -> None:
    generator = np.random.default_rng(0)
    table = generator.normal(size=(32, 3)).astype(np.float32)  # few buckets, so that n-grams collide
    rarity = generator.uniform(0, 3, size=32).astype(np.float32)
    words = ["what", "is", "the", "the", "the", "time", "^", "$", "is", "it", "", "zzz"]
    running = wide.RunningWide(table, rarity)
    for n, word in enumerate(words, start=1):
        grams, weights = wide.weighted(words[:n], rarity)
        np.testing.assert_allclose(running.add(word), weights @ table[grams], atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_word_by_word_hashes_each_word_once(bidirectional: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model, encoder = trained(bidirectional=bidirectional)
    hashed, text_grams = [], wide.text_grams

    def counted(words: Sequence[str], **sizes: object) -> np.ndarray:
        hashed.append(len(words))
        return text_grams(words, **sizes)

    monkeypatch.setattr(wide, "text_grams", counted)
    listener = Listener(model.reader(), encoder)
    listener.feed(["word"] * 10)
    first = sum(hashed)
    listener.feed(["word"] * 10)
    assert sum(hashed) - first <= first
