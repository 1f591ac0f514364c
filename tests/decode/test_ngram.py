"""The language model against a plain computation from the paper's formulas, and its files."""

from __future__ import annotations

import gzip
import math
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.decode import NGram
from hiddenstate.errors import DataError, InvalidArgument

Sentences = list[list[str]]


class Plain:
    """Interpolated modified Kneser-Ney, straight from Chen and Goodman (1999), by search through lists."""

    def __init__(self, sentences: Sentences, order: int) -> None:
        self.text = [["<s>", *sentence, "</s>"] for sentence in sentences]
        self.order = min(order, max(map(len, self.text)))
        self.words = sorted({word for sentence in self.text for word in sentence[1:]} | {"<unk>"})

    @cache  # noqa: B019 (it lives as long as a test)
    def grams(self, n: int) -> list[tuple[str, ...]]:
        return [tuple(s[i : i + n]) for s in self.text for i in range(len(s) - n + 1)]

    @cache  # noqa: B019
    def count(self, gram: tuple[str, ...]) -> int:
        seen = self.grams(len(gram))
        if len(gram) == self.order or gram[0] == "<s>":
            return seen.count(gram)
        return len({longer[0] for longer in self.grams(len(gram) + 1) if longer[1:] == gram})

    @cache  # noqa: B019
    def taken(self, n: int) -> list[float]:
        counts = [self.count(gram) for gram in set(self.grams(n)) if gram != ("<s>",)]
        n1, n2, n3, n4 = (counts.count(k) for k in (1, 2, 3, 4))
        if n1 and n2 and n3:
            y = n1 / (n1 + 2 * n2)
            values = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
            if min(values) >= 0:
                return [0.0, *values]
        return [0.0, 0.5, 1.0, 1.5]

    def probability(self, word: str, context: tuple[str, ...]) -> float:
        n = len(context) + 1
        here = {w: self.count((*context, w)) for w in self.words}
        lower = self.probability(word, context[1:]) if context else 1 / len(self.words)
        if not sum(here.values()):
            return lower
        taken = self.taken(n)
        off = {w: taken[min(c, 3)] for w, c in here.items()}
        return (here[word] - off[word] + sum(off.values()) * lower) / sum(here.values())


WORDS = ["a", "b", "c", "d"]
texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=5), min_size=1, max_size=8).filter(any)


@settings(max_examples=30)
@given(texts, st.integers(1, 3))
def test_against_the_formulas(sentences: Sentences, order: int) -> None:
    model, plain = NGram.train(sentences, order), Plain(sentences, order)
    assert model.order == plain.order
    assert sorted(model.vocabulary) == plain.words
    histories = [list(h) for n in range(order) for h in product(["<s>", *WORDS, "<unk>"], repeat=n)]
    for history in histories[:: max(1, len(histories) // 8)]:
        context = tuple(word if word in (*plain.words, "<s>") else "<unk>" for word in history)
        for word in plain.words:
            expected = plain.probability(word, context[max(0, len(context) - plain.order + 1) :])
            assert math.exp(model.score(word, history)) == pytest.approx(expected, rel=1e-5, abs=1e-12)


def drawn_sentences(count: int = 150) -> Sentences:
    """Enough of them that discounts can be estimated: words by Zipf's law, each one fond of the next."""
    generator = np.random.default_rng(4)
    sentences = []
    for _ in range(count):
        ids = generator.zipf(1.3, generator.integers(1, 9)) % 200
        ids[1:] = np.where(generator.random(len(ids) - 1) < 0.4, (ids[:-1] + 1) % 200, ids[1:])
        sentences.append([f"w{number}" for number in ids])
    return sentences


def test_estimated_discounts_and_sums_of_one() -> None:
    sentences = drawn_sentences()
    model, plain = NGram.train(sentences, 3), Plain(sentences, 3)
    assert model.notes == ()  # enough was seen of every order
    contexts = [(), ("<s>",), ("w1",), ("w1", "w2"), ("<s>", "w1"), ("never", "w1"), ("w3", "never")]
    contexts += [tuple(sentence[:2]) for sentence in sentences[:20]]
    for context in contexts:
        total = sum(math.exp(model.score(word, context)) for word in model.vocabulary)
        assert total == pytest.approx(1, abs=1e-5), context
    for context in (("w1", "w2"), ("<s>", "w1")):
        for word in ("w3", "w2", "</s>", "<unk>"):
            expected = plain.probability(word, context)
            assert math.exp(model.score(word, context)) == pytest.approx(expected, rel=1e-5)
    assert model.score("never", ["w1"]) == model.score("<unk>", ["w1"])
    said = sentences[0]
    pairs = [(word, ["<s>", *said][: place + 1]) for place, word in enumerate([*said, "</s>"])]
    assert model.sentence(said) == pytest.approx(sum(model.score(*pair) for pair in pairs))


def test_a_context_is_as_long_as_it_matters() -> None:
    model = NGram.train(drawn_sentences(), 3)
    assert model.context(["w5", "w1", "w2"]) == ("w1", "w2")
    assert model.context(["w1", "never"]) == ()
    assert model.start == ("<s>",)
    for context in (["w1", "w2"], ["w9", "w50"], ["never", "w2"], ["w2", "never"]):
        for word in ("w3", "w1", "</s>"):
            assert model.score(word, context) == pytest.approx(model.score(word, model.context(context)))
    assert NGram.train([["a"]], order=1).start == ()


def test_too_little_to_estimate_is_said() -> None:
    model = NGram.train([["yes"], ["no"]], order=5)
    assert model.order == 3  # <s> yes </s>
    assert len(model.notes) == 3
    assert model.notes[0].startswith("too few grams of 1 word to estimate")


@pytest.mark.parametrize("name", ["model.arpa", "model.arpa.gz"])
def test_what_is_written_is_read(name: str, tmp_path: Path) -> None:
    model = NGram.train([*drawn_sentences(), ["größer", "你好"]], 3)
    model.write_arpa(tmp_path / name)
    read = NGram.read_arpa(tmp_path / name)
    assert (read.probabilities, read.backoffs) == (model.probabilities, model.backoffs)
    assert (tmp_path / name).read_bytes()[:2] == (b"\x1f\x8b" if name.endswith("gz") else b"\\d")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with pytest.raises(DataError, match="cannot be written"):
        model.write_arpa(tmp_path / "nowhere" / name)


SRILM = """
made by ngram-count

\\data\\
ngram 1=4
ngram 2=3

\\1-grams:
-0.60206\t</s>
-99\t<s>\t-0.30103
-0.60206\ta\t-0.1760913
-0.30103\tb

\\2-grams:
-0.1249387\t<s> a
-0.2218487\ta b
-0.2218487\tb </s>

\\end\\
"""
KENLM = """\\data\\
ngram 1=5
ngram 2=1

\\1-grams:
-1.2\t<unk>\t0
0\t<s>\t-0.30103
-0.60206\t</s>\t0
-0.60206\ta\t-0.1760913
-0.4\tb\t0

\\2-grams:
-0.2218487\ta b

\\end\\
"""


def test_files_of_srilm_and_kenlm(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    path.write_text(SRILM, encoding="utf-8")
    model = NGram.read_arpa(path)
    ten = math.log(10)
    assert (model.order, model.vocabulary) == (2, {"a", "b", "</s>", "<unk>"})
    assert model.score("a", ["<s>"]) == pytest.approx(-0.1249387 * ten)
    assert model.score("b", ["<s>"]) == pytest.approx((-0.30103 - 0.30103) * ten)
    assert model.score("a", ["b"]) == pytest.approx(-0.60206 * ten)  # b has no back-off: nothing is taken off
    assert model.score("c", ["a"]) == pytest.approx((-0.1760913 - 99) * ten)
    path.write_text(
        KENLM.replace("<unk>", "<UNK>").replace("\n", "\r\n").replace("\t", " "), encoding="utf-8"
    )
    model = NGram.read_arpa(path)
    assert model.score("c", ["a"]) == pytest.approx((-0.1760913 - 1.2) * ten)
    assert model.score("b", ["c", "a"]) == pytest.approx(-0.2218487 * ten)
    path.write_text(SRILM.replace("-0.30103\tb", "-inf\tb"), encoding="utf-8")
    assert NGram.read_arpa(path).score("b") == pytest.approx(-99 * ten)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("\\data\\", "data", r"ends behind line 19, and \\data\\, with which the model begins was expected"),
        ("ngram 1=4\n", "", r"line 5: expected ngram 1=\.\.\., came 'ngram 2=3'"),
        ("ngram 1=4\nngram 2=3\n", "", "line 6: expected ngram 1"),
        ("ngram 1=4", "ngram 1=99999999999", "announces 100,000,000,002 grams"),
        ("ngram 2=3", "ngram 2=4", "line 19: 4 grams of 2 words were announced, and 3 are there"),
        ("\\2-grams:", "\\3-grams:", r"line 14: expected \\2-grams:, came '\\\\3-grams:'"),
        ("\\end\\\n", "", r"ends behind line 18, and a gram of 2 words, or the next part was expected"),
        ("\\end\\\n", "\\end\\\nmore", r"line 20: expected nothing behind \\end\\, came 'more'"),
        ("-0.2218487\ta b", "-0.2x\ta b", "line 16: expected a number where '-0.2x' stands, came"),
        ("-0.2218487\ta b", "nan\ta b", "line 16: expected a number where 'nan' stands"),
        ("-0.2218487\ta b", "0.2\ta b", "line 16: expected the logarithm of a probability, at most 0, came"),
        ("-0.2218487\ta b", "-0.2218487\ta", "line 16: expected a logarithm, 2 words and perhaps a back-off"),
        ("-0.2218487\ta b", "-0.2\ta b\t-0.1", "line 16: expected no back-off behind the longest grams"),
        ("-0.2218487\ta b", "-0.2\t<s> a", "line 16: expected every gram once, came"),
        ("-0.2218487\ta b", "-0.2\ta c", r"line 16: expected words of \\1-grams:, and 'c' is none, came"),
        ("-0.60206\t</s>", "-0.60206\tc", "expected words of"),
    ],
)
def test_broken_files_are_named_with_their_line(old: str, new: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    path.write_text(SRILM.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match=words) as caught:
        NGram.read_arpa(path)
    assert str(path) in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    with pytest.raises(DataError, match="cannot be read: No such file"):
        NGram.read_arpa(path)
    path.write_bytes(SRILM.encode().replace(b"a b", b"\xff b"))
    with pytest.raises(DataError, match="line 16 is not UTF-8"):
        NGram.read_arpa(path)
    path.write_bytes(gzip.compress(SRILM.encode())[:-20])
    with pytest.raises(DataError, match="damaged or cut off: gzip says"):
        NGram.read_arpa(path)
    path.write_bytes(b"\\data\\" + b"x" * 70_000)
    with pytest.raises(DataError, match="line 1 is longer than 65536 bytes"):
        NGram.read_arpa(path)
    path.write_text("\\data\\\nngram 1=1\n\\1-grams:\n-1 a\n\\end\\", encoding="utf-8")
    with pytest.raises(DataError, match="has no </s>"):
        NGram.read_arpa(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="ends behind line 0"):
        NGram.read_arpa(path)


@pytest.mark.parametrize(
    ("sentences", "order", "error", "words"),
    [
        ([], 3, DataError, "not one word"),
        ([[], []], 3, DataError, "not one word"),
        ([["a"], ["b c"]], 3, DataError, "sentence 1: expected words without spaces, .* came 'b c'"),
        ([["a", ""]], 3, DataError, "sentence 0: .* came ''"),
        ([["<unk>"]], 3, DataError, "came '<unk>'"),
        (["go left"], 3, InvalidArgument, "came the text 'go left'; split it"),
        ([["a"]], 0, InvalidArgument, "order of 1 to 10 words, came 0"),
        ([["a"]], 11, InvalidArgument, "came 11"),
    ],
)
def test_what_cannot_be_counted(sentences: Sentences, order: int, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        NGram.train(sentences, order)
