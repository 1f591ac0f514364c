"""What does one step compute? Every cell is data: equations, states, and where they come from."""

from hiddenstate.cells import gru, indrnn, lstm, rnn
from hiddenstate.cells.cell import Cell
from hiddenstate.cells.elementwise import FUNCTIONS
from hiddenstate.cells.files import load, resolve
from hiddenstate.cells.parts import Mask, Matrix, Product, Stage, State, Vector
from hiddenstate.cells.variants import clipped, coupled, layer_norm, recurrent_dropout, zoneout

CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        rnn.RNN,
        rnn.ELMAN_READOUT,
        rnn.JORDAN,
        lstm.LSTM,
        lstm.PEEPHOLE_LSTM,
        lstm.CIFG,
        lstm.PROJECTED_LSTM,
        lstm.LN_LSTM,
        lstm.JANET,
        lstm.SLSTM,
        gru.GRU,
        gru.GRU_BEFORE,
        gru.MGU,
        gru.UGRNN,
        gru.MIN_GRU,
        gru.MIN_LSTM,
        indrnn.INDRNN,
    )
}

__all__ = [
    "CELLS",
    "FUNCTIONS",
    "Cell",
    "Mask",
    "Matrix",
    "Product",
    "Stage",
    "State",
    "Vector",
    "clipped",
    "coupled",
    "layer_norm",
    "load",
    "recurrent_dropout",
    "resolve",
    "zoneout",
]
