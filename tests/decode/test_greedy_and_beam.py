"""Greedy and beam search against all that can be said, and against fixed cases of other implementations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctc_cases import drawn, everything_said, fixed
from hiddenstate.decode import Alphabet, Decoded, PrefixBeam, align, collapse, forward_score, greedy
from hiddenstate.decode.ctc import log_softmax
from hiddenstate.errors import InvalidArgument

EVERYTHING = 4096
LETTERS = Alphabet(("", " ", "a", "b"))


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(2, 4), st.data())
def test_a_wide_beam_finds_all_that_can_be_said(seed: int, T: int, K: int, data: st.DataObject) -> None:
    blank = data.draw(st.integers(0, K - 1))
    log_probs = drawn(seed, T, K)
    expected = everything_said(log_probs, blank)
    found = PrefixBeam(EVERYTHING, blank=blank).decode(log_probs)
    assert {answer.symbols for answer in found} == set(expected)
    scores = [answer.total for answer in found]
    assert scores == sorted(scores, reverse=True)
    for answer in found:
        probability, best = expected[answer.symbols]
        assert answer.acoustic == pytest.approx(np.log(probability), abs=1e-9)
        assert answer.language == 0.0
        assert on_frames(answer, T, blank) == list(best)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([-np.inf, -1e30]))
def test_symbols_that_are_impossible_in_a_frame(seed: int, zero: float) -> None:
    generator, log_probs = np.random.default_rng(seed), drawn(seed, 5, 3).astype(np.float32)
    impossible = generator.random(log_probs.shape) < 0.4
    impossible[np.arange(5), generator.integers(0, 3, 5)] = False
    log_probs[impossible] = zero
    possible = everything_said(np.where(impossible, -np.inf, log_probs.astype(np.float64)), 0)
    expected = {said: both for said, both in possible.items() if both[0] > 0}
    found = PrefixBeam(EVERYTHING).decode(log_probs)
    assert {answer.symbols for answer in found} == set(expected)
    for answer in found:
        assert answer.acoustic == pytest.approx(np.log(expected[answer.symbols][0]), abs=1e-6)
        path = on_frames(answer, 5, 0)
        assert not impossible[np.arange(5), path].any()
        assert path == align(log_probs, answer.symbols).tolist()


def on_frames(answer: Decoded, T: int, blank: int) -> list[int]:
    """The path that an answer's spans mean."""
    path = [blank] * T
    for symbol, (start, end) in zip(answer.symbols, answer.spans, strict=True):
        path[start:end] = [symbol] * (end - start)
    return path


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(0, 30), st.integers(1, 6), st.data())
def test_however_it_is_cut_it_is_the_same(seed: int, T: int, width: int, data: st.DataObject) -> None:
    log_probs = drawn(seed, T, 4)
    beam = PrefixBeam(width, alphabet=LETTERS)
    whole, stream = beam.decode(log_probs), beam.stream()
    fed = 0
    while fed < T:
        n = data.draw(st.integers(0, T - fed))
        stream.feed(log_probs[fed : fed + n])
        fed += n
        if n and not T % 3:  # to look does not disturb
            assert stream.best().acoustic < 1e-12
    assert stream.finish() == whole
    assert stream.finish(1) == whole[:1]


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 5))
def test_what_a_narrow_beam_answers_is_so(seed: int, T: int, width: int) -> None:
    log_probs = drawn(seed, T, 5)
    for answer in PrefixBeam(width).decode(log_probs):
        path = on_frames(answer, T, 0)
        assert collapse(path) == list(answer.symbols)
        on_path = sum(log_probs[t, symbol] for t, symbol in enumerate(path))
        # some of its paths were lost with prefixes that fell out, never the one that is shown
        assert on_path - 1e-9 <= answer.acoustic <= forward_score(log_probs, answer.symbols) + 1e-9


def test_greedy_is_the_best_path() -> None:
    log_probs = drawn(3, 60, 5, spread=4.0)
    answer = greedy(log_probs, blank=2)
    path = log_probs.argmax(1)
    assert answer.symbols == tuple(collapse(path, 2))
    assert on_frames(answer, 60, 2) == path.tolist() == align(log_probs, answer.symbols, 2).tolist()
    assert answer.acoustic == forward_score(log_probs, answer.symbols, 2)


@pytest.mark.parametrize("case", fixed("decode"))
def test_fixed_decodings(case: dict[str, Any]) -> None:
    log_probs, wanted = log_softmax(np.array(case["logits"])), case["expected"]
    if case["mode"] == "greedy":
        found = [greedy(log_probs, case["blank"])]
    else:
        found = PrefixBeam(case["beam_width"], blank=case["blank"]).decode(log_probs, most=len(wanted))
    said: list[Any] = [list(answer.symbols) for answer in found]
    if case["labels"]:
        said = ["".join(case["labels"][symbol] for symbol in symbols) for symbols in said]
    if case.get("strip"):
        said = [" ".join(text.split()) for text in said]
    assert said == wanted
    if case["score"]:
        scores = [answer.acoustic for answer in found]
        assert scores == pytest.approx(case["score"], abs=case["score_atol"])


def test_a_draw_always_ends_the_same_way() -> None:
    even = np.log(np.full((5, 4), 0.25))
    answers = PrefixBeam(3).decode(even)
    assert [answer.symbols for answer in answers] == [answer.symbols for answer in PrefixBeam(3).decode(even)]
    assert [answer.symbols for answer in PrefixBeam(2).decode(even[:1])] == [(), (1,)]


def test_words_have_times_and_confidences() -> None:
    path = [0, 2, 2, 0, 3, 0, 1, 0, 0, 3, 0]
    probabilities = np.full((len(path), 4), 0.05)
    probabilities[np.arange(len(path)), path] = 0.85
    probabilities[4] = [0.3, 0.05, 0.05, 0.6]  # less sure of the first b
    for answer in (greedy(np.log(probabilities), alphabet=LETTERS), *answers(np.log(probabilities))):
        assert answer.text == "ab b"
        assert answer.symbols == (2, 3, 1, 3)
        assert answer.spans == ((1, 3), (4, 5), (6, 7), (9, 10))
        first, second = answer.words
        assert (first.text, first.start, first.end) == ("ab", 1, 5)
        assert first.confidence == pytest.approx((0.85 * 0.6) ** 0.5)
        assert (second.text, second.start, second.end) == ("b", 9, 10)
        assert second.confidence == pytest.approx(0.85)


def answers(log_probs: np.ndarray) -> list[Decoded]:
    stream = PrefixBeam(8, alphabet=LETTERS).stream()
    stream.feed(log_probs)
    return [stream.best(), stream.finish(1)[0]]


def test_prefixes_that_differ_in_spaces_are_one_answer() -> None:
    log_probs = drawn(5, 5, 4)
    texts: dict[str, float] = {}
    for said, (probability, _) in everything_said(log_probs, 0).items():
        text = " ".join("".join(LETTERS.symbols[symbol] for symbol in said).split())
        texts[text] = texts.get(text, 0) + probability
    found = PrefixBeam(EVERYTHING, alphabet=LETTERS).decode(log_probs)
    assert [answer.text for answer in found] == sorted(texts, key=lambda text: -texts[text])
    assert [answer.total for answer in found] == pytest.approx(
        [np.log(texts[answer.text]) for answer in found], abs=1e-9
    )


def test_a_long_stream_forgets_what_nobody_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    log_probs = drawn(1, 2000, 6, spread=3.0)
    whole, forgetful = PrefixBeam(4).stream(), PrefixBeam(4).stream()
    whole.feed(log_probs)
    monkeypatch.setattr("hiddenstate.decode.history.MOST", 100)
    forgetful.feed(log_probs)
    sizes = [len(stream._prefixes._symbols._before) for stream in (whole, forgetful)]
    assert sizes[1] < sizes[0] * 0.75
    assert forgetful.finish() == whole.finish()


def test_nothing_was_said() -> None:
    for answer in (
        PrefixBeam().decode(np.zeros((0, 3)))[0],
        PrefixBeam().stream().best(),
        greedy(np.zeros((0, 3))),
    ):
        assert (answer.symbols, answer.acoustic, answer.spans, answer.text) == ((), 0.0, (), "")
    silence = np.log([[1.0, 1e-9, 1e-9, 1e-9]] * 4)
    assert PrefixBeam(alphabet=LETTERS).decode(silence, most=1)[0].text == ""


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"width": 0}, "width of 1 to 1048576 prefixes, came 0"),
        ({"width": 2.5}, "came 2.5"),
        ({"alpha": np.nan}, "expected alpha as a number, came nan"),
        ({"alpha": 0.5, "alphabet": LETTERS}, "there is none; give lm, or leave alpha out"),
        ({"over": "letters"}, "over=symbols or words, came 'letters'"),
        ({"over": "symbols", "alphabet": LETTERS}, "there is none; give lm"),
        ({"beta": 1.0}, "give an alphabet"),
        ({"alphabet": LETTERS, "blank": 1}, "the alphabet's blank, 0, came blank=1"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        PrefixBeam(**settings)


def test_frames_that_cannot_be() -> None:
    stream = PrefixBeam().stream()
    stream.feed(drawn(0, 3, 4))
    bad = drawn(0, 2, 4)
    bad[1, 2] = np.nan
    for frames, words in ((bad, "NaN in frame 1 of 2"), (drawn(0, 1, 5), "of 4 symbols, .* came 5")):
        with pytest.raises(InvalidArgument, match=words):
            stream.feed(frames)
    stream.feed(drawn(0, 3, 4)[:0])
    assert stream.finish() == PrefixBeam().decode(drawn(0, 3, 4))  # nothing of what was refused was taken
    with pytest.raises(InvalidArgument, match=r"of 4 symbols, .* came 3"):
        PrefixBeam(alphabet=LETTERS).decode(drawn(0, 2, 3))
    with pytest.raises(InvalidArgument, match="blank among the 4 symbols"):
        PrefixBeam(blank=7).decode(drawn(0, 2, 4))
    with pytest.raises(InvalidArgument, match="at least one text, came most=0"):
        PrefixBeam().decode(drawn(0, 2, 4), most=0)
    with pytest.raises(InvalidArgument, match="of 4 symbols"):
        greedy(drawn(0, 2, 3), alphabet=LETTERS)


@pytest.mark.parametrize(
    ("symbols", "words"),
    [
        ((" ", "a"), "an empty text, the blank, came 0 among 2"),
        (("", "a", ""), "the blank, came 2 among 3"),
        (("", "a", "a"), "came 'a' more than once"),
        (("", "a "), "came 'a ' as symbol 1"),
        (("", "a b"), "came 'a b'"),
        (("", "  "), "came '  '"),
        (("", "\t"), r"came '\\t'"),
    ],
)
def test_alphabets_that_cannot_be(symbols: tuple[str, ...], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        Alphabet(symbols)


def test_pieces_and_whole_words_are_symbols_too() -> None:
    pieces = Alphabet((" he", "llo", "", " ", "w"))
    assert pieces.words([0, 1, 3, 4, 0]) == [("hello", 0, 2), ("w", 3, 4), ("he", 4, 5)]
    assert (pieces.blank, pieces.text([4, 1, 0])) == (2, "wllo he")
    assert Alphabet(("", " yes", " no")).text([1, 1, 2]) == "yes yes no"
