"""Independently recurrent networks."""

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.parts import State, Vector

INDRNN = Cell(
    name="indrnn",
    title="Independently recurrent network",
    equations="""
        h = relu(W x + u * h')
    """,
    states=(State("h"),),
    vectors=(Vector("u", 0.0, 1.0),),
    paper="Li et al. 2018, Independently recurrent neural network",
    note="Each unit feeds back to itself alone, through one weight; layers mix the units.",
)
