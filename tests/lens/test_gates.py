"""Gates over the steps, saturation, memory spans: closed forms, torch's trace, what is counted by hand."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from hiddenstate import lens
from hiddenstate.cells import CELLS, Cell, State, Vector
from hiddenstate.derive.gates import gates as gates_of
from hiddenstate.errors import DataError, InvalidArgument, Unsupported
from hiddenstate.infer import Example, Inside, Stack
from hiddenstate.infer.stack import stack_shapes
from hiddenstate.layers import Recurrent
from hiddenstate.lens import pieces as in_pieces
from hiddenstate.lens.opened import opened
from hiddenstate.lens.pieces import pieces
from hiddenstate.lens.tally import span

T, B, F, H = 7, 3, 3, 4
WORDS = {"zero": 0, "clear": 1, "write": 2, "keep": 3}


def layer_of(name: str, **options: object) -> Recurrent:
    torch.manual_seed(1)
    return Recurrent(name, F, H, dtype=torch.float64, backend="reference", **options)


def reading(stack: Stack, examples: Sequence[str] = ()) -> Inside:
    """A model that reads words as the vectors of one place each."""

    def read(text: str) -> tuple[tuple[str, ...], np.ndarray]:
        words = tuple(text.split())
        return words, np.eye(stack.input_size)[[WORDS[word.casefold()] for word in words]].reshape(
            len(words), stack.input_size
        )

    told = [Example(text, "label", "train") for text in examples]
    return Inside(stack, read, None, (lambda: told) if examples else None)


def held(cell: str, **biases: float) -> Stack:
    """A stack whose matrices are zero, and so each gate the function of its bias: of block f of W, say."""
    shapes = stack_shapes(CELLS[cell], 4, 2)
    arrays = {name: np.zeros(shape) for name, shape in shapes.items()}
    for label, value in biases.items():
        first = CELLS[cell].labels["W"].index(label)
        arrays["bias_ih_l0"][2 * first : 2 * first + 2] = value
    return Stack(CELLS[cell], 4, 2, arrays)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, True)])
def test_pieces_are_what_the_layers_trace(
    name: str, layers: int, both: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_pieces, "STEPS", 3)
    layer = layer_of(name, num_layers=layers, bidirectional=both)
    keep = [*gates_of(CELLS[name]), *(state.name for state in CELLS[name].states)]
    x, lengths = torch.randn(T, B, F, dtype=torch.float64), [T, 0, 5]
    with torch.no_grad():
        traced = layer.trace(x, lengths=lengths, keep=keep)
    given = np.where(np.arange(T)[:, None, None] < np.array(lengths)[:, None], x.numpy(), np.nan)
    found = {each: [np.zeros_like(part.numpy()) for part in traced.kept[each]] for each in keep}
    for piece in pieces(opened(layer).stack, given, np.array(lengths), keep=keep):
        for each in keep:
            width = piece.values[each].shape[-1]
            part = slice(piece.direction * width, (piece.direction + 1) * width)
            rows = np.arange(B)[None, :], piece.steps
            found[each][piece.layer][rows[1], rows[0], part] = piece.values[each]
    for each in keep:
        for mine, wanted in zip(found[each], traced.kept[each], strict=True):
            np.testing.assert_allclose(mine, wanted.numpy(), atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_every_gate_and_state_is_that_of_torch(name: str) -> None:
    layer = layer_of(name, num_layers=2, bidirectional=True)
    x = torch.randn(T, F, dtype=torch.float64)
    with torch.no_grad():
        traced = layer.trace(x[:, None])
    view = lens.gates(layer, x)
    shown = [*view.facts["gates"], *view.facts["states"]]
    assert shown == [*gates_of(CELLS[name]), *(state.name for state in CELLS[name].states)]
    for each in shown:
        array = view.arrays[each]
        assert array.axes == ("layer", "direction", "step", "unit")
        for depth in range(2):
            wanted = traced.kept[each][depth][:, 0].numpy()
            both = np.concatenate([array.values[depth, way] for way in (0, 1)], -1)
            np.testing.assert_allclose(both, wanted, atol=1e-6)
    chosen = lens.gates(layer, x, layer=1, direction="backward")
    for each in chosen.arrays:
        np.testing.assert_array_equal(chosen.arrays[each].values, view.arrays[each].values[1:, 1:])
    for each in view.facts["gates"]:
        value = np.stack([np.split(part[:, 0].numpy(), 2, -1) for part in traced.kept[each]])
        np.testing.assert_allclose(view.arrays[f"{each}.left"].values, (value < 0.1).mean(2))
        np.testing.assert_allclose(view.arrays[f"{each}.right"].values, (value > 0.9).mean(2))


def logit(share: float) -> float:
    return math.log(share / (1 - share))


HOLDING = {  # how the factor of each cell is held at f, the biases of its gates given f
    "lstm": lambda f: {"f": logit(f)},
    "lstm_peephole": lambda f: {"f": logit(f)},
    "cifg": lambda f: {"f": logit(f)},
    "janet": lambda f: {"f": logit(f)},
    "ugrnn": lambda f: {"g": logit(f)},
    "gru": lambda f: {"z": logit(f)},
    "gru_before": lambda f: {"z": logit(f)},
    "mgu": lambda f: {"f": logit(1 - f)},
    "mingru": lambda f: {"z": logit(1 - f)},
    # a - b = softplus(0) - softplus(-b_f), and that is to be the logit of f
    "minlstm": lambda f: {"f": -math.log(math.expm1(math.log(2) - logit(f)))},
}


@pytest.mark.parametrize("name", HOLDING)
@pytest.mark.parametrize("f", [0.1, 0.5, 0.6])
def test_a_factor_held_at_f_gives_its_span(name: str, f: float) -> None:
    view = lens.gates(held(name, **HOLDING[name](f)), np.zeros((9, 4)))
    (state,) = view.facts["carried"]
    np.testing.assert_allclose(view.arrays[f"{state}.span"].values, -1 / math.log(f), rtol=1e-6)
    assert view.facts["span"]["median"] == pytest.approx(-1 / math.log(f), rel=1e-6)


def test_a_factor_of_one_is_without_end_and_of_zero_without_memory() -> None:
    keeps = lens.gates(held("lstm", f=800.0), np.zeros((5, 4)))
    assert np.isinf(keeps.arrays["c.span"].values).all()
    assert (keeps.facts["span"]["longest"], keeps.facts["span"]["without_end"]) == (None, 2)
    assert keeps.as_dict()["arrays"]["c.span"]["values"] == [[[None, None]]]
    assert keeps.arrays["f.right"].values.tolist() == [[[1.0, 1.0]]]
    json.dumps(keeps.as_dict(), allow_nan=False)
    clears = lens.gates(held("lstm", f=-800.0), np.zeros((5, 4)))
    assert clears.arrays["c.span"].values.tolist() == [[[0.0, 0.0]]]
    assert clears.arrays["f.left"].values.tolist() == [[[1.0, 1.0]]]


def test_a_weight_that_is_no_gate_has_a_span_too() -> None:
    arrays = {name: np.zeros(shape) for name, shape in stack_shapes(CELLS["indrnn"], 1, 4).items()}
    arrays["u_l0"] = np.array([0.5, -0.5, 1.0, 1.5])  # what grows does not fade
    view = lens.gates(Stack(CELLS["indrnn"], 1, 4, arrays), np.ones((3, 1)))
    expected = [-1 / math.log(0.5), -1 / math.log(0.5), math.inf, math.inf]
    np.testing.assert_allclose(view.arrays["h.span"].values[0, 0], expected, rtol=1e-12)
    assert (view.facts["gates"], view.facts["saturated"]) == ([], {})


def test_the_span_is_that_of_the_geometric_mean() -> None:
    assert span(np.log([0.5, 0.9]).mean()) == pytest.approx(-1 / math.log(math.sqrt(0.45)))
    stack = switched()
    view = lens.gates(reading(stack), "clear zero zero write")
    factors = [0.01, 0.5, 0.5, 0.9]
    assert view.arrays["h.span"].values[0, 0, 0] == pytest.approx(-4 / sum(map(math.log, factors)))


def switched() -> Stack:
    """Unit 0 is cleared by one word and written by another; unit 1 never keeps more than a tenth."""
    cell = Cell("own", "f = sigmoid(W_f x)\nn = tanh(W_n x)\nh = f * h' + (1 - f) * n", (State("h"),))
    arrays = {name: np.zeros(shape) for name, shape in stack_shapes(cell, 4, 2).items()}
    forget, candidate = arrays["weight_ih_l0"][:2], arrays["weight_ih_l0"][2:]
    forget[0], forget[1] = [logit(f) for f in (0.5, 0.01, 0.9, 0.9)], logit(0.1)
    candidate[0, WORDS["write"]] = 50.0
    return Stack(cell, 4, 2, arrays)


def test_the_words_that_switch_the_longest_remembering_units() -> None:
    stack = switched()
    inside = reading(stack, ["keep write keep", "keep zero", "Write clear", "write clear keep", "keep"])
    view = lens.gates(inside, "keep keep", units=1)
    (found,) = view.facts["units"]
    assert (found["unit"], found["layer"], found["direction"]) == (0, 0, "forward")
    assert found["cleared_by"][0] == {"word": "clear", "factor": pytest.approx(0.01), "text": "Write clear"}
    assert [each["word"].casefold() for each in found["cleared_by"]] == ["clear", "zero", "keep", "write"]
    # writing moves it by 0.1, clearing it again by as much less a hundredth
    assert found["written_by"][0]["word"].casefold() == "write"
    assert found["written_by"][0]["change"] == pytest.approx(0.1)
    assert found["written_by"][1] == {"word": "clear", "change": pytest.approx(-0.099), "text": "Write clear"}
    assert view.facts["counted_over"] == "5 texts of the run's own data"
    assert view.facts["counted_steps"] == 11
    # by hand: every word but the one below 0.1
    assert view.arrays["f.left"].values[0, 0].tolist() == [pytest.approx(2 / 11), 0.0]
    assert len(lens.gates(inside, "keep", units=9).facts["units"]) == 2
    assert [each["unit"] for each in lens.gates(inside, "keep", units=(1, 0)).facts["units"]] == [1, 0]


def test_what_is_counted_over_is_said() -> None:
    alone = lens.gates(reading(switched()), "keep clear")
    assert alone.facts["counted_over"] == (
        "this text alone (no texts: the run keeps no examples; give some as data (--data FILE))"
    )
    given = lens.gates(reading(switched()), "keep", data=["clear", "clear clear"])
    assert given.facts["counted_over"] == "2 texts of data"
    assert given.arrays["f.left"].values[0, 0, 0] == 1.0


def test_a_plain_network_has_no_gate_and_says_so() -> None:
    view = lens.gates(layer_of("rnn"), torch.randn(5, F, dtype=torch.float64))
    assert (view.facts["span"], view.facts["units"], view.facts["carried"]) == (None, [], {})
    assert "no state of rnn is carried over by a factor of its own" in view.facts["note"]
    assert list(view.arrays) == ["h"]


def test_the_layer_is_left_as_it_was() -> None:
    layer = layer_of("lstm", dropout=0.5, num_layers=2).train()
    before, drawn = {name: value.clone() for name, value in layer.state_dict().items()}, torch.get_rng_state()
    lens.gates(layer, torch.randn(T, F, generator=torch.Generator().manual_seed(2), dtype=torch.float64))
    assert layer.training
    assert torch.equal(drawn, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


@pytest.mark.slow  # watching every allocation takes its time
def test_ten_thousand_steps_take_little_memory() -> None:
    steps, width = 10_000, 32
    inside, x = opened(Recurrent("gru", 2, width, dtype=torch.float64)), np.zeros((steps, 2))
    tracemalloc.start()
    lens.gates(inside, x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # gates and states of all steps alone would be three times this, and the lists of them three times more
    assert peak < 2.5 * steps * width * 8


def test_ten_thousand_steps_are_binned() -> None:
    steps, width = 10_000, 8
    inside = opened(Recurrent("gru", 2, width, dtype=torch.float64))
    x = np.random.default_rng(0).normal(size=(steps, 2))
    view = lens.gates(inside, x)
    assert view.arrays["z"].values.shape == (1, 1, 500, width)
    assert view.facts["steps_in_a_bin"] == 20
    assert view.arrays["z"].labels["step"][1] == "21-40"
    short = lens.gates(inside, x[:1001], whole=True).arrays["h"].values[0, 0]
    binned = lens.gates(inside, x[:1001]).arrays["h"].values[0, 0]
    assert (short.shape, binned.shape) == ((1001, width), (334, width))
    np.testing.assert_allclose(binned[1], short[3:6].mean(0), atol=1e-14)
    np.testing.assert_allclose(binned[-1], short[999:].mean(0), atol=1e-14)


def test_what_cannot_be_shown_is_said() -> None:
    stack, inside = held("lstm"), reading(switched())
    for given, words in (
        ({"layer": 1}, "there is no layer 1: the layers are counted from 0, here 0 alone"),
        ({"layer": True}, "there is no layer True"),
        ({"direction": "backward"}, "nothing reads backward here"),
        ({"direction": "up"}, "there is no direction 'up'; choose one of: backward, forward"),
        ({"units": -1}, "expected how many units to tell of, at least 1, or a list .* came -1"),
        ({"units": [0, -1]}, r"came \[0, -1\]"),
        ({"units": 0}, "at least 1, or a list .* came 0"),
        ({"units": []}, r"came \[\]"),
        ({"units": True}, "came True"),
        ({"units": "all"}, "came 'all'"),
        ({"units": [2]}, "there is no unit 2: the units are counted from 0, here 0 to 1"),
        ({"data": ["keep"]}, r"this layer reads vectors \[T, 4\], not the texts of data"),
    ):
        with pytest.raises(InvalidArgument, match=words):
            lens.gates(stack, np.zeros((3, 4)), **given)
    with pytest.raises(InvalidArgument, match="there is no word to read in ''"):
        lens.gates(inside, "")
    with pytest.raises(DataError, match="there is no text in data; give at least one"):
        lens.gates(inside, "keep", data=[])
    with pytest.raises(InvalidArgument, match="there is no word in any of the texts"):
        lens.gates(inside, "keep", data=["", " "])
    with pytest.raises(InvalidArgument, match="nothing can be told of single units: no state of rnn"):
        lens.gates(layer_of("rnn"), np.zeros((3, F)), units=[0])
    with pytest.raises(Unsupported, match="no recurrent layer"):
        lens.gates(torch.nn.Linear(2, 2), "keep")
    x = np.zeros((300, 4))
    x[270] = np.nan
    with pytest.raises(InvalidArgument, match="the input is not finite at step 270"):
        lens.gates(stack, x)


def test_states_that_are_no_numbers_are_told() -> None:
    grows = Stack(
        Cell("grows", "h = W x + u * h'", (State("h"),), vectors=(Vector("u"),)),
        1,
        1,
        {"weight_ih_l0": np.ones((1, 1)), "u_l0": np.array([1e100])},
    )
    with pytest.raises(InvalidArgument, match="h of layer 0 is not finite at step 4"):
        lens.gates(grows, np.ones((9, 1)))
    broken = held("lstm", f=math.nan)
    with pytest.raises(InvalidArgument, match="h of layer 0 is not finite at step 0"):
        lens.gates(broken, np.zeros((3, 4)))


@pytest.mark.parametrize("text", ["keep", "keep clear write zero keep"])
def test_pictures_are_drawn(text: str) -> None:
    view = lens.gates(reading(switched(), ["keep write keep", "Write clear"]), text)
    figure = view.plot()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:2] == ["f: gate", "h: state"]
    assert "how long h lasts, by its factor f" in titles
    assert view.png().startswith(b"\x89PNG")
    assert "Tallec and Ollivier 2018" in view.html()


def test_several_layers_and_a_plain_network_are_drawn() -> None:
    x = torch.randn(4, F, dtype=torch.float64)
    both = lens.gates(layer_of("gru", num_layers=3, bidirectional=True), x).plot()
    titles = [axes.get_title(loc="left") for axes in both.axes]
    assert titles[0] == "r: gate, layer 1 forward"  # the last four of six
    assert "h: state, layer 2 backward" in titles
    plain = lens.gates(layer_of("rnn"), x).plot()
    assert plain.axes[0].get_title(loc="left") == "h: state"
