"""A recogniser of tones from training to words: whole and streamed, saved and loaded, against torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import tones
from hiddenstate import SpeechRecognizer, pictures
from hiddenstate.data.audio.reading import read
from hiddenstate.data.recordings import read_recordings
from hiddenstate.errors import DataError, InvalidArgument, RunError, Unsupported
from hiddenstate.scores import confusions, error_rates
from hiddenstate.tasks import speech
from hiddenstate.tasks.speech import SpeechSpec, SpokenWord, Transcript
from hiddenstate.tasks.speech.fitting import batch_of, fit_model, loss_of
from hiddenstate.tasks.speech.model import SpeechModel
from hiddenstate.tasks.speech.picture import heard_png
from hiddenstate.tasks.speech.prepared import prepare
from hiddenstate.tasks.speech.symbols import Symbols

SMALL: dict[str, Any] = {
    "hidden": 32, "layers": 1, "rate": tones.RATE, "mels": 20, "epochs": 40, "batch_size": 8, "speeds": "1",
    "learning_rate": 0.01, "dropout": 0.0, "time_masks": 0, "frequency_masks": 0, "language_model": 2,
    "noise": 0.0, "convolved": 0,
}  # fmt: skip


def spec(data: Path, **changed: Any) -> SpeechSpec:
    return SpeechSpec.from_options({"data": str(data), **SMALL, **changed})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A streaming recogniser of four tones."""
    folder = tmp_path_factory.mktemp("tones")
    data = tones.write(folder / "data", 120, seed=0)
    found = speech.train(spec(data, bidirectional=False), folder / "run")
    assert found["wer"] <= 0.1
    assert found["table"][1]["name"].startswith("snapshot")
    return folder / "run"


@pytest.fixture(scope="module")
def unheard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tones.write(tmp_path_factory.mktemp("unheard"), 20, seed=1)


def test_words_that_were_never_heard_are_recognised(trained: Path, unheard: Path) -> None:
    found = speech.evaluate(trained, str(unheard))
    assert found["n"] == 20
    assert found["wer"] <= 0.05
    report = (trained / "evaluation.md").read_text(encoding="utf-8")
    assert "The worst sentences" in report
    assert (trained / "evaluation.png").stat().st_size > 10_000


def test_the_loss_tells_which_epoch_is_best_before_any_word_is_right(tmp_path: Path) -> None:
    settings = spec(tones.write(tmp_path / "data", 30, seed=9), symbols="characters", epochs=8)
    prepared = prepare(_corpus(settings), settings)
    _, fitted = fit_model(prepared, settings)
    found = [entry["validation"] for entry in fitted.history]
    best = min(found, key=lambda each: each["words_wrong"] + 0.001 * each["loss"])
    assert best["words_wrong"] == found[0]["words_wrong"] == 1.0
    assert found[fitted.best_epoch - 1] == best
    assert fitted.best_epoch > 4
    assert best["loss"] < found[0]["loss"] / 2


def test_a_network_that_writes_nothing_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tones.write(tmp_path / "data", 10, seed=9)
    speech.train(spec(data, epochs=20, learning_rate=1e-3, hidden=4, symbols="words"), tmp_path / "run")
    (line,) = [each for each in capsys.readouterr().err.splitlines() if "blank only" in each]
    assert line.startswith("After 10 epochs the output is still blank only. Likely causes: transcripts")


def test_words_know_when_they_were_said(trained: Path) -> None:
    generator = np.random.default_rng(3)
    parts = [
        np.zeros(4000),
        tones.word("low", 0.3, generator),
        np.zeros(4000),
        tones.word("rise", 0.3, generator),
    ]
    samples = np.concatenate([*parts, np.zeros(1600)]) + generator.normal(0, 0.003, 14400 + 0)
    (found,) = speech.load(trained).transcribe([samples.astype(np.float32)])
    assert found.text == "low rise"
    assert found.seconds == pytest.approx(1.8)
    assert [word.text for word in found.words] == ["low", "rise"]
    assert 0.45 < found.words[0].start < 0.75
    assert 1.25 < found.words[1].start < 1.55
    assert all(0 < word.confidence <= 1 and word.start < word.end <= 1.8 for word in found.words)


def test_an_open_microphone_in_silence_keeps_nothing(trained: Path) -> None:
    recogniser, generator = speech.load(trained), np.random.default_rng(5)
    stream, most = recogniser.stream(), 0.0
    for _ in range(20):
        assert not any(each.final for each in stream.feed(generator.normal(0, 0.003, tones.RATE)))
        most = max(most, stream.steps * recogniser.step_seconds)
    assert most <= 2.0  # of 20 seconds
    said = np.concatenate([np.zeros(2000), tones.word("low", 0.3, generator), np.zeros(2000)])
    stream.feed(said + generator.normal(0, 0.003, len(said)))
    heard = stream.finish()
    assert heard.transcript.text == "low"
    assert 19.0 <= heard.start <= 20.3


def test_who_never_pauses_is_heard_in_parts(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recogniser, generator = speech.load(trained), np.random.default_rng(6)
    names = ["low", "rise", "high", "fall"] * 3  # equal words in a row are one long tone
    parts = [each for name in names for each in (tones.word(name, 0.3, generator), np.zeros(2400))]
    samples = np.concatenate([np.zeros(2400), *parts])
    samples = samples + generator.normal(0, 0.003, len(samples))

    def heard() -> list[str]:
        stream = recogniser.stream()
        found = [each for each in stream.feed(samples) if each.final]
        return [each.transcript.text for each in (*found, stream.finish())]

    assert heard() == [" ".join(names)]
    monkeypatch.setattr("hiddenstate.tasks.speech.stream.LONGEST", 2.0)
    cut = heard()
    assert 2 <= len(cut) <= 4
    assert " ".join(cut).split() == names
    monkeypatch.setattr("hiddenstate.tasks.speech.stream.SURE", 0.0)  # no blank is
    assert len(heard()) == 2


@pytest.mark.parametrize("level", [0.0, 0.003])
def test_long_silence_around_changes_hardly_a_word(trained: Path, unheard: Path, level: float) -> None:
    recogniser, generator = speech.load(trained), np.random.default_rng(8)
    alone = [read(path, tones.RATE) for path in sorted(unheard.glob("*.wav"))]
    room = generator.normal(0, level, 5 * tones.RATE).astype(np.float32)
    padded = [np.concatenate([room, samples, room]) for samples in alone]
    texts = [[each.text for each in recogniser.transcribe(given)] for given in (alone, padded)]
    assert error_rates(*texts).wer <= 0.1


@pytest.mark.parametrize("size", [1, 37, 800, 100_000])
def test_however_it_is_cut_a_stream_hears_the_same(trained: Path, unheard: Path, size: int) -> None:
    recogniser = speech.load(trained)
    for path in sorted(unheard.glob("*.wav"))[: 3 if size == 1 else 8]:
        samples, stream, texts = read(path, tones.RATE), recogniser.stream(), []
        for start in range(0, len(samples), size):
            texts += [
                each.transcript.text for each in stream.feed(samples[start : start + size]) if each.final
            ]
        texts.append(stream.finish().transcript.text)
        (whole,) = recogniser.transcribe([path])
        assert " ".join(filter(None, texts)) == whole.text


def test_silence_ends_an_utterance(trained: Path) -> None:
    generator = np.random.default_rng(4)
    spoken = [tones.sentence(["low", "high"], generator), tones.sentence(["fall"], generator)]
    quiet = generator.normal(0, 0.003, int(1.6 * tones.RATE)).astype(np.float32)
    recogniser = speech.load(trained)
    stream, said = recogniser.stream(), []
    for samples in (spoken[0], quiet, spoken[1]):
        said += [each for each in stream.feed(samples) if each.final]
    said.append(stream.finish())
    assert [each.transcript.text for each in said] == ["low high", "fall"]
    with pytest.raises(InvalidArgument, match=r"begin another with `recogniser.stream\(\)`"):
        stream.feed(quiet)
    assert said[0].start == 0
    assert said[1].start > len(spoken[0]) / tones.RATE
    assert said[1].transcript.words[0].start > said[1].start
    (whole,) = recogniser.transcribe([np.concatenate([spoken[0], quiet, spoken[1]])])
    assert whole.text == "low high fall"
    assert whole.words[2].start > (len(spoken[0]) + len(quiet)) / tones.RATE


def test_what_answers_is_what_was_trained(tmp_path: Path) -> None:
    """The model in NumPy gives the numbers of the model in torch, padding and both directions included."""
    settings = spec(tones.write(tmp_path / "data", 8, seed=2), bidirectional=True, layers=2)
    prepared = prepare(_corpus(settings), settings)
    torch.manual_seed(0)
    module = SpeechModel(settings, len(prepared.symbols)).eval()
    heard = prepared.heard["train"]
    frames = [prepared.features.normalised(each.frames) for each in heard]
    batch = batch_of(heard, prepared, settings)
    with torch.no_grad():
        theirs = module(torch.from_numpy(batch.steps), torch.from_numpy(batch.lengths)).numpy()
    for place, ours in enumerate(module.reader().scores(frames)):
        assert len(ours) == batch.lengths[place]
        np.testing.assert_allclose(ours, theirs[: len(ours), place], atol=2e-5)
        np.testing.assert_allclose(np.exp(ours).sum(1), 1, atol=1e-5)
    assert 0 < loss_of(module, batch).item() < 20


def test_stopping_and_resuming_gives_the_same_weights(tmp_path: Path) -> None:
    settings = spec(
        tones.write(tmp_path / "data", 16, seed=5), epochs=2, batch_size=4, noise=0.5, time_masks=1
    )
    speech.train(settings, tmp_path / "whole")
    speech.train(settings, tmp_path / "parts", time_limit=0.01)
    found = speech.train(settings, tmp_path / "parts", resume=True)
    assert found["stopped"] == "finished"
    one, other = (load_file(tmp_path / name / "weights.safetensors") for name in ("whole", "parts"))
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


def test_transcripts_that_no_recording_can_say_are_found_before_training(tmp_path: Path) -> None:
    data = tones.write(tmp_path / "data", 6, seed=6)
    (data / "002.txt").write_text("low " * 40 + "\n", encoding="utf-8")
    with pytest.raises(
        DataError, match=r"(?s)1 of 6 recordings cannot be used.*002.*takes \d+ steps at least"
    ):
        speech.train(spec(data), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    found = speech.train(spec(data, skip_bad=True, epochs=1), tmp_path / "run")
    assert any(each == "Left out 1 of 6 recordings:" for each in found["warnings"])


@pytest.mark.slow
def test_whole_numbers_of_16_bits_are_heard_as_the_same_floats(trained: Path, unheard: Path) -> None:
    recogniser = speech.load(trained)
    floats = read(unheard / "000.wav", tones.RATE)
    whole_numbers = np.round(floats * 2**15).astype(np.int16)
    assert recogniser.transcribe([whole_numbers]) == recogniser.transcribe([floats])
    assert recogniser.transcribe([floats])[0].text == (unheard / "000.txt").read_text().strip()
    stream = recogniser.stream()
    heard = [*stream.feed(whole_numbers), stream.finish()]
    assert heard[-1].transcript.text == recogniser.transcribe([floats])[0].text
    with pytest.raises(InvalidArgument, match="floats from -1 to 1 or as int16, came int32"):
        recogniser.transcribe([whole_numbers.astype(np.int32)])


def test_in_python_it_is_fitted_on_paths_and_on_samples(tmp_path: Path) -> None:
    data = tones.write(tmp_path / "data", 40, seed=7, most=3)
    paths = sorted(data.glob("*.wav"))
    texts = [path.with_suffix(".txt").read_text(encoding="utf-8") for path in paths]
    given = [path if number % 2 else read(path, tones.RATE) for number, path in enumerate(paths)]
    settings = {name: value for name, value in SMALL.items() if name not in ("rate", "epochs")}
    model = SpeechRecognizer(epochs=40, rate=tones.RATE, settings=settings, bidirectional=False)
    with pytest.raises(InvalidArgument, match="has heard nothing yet"):
        model.transcribe(paths[0])
    model.fit(given, texts)
    found = model.transcribe(paths[:6])
    assert error_rates([text.strip() for text in texts[:6]], [each.text for each in found]).wer <= 0.2
    assert model.transcribe(paths[0]).text == found[0].text
    with pytest.raises(InvalidArgument, match="came 40 recordings, 39 transcripts"):
        model.fit(given, texts[1:])


def test_in_python_all_that_cannot_be_learned_from_is_named(tmp_path: Path) -> None:
    data = tones.write(tmp_path / "data", 6, seed=7)
    given: list[Any] = [*sorted(data.glob("*.wav")), tmp_path / "a.wav", "b.wav", np.zeros(4000, np.float32)]
    given.append(np.full(4000, 3000.0))
    texts = ["low", " ", *["rise"] * 8]
    settings = {name: value for name, value in SMALL.items() if name not in ("rate", "epochs", "hidden")}
    model = SpeechRecognizer(epochs=1, rate=tones.RATE, settings=settings, hidden=4)
    wrong = (
        f"{given[1]}: nothing is said in it: its transcript is empty",
        f"{tmp_path / 'a.wav'}: there is no such file",
        "b.wav: there is no such file",
        "recording 8: every sample is 0: nothing was recorded",
        "recording 9: expected samples from -1 to 1, came 3000",
    )
    with pytest.raises(DataError, match="5 of 10 recordings cannot be used") as caught:
        model.fit(given, texts)
    assert all(each in str(caught.value) for each in wrong)
    model.fit(given, texts, skip_bad=True)
    assert "Left out 5 of 10 recordings:" in model.notes
    assert all(any(note.startswith(each) for note in model.notes) for each in wrong)
    assert model.recogniser.spec.size == (4, 1)
    with pytest.raises(InvalidArgument, match=r"expected recordings as paths .* came int at index 1"):
        model.fit([given[0], 1], texts[:2])  # type: ignore[list-item]
    with pytest.raises(InvalidArgument, match="expected transcripts as strings, came float at index 0"):
        model.fit(given[:2], [np.nan, "low"])  # type: ignore[list-item]
    with pytest.raises(InvalidArgument, match="expected a list of recordings, came one"):
        model.fit("a.wav", ["low"])


def test_one_recording_or_several_are_heard_by_the_same_rule(trained: Path, unheard: Path) -> None:
    recogniser, path = speech.load(trained), unheard / "000.wav"
    samples = read(path, tones.RATE)
    several = recogniser.transcribe([path, samples])
    assert recogniser.transcribe(str(path)).text == several[0].text == several[1].text
    assert recogniser.transcribe(samples) == several[1]
    with pytest.raises(InvalidArgument, match=r"path of a recording, its samples \[n\], .* came int"):
        recogniser.transcribe(5)  # type: ignore[call-overload]
    with pytest.raises(InvalidArgument, match="came float at index 0"):
        recogniser.transcribe([0.1, 0.2])  # type: ignore[list-item]


def test_samples_are_checked_as_files_are(trained: Path, unheard: Path) -> None:
    recogniser, said = speech.load(trained), read(unheard / "000.wav", tones.RATE)
    with pytest.raises(DataError, match=r"recording 1: expected samples from -1 to 1, .* written as floats"):
        recogniser.transcribe([said, 20000 * said])
    with pytest.raises(DataError, match=r"the samples: every sample is 0: .* Was the microphone muted"):
        recogniser.transcribe(np.zeros(4000, np.int16))
    assert "% of its samples are clipped" in recogniser.transcribe(np.clip(20 * said, -1, 1)).notes[0]
    stream = recogniser.stream()
    assert not any(each.final for each in stream.feed(np.zeros(100)))
    with pytest.raises(DataError, match="expected samples from -1 to 1"):
        stream.feed(20000 * said)


def test_what_cannot_be_asked_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="speed"):
        SpeechSpec.from_options({"data": "x", "speeds": "0.1,1"})
    with pytest.raises(InvalidArgument, match="numbers between commas"):
        SpeechSpec.from_options({"data": "x", "speeds": "fast"})
    with pytest.raises(InvalidArgument, match="no setting 'reduced'"):
        SpeechSpec.from_options({"data": "x", "reduced": 2})
    with pytest.raises(InvalidArgument, match="pieces of words are symbols of bpe, and these are characters"):
        SpeechSpec.from_options({"data": "x", "pieces": 100})
    both = spec(tones.write(tmp_path / "data", 6, seed=8), epochs=1)
    speech.train(both, tmp_path / "both")
    with pytest.raises(Unsupported, match="is bidirectional"):
        speech.load(tmp_path / "both").stream()
    with pytest.raises(DataError, match="seconds, came 10 samples"):
        speech.load(tmp_path / "both").transcribe([np.zeros(10, np.float32)])
    described = json.loads((tmp_path / "both" / "model.json").read_text(encoding="utf-8"))
    for name, value in (
        ("symbols", {"kind": "letters", "written": []}),
        ("symbols", {"kind": "bpe", "written": [" a", "b"], "merges": [[" a"]]}),
        ("weights", {"gamma": 1.0}),
        ("features", 3),
    ):
        (tmp_path / "both" / "model.json").write_text(
            json.dumps({**described, name: value}), encoding="utf-8"
        )
        with pytest.raises(RunError, match="is damaged"):
            speech.load(tmp_path / "both")


def test_a_picture_says_what_it_is_of_in_hertz(
    trained: Path, unheard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Any] = []
    monkeypatch.setattr(pictures, "png", lambda figure: figures.append(figure) or b"")
    recording = read_recordings(unheard).split("train")[0]
    heard_png(speech.load(trained), recording)
    wave, mel, *_ = figures[0].axes
    assert wave.get_title(loc="left").splitlines() == [
        "000.wav", f"said: {recording.text}", f"recognised: {recording.text}",
    ]  # fmt: skip
    assert mel.get_ylabel() == "frequency (Hz)"
    assert [label.get_text() for label in mel.get_yticklabels()] == ["250", "500", "1000", "2000"]


def test_symbols_come_back_from_their_ids() -> None:
    for kind in ("characters", "bpe", "words"):
        symbols = Symbols.of(["ab  b", "b a"], kind, pieces=8)
        ids = symbols.encode("b ab")
        assert symbols.alphabet.text(ids) == "b ab"
        assert Symbols.from_dict(symbols.as_dict(), "here") == symbols
        with pytest.raises(DataError, match="which no training transcript has"):
            symbols.encode("c")


def test_times_are_shown_in_milliseconds() -> None:
    found = Transcript(
        "a.wav", "hm", (SpokenWord("hm", 2.8499999999999996, 2.9099999999999997, 0.5),), 3.00049, ()
    )
    row = speech.shown.values(found)
    assert row["words"] == ({"text": "hm", "start": 2.85, "end": 2.91, "confidence": 0.5},)
    assert row["seconds"] == 3.0


def test_errors_are_counted_as_by_hand() -> None:
    found = error_rates(["a b c", "", "d e"], ["a x c y", "z", ""])
    assert (found.substitutions, found.insertions, found.deletions, found.words) == (1, 2, 2, 5)
    assert found.wer == 5 / 5
    assert error_rates([""], [""]).wer is None
    assert confusions(["a b c", "d"], ["a x c", ""]) == {("b", "x"): 1, ("d", ""): 1}
    with pytest.raises(InvalidArgument, match="a text for each of 1"):
        error_rates(["a"], [])


def _corpus(settings: SpeechSpec) -> Any:
    from hiddenstate.data.recordings import read_recordings
    from hiddenstate.data.spoken import divided

    return divided(read_recordings(settings.data), settings.seed)
