"""What few, uneven or misspelt examples are met with: names, weights, vectors, more readings, nonsense."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from hiddenstate.data.corpus import Corpus, Example
from hiddenstate.errors import InvalidArgument
from hiddenstate.tasks import classify
from hiddenstate.tasks.classify import ClassifySpec
from hiddenstate.tasks.classify.fitting import (
    EpochBatches,
    batch_size,
    class_weights,
    fit_model,
    loss_of,
    prepare,
    settings_of,
    typo_noise,
)
from hiddenstate.tasks.classify.measures import calibration_error
from hiddenstate.tasks.classify.warm import Start

SMALL = {"hidden": 8, "embedding": 6, "letter_buckets": 64, "wide_buckets": 256}
SENTENCES = {
    "play_music": (
        "play music now",
        "play the radio",
        "some music please",
        "start the music",
        "music on",
        "radio",
    ),
    "lamp": ("lamp on", "turn the lamp off", "a brighter lamp", "lamp please", "light the lamp", "lamp"),
}


def corpus(music: int = 1, lamps: int = 6) -> Corpus:
    rows = [Example(text, "play_music") for text in SENTENCES["play_music"]] * music
    rows += [Example(text, "lamp") for text in SENTENCES["lamp"][:lamps]]
    held = (Example("more music", "play_music"), Example("lamp off", "lamp"))
    return Corpus("rooms", {"train": tuple(rows), "validation": held}, None, "")


def spec(**changed: object) -> ClassifySpec:
    return ClassifySpec.from_options({**SMALL, **changed})


def test_a_rare_intent_weighs_the_root_of_how_rare_it_is() -> None:
    targets = np.repeat([0, 1, 2], [36, 9, 4])
    weights = class_weights(targets, 3, "auto")
    assert weights is not None
    np.testing.assert_allclose(weights / weights[0], [1, 2, 3], rtol=1e-6)
    assert np.mean(weights[targets]) == pytest.approx(1)
    assert class_weights(targets, 3, "none") is None
    assert class_weights(np.repeat([0, 1], [11, 4]), 2, "auto") is None, "close enough to even"
    rarest = class_weights(np.repeat([0, 1], [36, 1]), 2, "auto")
    assert rarest is not None
    assert rarest[1] / rarest[0] == pytest.approx(3), "one example counts as four"


def test_the_weights_are_in_the_loss_of_both_heads() -> None:
    found = {}
    for balance in ("auto", "none"):
        settings = spec(balance=balance, mixup=0, dropout=0, wide_dropout=0, word_dropout=0,
                        embedding_dropout=0, label_names=False, label_smoothing=0)  # fmt: skip
        prepared = prepare(corpus(music=6, lamps=4), settings)
        module, _ = fit_model(prepared, settings.model_copy(update={"epochs": 1, "least_steps": 0}))
        batch = EpochBatches(prepared, settings, 0)[0]
        said = module(batch)
        weight = torch.tensor([3.0, 1.0] if balance == "auto" else [1.0, 1.0])
        targets = torch.from_numpy(batch.targets)
        chosen = weight[targets] / weight[targets].sum()
        deep = functional.cross_entropy(said.deep, targets, reduction="none") @ chosen
        smooth = functional.cross_entropy(said.wide, targets, weight, label_smoothing=0.15)
        assert loss_of(module, batch).item() == pytest.approx((deep + smooth).item(), rel=1e-5)
        found[balance] = module.class_weight is not None
    assert found == {"auto": True, "none": False}


def test_names_of_intents_are_examples_of_them() -> None:
    prepared = prepare(corpus(), spec())
    assert prepared.named == ("lamp", "play_music")
    assert [each.words for each in prepared.encoded["train"][-2:]] == [("lamp",), ("play", "music")]
    assert prepared.targets["train"][-2:].tolist() == [0, 1]
    without = prepare(corpus(), spec(label_names="false"))
    assert without.named == ()
    assert len(without.encoded["train"]) == 12


def test_small_sets_are_read_more_often_but_judged_no_more_often() -> None:
    settings = spec(epochs=15, least_steps=600, batch_size=8, label_names=False)
    prepared = prepare(corpus(), settings)
    epochs = [EpochBatches(prepared, settings, epoch) for epoch in range(2)]
    wanted = settings_of(settings, 12, None)
    assert wanted.epochs == 15
    assert len(epochs[0]) * wanted.epochs == 600
    read = Counter(row for rows in epochs[0].rows for row in rows.tolist())
    assert read == dict.fromkeys(range(12), 20)
    assert [rows.tolist() for rows in epochs[0].rows] != [rows.tolist() for rows in epochs[1].rows]


def test_a_step_takes_fewer_texts_of_a_small_set() -> None:
    assert [batch_size(spec(), count) for count in (10, 1500, 2000, 15000)] == [64, 75, 100, 128]
    assert batch_size(spec(batch_size=7), 15000) == 7


def test_typo_noise_misspells_in_training_the_same_for_the_same_seed() -> None:
    settings = spec(typo_noise=0.5, label_names=False)
    prepared = prepare(corpus(), settings)
    clean = {each.words for each in prepared.encoded["train"]}
    assert typo_noise(prepared, settings) == 0.5
    assert typo_noise(prepared, spec()) == 0, "12 texts are too few to misspell"
    assert typo_noise(prepare(corpus(music=10), spec()), spec()) == 0.4
    once, again = (EpochBatches(prepared, settings, 3)[0] for _ in range(2))
    np.testing.assert_array_equal(once.words, again.words)
    np.testing.assert_array_equal(once.bags["wide"].ids, again.bags["wide"].ids)
    plain = EpochBatches(prepared, spec(label_names=False), 3)[0]
    assert len(once.bags["wide"].ids) != len(plain.bags["wide"].ids)
    assert {each.words for each in prepared.encoded["train"]} == clean


def vectors(tmp_path: Path, width: int = 6) -> Path:
    path = tmp_path / "words.txt"
    rows = [
        [word, *map(str, range(n, n + width))] for n, word in enumerate(("music", "lamp", "elsewhere"), 1)
    ]
    path.write_text("\n".join(" ".join(row) for row in rows), encoding="utf-8")
    return path


def test_vectors_are_begun_with_and_kept_where_they_are_not_to_be_tuned(tmp_path: Path) -> None:
    for tune in ("true", "false"):
        settings = spec(vectors=str(vectors(tmp_path)), tune_vectors=tune, epochs=2, least_steps=12)
        prepared = prepare(corpus(), settings)
        module, _ = fit_model(prepared, settings)
        rows = prepared.encoder.vocabulary.encode(["music", "lamp"])
        found = module.word.weight.detach().numpy()[rows]
        given = np.array([np.arange(1.0, 7.0), np.arange(2.0, 8.0)], dtype=np.float32)
        given *= 0.1 / np.sqrt(np.mean(given**2))  # as large as the random rows beside them
        assert np.allclose(found, given, rtol=1e-6) is (tune == "false")
        assert np.abs(found - given).max() < 0.2


@pytest.mark.parametrize("tune", ["true", "false"])
def test_an_update_gives_vectors_to_words_that_are_new_to_it(tmp_path: Path, tune: str) -> None:
    before = spec(epochs=1, least_steps=1)
    prepared = prepare(corpus(), before)
    module, _ = fit_model(prepared, before)
    start = Start(module.reader().parameters, ("lamp",), tuple(prepared.labels))  # it never saw "music"
    rates = {"learning_rate": "1e-12", "wide_rate": "1e-12"}
    settings = spec(vectors=str(vectors(tmp_path)), tune_vectors=tune, epochs=1, least_steps=1, **rates)
    prepared = prepare(corpus(), settings)
    module, _ = fit_model(prepared, settings, start=start)
    lamp, music = prepared.encoder.vocabulary.encode(["lamp", "music"])
    found = module.word.weight.detach().numpy()
    given = np.array([np.arange(1.0, 7.0), np.arange(2.0, 8.0)], dtype=np.float32)
    given *= 0.1 / np.sqrt(np.mean(given**2))
    np.testing.assert_allclose(found[music], given[0], rtol=1e-5)
    # what was learned of a known word stays, unless the vectors are to stay
    learned = start.parameters["word.weight"][2]
    np.testing.assert_allclose(found[lamp], learned if tune == "true" else given[1], rtol=1e-4)


def test_the_vectors_width_becomes_the_words_or_is_an_error(tmp_path: Path) -> None:
    path = str(vectors(tmp_path, width=5))
    assert ClassifySpec.from_options({"vectors": path}).sized().embedding == 5
    assert spec(vectors=path, embedding="5").sized().embedding == 5
    with pytest.raises(InvalidArgument, match=r"words\.txt are 5 wide, and embedding=6 was asked for; leave"):
        spec(vectors=path).sized()
    assert spec().sized().embedding == 6


def test_calibration_error_against_plain_counting() -> None:
    generator = np.random.default_rng(0)
    probability, right = generator.random(500), generator.random(500) < 0.6
    total = 0.0
    for low in range(15):
        inside = (probability >= low / 15) & (probability < (low + 1) / 15)
        if inside.any():
            total += inside.sum() * abs(probability[inside].mean() - right[inside].mean())
    assert calibration_error(probability, right) == pytest.approx(total / 500)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0
    assert calibration_error(np.empty(0), np.empty(0, bool)) is None


@pytest.mark.slow
def test_strings_and_runs_of_keys_are_refused_and_sentences_are_not(tmp_path: Path) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))
    import noise

    settings = ClassifySpec.from_options(
        {"hidden": "64", "embedding": "32", "epochs": "8", "least_steps": "200"}
    )
    torch.set_num_threads(1)
    summary = classify.train(settings, tmp_path / "run")
    assert summary["in_scope_accuracy"] >= summary["baseline"]["in_scope_accuracy"] - 0.03
    found = noise.nonsense(classify.load(tmp_path / "run"), seed=0)
    assert found["strings_refused"] >= 0.95
    assert found["mashes_refused"] >= 0.95
