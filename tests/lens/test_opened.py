"""What can be looked into: layers of ours and of torch, and modules that hold one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from hiddenstate import GRU, LSTM, RNN, Recurrent, RecurrentCell, lens
from hiddenstate.errors import Unsupported
from hiddenstate.lens.opened import opened
from hiddenstate.lens.passes import Pass

T, F, H = 5, 3, 4
LAYERS: dict[str, Callable[[], nn.Module]] = {
    "torch's LSTM": lambda: nn.LSTM(F, H, num_layers=2, bidirectional=True),
    "torch's LSTM with a projection": lambda: nn.LSTM(F, H, proj_size=2),
    "torch's GRU": lambda: nn.GRU(F, H, bias=False),
    "torch's RNN": lambda: nn.RNN(F, H),
    "torch's RNN of relu": lambda: nn.RNN(F, H, nonlinearity="relu"),
    "LSTM": lambda: LSTM(F, H, dropout=0.3, num_layers=2),
    "GRU": lambda: GRU(F, H, bidirectional=True),
    "RNN": lambda: RNN(F, H, nonlinearity="relu"),
    "Recurrent": lambda: Recurrent("gru", F, H, first_state="learned"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_what_it_does_in_torch(name: str) -> None:
    torch.manual_seed(0)
    layer = LAYERS[name]().double()
    x = torch.randn(T, 1, F, dtype=torch.float64)
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    run = Pass(opened(layer).stack, x.numpy())
    assert layer.training
    assert all(torch.equal(value, layer.state_dict()[key]) for key, value in before.items())
    with torch.no_grad():
        wanted = layer.eval()(x)[0]
    np.testing.assert_allclose(run.output, wanted.numpy(), atol=1e-12)


def test_a_cell_of_single_steps_is_a_layer_too() -> None:
    torch.manual_seed(0)
    cell = RecurrentCell("lstm", F, H, dtype=torch.float64)
    x, state, wanted = torch.randn(T, F, dtype=torch.float64), None, []
    with torch.no_grad():
        for step in x:
            output, state = cell(step, state)
            wanted.append(output.numpy())
    np.testing.assert_allclose(Pass(opened(cell).stack, x.numpy()[:, None]).output[:, 0], wanted, atol=1e-12)


def test_of_a_module_the_one_layer_in_it_is_opened() -> None:
    model = nn.Sequential(nn.Linear(2, F), nn.ModuleDict({"reader": nn.GRU(F, H)}))
    assert opened(model).stack.cell.name == "gru"
    assert lens.memory(model, np.ones((T, F))).arrays["share"].values.shape == (T, T)
    model.append(nn.LSTM(F, H))
    with pytest.raises(Unsupported, match=r"several recurrent layers; give one of them: 1\.reader, 2"):
        opened(model)
    with pytest.raises(Unsupported, match="Linear has no recurrent layer that can be looked into"):
        opened(nn.Linear(2, 2))
    with pytest.raises(Unsupported, match="came dict"):
        opened({})
