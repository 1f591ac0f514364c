"""Input that torch.nn refuses is refused by the replacements with the same type and words."""

import re
import warnings

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence

from hiddenstate import layers

LAYERS = ("LSTM", "GRU", "RNN")


def _state(name, *shape, dtype=torch.float32, device="cpu"):
    make = lambda: torch.zeros(*shape, dtype=dtype, device=device)  # noqa: E731
    return (make(), make()) if name.startswith("LSTM") else make()


def _packed(data, sizes, dtype=torch.int64):
    return PackedSequence(data, torch.tensor(sizes, dtype=dtype))


def _outcome(module, *given):
    """What a call gives: shapes where it works, the type and words of the error where it does not."""
    try:
        result = module(*given)
    except Exception as error:
        words = str(error).split("\nException raised")[0]
        return type(error), words
    leaves = torch.utils._pytree.tree_leaves(result)
    return [tuple(leaf.shape) for leaf in leaves if isinstance(leaf, torch.Tensor)]


PADDED = {
    "no steps": lambda n: (torch.zeros(0, 2, 3),),
    "no steps, one sequence": lambda n: (torch.zeros(0, 3),),
    "no sequences": lambda n: (torch.zeros(5, 0, 3),),
    "state elsewhere": lambda n: (torch.zeros(5, 2, 3), _state(n, 1, 2, 4, device="meta")),
    "input elsewhere": lambda n: (torch.zeros(5, 2, 3, device="meta"),),
    "input in float64": lambda n: (torch.zeros(5, 2, 3, dtype=torch.float64),),
    "input of integers": lambda n: (torch.zeros(5, 2, 3, dtype=torch.long),),
    "state of three sequences": lambda n: (torch.zeros(5, 2, 3), _state(n, 1, 3, 4)),
    "state of two layers": lambda n: (torch.zeros(5, 2, 3), _state(n, 2, 2, 4)),
    "state too wide": lambda n: (torch.zeros(5, 2, 3), _state(n, 1, 2, 5)),
    "state without batch": lambda n: (torch.zeros(5, 2, 3), _state(n, 2, 4)),
    "state with batch": lambda n: (torch.zeros(5, 3), _state(n, 1, 1, 4)),
    "input of four axes": lambda n: (torch.zeros(5, 2, 3, 1),),
    "input of one axis": lambda n: (torch.zeros(5),),
    "a list": lambda n: ([1, 2],),
    "nothing": lambda n: (None,),
    "too many features": lambda n: (torch.zeros(5, 2, 4),),
}
PACKED = {
    "fine": lambda n: (_packed(torch.zeros(5, 3), [2, 2, 1]),),
    "growing from one": lambda n: (_packed(torch.zeros(5, 3), [1, 2, 2]),),
    "growing from two": lambda n: (_packed(torch.zeros(5, 3), [2, 3]),),
    "rows left over": lambda n: (_packed(torch.zeros(6, 3), [2, 2, 1]),),
    "rows missing": lambda n: (_packed(torch.zeros(4, 3), [2, 2, 1]),),
    "sizes in int32": lambda n: (_packed(torch.zeros(5, 3), [2, 2, 1], torch.int32),),
    "no sizes": lambda n: (_packed(torch.zeros(0, 3), []),),
    "a size of zero": lambda n: (_packed(torch.zeros(2, 3), [2, 0]),),
    "only zero": lambda n: (_packed(torch.zeros(0, 3), [0]),),
    "a negative size": lambda n: (_packed(torch.zeros(2, 3), [2, -1]),),
    "too many features": lambda n: (_packed(torch.zeros(5, 4), [2, 2, 1]),),
    "in float64": lambda n: (_packed(torch.zeros(5, 3).double(), [2, 2, 1]),),
    "state of three": lambda n: (_packed(torch.zeros(5, 3), [2, 2, 1]), _state(n, 1, 3, 4)),
    "state of one": lambda n: (_packed(torch.zeros(5, 3), [2, 2, 1]), _state(n, 1, 1, 4)),
    "state too wide": lambda n: (_packed(torch.zeros(5, 3), [2, 2, 1]), _state(n, 1, 2, 5)),
    "state of two layers": lambda n: (_packed(torch.zeros(5, 3), [2, 2, 1]), _state(n, 2, 2, 4)),
    "state in float64": lambda n: (
        _packed(torch.zeros(5, 3), [2, 2, 1]),
        _state(n, 1, 2, 4, dtype=torch.float64),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("case", [*PADDED, *(f"packed: {name}" for name in PACKED)])
def test_a_call_ends_as_in_torch(name, case):
    table = PACKED if case.startswith("packed: ") else PADDED
    given = table[case.removeprefix("packed: ")](name)
    expected = _outcome(getattr(torch.nn, name)(3, 4), *given)
    assert _outcome(getattr(layers, name)(3, 4), *given) == expected


@pytest.mark.parametrize("name", LAYERS)
def test_a_state_of_another_precision(name):
    given = torch.zeros(5, 2, 3), _state(name, 1, 2, 4, dtype=torch.float64)
    kind, words = _outcome(getattr(layers, name)(3, 4), *given)
    assert (kind, words) == (RuntimeError, "mat1 and mat2 must have the same dtype, but got Double and Float")
    # torch's LSTM says it in the words of whatever library it was built with
    assert _outcome(getattr(torch.nn, name)(3, 4), *given)[0] is RuntimeError


LSTM_STATES = {
    "three": lambda: (*_state("LSTM", 1, 2, 4), torch.zeros(1, 2, 4)),
    "one": lambda: _state("LSTM", 1, 2, 4)[:1],
    "a list": lambda: list(_state("LSTM", 1, 2, 4)),
    "a tensor": lambda: torch.zeros(1, 2, 4),
    "c too wide": lambda: (torch.zeros(1, 2, 4), torch.zeros(1, 2, 5)),
}


@pytest.mark.parametrize("case", LSTM_STATES)
def test_an_lstm_state_of_the_wrong_kind(case):
    given = torch.zeros(5, 2, 3), LSTM_STATES[case]()
    assert _outcome(layers.LSTM(3, 4), *given) == _outcome(torch.nn.LSTM(3, 4), *given)


def test_a_tensor_in_place_of_two_states():
    given = torch.zeros(5, 2, 3), torch.zeros(2, 1, 2, 4)
    ours, theirs = _outcome(layers.LSTM(3, 4), *given), _outcome(torch.nn.LSTM(3, 4), *given)
    assert ours[0] is theirs[0] is TypeError
    assert ours[1].startswith("lstm() received an invalid combination of arguments - ")
    assert theirs[1].startswith("lstm() received an invalid combination of arguments - ")


@pytest.mark.parametrize("packed", [False, True])
def test_a_projected_state_of_the_wrong_width(packed):
    x = _packed(torch.zeros(5, 3), [2, 2, 1]) if packed else torch.zeros(5, 2, 3)
    given = x, _state("LSTM", 1, 2, 4)
    expected = _outcome(torch.nn.LSTM(3, 4, proj_size=2), *given)
    assert _outcome(layers.LSTM(3, 4, proj_size=2), *given) == expected


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    "given",
    [
        {"dropout": 2.0, "num_layers": 2},
        {"dropout": True},
        {"bias": 1},
        {"batch_first": 0},
        {"num_layers": 0},
        {"proj_size": 4},
        {"proj_size": -1},
        {"nonlinearity": "elu"},
        {"unknown": 1},
    ],
)
def test_a_constructor_ends_as_in_torch(name, given):
    def build(module):
        try:
            module(3, 4, **given)
        except Exception as error:
            return type(error), re.sub(r"\w+(\.\w+)*\.__init__", "__init__", str(error))
        return None

    expected = build(getattr(torch.nn, name))
    assert expected is not None
    assert build(getattr(layers, name)) == expected


@pytest.mark.parametrize(("input_size", "hidden_size"), [(0, 4), (3, 0), (3.0, 4), (3, "4")])
def test_sizes_end_as_in_torch(input_size, hidden_size):
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        torch.nn.LSTM(input_size, hidden_size)
    with pytest.raises(theirs.type, match=re.escape(str(theirs.value))):
        layers.LSTM(input_size, hidden_size)


def test_dropout_of_one_layer_warns_as_in_torch():
    with warnings.catch_warnings(record=True) as theirs:
        warnings.simplefilter("always")
        torch.nn.LSTM(3, 4, dropout=0.5)
    with pytest.warns(UserWarning, match=re.escape(str(theirs[0].message))):
        layers.LSTM(3, 4, dropout=0.5)


CELL_CALLS = {
    "too many features": lambda n: (torch.zeros(2, 4),),
    "too many features, alone": lambda n: (torch.zeros(4),),
    "three axes": lambda n: (torch.zeros(2, 4, 3),),
    "no axes": lambda n: (torch.zeros(()),),
    "float64": lambda n: (torch.zeros(2, 3).double(),),
    "integers": lambda n: (torch.zeros(2, 3).long(),),
    "state in float64": lambda n: (torch.zeros(2, 3), _state(n, 2, 4, dtype=torch.float64)),
    "state of three": lambda n: (torch.zeros(2, 3), _state(n, 3, 4)),
    "state of one": lambda n: (torch.zeros(2, 3), _state(n, 1, 4)),
    "state too wide": lambda n: (torch.zeros(2, 3), _state(n, 2, 5)),
    "state of one axis": lambda n: (torch.zeros(2, 3), _state(n, 4)),
    "state of three axes": lambda n: (torch.zeros(2, 3), _state(n, 1, 2, 4)),
    "state with a batch": lambda n: (torch.zeros(3), _state(n, 1, 4)),
    "no sequences": lambda n: (torch.zeros(0, 3),),
    "elsewhere": lambda n: (torch.zeros(2, 3, device="meta"),),
    "a tensor": lambda n: (torch.zeros(2, 3), torch.zeros(2, 4)),
    "two tensors as one": lambda n: (torch.zeros(2, 3), torch.zeros(2, 2, 4)),
    "a tuple of one": lambda n: (torch.zeros(2, 3), (torch.zeros(2, 4),)),
    "a list of states": lambda n: (torch.zeros(2, 3), [torch.zeros(2, 4), torch.zeros(2, 4)]),
}


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "RNNCell"])
@pytest.mark.parametrize("case", CELL_CALLS)
def test_a_cell_ends_as_in_torch(name, case):
    given = CELL_CALLS[case](name)
    expected = _outcome(getattr(torch.nn, name)(3, 4), *given)
    assert _outcome(getattr(layers, name)(3, 4), *given) == expected


def test_a_cell_with_an_unknown_nonlinearity():
    given = torch.zeros(2, 3)
    expected = _outcome(torch.nn.RNNCell(3, 4, nonlinearity="elu"), given)
    assert (
        _outcome(layers.RNNCell(3, 4, nonlinearity="elu"), given)
        == expected
        == (
            RuntimeError,
            "Unknown nonlinearity: elu",
        )
    )
