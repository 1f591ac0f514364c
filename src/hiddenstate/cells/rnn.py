"""Simple recurrent networks: Elman's and Jordan's."""

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.parts import State

RNN = Cell(
    name="rnn",
    title="Elman recurrent network",
    equations="""
        h = tanh(W x + R h')
    """,
    states=(State("h"),),
    paper="Elman 1990, Finding structure in time",
    note="The input joined to the previous output, through one fully connected layer and a tanh.",
)

ELMAN_READOUT = Cell(
    name="elman_readout",
    title="Elman recurrent network with its output layer",
    equations="""
        h = tanh(W x + R h')
        y = identity(V h)
    """,
    states=(State("h"),),
    output="y",
    paper="Elman 1990, Finding structure in time",
    note="The width that is fed back (H) differs from the width that leaves (P).",
)

JORDAN = Cell(
    name="jordan",
    title="Jordan recurrent network",
    equations="""
        h = tanh(W x + R y')
        y = identity(V h)
    """,
    states=(State("y", width="P"),),
    paper="Jordan 1986, Serial order: a parallel distributed processing approach",
    note="What is fed back is the output y, not the hidden layer.",
)
