"""Language in the beam: models over words and symbols, lists of words, against all that can be said."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctc_cases import drawn, everything_said
from hiddenstate.decode import Alphabet, Lexicon, NGram, PrefixBeam
from hiddenstate.errors import DataError, InvalidArgument

EVERYTHING = 20_000
LETTERS = Alphabet(("", " ", "a", "b"))
PIECES = Alphabet((" ab", "b", "", " a"))
WORDS = Alphabet((" ab", " a", " b", ""))
ALPHABETS = pytest.mark.parametrize("alphabet", [LETTERS, PIECES, WORDS], ids=["letters", "pieces", "words"])
LM = NGram.train([["a", "b"], ["b", "a", "b"], ["ab"], ["a"], ["ab", "b"]], order=3)


def texts(log_probs: np.ndarray, alphabet: Alphabet) -> dict[tuple[str, ...], float]:
    """Every text that can be said, and its probability."""
    found: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for said, (probability, _) in everything_said(log_probs, alphabet.symbols.index("")).items():
        found[tuple("".join(alphabet.symbols[symbol] for symbol in said).split())] += probability
    return found


def weighed(words: tuple[str, ...], listed: bool) -> float:
    """The model's logarithm; what it does not know is spelt with two letters, or is the list's only one."""
    spelt = sum(len(word) for word in words if word not in LM.vocabulary)
    return LM.sentence(words) - (0 if listed else spelt * np.log(2))


@ALPHABETS
@settings(max_examples=15)
@given(st.integers(0, 10_000), st.floats(0, 2), st.floats(-2, 2), st.booleans())
def test_a_wide_beam_weighs_everything(
    alphabet: Alphabet, seed: int, alpha: float, beta: float, closed: bool
) -> None:
    log_probs = drawn(seed, 5, 4)
    lexicon = Lexicon(["a", "ab"] if alphabet is WORDS else ["a", "ab", "abb"]) if closed else None
    expected = {
        words: np.log(probability) + alpha * weighed(words, closed or alphabet is WORDS) + beta * len(words)
        for words, probability in texts(log_probs, alphabet).items()
        if lexicon is None or set(words) <= lexicon.words
    }
    found = PrefixBeam(EVERYTHING, LM, lexicon, alpha, beta, alphabet=alphabet).decode(log_probs)
    if (
        closed and alphabet is LETTERS
    ):  # a space at the beginning, or a second one, is not among what is let through
        assert {tuple(answer.text.split()) for answer in found} <= set(expected)
        return
    assert {tuple(answer.text.split()) for answer in found} == set(expected)
    for answer in found:
        words = tuple(answer.text.split())
        assert answer.total == pytest.approx(expected[words], abs=1e-9)
        language = alpha * weighed(words, closed or alphabet is WORDS) + beta * len(words)
        assert answer.language == pytest.approx(language, abs=1e-9)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_a_list_of_words_lets_one_space_through(seed: int) -> None:
    log_probs, lexicon = drawn(seed, 6, 4), Lexicon(["a", "ab"])
    expected: defaultdict[str, float] = defaultdict(float)
    for said, (probability, _) in everything_said(log_probs, 0).items():
        text = "".join(LETTERS.symbols[symbol] for symbol in said)
        if all(word in lexicon.words for word in text.removesuffix(" ").split(" ")) or not text:
            expected[text.strip()] += probability
    found = PrefixBeam(EVERYTHING, words=lexicon, alphabet=LETTERS).decode(log_probs)
    assert {answer.text: answer.total for answer in found} == pytest.approx(
        {text: np.log(probability) for text, probability in expected.items()}, abs=1e-9
    )


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_a_model_over_symbols(seed: int) -> None:
    log_probs = drawn(seed, 5, 4)
    lm = NGram.train([["a", "b", "<space>", "a"], ["b", "<space>", "b"]], order=3)
    expected: defaultdict[str, list[float]] = defaultdict(list)
    for said, (probability, _) in everything_said(log_probs, 0).items():
        tokens = [LETTERS.symbols[symbol].replace(" ", "<space>") for symbol in said]
        score = np.log(probability) + 0.7 * lm.sentence(tokens) + 0.1 * len(tokens)
        expected["".join(LETTERS.symbols[symbol] for symbol in said)].append(score)
    best: defaultdict[str, list[float]] = defaultdict(list)
    for text, scores in expected.items():
        best[" ".join(text.split())] += scores
    found = PrefixBeam(EVERYTHING, lm, None, 0.7, 0.1, alphabet=LETTERS, over="symbols").decode(log_probs)
    assert {answer.text: answer.total for answer in found} == pytest.approx(
        {text: np.logaddexp.reduce(scores) for text, scores in best.items()}, abs=1e-9
    )


def test_a_model_over_symbols_and_a_list_of_words() -> None:
    log_probs, lm = drawn(8, 5, 4), NGram.train([["a", "b", "<space>", "a"]], order=2)
    found = PrefixBeam(EVERYTHING, lm, Lexicon(["ab", "a"]), 0.7, alphabet=LETTERS, over="symbols").decode(
        log_probs
    )
    assert {word.text for answer in found for word in answer.words} == {"a", "ab"}
    assert "ab a" in [answer.text for answer in found]
    for answer in found:
        tokens = [LETTERS.symbols[symbol].replace(" ", "<space>") for symbol in answer.symbols]
        assert answer.language == pytest.approx(0.7 * lm.sentence(tokens))


@ALPHABETS
@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 8), st.data())
def test_however_it_is_cut_it_is_the_same(
    alphabet: Alphabet, seed: int, width: int, data: st.DataObject
) -> None:
    log_probs = drawn(seed, 40, 4)
    beam = PrefixBeam(width, LM, Lexicon(["a", "ab"]), 0.8, 0.3, alphabet=alphabet)
    stream = beam.stream()
    for part in np.split(log_probs, sorted(data.draw(st.lists(st.integers(0, 40), max_size=6)))):
        stream.feed(part)
    assert stream.finish() == beam.decode(log_probs)


def test_a_language_model_decides_where_the_sound_does_not() -> None:
    alphabet = Alphabet(("", " ", "a", "e", "r", "t", "w"))
    spoken = ["", "t", "w", "", "a", "r", "", " ", "", "a", "r", "e", ""]
    probabilities = np.full((len(spoken), 7), 0.02)
    for frame, letter in zip(probabilities, spoken, strict=True):
        frame[alphabet.symbols.index(letter)] = 0.88
    probabilities[2, [0, 6]] = 0.44  # "twar" or "tar"?
    said = np.log(probabilities)
    lm = NGram.train([["tar", "are"], ["tar"], ["are"]], order=2)
    assert PrefixBeam(8, alphabet=alphabet).decode(said)[0].text == "tar are"
    probabilities[2, [0, 6]] = 0.2, 0.68
    said = np.log(probabilities)
    assert PrefixBeam(8, alphabet=alphabet).decode(said)[0].text == "twar are"
    assert PrefixBeam(8, lm, None, 1.0, 1.0, alphabet=alphabet).decode(said)[0].text == "tar are"
    assert PrefixBeam(8, words=Lexicon(["tar", "are"]), alphabet=alphabet).decode(said)[0].text == "tar are"


CUTS = {"a": (" a",), "ab": (" ab",), "abb": (" a", "bb"), "b": (" b",), "ba": (" b", "a")}
CUT_IN = Alphabet((" a", " ab", "", "b", " b", "bb", "a"))


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.floats(0, 2), st.floats(-2, 2), st.booleans())
def test_a_word_is_spelt_in_the_one_way_that_is_given(
    seed: int, alpha: float, beta: float, known: bool
) -> None:
    """Of all that can be said only words cut as they are learned count: not " a" "b" for "ab"."""
    log_probs, lexicon = drawn(seed, 4, 7), Lexicon(CUTS, CUTS.__getitem__)
    words_of = {symbols: word for word, symbols in CUTS.items()}
    expected: defaultdict[str, float] = defaultdict(float)
    for said, (probability, _) in everything_said(log_probs, 2).items():
        starts = [place for place, symbol in enumerate(said) if CUT_IN.symbols[symbol][0] == " "]
        if said and starts[:1] != [0]:
            continue  # goes on with a word before one has begun
        parts = [said[begin:end] for begin, end in pairwise([*starts, len(said)])]
        words = [words_of.get(tuple(CUT_IN.symbols[symbol] for symbol in part)) for part in parts]
        if None not in words:
            expected[" ".join(map(str, words))] += probability
    lm = LM if known else None
    found = PrefixBeam(EVERYTHING, lm, lexicon, alpha if known else None, beta, alphabet=CUT_IN).decode(
        log_probs
    )
    assert {answer.text for answer in found} == set(expected)
    for answer in found:
        words = answer.text.split()
        unknown = sum(word == "abb" or word == "ba" for word in words)  # two of the list share <unk>
        language = beta * len(words)
        if lm is not None:
            language += alpha * (lm.sentence(words) - unknown * np.log(2))
        assert answer.language == pytest.approx(language, abs=1e-9)
        assert answer.acoustic == pytest.approx(np.log(expected[answer.text]), abs=1e-9)


def test_a_word_cut_otherwise_is_not_followed() -> None:
    probabilities = np.full((4, 7), 1e-6)
    probabilities[np.arange(4), [0, 3, 2, 3]] = 1  # " a" "b" "b", where "abb" is " a" "bb"
    log_probs = np.log(probabilities / probabilities.sum(1, keepdims=True))
    assert PrefixBeam(words=Lexicon(CUTS), alphabet=CUT_IN).decode(log_probs)[0].text == "abb"
    only = PrefixBeam(words=Lexicon(CUTS, CUTS.__getitem__), alphabet=CUT_IN).decode(log_probs)[0]
    assert only.text != "abb"
    assert only.acoustic < -10
    stream = PrefixBeam(words=Lexicon(CUTS, CUTS.__getitem__), alphabet=CUT_IN).stream()
    for frame in log_probs:
        stream.feed(frame[None])
    assert stream.finish()[0] == only
    for cuts, words in (
        ({"ab": ("ab",)}, "'ab'; no symbols spell"),
        ({"ax": (" a", "x")}, "no symbol has 'x'"),
    ):
        with pytest.raises(InvalidArgument, match=words):
            PrefixBeam(words=Lexicon(cuts, cuts.__getitem__), alphabet=CUT_IN)


def test_unknown_words_of_a_list_share_what_is_unknown() -> None:
    log_probs = drawn(2, 3, 4)
    for unknown, share in ((["ba"], 1), (["ba", "bb", "aba"], 3)):
        lexicon = Lexicon(["a", "b", *unknown])
        found = PrefixBeam(EVERYTHING, LM, lexicon, 0.6, 0.2, alphabet=LETTERS).decode(log_probs)
        (answer,) = [answer for answer in found if answer.text == "ba"]
        assert answer.language == pytest.approx(0.6 * (LM.sentence(["ba"]) - np.log(share)) + 0.2)


def test_a_word_is_weighed_while_it_is_said() -> None:
    """The beam holds one prefix: "ab" is chosen at its first letter, as the sound leaves it open."""
    lm = NGram.train([["ab"]] * 20 + [["ba"]], order=1)
    probabilities = np.array([[0.02, 0.02, 0.47, 0.49], [0.02, 0.02, 0.46, 0.50]])
    beam = PrefixBeam(1, lm, Lexicon(["ab", "ba"]), 1.0, alphabet=LETTERS)
    assert beam.decode(np.log(probabilities))[0].text == "ab"
    assert PrefixBeam(1, alphabet=LETTERS).decode(np.log(probabilities))[0].text == "b"


def test_a_word_that_has_only_begun_is_cut_off() -> None:
    alphabet = Alphabet(("", " ", "g", "o", "l"))
    spoken = [2, 3, 0, 1, 0, 2]  # "go g"
    probabilities = np.full((6, 5), 1e-9)
    probabilities[np.arange(6), spoken] = 1
    beam = PrefixBeam(1, words=Lexicon(["go", "gol"]), beta=0.5, alphabet=alphabet)
    stream = beam.stream()
    stream.feed(np.log(probabilities / probabilities.sum(1, keepdims=True)))
    assert stream.best().text == "go g"
    (answer,) = stream.finish()
    assert (answer.text, answer.language, answer.words[0].start, answer.words[0].end) == ("go", 0.5, 0, 2)
    assert answer.acoustic < -20  # that the last frame says nothing is as improbable as it is


def test_tables_forget_too(monkeypatch: pytest.MonkeyPatch) -> None:
    log_probs = drawn(0, 1500, 4)
    beam = PrefixBeam(6, LM, alpha=0.3, alphabet=LETTERS)
    whole = beam.decode(log_probs)
    monkeypatch.setattr("hiddenstate.decode.tables.MOST_STATES", 50)
    assert beam.decode(log_probs) == whole


def test_lists_of_words(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("go\r\n\n stop \nà\n", encoding="utf-8-sig")
    assert Lexicon.read(path).words == {"go", "stop", "à"}
    for content, words in (
        (b"go\nturn left\n", "line 2: expected one word a line, came 'turn left'"),
        (b"go\n\xff", "in UTF-8, and byte 3 is not"),
        (b"\n\n", "came none"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=words):
            Lexicon.read(path)
    with pytest.raises(DataError, match="cannot be read"):
        Lexicon.read(tmp_path)
    with pytest.raises(InvalidArgument, match="came none"):
        Lexicon([])
    with pytest.raises(InvalidArgument, match="without spaces, came 'turn left'"):
        Lexicon(["turn left"])


@pytest.mark.parametrize(
    ("alphabet", "given", "words"),
    [
        (
            LETTERS,
            ["ab", "cab", "abd"],
            "2 of 3 words cannot be said .*: 'abd', 'cab'; no symbol has 'c', 'd'",
        ),
        (PIECES, ["ab", "ba"], "1 of 2 words cannot be said .*: 'ba'; no symbols spell them"),
        (WORDS, ["ab", "aba"], "'aba'; no symbols spell them"),
        (Alphabet(("", "a", "b")), ["c"], "no symbol has 'c'"),
        (LETTERS, list("cdefgh"), "'c', 'd', 'e', 'f', 'g' and 1 more"),
    ],
)
def test_words_that_the_symbols_do_not_spell(alphabet: Alphabet, given: list[str], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        PrefixBeam(words=Lexicon(given), alphabet=alphabet)


def test_language_asks_for_an_alphabet() -> None:
    for language in ({"lm": LM}, {"words": Lexicon(["a"])}):
        with pytest.raises(InvalidArgument, match="give an alphabet"):
            PrefixBeam(**language)


def test_nothing_that_may_be_said_is_possible() -> None:
    never = np.array([[-np.inf, -np.inf, -np.inf, 0.0]])
    with pytest.raises(
        InvalidArgument, match="in frame 0 nothing that may be said has a probability above 0"
    ):
        PrefixBeam(words=Lexicon(["a"]), alphabet=LETTERS).decode(never)


def test_silence_is_weighed_as_an_end() -> None:
    beam = PrefixBeam(lm=LM, alphabet=LETTERS)  # alpha is 0.5
    (answer,) = beam.decode(np.zeros((0, 4)))
    assert answer.language == pytest.approx(0.5 * LM.sentence([]))
    assert beam.stream().finish() == [answer]
