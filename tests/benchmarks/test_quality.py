"""Each measurement on something small enough to know what must come out."""

from __future__ import annotations

import json
from pathlib import Path

import digits
import grammar
import intents
import noise
import numpy as np
import pytest
import quality
import rough
import torch

from hiddenstate.data import sources
from hiddenstate.data.corpus import Corpus, Example
from hiddenstate.data.sources import mnist, reber

STRINGS = (
    reber.ReberString("BTBTXSETE", ("PT", "B", "PT", "SX", "SX", "E", "T", "E")),
    reber.ReberString("BPBPVVEPE", ("PT", "B", "PT", "TV", "PV", "E", "P", "E")),
)


def scores_of(strings: grammar.Strings) -> torch.Tensor:
    """Scores that are right everywhere: a legal symbol has 2, an illegal one 1."""
    return 1.0 + strings.legal.float()


def test_strings_are_laid_out_with_what_may_follow() -> None:
    strings = grammar.layout([STRINGS[0], reber.ReberString("BTE", ("T", "E"))])
    assert strings.lengths.tolist() == [8, 2]
    assert strings.symbols[:, 1].tolist() == [1, 2, 0, 0, 0, 0, 0, 0]
    assert strings.following[:, 1].tolist() == [2, 7, 0, 0, 0, 0, 0, 0]
    assert strings.legal[0, 0].tolist() == [letter in "PT" for letter in reber.SYMBOLS]
    assert strings.legal[:, 0].sum(1).tolist() == [2, 1, 2, 2, 2, 1, 1, 1]


def test_a_string_is_right_where_every_legal_symbol_beats_every_illegal_one() -> None:
    strings = grammar.layout(STRINGS)
    scores = scores_of(strings)
    assert grammar.right(scores, strings).tolist() == [True, True]
    one_legal_too_low, tie = scores.clone(), scores.clone()
    one_legal_too_low[4, 1, reber.SYMBOLS.index("V")] = 0.5
    assert grammar.right(one_legal_too_low, strings).tolist() == [True, False]
    tie[1, 0, reber.SYMBOLS.index("E")] = 2.0
    assert grammar.right(tie, strings).tolist() == [False, True]


def test_padding_is_no_step() -> None:
    strings = grammar.layout([STRINGS[0], reber.ReberString("BTE", ("T", "E"))])
    wrong = -scores_of(strings)
    assert grammar.right_steps(wrong, strings).sum(0).tolist() == [0, 6]


def test_the_last_symbol_but_one_must_repeat_the_second() -> None:
    strings = grammar.layout(STRINGS)
    scores = scores_of(strings)
    scores[6, :, reber.SYMBOLS.index("T")] = 3.0  # always T: right for the first string alone
    assert grammar.right_at_last_but_one(scores, strings).tolist() == [True, False]
    assert grammar.right(scores, strings).tolist() == [True, False]


def test_the_grammar_is_learned_but_for_what_lies_far_back() -> None:
    settings = grammar.Settings(train=600, validation=50, test=60, hidden=24, epochs=5, batch_size=16)
    settings = grammar.replace(settings, learning_rate=0.02)
    found = grammar.learn("lstm", settings, seed=3)
    assert found["steps_right"] >= 0.85


def test_the_same_seed_gives_the_same() -> None:
    settings = grammar.Settings(train=60, validation=20, test=60, hidden=8, epochs=1, batch_size=8)
    figures = ("accuracy", "steps_right", "last_but_one", "validation_accuracy")
    runs = [grammar.learn("rnn", settings, seed) for seed in (3, 3, 4)]
    first, second, other = ([run[name] for name in figures] for run in runs)
    assert first == second != other


def test_digits_are_learned_from_rows() -> None:
    """Pictures whose digit is the bright row: easy for whoever reads rows in order."""
    generator = np.random.default_rng(0)

    def pictures(count: int) -> mnist.Pictures:
        labels = generator.integers(0, 10, count).astype(np.uint8)
        images = generator.integers(0, 60, (count, 10, 6)).astype(np.uint8)
        images[np.arange(count), labels] = 250
        return mnist.Pictures(images, labels)

    settings = digits.Settings(hidden=32, epochs=5, batch_size=20, learning_rate=0.02, validation=100)
    settings = digits.replace(settings, ema_decay=0.9)
    found = digits.learn({"train": pictures(1100), "test": pictures(200)}, settings, seed=0)
    assert found["accuracy"] >= 0.95
    assert found["validation_accuracy"] >= 0.95


def test_batches_of_digits_hold_every_picture_once() -> None:
    labels = np.arange(7, dtype=np.uint8)
    images = np.repeat(labels[:, None, None], 4, axis=1).repeat(3, axis=2) * 10
    batches = digits.EpochBatches(mnist.Pictures(images, labels), np.array([6, 0, 5, 1, 2]), 2)
    assert [batch[1].tolist() for batch in batches] == [[6, 0], [5, 1], [2]]
    rows, _ = batches[0]
    assert rows.shape == (4, 2, 3)
    torch.testing.assert_close(rows[:, 0], torch.full((4, 3), 60 / 255))


def corpus() -> Corpus:
    train = [Example(f"{label} {n}", label) for label in ("a", "b") for n in range(20)]
    train += [Example(f"strange {n}", "oos") for n in range(9)]
    held = (Example("a", "a"), Example("b", "b"), Example("strange", "oos"))
    return Corpus("letters", {"train": tuple(train), "validation": held, "test": held}, "oos", "")


def test_few_are_drawn_from_each_intent_and_none_out_of_scope() -> None:
    few, more = intents.fewer(corpus(), 3, seed=5), intents.fewer(corpus(), 7, seed=5)
    assert few.counts("train") == {"a": 3, "b": 3}
    assert more.counts("train") == {"a": 7, "b": 7}
    assert set(few.splits["train"]) < set(more.splits["train"])
    assert few.splits["train"] != intents.fewer(corpus(), 3, seed=6).splits["train"]
    assert few.splits["test"] == corpus().splits["test"]


def test_the_table_of_few_reads_back_as_it_was(tmp_path: Path) -> None:
    few = intents.fewer(corpus(), 4, seed=0)
    intents.write_csv(few, tmp_path / "few.csv")
    back = sources.read(tmp_path / "few.csv")
    assert (back.splits, back.out_of_scope) == (dict(few.splits), "oos")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results, whose runs serve several tests."""
    return tmp_path_factory.mktemp("measured")


def quick(tmp_path: Path, *words: str) -> int:
    return quality.main(["--quick", "--out", str(tmp_path), "--seeds", "0", *words])


def rows_of(tmp_path: Path, task: str) -> dict[str, dict[str, dict[str, float]]]:
    return json.loads((tmp_path / f"quality-{task}.json").read_text(encoding="utf-8"))["rows"]


def test_a_trained_classifier_is_measured_from_every_side(
    measured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quick(measured, "--tasks", "clinc,latency,size,live") == 0
    rows = rows_of(measured, "clinc")
    assert list(rows) == ["unidirectional", "snapshot", "bidirectional"]
    assert rows["snapshot"]["median"]["accuracy"] >= 0.6
    assert rows["unidirectional"]["median"]["accuracy"] >= 0.05
    trained = sorted(path.name for path in (measured / "runs").iterdir())
    assert trained == ["starter-bidirectional-0", "starter-unidirectional-0"]
    when = [(measured / "runs" / name / "weights.safetensors").stat().st_mtime_ns for name in trained]
    size = rows_of(measured, "size")["unidirectional"]["median"]
    files = [measured / "runs" / trained[1] / name for name in intents.FILES]
    assert size["bytes"] == sum(path.stat().st_size for path in files)
    assert size["parameters"] < rows_of(measured, "size")["bidirectional"]["median"]["parameters"]
    late = rows_of(measured, "latency")["bidirectional"]["median"]
    assert 0 < late["milliseconds"] <= late["milliseconds_95"]
    word = rows_of(measured, "live")["unidirectional"]["median"]
    assert 0 < word["milliseconds_word"] <= word["milliseconds_word_95"]
    capsys.readouterr()
    assert quick(measured, "--tasks", "clinc", "--again") == 0
    assert rows_of(measured, "clinc")["bidirectional"]["median"] == rows["bidirectional"]["median"]
    again = [(measured / "runs" / name / "weights.safetensors").stat().st_mtime_ns for name in trained]
    assert again == when, "trained again although nothing had changed"


@pytest.mark.slow
def test_few_bits_and_many_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert quick(tmp_path, "--tasks", "int8,bulk") == 0
    few, full = (rows_of(tmp_path, "int8")[name]["median"] for name in ("4 and 8 bits", "16 bits"))
    assert few["bytes"] < 0.8 * full["bytes"]
    assert few["accuracy_lost"] == pytest.approx(full["accuracy"] - few["accuracy"])
    many = rows_of(tmp_path, "bulk")["unidirectional"]["median"]
    assert many["per_cpu_second"] > many["per_second"] * 0.5 > 0
    assert 20e6 < many["memory"] < 1e9
    capsys.readouterr()
    assert quality.main(["--tasks", "clinc,bulk", "--trained"]) == 2
    assert "--trained is for int8, bulk and million" in capsys.readouterr().err


def test_few_shot_compares_both_models_on_the_same_rows(tmp_path: Path) -> None:
    trainings = intents.Trainings(tmp_path, intents.QUICK)
    task = intents.few_shot(trainings, (5,))
    rows = task.measure("5 a class", 0)
    model, rival = rows["5 a class"], rows["5 a class, snapshot"]
    assert model["ahead"] == model["accuracy"] - rival["accuracy"]
    assert rival["accuracy"] >= 0.4
    assert list(tmp_path.iterdir()) == []


def test_rough_texts_are_judged_beside_the_snapshot(measured: Path) -> None:
    trainings = intents.Trainings(measured / "runs", intents.QUICK)
    rows = rough.whole(trainings).measure("all examples", 0)
    model, rival = rows["all examples"], rows["snapshot"]
    assert model["ahead"] == pytest.approx(model["accuracy"] - rival["accuracy"])
    for each in (model, rival):
        assert each["typo_accuracy"] == pytest.approx(each["accuracy"] - each["typo_lost"])
    assert rival["typo_lost"] > 0
    assert 0 <= model["mashes_refused"] <= 1


def test_nonsense_is_drawn_again_by_its_seed_and_reads_as_described() -> None:
    strings, runs = noise.random_strings(0), noise.mashes(0)
    assert (strings, runs) == (noise.random_strings(0), noise.mashes(0))
    assert len(strings) == len(runs) == 500
    assert strings != noise.random_strings(1)
    assert all(1 <= len(text) <= 40 for text in strings)
    assert sum(text.isascii() for text in strings) == pytest.approx(375, abs=5)
    keys = set("".join(noise.ROWS) + " ")
    assert all(set(text) <= keys and 1 <= len(text.split()) <= 5 for text in runs)


def test_uneven_intents_go_from_few_to_many_examples() -> None:
    train = tuple(Example(f"{label} {n}", label) for label in "abcde" for n in range(120))
    whole = Corpus("letters", {"train": train, "validation": train[:1], "test": train[:1]}, None, "")
    counts = rough.uneven(whole, seed=4).counts("train")
    assert sorted(counts.values()) == [5, 11, 22, 47, 100]
    assert rough.uneven(whole, seed=4).splits == rough.uneven(whole, seed=4).splits


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tasks", "rebar"], "unknown task 'rebar'"),
        (["--seeds", "one"], "expected whole numbers such as 0,1,2, came 'one'"),
        (["--quick"], "name another folder with --out"),
    ],
)
def test_wrong_use_is_named(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert quality.main(words) == 2
    assert message in capsys.readouterr().err
