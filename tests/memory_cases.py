"""What memory is tested on: a leaky sum with closed forms, layers of every cell, a stack with a head."""

from __future__ import annotations

import numpy as np
import torch

from hiddenstate.cells import Cell, State, Vector
from hiddenstate.infer import Inside, Stack
from hiddenstate.layers import Recurrent
from hiddenstate.lens.opened import opened
from hiddenstate.tasks.text.head import AnswerHead

T, F, H, K = 5, 3, 4, 3
LEAKY = Cell("leaky", "h = W x + u * h'", (State("h"),), vectors=(Vector("u"),))


def leaky(w: float) -> Stack:
    return Stack(LEAKY, 1, 1, {"weight_ih_l0": np.ones((1, 1)), "u_l0": np.array([w])})


def layer_of(name: str, dtype: torch.dtype = torch.float64, **options: object) -> Recurrent:
    torch.manual_seed(1)
    return Recurrent(name, F, H, dtype=dtype, **options)


def headed(name: str, seed: int = 2, **options: object) -> Inside:
    """A stack with a head on it, as classifiers have."""
    stack, generator = opened(layer_of(name, **options)).stack, np.random.default_rng(seed)
    W, names = stack.output_width, ("max", "attention", "last")
    parameters = {
        "answer.weight": generator.normal(size=(K, W * len(names))),
        "answer.bias": generator.normal(size=K),
        "readout.score.weight": generator.normal(size=(1, W)),
        "readout.score.bias": generator.normal(size=1),
    }
    return Inside(stack, head=AnswerHead(("a", "b", "c"), names, H, parameters))


def inputs(steps: int = T, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(steps, F))
