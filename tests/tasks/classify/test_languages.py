"""A model for each of several languages, small as it is, understands what it was not told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hiddenstate.data.words import FIRST, Tokeniser
from hiddenstate.errors import InvalidArgument, RunError
from hiddenstate.runs import Run
from hiddenstate.tasks.classify import ClassifySpec, TextClassifier
from hiddenstate.tasks.classify.predictor import Classifier
from language_sets import SETS, TURKISH, Small

SMALL: dict[str, Any] = {
    "embedding": 32,
    "letter_buckets": 1024,
    "wide_buckets": 2048,
    "epochs": 20,
    "least_steps": 60,
}


def fitted(small: Small, **more: object) -> TextClassifier:
    texts, labels = zip(*small.rows("train"), strict=True)
    return TextClassifier(hidden=32, settings={**SMALL, **more}).fit(texts, labels)


@pytest.mark.parametrize("name", SETS)
def test_a_small_model_learns_the_language(name: str) -> None:
    """With five seeds each, every set gave 12 of 12 right, Japanese once 11; by chance there would be 3."""
    texts, labels = zip(*SETS[name].rows("asked"), strict=True)
    model = fitted(SETS[name])
    assert sum(model.predict(texts) == labels) >= 11
    assert model.classifier_.encoder.tokenise == Tokeniser(turkish=name == "turkish")


def test_turkish_capitals_say_what_small_letters_say() -> None:
    model = fitted(TURKISH).classifier_
    loud, quiet = ["IŞIĞI KAPAT", "İYİ BİR ŞARKI ÇAL"], ["ışığı kapat", "iyi bir şarkı çal"]
    assert [each.unknown for each in model.predict(loud)] == [(), ("iyi",)]
    np.testing.assert_array_equal(model.logits(loud), model.logits(quiet))
    other = fitted(TURKISH, language="other").classifier_
    assert other.predict(loud)[0].unknown == ("işiği",)


def test_the_tokeniser_stays_with_the_run(tmp_path: Any) -> None:
    """A run that names none was made with the first version, and is read and resumed with that."""
    classifier = fitted(TURKISH).classifier_
    run = Run.create(tmp_path / "run")
    values = classifier.spec.model_dump()
    run.write_spec({"task": "classify", "spec": values})
    classifier.save(run)
    loaded = Classifier.load(run.path)
    assert loaded.encoder.tokenise == Tokeniser(turkish=True)
    assert loaded.spec.tokeniser == 2
    described = run.text("model.json")
    now = '"tokeniser": {\n   "version": 2,\n   "turkish": true\n  }'
    assert now in described
    run.write("model.json", described.replace(f",\n  {now}", ""))
    assert Classifier.load(run.path).encoder.tokenise == FIRST
    run.write("model.json", described.replace(now, now.replace("2", "9")))
    with pytest.raises(RunError, match="version 1 or 2, turkish or not, came 9"):
        Classifier.load(run.path)
    run.write("model.json", described.replace(now, '"tokeniser": {"new": 1}'))
    with pytest.raises(RunError, match="damaged"):
        Classifier.load(run.path)
    del values["tokeniser"], values["language"]
    old = ClassifySpec.from_run(values, "spec.json")
    assert (old.tokeniser, old.language) == (1, "auto")


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="language: input should be 'auto', 'tr', 'az' or 'other'"):
        ClassifySpec.from_options({"language": "fr"})
    with pytest.raises(InvalidArgument, match="version 1 knows no language, came 'tr'; leave it out"):
        ClassifySpec.from_options({"language": "tr", "tokeniser": "1"})
