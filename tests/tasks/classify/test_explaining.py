"""Each word's share is what leaving it out changes, measured here by asking the classifier itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hiddenstate.tasks.classify.explaining import LOG_ODDS, SCOPE, Explainer, shares, values
from hiddenstate.tasks.classify.predictor import Classifier
from hiddenstate.tasks.classify.reader import Reader, parameter_shapes
from hiddenstate.tasks.classify.spec import ClassifySpec
from hiddenstate.tasks.text.encoder import Encoder
from hiddenstate.tasks.text.rejection import Decision

TEXTS = ["dim the lamp", "sing a song", "open the door", "बत्ती जलाओ", "開灯", "paint the lamp"]


def classifier(threshold: float, bidirectional: bool = False) -> Classifier:
    spec = ClassifySpec(
        hidden=12, embedding=8, letter_buckets=64, wide_buckets=256, bidirectional=bidirectional
    )
    encoder = Encoder.build(TEXTS, 64, 256)
    generator = np.random.default_rng(1)
    shapes = parameter_shapes(spec, encoder.words, 4)  # three intents, and out of scope
    parameters = {name: generator.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    reader = Reader(spec, parameters)
    return Classifier(
        spec, ("door", "lamp", "song"), "oos", encoder, reader, Decision(0.7, threshold, "nothing")
    )


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("threshold", [-100.0, 0.3, 100.0])
@pytest.mark.parametrize("text", ["dim the lamp please", "song", "बत्ती जलाओ अब", "開灯", "Zorp, zorp!"])
def test_effects_are_what_the_classifier_says_without_the_word(
    text: str, threshold: float, bidirectional: bool
) -> None:
    model = classifier(threshold, bidirectional)
    why = Explainer(model, None, "none").predict([text])[0]
    whole = model.predict([text])[0]
    assert why.prediction == whole
    words = model.encoder.tokenise(text)
    assert [each.word for each in why.words] == words
    assert why.evidence == (LOG_ODDS if whole.in_scope else SCOPE)

    def evidence(asked: str) -> float:
        found = model.predict([asked])[0]
        if not whole.in_scope:
            return -found.score
        p = dict(found.ranked)[whole.label]
        return math.log(p / (1 - p))

    for place, each in enumerate(why.words):
        # words are parted by spaces here, so that they are read as they stand
        without = " ".join(words[:place] + words[place + 1 :])
        found = model.predict([without])[0]
        assert each.effect == pytest.approx(evidence(text) - evidence(without), abs=2e-3)
        assert (each.label, each.changes) == (found.label, found.label != whole.label)
        assert each.probability == pytest.approx(found.probability, abs=1e-5)
    total = sum(abs(each.effect) for each in why.words)
    assert [each.share for each in why.words] == pytest.approx([e.effect / total for e in why.words])


def test_runner_up_and_margin_are_those_of_the_ranking() -> None:
    why = Explainer(classifier(-100.0), None, None).predict(["dim the song"])[0]
    (_, first), second, _ = why.prediction.ranked
    assert (why.runner_up, why.runner_up_probability) == second
    assert why.margin == first - second[1]
    found = values(why)
    assert found["neighbours"] is None
    assert found["words"][0].keys() == {"word", "effect", "share", "label", "probability", "changes"}


@pytest.mark.parametrize("text", ["", "   ", "\u200b"])
def test_an_empty_text_has_no_words_to_weigh(text: str) -> None:
    why = Explainer(classifier(0.0), None, None).predict([text])[0]
    assert why.words == ()
    assert len(why.prediction.ranked) == 3


def test_a_text_past_the_limit_is_weighed_to_the_limit() -> None:
    model = classifier(-100.0)
    (found,) = model.predict(["dim the lamp " * 200])
    weighed = list(shares(model, found))
    assert (len(weighed), found.dropped) == (512, 88)
    assert sum(abs(each.share) for each in weighed) == pytest.approx(1.0)


def test_log_odds_do_not_end_where_probabilities_do() -> None:
    model = classifier(-100.0)
    sharp = Classifier(
        model.spec, model.labels, "oos", model.encoder, model.model, Decision(1e-3, -100.0, "nothing")
    )
    (found,) = sharp.predict(["dim the lamp"])
    assert found.probability == 1.0
    effects = [each.effect for each in shares(sharp, found)]
    assert all(map(math.isfinite, effects))
    assert max(map(abs, effects)) > 100
