"""RNN, LSTM, GRU and their single steps in place of torch.nn's."""

from hiddenstate.layers.drop_in.sequences import GRU, LSTM, RNN
from hiddenstate.layers.drop_in.single_steps import GRUCell, LSTMCell, RNNCell

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]
