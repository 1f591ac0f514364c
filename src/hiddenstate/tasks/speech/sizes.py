"""How large a preset is: a number of parameters, which every cell spends on its own number of units."""

from __future__ import annotations

from math import prod

from hiddenstate.cells import CELLS, Cell
from hiddenstate.infer import stack_shapes

# hidden units and layers of an lstm, by preset and whether it is bidirectional: small has under a million
# parameters, base about five million
SIZES = {
    ("small", False): (256, 2),
    ("small", True): (152, 2),
    ("base", False): (592, 2),
    ("base", True): (360, 2),
}
CHANNELS = {"small": 16, "base": 32}  # of the convolutions before it
LSTM = CELLS["lstm"]
SYMBOLS = 40  # about as many as there are letters
UNITS = 8  # the hidden units of another cell are a multiple of it


def parameters(cell: Cell, width: int, hidden: int, layers: int, bidirectional: bool) -> int:
    """How many parameters a stack over steps of so many numbers has, with the scores of SYMBOLS symbols.

    >>> parameters(LSTM, 120, 256, 2, bidirectional=False)
    923688
    """
    shapes = stack_shapes(cell, width, hidden, num_layers=layers, bidirectional=bidirectional)
    answer = SYMBOLS * (hidden * (2 if bidirectional else 1) + 1)
    return sum(prod(shape) for shape in shapes.values()) + answer


def units(cell: Cell, width: int, preset: str, bidirectional: bool, layers: int | None = None) -> int:
    """The hidden units with which a cell has as many parameters as the preset's lstm, or just fewer.

    >>> units(CELLS["gru"], 120, "small", bidirectional=False)
    296
    """
    hidden, usual = SIZES[preset, bidirectional]
    layers = layers or usual
    most = parameters(LSTM, width, hidden, layers, bidirectional)
    if parameters(cell, width, hidden, layers, bidirectional) == most:
        return hidden
    low, high = 1, 2  # so many UNITS are few enough, so many too many
    while parameters(cell, width, UNITS * high, layers, bidirectional) <= most:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        fits = parameters(cell, width, UNITS * middle, layers, bidirectional) <= most
        low, high = (middle, high) if fits else (low, middle)
    return UNITS * low
