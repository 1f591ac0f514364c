"""What is not asked for is settled where every recording is one word of a short list, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from hiddenstate.data.spoken import Recording, SpokenCorpus
from hiddenstate.errors import InvalidArgument
from hiddenstate.tasks.speech import SpeechSpec
from hiddenstate.tasks.speech.settled import settled


def corpus(texts: list[str]) -> SpokenCorpus:
    spoken = tuple(Recording(str(row), Path("a.wav"), text, 0.4) for row, text in enumerate(texts))
    return SpokenCorpus("x", {"train": spoken}, "")


def test_single_words_of_a_list_are_symbols_and_stay_whole() -> None:
    spec, notes = settled(SpeechSpec(data="x"), corpus(["yes", "no"] * 120))
    assert (spec.symbols, spec.bidirectional, spec.normalisation) == ("words", False, "training")
    assert (spec.frequency_masks, spec.time_masks, spec.epochs) == (0, 0, 83)  # 83 times 120 are 10,000
    assert (spec.augmentation.silence, spec.channels) == (1.0, 16)
    assert notes == (
        "Every recording is one of 2 words; settled by that: symbols words, bidirectional false, "
        "normalisation training, frequency_masks 0, time_masks 0, epochs 83.",
    )
    assert spec.features.normalisation == "training"


@pytest.mark.parametrize(("recordings", "epochs"), [(51, 70), (300_000, 20), (20_000, 36)])
def test_many_words_take_the_larger_network(recordings: int, epochs: int) -> None:
    spec, notes = settled(SpeechSpec(data="x"), corpus([f"word{row % 51}" for row in range(recordings)]))
    assert (spec.preset, spec.epochs, spec.symbols) == ("base", epochs, "characters")
    assert notes == (
        f"More than 50 words are said; settled by that: preset base, epochs {epochs}, dropout 0.15.",
    )
    small, notes = settled(
        SpeechSpec(data="x", preset="small", epochs=3, dropout=0.3), corpus(list(map(str, range(51))))
    )
    assert (small.preset, small.epochs, notes) == ("small", 3, ())


def test_what_was_asked_for_is_kept() -> None:
    asked = SpeechSpec(data="x", symbols="characters", epochs=3, time_masks=1)
    spec, notes = settled(asked, corpus(["yes", "no"] * 20))
    assert (spec.symbols, spec.epochs, spec.time_masks) == ("characters", 3, 1)
    assert notes == (
        "Every recording is one of 2 words; settled by that: bidirectional false, normalisation training, "
        "frequency_masks 0.",
    )
    everything = SpeechSpec(
        data="x",
        symbols="words",
        bidirectional=True,
        normalisation="none",
        convolved=0,
        frequency_masks=1,
        time_masks=1,
        silence=0.5,
        epochs=1,
    )
    assert settled(everything, corpus(["yes"] * 20)) == (everything, ())


def test_who_takes_the_mean_of_a_speaker_hears_all_before_answering() -> None:
    spec, _ = settled(SpeechSpec(data="x", normalisation="speaker"), corpus(["yes", "no"] * 20))
    assert (spec.symbols, spec.normalisation, spec.bidirectional) == ("words", "speaker", True)
    with pytest.raises(InvalidArgument, match=r"normalisation=speaker .* bidirectional=false"):
        SpeechSpec.from_options({"data": "x", "normalisation": "speaker", "bidirectional": False})


@pytest.mark.parametrize(("times", "epochs"), [(10, 100), (200, 50), (5000, 10)])
def test_a_word_is_heard_as_often_however_many_recordings_it_has(times: int, epochs: int) -> None:
    spec, _ = settled(SpeechSpec(data="x"), corpus(["up", "down"] * times))
    assert spec.epochs == epochs


def test_nothing_is_heard_above_what_was_recorded() -> None:
    def of(*rates: int) -> SpokenCorpus:
        spoken = (Recording("a", Path("a.wav"), "go on", 0.4, rate=rate) for rate in rates)
        return SpokenCorpus("x", {"train": tuple(spoken)}, "")

    spec, notes = settled(SpeechSpec(data="x"), of(8000, 11025, 8000))
    assert spec.rate == spec.features.rate == 11025
    assert notes == ("No recording has more than 11,025 samples a second; settled by that: rate 11025.",)
    for asked, corpus_ in (
        (SpeechSpec(data="x", rate=16000), of(8000)),
        (SpeechSpec(data="x"), of(8000, 16000)),
        (SpeechSpec(data="x"), of(44100)),
    ):
        assert settled(asked, corpus_) == (asked, ())


@pytest.mark.parametrize(("times", "epochs"), [(10, 100), (240, 25), (5000, 10)])
def test_a_command_is_heard_as_often_too(times: int, epochs: int) -> None:
    asked = SpeechSpec(data="x", commands=("up", "go on"))
    spec, notes = settled(asked, corpus(["Up!", "go on", "and then"] * times))
    assert spec == asked.model_copy(update={"epochs": epochs})
    told = f"Each command is said {times} times on average; settled by that: epochs {epochs}."
    assert notes == (() if epochs == 100 else (told,))
    mine = SpeechSpec(data="x", commands=("up",), epochs=7)
    assert settled(mine, corpus(["up"] * 10)) == (mine, ())


@pytest.mark.parametrize(
    "texts",
    [["go", "go on"] * 50, ["yes", "no"] * 4, [f"go {row % 49}" for row in range(5100)], []],
    ids=["sentences", "too few", "fifty words", "nothing"],
)
def test_everything_else_keeps_the_usual_settings(texts: list[str]) -> None:
    spec = SpeechSpec(data="x")
    assert settled(spec, corpus(texts)) == (spec, ())
