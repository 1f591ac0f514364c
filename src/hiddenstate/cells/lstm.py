"""Long short-term memory and its relatives."""

from hiddenstate.cells.cell import Cell
from hiddenstate.cells.parts import Matrix, State, Vector

_ORDERS = {"torch": "i f g o", "keras": "i f g o", "onnx": "i o f g", "haiku": "i g f o"}

LSTM = Cell(
    name="lstm",
    title="Long short-term memory",
    equations="""
        i = sigmoid(W_i x + R_i h')
        f = sigmoid(W_f x + R_f h')
        g = tanh(W_g x + R_g h')
        o = sigmoid(W_o x + R_o h')
        c = f * c' + i * g
        h = o * tanh(c)
    """,
    states=(State("h"), State("c", low=-2, high=2)),
    orders=_ORDERS,
    paper="Hochreiter and Schmidhuber 1997, Long short-term memory; forget gate: Gers et al. 2000",
    note="The cell state c is changed only by a gate's product and a sum, so its gradient need not vanish.",
)

PEEPHOLE_LSTM = Cell(
    name="lstm_peephole",
    title="LSTM with peepholes",
    equations="""
        i = sigmoid(W_i x + R_i h' + p_i * c')
        f = sigmoid(W_f x + R_f h' + p_f * c')
        g = tanh(W_g x + R_g h')
        c = f * c' + i * g
        o = sigmoid(W_o x + R_o h' + p_o * c)
        h = o * tanh(c)
    """,
    states=(State("h"), State("c", low=-2, high=2)),
    vectors=(Vector("p_i"), Vector("p_f"), Vector("p_o")),
    orders=_ORDERS,
    paper="Gers and Schmidhuber 2000, Recurrent nets that time and count",
    note="The output gate looks at the new c, the two others at the previous one.",
)

CIFG = Cell(
    name="cifg",
    title="LSTM with coupled input and forget gate",
    equations="""
        f = sigmoid(W_f x + R_f h')
        g = tanh(W_g x + R_g h')
        o = sigmoid(W_o x + R_o h')
        c = f * c' + (1 - f) * g
        h = o * tanh(c)
    """,
    states=(State("h"), State("c")),
    paper="Greff et al. 2017, LSTM: a search space odyssey",
    note="What is forgotten is what is written, so c stays within the range of g.",
)

PROJECTED_LSTM = Cell(
    name="lstm_projected",
    title="LSTM with a recurrent projection layer",
    equations="""
        i = sigmoid(W_i x + R_i h')
        f = sigmoid(W_f x + R_f h')
        g = tanh(W_g x + R_g h')
        o = sigmoid(W_o x + R_o h')
        c = f * c' + i * g
        q = o * tanh(c)
        h = P q
    """,
    states=(State("h", width="P"), State("c", low=-2, high=2)),
    orders=_ORDERS,
    paper="Sak, Senior and Beaufays 2014, Long short-term memory recurrent network architectures",
    note="What is fed back and leaves has P units, the memory H; torch calls P the proj_size.",
)

LN_LSTM = Cell(
    name="lstm_layer_norm",
    title="LSTM with layer normalisation",
    equations="""
        i = sigmoid(norm(W_i x) + norm(R_i h'))
        f = sigmoid(norm(W_f x) + norm(R_f h'))
        g = tanh(norm(W_g x) + norm(R_g h'))
        o = sigmoid(norm(W_o x) + norm(R_o h'))
        c = f * c' + i * g
        h = o * tanh(norm(c))
    """,
    states=(State("h"), State("c", low=-2, high=2)),
    matrices=(Matrix("W", "weight_ih"), Matrix("R", "weight_hh")),
    orders=_ORDERS,
    paper="Ba, Kiros and Hinton 2016, Layer normalization",
    note="Each gate is normalised across its own H units; the shifts of the normalisations are the biases.",
)

JANET = Cell(
    name="janet",
    title="JANET: an LSTM with the forget gate alone",
    equations="""
        s = W_f x + R_f h'
        f = sigmoid(s)
        i = 1 - sigmoid(s - 1)
        g = tanh(W_g x + R_g h')
        h = f * h' + i * g
    """,
    states=(State("h"),),
    paper="van der Westhuizen and Lasenby 2018, The unreasonable effectiveness of the forget gate",
    note="The input gate is the forget gate's complement, moved by one so that it writes a little less.",
)

SLSTM = Cell(
    name="slstm",
    title="sLSTM: exponential gates with a stabiliser",
    equations="""
        a = W_i x + R_i h'
        b = -softplus(-(W_f x + R_f h'))
        z = tanh(W_z x + R_z h')
        o = sigmoid(W_o x + R_o h')
        m = max(b + m', a)
        i = exp(a - m)
        f = exp(b + m' - m)
        c = f * c' + i * z
        n = f * n' + i
        h = o * c / n
    """,
    states=(
        State("h"),
        State("c", zoned=False),
        State("n", low=0.5, high=2, zoned=False),
        State("m", initial=float("-inf"), zoned=False),
    ),
    paper="Beck et al. 2024, xLSTM: extended long short-term memory",
    note="The stabiliser m starts at minus infinity (starting at 0 divides 0 by 0 where a is far below 0) "
    "and is differentiated like everything else. c, n and m only mean something together, so zoneout "
    "leaves them alone.",
)
