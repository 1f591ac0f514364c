"""Gated recurrent units and their smaller relatives."""

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.parts import State

GRU = Cell(
    name="gru",
    title="Gated recurrent unit, reset after the product",
    equations="""
        r = sigmoid(W_r x + R_r h')
        z = sigmoid(W_z x + R_z h')
        n = tanh(W_n x + r * (R_n h'))
        h = (1 - z) * n + z * h'
    """,
    states=(State("h"),),
    orders={"torch": "r z n", "keras": "z r n", "onnx": "z r n"},
    paper="Cho et al. 2014, Learning phrase representations; this form: cuDNN, torch and Keras 2",
    note="The reset gate scales the product R_n h', so all products of a step can be done at once.",
)

GRU_BEFORE = Cell(
    name="gru_before",
    title="Gated recurrent unit, reset before the product",
    equations="""
        r = sigmoid(W_r x + R_r h')
        z = sigmoid(W_z x + R_z h')
        s = r * h'
        n = tanh(W_n x + R_n s)
        h = (1 - z) * n + z * h'
    """,
    states=(State("h"),),
    orders={"keras": "z r n", "onnx": "z r n"},
    paper="Cho et al. 2014, Learning phrase representations using RNN encoder-decoder",
    note="The form of the paper. ONNX calls it linear_before_reset=0; torch has only the other form.",
)

MGU = Cell(
    name="mgu",
    title="Minimal gated unit",
    equations="""
        f = sigmoid(W_f x + R_f h')
        s = f * h'
        n = tanh(W_n x + R_n s)
        h = (1 - f) * h' + f * n
    """,
    states=(State("h"),),
    paper="Zhou et al. 2016, Minimal gated unit for recurrent neural networks",
    note="One gate does the work of the GRU's two.",
)

UGRNN = Cell(
    name="ugrnn",
    title="Update gate recurrent network",
    equations="""
        g = sigmoid(W_g x + R_g h')
        n = tanh(W_n x + R_n h')
        h = g * h' + (1 - g) * n
    """,
    states=(State("h"),),
    paper="Collins, Sohl-Dickstein and Sussillo 2017, Capacity and trainability in recurrent neural networks",
    note="An Elman network with one gate that decides how much of the state stays.",
)

MIN_GRU = Cell(
    name="mingru",
    title="minGRU: gates from the input alone",
    equations="""
        z = sigmoid(W_z x)
        n = identity(W_n x)
        h = (1 - z) * h' + z * n
    """,
    states=(State("h"),),
    paper="Feng et al. 2024, Were RNNs all we needed?",
    note="Linear in h', so the loop over time may run as a parallel scan.",
)

MIN_LSTM = Cell(
    name="minlstm",
    title="minLSTM: gates from the input alone, normalised to sum to one",
    equations="""
        a = softplus(-(W_i x))
        b = softplus(-(W_f x))
        f = sigmoid(a - b)
        n = identity(W_n x)
        h = f * h' + (1 - f) * n
    """,
    states=(State("h"),),
    paper="Feng et al. 2024, Were RNNs all we needed?",
    note="The paper's f / (f + i) of two sigmoids, written as one sigmoid so that it never divides 0 by 0.",
)
