"""How does torch use it? Layers and cells as torch modules, attention and pooling."""

from hiddenstate.layers.attention import AdditiveAttention, RunningPool, pool
from hiddenstate.layers.chain import ChainLoss
from hiddenstate.layers.drop_in import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from hiddenstate.layers.one_step import RecurrentCell
from hiddenstate.layers.recurrent import Recurrent, Trace
from hiddenstate.layers.stream import Stream, detached

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AdditiveAttention",
    "ChainLoss",
    "GRUCell",
    "LSTMCell",
    "RNNCell",
    "Recurrent",
    "RecurrentCell",
    "RunningPool",
    "Stream",
    "Trace",
    "detached",
    "pool",
]
