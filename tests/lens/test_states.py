"""The way of the state and the spans found: scikit-learn's components, torch's states, and search by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from matplotlib.text import Text
from sklearn.decomposition import PCA

from hiddenstate import lens
from hiddenstate.cells import CELLS
from hiddenstate.errors import InvalidArgument
from hiddenstate.infer import Example, Inside
from hiddenstate.layers import Recurrent
from hiddenstate.lens.nearest import Search, distances
from hiddenstate.lens.opened import opened
from hiddenstate.lens.plane import Spread
from hiddenstate.tasks.text.head import LastHead

F, H = 4, 5
WORDS = ["the", "cat", "dog", "sat", "ran", "on", "mat"]
EXAMPLES = (
    "the cat sat on the mat",
    "the dog sat on the mat",
    "the cat ran",
    "the cat ran",
    "dog ran on",
    "cat",
    "on the mat the dog sat",
)


def layer_of(name: str = "lstm", **options: object) -> Recurrent:
    torch.manual_seed(1)
    return Recurrent(name, F, H, dtype=torch.float64, backend="reference", **options)


def vectors(text: str) -> np.ndarray:
    drawn = np.random.default_rng(7).normal(size=(len(WORDS), F))
    return drawn[[WORDS.index(word) for word in text.split()]].reshape(-1, F)


def reading(layer: Recurrent, examples: Sequence[str] = (), head: bool = True) -> Inside:
    stack, generator = opened(layer).stack, np.random.default_rng(8)
    answers = LastHead(("a", "b", "c"), generator.normal(size=(3, stack.output_width)), np.zeros(3))
    told = [Example(text, f"label {place}", "train") for place, text in enumerate(examples)]
    return Inside(
        stack,
        lambda text: (tuple(text.split()), vectors(text)),
        answers if head else None,
        (lambda: told) if examples else None,
    )


def traced(layer: Recurrent, text: str, name: str = "h", depth: int = -1) -> np.ndarray:
    with torch.no_grad():
        return layer.trace(torch.tensor(vectors(text))).kept[name][depth].numpy()


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, True)])
def test_states_are_those_of_torch(name: str, layers: int, both: bool) -> None:
    layer, x = layer_of(name, num_layers=layers, bidirectional=both), torch.randn(6, F, dtype=torch.float64)
    with torch.no_grad():
        output, kept = layer(x)[0].numpy(), layer.trace(x).kept
    view = lens.states(layer, x)
    np.testing.assert_allclose(view.arrays["state"].values, output, atol=1e-6)
    for state in (each.name for each in CELLS[name].states):
        wanted = kept[state][0].numpy()
        width = wanted.shape[-1] // (1 + both)
        way = "backward" if both else "forward"
        found = lens.states(layer, x, layer=0, direction=way, state=state)
        np.testing.assert_allclose(found.arrays["state"].values, wanted[:, -width:], atol=1e-6)
        assert found.facts["direction"] == [way]


@pytest.mark.parametrize("both", [False, True])
def test_the_axes_are_the_principal_components_of_all_states(both: bool) -> None:
    layer = layer_of("gru", bidirectional=both)
    view = lens.states(reading(layer, EXAMPLES), "the cat sat")
    states = np.concatenate([traced(layer, text) for text in EXAMPLES])
    judge = PCA(2).fit(states)
    wanted = judge.transform(traced(layer, "the cat sat"))
    found = view.arrays["position"].values
    signs = np.sign((found * wanted).sum(0))
    np.testing.assert_allclose(found, wanted * signs, atol=1e-6)
    np.testing.assert_allclose(view.arrays["explained"].values, judge.explained_variance_ratio_, atol=1e-6)
    ends = judge.transform(np.stack([traced(layer, text)[-1] for text in EXAMPLES])) * signs
    np.testing.assert_allclose(np.sort(view.arrays["ends"].values, 0), np.sort(ends, 0), atol=1e-6)
    assert view.facts["axes_of"] == "7 texts of the run's own data"


def test_the_spread_of_parts_is_that_of_the_whole() -> None:
    states = np.random.default_rng(0).normal(size=(100, 3)) * [5.0, 1.0, 0.1] + 1e3
    spread = Spread(3)
    for part in np.split(states, [1, 1, 40]):
        spread.add(part)
    np.testing.assert_allclose(spread.mean, states.mean(0))
    np.testing.assert_allclose(spread.scatter / 100, np.cov(states.T, bias=True), rtol=1e-9)
    assert np.abs(spread.plane().axes[0]).argmax() == 0
    assert spread.plane().axes[0].max() > 0.99


def test_of_one_word_there_is_one_point() -> None:
    view = lens.states(reading(layer_of()), "cat")
    assert view.arrays["position"].values.tolist() == [[0.0, 0.0]]
    assert view.arrays["explained"].values.tolist() == [0.0, 0.0]
    assert "this text alone (no texts: the run keeps no examples" in view.facts["axes_of"]
    among = lens.states(reading(layer_of(), EXAMPLES), "cat")
    assert np.abs(among.arrays["position"].values).min() > 1e-3


@pytest.mark.parametrize("both", [False, True])
def test_the_answers_are_those_of_each_beginning_alone(both: bool) -> None:
    layer, text = layer_of(num_layers=2, bidirectional=both), "the cat sat on the mat"
    inside = reading(layer)
    assert inside.head is not None
    shares = lens.states(inside, text).arrays["share"]
    assert shares.labels["answer"] == ("a", "b", "c")
    for place in range(6):
        with torch.no_grad():
            output = layer(torch.tensor(vectors(text)[: place + 1, None]))[0].numpy()
        scores = torch.tensor(inside.head.scores(output, np.array([place + 1])))
        np.testing.assert_allclose(shares.values[place], torch.softmax(scores, -1)[0].numpy(), atol=1e-9)
    assert "share" not in lens.states(reading(layer, head=False), text).arrays


@pytest.mark.parametrize("kind", ["cosine", "euclidean"])
@pytest.mark.parametrize("name", [None, "c"])
def test_the_closest_spans_are_those_found_by_hand(kind: str, name: str | None) -> None:
    layer, text = layer_of(), "dog sat on the mat"
    view = lens.states(reading(layer, EXAMPLES), text, span=Search(2, 3, count=3, distance=kind), state=name)
    target, away = traced(layer, text, name or "h")[2], {}
    for example in EXAMPLES:
        for end, state in enumerate(traced(layer, example, name or "h"), 1):
            along = state @ target / np.linalg.norm(state) / np.linalg.norm(target)
            value = 1 - along if kind == "cosine" else np.linalg.norm(state - target)
            if end >= 2 and value < away.get(example, (np.inf,))[0]:
                away[example] = (value, end)
    ranked = sorted(away.items(), key=lambda pair: pair[1][0])[:3]
    assert len(view.facts["nearest"]) == 3
    for found, (example, (value, end)) in zip(view.facts["nearest"], ranked, strict=True):
        assert found["distance"] == pytest.approx(value, abs=1e-6)
        assert [*found["before"], *found["span"], *found["after"]] == example.split()
        assert (found["words"], len(found["span"])) == (f"{end - 1}:{end}", 2)
        assert found["label"] == f"label {EXAMPLES.index(example)}"
    assert view.facts["span"] == {"words": "2:3", "text": ["sat", "on"], "distance": kind}
    assert view.arrays["distance"].values.tolist() == [each["distance"] for each in view.facts["nearest"]]


def test_the_text_itself_is_left_out_and_copies_count_once() -> None:
    inside = reading(layer_of(), EXAMPLES)
    found = lens.states(inside, "the dog sat on the mat", span="1:2").facts["nearest"]
    texts = [" ".join((*each["before"], *each["span"], *each["after"])) for each in found]
    assert sorted(texts) == sorted({*EXAMPLES} - {"the dog sat on the mat", "cat"})
    assert {text: each["times"] for text, each in zip(texts, found, strict=True)}["the cat ran"] == 2
    assert lens.states(inside, "the cat sat on", span="4").facts["nearest"][0]["distance"] < 1e-12
    assert lens.states(inside, "the cat sat on the mat on", span=(1, 7)).facts["nearest"] == []


def test_a_state_of_zeros_is_near_to_none() -> None:
    states = np.array([[0.0, 0.0], [3.0, 4.0], [-3.0, -4.0]])
    assert distances(states, np.array([0.3, 0.4]), "cosine").tolist() == pytest.approx([1.0, 0.0, 2.0])
    assert distances(states, np.array([0.0, 0.0]), "cosine").tolist() == [1.0, 1.0, 1.0]
    assert distances(states, np.array([0.0, 0.0]), "euclidean").tolist() == [0.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("span", "words"),
    [
        ("2:9", "ends after the text, of which 3 words are read: the cat sat"),
        ("3:2", "the span 3:2 ends before it begins; write 2:3"),
        ("0:2", "from word to word, counted from 1"),
        ("two", "expected a span such as 2:4, words 2 to 4 counted from 1, came 'two'"),
        ("", "expected a span such as 2:4"),
        ((1, 2, 3), "expected a span such as 2:4"),
        ((1, 2.5), "counted from 1, and at least 1 place"),
        ((True, 2), "counted from 1, and at least 1 place"),
    ],
)
def test_a_span_that_is_none_is_told(span: object, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        lens.states(reading(layer_of(), EXAMPLES), "the cat sat", span=span)


def test_what_is_not_there_is_told() -> None:
    inside = reading(layer_of())
    for given, words in (
        ({"span": "1:2"}, "there are no texts: the run keeps no examples; give some as data"),
        ({"layer": 1}, "there is no layer 1"),
        ({"layer": -1}, "there is no layer -1"),
        ({"direction": "backward"}, "nothing reads backward here"),
        ({"state": "f"}, "lstm has no state 'f'; choose one of: c, h"),
    ):
        with pytest.raises(InvalidArgument, match=words):
            lens.states(inside, "the cat", **given)
    with pytest.raises(InvalidArgument, match="unknown distance 'cosin'; did you mean 'cosine'"):
        Search.of("1:2", distance="cosin")
    with pytest.raises(InvalidArgument, match="at least 1 place is looked for"):
        Search.of("1:2", count=0)
    with pytest.raises(InvalidArgument, match="there is no word to read in ' '"):
        lens.states(inside, " ")
    broken = layer_of()
    with torch.no_grad():
        broken.bias_ih_l0[0] = torch.nan
    with pytest.raises(InvalidArgument, match="h of layer 0 is not finite at step 0"):
        lens.states(broken, np.zeros((3, F)))
    with pytest.raises(InvalidArgument, match="the input is not finite at step 1"):
        lens.states(layer_of(), np.array([[0.0] * F, [np.inf] * F]))


def test_given_texts_are_looked_in() -> None:
    view = lens.states(reading(layer_of()), "the cat", span="1:2", data=["the dog", "cat", ""])
    assert [each["span"] for each in view.facts["nearest"]] == [["the", "dog"]]
    assert view.facts["axes_of"] == "3 texts of data"
    json.dumps(view.as_dict(), allow_nan=False)


@pytest.mark.parametrize("both", [False, True])
def test_of_ten_thousand_steps_some_are_shown(both: bool) -> None:
    steps = 10_000 if not both else 2_000
    layer = Recurrent("rnn", F, 3, bidirectional=both, dtype=torch.float64)
    inside = reading(layer)
    text = " ".join(WORDS[place] for place in np.random.default_rng(1).integers(7, size=steps))
    view = lens.states(inside, text)
    shown = view.facts["places"]
    assert (len(shown), shown[0], shown[-1]) == (20 if both else 200, 1, steps)
    assert view.facts["steps"] == steps
    with torch.no_grad():
        whole = layer(torch.tensor(vectors(text)))[0].numpy()
    np.testing.assert_allclose(view.arrays["state"].values, whole[np.array(shown) - 1], atol=1e-9)
    assert view.arrays["share"].values.shape == (len(shown), 3)
    begun = torch.tensor(vectors(text)[: shown[1], None])
    with torch.no_grad():
        scores = inside.head.scores(layer(begun)[0].numpy(), np.array([shown[1]]))
    wanted = torch.softmax(torch.tensor(scores), -1)[0].numpy()
    np.testing.assert_allclose(view.arrays["share"].values[1], wanted, atol=1e-9)


@pytest.mark.parametrize("text", ["cat", "the cat sat on the mat " * 7])
def test_pictures_are_drawn(text: str) -> None:
    inside = reading(layer_of(), EXAMPLES)
    view = lens.states(inside, text, span="1")
    written = " ".join(each.get_text() for each in view.plot().findobj(Text))
    assert "1 " in written
    assert "closest (cosine) to the state after words 1:1" in written
    assert view.svg().startswith(b"<?xml")
    assert "LSTMVis" in view.html()
    alone = lens.states(layer_of(), np.zeros((4, F))).plot()
    assert len(alone.axes) == 1
