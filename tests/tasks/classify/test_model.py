"""The model's parts against plain formulas, and its answers while a text is still growing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hiddenstate.tasks.classify.model import IntentModel
from hiddenstate.tasks.classify.predictor import Classifier
from hiddenstate.tasks.classify.reader import logits_of
from hiddenstate.tasks.classify.spec import ClassifySpec
from hiddenstate.tasks.text.encoder import Encoder
from hiddenstate.tasks.text.readout import Readout
from hiddenstate.tasks.text.rejection import Decision
from hiddenstate.tasks.text.settings import READOUTS

TEXTS = ["set an alarm for seven", "play music", "what time is it", "turn it off now please"]


def classifier(**options: object) -> Classifier:
    torch.manual_seed(0)
    small = {
        "hidden": 6,
        "embedding": 5,
        "letter_buckets": 64,
        "wide_buckets": 128,
        "readout": ",".join(READOUTS),
    }
    spec = ClassifySpec.from_options({**small, **options})
    encoder = Encoder.build(TEXTS, spec.letter_buckets, spec.wide_buckets)
    model = IntentModel(spec, encoder.words, 4).eval()
    if spec.wide:
        torch.nn.init.normal_(model.wide.weight)
    return Classifier(spec, ("a", "b", "c"), "oos", encoder, model.reader(), Decision(1.0, 0.0, "test"))


@pytest.mark.parametrize("directions", [1, 2])
def test_the_readout_reads_no_padding(directions: int) -> None:
    readout = Readout(READOUTS, 3, directions)
    output = torch.randn(5, 2, 3 * directions)
    output[3:, 1] = torch.nan
    found = readout(output, torch.tensor([5, 3]))
    alone = readout(output[:3, 1:], torch.tensor([3]))
    torch.testing.assert_close(found[1:], alone)
    text = output[:3, 1]
    first, second = text[2, :3], text[0, 3:]
    weight = torch.softmax(readout.score(text)[:, 0], 0)
    by_hand = torch.cat([first, second, text.amax(0), text.mean(0), weight @ text])
    torch.testing.assert_close(found[1], by_hand)


@pytest.mark.parametrize(
    "options", [{}, {"bidirectional": True}, {"cell": "lstm", "layers": 2}, {"wide": False}]
)
def test_word_by_word_is_each_beginning_alone(options: dict[str, object]) -> None:
    trained = classifier(**options)
    text = "what time unheard it off"
    words = text.split()
    for n, step in enumerate(trained.steps(text), start=1):
        whole = trained.predict([" ".join(words[:n])])[0]
        assert step.word == words[n - 1]
        assert step.known == (words[n - 1] != "unheard")
        assert step.probability == pytest.approx(whole.probability, abs=1e-5)
        assert step.in_scope == whole.in_scope


def test_a_batch_answers_as_each_text_alone() -> None:
    trained = classifier(bidirectional=True)
    texts = [*TEXTS, "", "off"]
    together = logits_of(trained.model, trained.encoder, [trained.encoder.encode(t) for t in texts])
    for text, row in zip(texts, together, strict=True):
        alone = logits_of(trained.model, trained.encoder, [trained.encoder.encode(text)])
        np.testing.assert_allclose(row, alone[0], atol=1e-5)


def test_the_wide_head_is_linear_in_the_weights() -> None:
    trained = classifier()
    encoded = trained.encoder.encode("set the alarm")
    batch = trained.encoder.batch([encoded])
    model = IntentModel.of(trained.model)
    table = model.wide.weight.detach().numpy()
    by_hand = (encoded.weights[:, None] * table[encoded.grams]).sum(0)
    logits = model.wide_logits(batch)
    assert logits is not None
    np.testing.assert_allclose(logits[0].detach().numpy(), by_hand, rtol=1e-4, atol=1e-5)
    share, deep = model.wide_share, model(batch).deep
    torch.testing.assert_close(model(batch).total(), deep + share * logits)


def test_scores_fall_under_the_threshold_out_of_scope() -> None:
    trained = classifier()
    strict = replace(trained, decision=Decision(1.0, 1e9, "test"))
    found = strict.predict(["play music"])[0]
    assert found.label is None
    assert not found.in_scope
    assert found.ranked[0][0] == trained.predict(["play music"])[0].ranked[0][0]
    assert sum(p for _, p in found.ranked) == pytest.approx(1.0)
