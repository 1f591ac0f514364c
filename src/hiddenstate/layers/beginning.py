"""Where the recurrent stacks of the tasks begin."""

from __future__ import annotations

from torch.nn import init

from hiddenstate.layers.recurrent import Recurrent


def begin(recurrent: Recurrent) -> None:
    """Draw orthogonal recurrent blocks (Saxe et al. 2014), and open the forget gates."""
    labels = recurrent.cell.labels["W"]
    for name, parameter in recurrent.named_parameters():
        if "weight_hh" in name:
            for block in parameter.data.split(parameter.shape[1]):
                init.orthogonal_(block)
        elif "weight_ih" in name:
            init.xavier_uniform_(parameter)
        elif "bias" in name:
            init.zeros_(parameter)
            if name.startswith("bias_ih") and "f" in labels:
                # an open forget gate lets the gradient through from the start (Jozefowicz et al. 2015)
                parameter.data.chunk(len(labels))[labels.index("f")].fill_(1.0)
