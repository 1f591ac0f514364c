"""Texts that are read together are answered as they are alone, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.tasks.classify import Classifier
from hiddenstate.tasks.classify.reader import Reader, parameter_shapes
from hiddenstate.tasks.classify.spec import ClassifySpec
from hiddenstate.tasks.text.encoder import Encoder
from hiddenstate.tasks.text.rejection import Decision, scope_scores
from hiddenstate.tasks.text.settings import READOUTS

KNOWN = ("set an alarm for seven play some music what time is it " + "turn the lights off now").split()
TEXTS = [" ".join(KNOWN[i : i + 5]) for i in range(len(KNOWN))]
WORDS = st.one_of(st.sampled_from(KNOWN), st.text(max_size=5))
SOME = st.lists(st.lists(WORDS, max_size=12).map(" ".join), min_size=1, max_size=80)


def classifier(**options: object) -> Classifier:
    """One that was never trained, and whose every part has a say."""
    small = {"hidden": 19, "embedding": 5, "letter_buckets": 64, "wide_buckets": 128}
    spec = ClassifySpec.from_options({**small, "readout": ",".join(READOUTS), **options})
    encoder = Encoder.build(TEXTS, spec.letter_buckets, spec.wide_buckets)
    generator = np.random.default_rng(0)
    arrays = {
        name: generator.normal(0, 0.5, shape).astype(np.float32)
        for name, shape in parameter_shapes(spec, encoder.words, 8).items()
    }
    labels = tuple("abcdefg")
    return Classifier(spec, labels, "oos", encoder, Reader(spec, arrays), Decision(1.3, 0.5, "-"))


MODELS = {
    "default": classifier(),
    "both ways": classifier(bidirectional=True, cell="gru", layers=2),
    "one unit": classifier(hidden=1, cell="rnn", readout="mean,attention"),
}


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=25, deadline=None)
@given(texts=SOME)
def test_together_is_alone(name: str, texts: list[str]) -> None:
    model = MODELS[name]
    together = model.predict(texts)
    assert together == [model.predict([text])[0] for text in texts]
    assert together[::-1] == model.predict(texts[::-1])


def test_many_lengths_together_are_alone() -> None:
    generator = np.random.default_rng(1)
    texts = [" ".join(generator.choice(KNOWN, size)) for size in generator.integers(0, 60, 400)]
    model = MODELS["default"]
    together = model.logits(texts)
    assert np.ptp(together) > 1
    for place in range(0, 400, 7):
        assert (model.logits([texts[place]])[0] == together[place]).all()


def test_no_texts_have_no_answers() -> None:
    assert MODELS["default"].predict([]) == []
    assert MODELS["default"].logits([]).shape == (0, 8)


def test_ranked_intents_are_those_of_a_stable_sort() -> None:
    model = MODELS["default"]
    logits = np.random.default_rng(2).integers(0, 3, (50, 8)).astype(np.float32)  # many are equal
    scores = scope_scores(logits, len(model.labels))
    for row, (ranked, score) in zip(logits, model._ranked(logits, scores), strict=True):
        shares = model.probabilities_of(row)
        best = sorted(range(7), key=lambda place: -shares[place])[:5]
        assert [name for name, _ in ranked] == [model.labels[place] for place in best]
        assert [share for _, share in ranked] == [float(shares[place]) for place in best]
        against = (row.astype(np.float64).mean() + row[7]) / 2
        assert score == pytest.approx(row[:7].max() - against, abs=1e-6)


def test_fewer_intents_than_are_named() -> None:
    model = MODELS["default"]
    few = Classifier(model.spec, ("a", "b"), "oos", model.encoder, model.model, model.decision)
    assert len(few.predict(["set an alarm"])[0].ranked) == 2
