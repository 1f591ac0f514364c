"""Laws 6 and 7: the compiled core beside the float64 truth, the float32 reference, torch.nn and itself."""

from __future__ import annotations

import pytest
import torch

from cell_cases import VARIANTS
from hiddenstate import layers
from hiddenstate.cells import CELLS
from hiddenstate.derive.reference import Recurrence, unroll
from native_runs import (
    ISAS,
    SMALL,
    WIDE,
    Allowance,
    Call,
    Sizes,
    call_of,
    every_value,
    running,
    seeds_for,
)

LONG = Sizes(60, 2, 9, 24, 11)


def allowance(call: Call) -> Allowance:
    """Every result and every gradient of a call, on every instruction set.

    Where a call magnifies what rounding leaves, one run of the reference may be near by luck, and far on
    another processor: its error is the largest of runs from the numbers drawn and from three neighbours.
    """
    found, seeds = Allowance(), seeds_for(call.run())
    truth = call.double().gradients([seed.double() for seed in seeds], "reference")
    near = [call, *(call.moved(seed) for seed in range(3))]
    judges = [each.gradients(seeds, "reference") for each in near]
    for isa in ISAS:
        with running(isa):
            mine = call.gradients(seeds)
        for place, kind in enumerate(("results", "gradients")):
            for row in zip(mine[place], truth[place], *(judge[place] for judge in judges), strict=True):
                found.add(f"{kind} on {isa}", *row)
    return found


@pytest.mark.parametrize("name", VARIANTS)
def test_as_near_to_the_truth_as_the_reference(name: str) -> None:
    keep = every_value(VARIANTS[name])
    for seed in (0, 1):
        allowance(call_of(VARIANTS[name], SMALL, seed=seed, keep=keep)).check()


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("sizes", [WIDE, LONG])
def test_at_other_sizes_too(name: str, sizes: Sizes) -> None:
    allowance(call_of(CELLS[name], sizes)).check()


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("reverse", [False, True])
def test_with_lengths_too(name: str, reverse: bool) -> None:
    lengths = torch.tensor([3, 0, 5, 1, 4])
    call = call_of(CELLS[name], SMALL, seed=3, lengths=lengths, reverse=reverse)
    allowance(call).check()


@pytest.mark.parametrize("name", CELLS)
def test_the_truth_is_numpys(name: str) -> None:
    """The float64 path in torch, from which the bounds above are taken, against NumPy alone."""
    call = call_of(CELLS[name], WIDE)
    names = CELLS[name].parameter_shapes(1, 1, 1)
    parameters = {key: p.double().numpy() for key, p in zip(names, call.parameters, strict=True)}
    states = [state.double().numpy() for state in call.states]
    found = unroll(Recurrence(CELLS[name], parameters), call.x.double().numpy(), states)
    for mine, true in zip(call.double().run("reference"), (found.output, *found.states), strict=True):
        torch.testing.assert_close(mine, torch.from_numpy(true), rtol=1e-11, atol=1e-12)


JUDGED = [
    ("LSTM", {}),
    ("LSTM", {"proj_size": 7}),
    ("GRU", {}),
    ("RNN", {"nonlinearity": "tanh"}),
    ("RNN", {"nonlinearity": "relu"}),
]
SHAPES = [
    {"num_layers": 1},
    {"num_layers": 3},
    {"num_layers": 2, "bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "bias": False, "batch_first": True},
]


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # said by the judge
@pytest.mark.parametrize(("kind", "options"), JUDGED)
@pytest.mark.parametrize("shape", SHAPES)
def test_torch_nn_is_no_nearer_to_the_truth(kind: str, options: dict, shape: dict) -> None:
    """torch.nn in float64 is the truth here, in float32 the reference: nothing of ours judges."""
    F, H = 13, 37
    theirs = getattr(torch.nn, kind)(F, H, **options, **shape)
    truth = getattr(torch.nn, kind)(F, H, **options, **shape, dtype=torch.float64)
    ours = getattr(layers, kind)(F, H, **options, **shape)
    for other in (truth, ours):
        other.load_state_dict(theirs.state_dict())
    x = torch.randn(9, 6, F)
    sets, width = shape["num_layers"] * (1 + shape.get("bidirectional", False)), options.get("proj_size", H)
    batch = x.shape[0 if shape.get("batch_first") else 1]
    h, c = torch.randn(sets, batch, width), torch.randn(sets, batch, H)
    first = (h, c) if kind == "LSTM" else h
    everything, count = [results(module, x, first) for module in (truth, theirs)], 3 if kind == "LSTM" else 2
    used = Allowance()
    for isa in ISAS:
        with running(isa):
            found = results(ours, x, first)
        for place, row in enumerate(zip(found, *everything, strict=True)):
            used.add(f"{'gradients' if place >= count else 'results'} on {isa}", *row)
    used.check()


def results(module: torch.nn.Module, x: torch.Tensor, first: object) -> list[torch.Tensor]:
    """Output, last states and the gradients of x, first states and parameters."""
    dtype = next(module.parameters()).dtype
    leaves = [x, *first] if isinstance(first, tuple) else [x, first]
    leaves = [leaf.detach().to(dtype).requires_grad_() for leaf in leaves]
    output, last = module(leaves[0], tuple(leaves[1:]) if isinstance(first, tuple) else leaves[1])
    found = [output, *(last if isinstance(last, tuple) else (last,))]
    seeds = [seed.to(dtype) for seed in seeds_for(found)]
    return [*found, *torch.autograd.grad(found, [*leaves, *module.parameters()], seeds)]
