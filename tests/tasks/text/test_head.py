"""The head's scores and slopes against torch: its readout, a linear layer, autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hiddenstate.tasks.text.head import AnswerHead, LastHead
from hiddenstate.tasks.text.readout import Readout

T, B, H, K = 5, 3, 4, 2
LENGTHS = np.array([5, 1, 3])


@pytest.mark.parametrize(
    "names", [("last",), ("max",), ("mean",), ("attention",), ("max", "attention", "last")]
)
@pytest.mark.parametrize("directions", [1, 2])
def test_scores_and_slopes_are_those_of_torch(names: tuple[str, ...], directions: int) -> None:
    torch.manual_seed(0)
    readout = Readout(names, H, directions).double()
    answer = torch.nn.Linear(readout.width, K).double()
    arrays = {f"readout.{name}": value.numpy() for name, value in readout.state_dict().items()}
    arrays |= {f"answer.{name}": value.numpy() for name, value in answer.state_dict().items()}
    head = AnswerHead(("a", "b"), names, H, arrays)
    output = torch.randn(T, B, H * directions, dtype=torch.float64, requires_grad=True)
    scores = answer(readout(output, torch.from_numpy(LENGTHS)))
    there = (np.arange(T)[:, None] < LENGTHS)[..., None]
    steps = np.where(there, output.detach().numpy(), 0.0)
    np.testing.assert_allclose(head.scores(steps, LENGTHS), scores.detach().numpy(), atol=1e-13)

    wanted = np.random.default_rng(1).normal(size=(7, B, K))
    slopes = head.slopes(steps, LENGTHS, wanted)
    assert slopes.shape == (T, 7, B, H * directions)
    for row in range(7):
        (slope,) = torch.autograd.grad(scores, output, torch.from_numpy(wanted[row]), retain_graph=True)
        np.testing.assert_allclose(slopes[:, row], slope.numpy(), atol=1e-13)


def test_the_last_word_alone() -> None:
    generator = np.random.default_rng(2)
    output, weight = generator.normal(size=(T, B, H)), generator.normal(size=(K, H))
    head = LastHead(("O", "B-a"), weight, np.array([0.5, -0.5]))
    ends = output[LENGTHS - 1, np.arange(B)]
    np.testing.assert_allclose(head.scores(output, LENGTHS), ends @ weight.T + [0.5, -0.5])
    slopes = head.slopes(output, LENGTHS, np.ones((B, K)))
    wanted = np.zeros((T, B, H))
    wanted[LENGTHS - 1, np.arange(B)] = weight.sum(0)
    np.testing.assert_allclose(slopes, wanted)
