"""Any size, any layout of memory, any lengths: the compiled core beside the float64 reference."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cell_cases import VARIANTS
from hiddenstate.cells import CELLS
from hiddenstate.layers import Recurrent
from native_runs import ISAS, Allowance, Call, Sizes, call_of, every_value, running, seeds_for

# cells without kinks: a rounding error may not decide on which side of one a value lies
SMOOTH = {name: cell for name, cell in CELLS.items() if name != "indrnn"}
SMOOTH["indrnn in tanh"] = CELLS["indrnn"].with_activations({"h": "tanh"})
SMOOTH |= {
    name: VARIANTS[name] for name in ("lstm+all", "gru+dropout", "jordan+zoneout", "minlstm+layer_norm")
}
widths = st.one_of(
    st.integers(1, 20), st.sampled_from([31, 32, 33, 48, 63, 64, 65, 96, 127, 128, 129]), st.integers(1, 130)
)
batches = st.one_of(st.integers(0, 9), st.sampled_from([15, 16, 17, 36, 37, 73]))
LAYOUTS = ("plain", "turned", "strided", "shifted", "backed by more")


def laid(value: Tensor, how: str) -> Tensor:
    """The same numbers, otherwise laid out in memory."""
    if how == "turned" and value.dim() > 1:
        return value.transpose(0, -1).contiguous().transpose(0, -1)
    if how == "strided":
        return torch.stack([value, torch.full_like(value, torch.nan)], -1)[..., 0]
    if how == "shifted":  # by one float: no vector of it is aligned
        return torch.cat([torch.full((1,), torch.nan), value.reshape(-1)])[1:].view(value.shape)
    if how == "backed by more":
        wide = value.new_full((*value.shape[:-1], value.shape[-1] + 3), torch.nan)
        wide[..., : value.shape[-1]] = value
        return wide[..., : value.shape[-1]]
    return value


@st.composite
def drawn_calls(draw: st.DrawFn) -> tuple[Call, list[str], bool]:
    """A call, how its tensors lie in memory, and whether its adjoints are one number, expanded."""
    cell = SMOOTH[draw(st.sampled_from(sorted(SMOOTH)))]
    T, B = draw(st.integers(0, 7)), draw(batches)
    sizes = Sizes(T, B, draw(widths), draw(widths), draw(widths))
    ends = draw(st.none() | st.lists(st.integers(0, T), min_size=B, max_size=B))
    lengths = (
        None if ends is None else torch.tensor(ends, dtype=draw(st.sampled_from([torch.int32, torch.int64])))
    )
    names = every_value(cell)
    keep = tuple(draw(st.lists(st.sampled_from(names), unique=True, max_size=3)))
    seed, reverse = draw(st.integers(0, 99)), draw(st.booleans())
    call = call_of(cell, sizes, seed, lengths=lengths, keep=keep, reverse=reverse)
    if draw(st.booleans()):
        call = replace(call, masks=())  # read as their mean
    count = len(call.leaves) + len(call.masks)
    return call, draw(st.lists(st.sampled_from(LAYOUTS), min_size=count, max_size=count)), draw(st.booleans())


def assert_right(call: Call, layouts: list[str], expanded: bool, isa: str) -> None:
    """Results and gradients are those of the reference, give or take what sums of this length round."""
    count = len(call.leaves)
    odd = call.with_leaves([laid(x, how) for x, how in zip(call.leaves, layouts[:count], strict=True)])
    odd = replace(odd, masks=tuple(laid(m, how) for m, how in zip(call.masks, layouts[count:], strict=False)))
    with running(isa):
        results = odd.run()
        seeds = seeds_for(results)
        if expanded:  # as the gradient of a sum arrives
            seeds = [torch.tensor(0.3).expand(seed.shape) for seed in seeds]
        else:
            seeds = [laid(seed, how) for seed, how in zip(seeds, layouts, strict=False)] + seeds[
                len(layouts) :
            ]
        found = odd.gradients(seeds)
    truth = call.double().gradients([seed.double() for seed in seeds], "reference")
    judge = call.gradients(seeds, "reference")
    used = Allowance(smallest=2**-6)
    for kind, mine, true, reference in zip(("results", "gradients"), found, truth, judge, strict=True):
        for row in zip(mine, true, reference, strict=True):
            assert row[0].shape == row[1].shape
            used.add(f"{kind} on {isa}", *row)
    for kind, (error, reference) in used.errors.items():
        assert error <= 16 * reference + 256, (kind, error, reference)
    for mine, other in zip(results, found[0], strict=True):
        assert torch.equal(mine, other)


@settings(max_examples=60)
@given(drawn=drawn_calls(), isa=st.sampled_from(ISAS))
def test_any_size_and_layout(drawn: tuple[Call, list[str], bool], isa: str) -> None:
    assert_right(*drawn, isa)


@pytest.mark.slow
@settings(max_examples=2000)
@given(drawn=drawn_calls(), isa=st.sampled_from(ISAS))
def test_many_more_sizes_and_layouts(drawn: tuple[Call, list[str], bool], isa: str) -> None:
    assert_right(*drawn, isa)


@settings(max_examples=25)
@given(data=st.data())
def test_any_stack_of_layers(data: st.DataObject) -> None:
    """Layers and directions, batch_first, no biases, one sequence without a batch, lists of lengths."""
    draw = data.draw
    torch.manual_seed(draw(st.integers(0, 99)))
    name = draw(
        st.sampled_from(["lstm", "lstm_projected", "gru", "rnn", "gru_before", "minlstm", "elman_readout"])
    )
    F, H, T, B = draw(widths), draw(widths), draw(st.integers(0, 5)), draw(st.integers(0, 9))
    projected = name in ("lstm_projected", "elman_readout")
    options = {
        "num_layers": draw(st.integers(1, 3)),
        "bidirectional": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bias": draw(st.booleans()),
        "proj_size": draw(st.integers(0, 20)) if projected else 0,
        "first_state": draw(st.sampled_from(["zeros", "random", "learned"])),
    }
    ours = Recurrent(name, F, H, **options, backend="native")
    truth = Recurrent(name, F, H, **options, backend="reference", dtype=torch.float64)
    truth.load_state_dict(ours.state_dict())
    single = draw(st.booleans())
    shape = (T, F) if single else (B, T, F) if options["batch_first"] else (T, B, F)
    x = torch.randn(shape)
    ends = None if single else draw(st.none() | st.lists(st.integers(0, T), min_size=B, max_size=B))
    with running(draw(st.sampled_from(ISAS))):
        found = outcome(ours, x, ends)
    for mine, true in zip(found, outcome(truth, x, ends), strict=True):
        scale = true.abs().max().item() if true.numel() else 0
        torch.testing.assert_close(mine.double(), true, rtol=0, atol=2e-5 * max(scale, 0.1))


def outcome(layer: Recurrent, x: Tensor, ends: list[int] | None) -> list[Tensor]:
    """Output, last state, and the gradients of x and of every parameter."""
    x = x.to(next(layer.parameters()).dtype).requires_grad_()
    output, state = layer(x) if ends is None else layer(x, lengths=ends)
    found = [output, *state]
    seeds = [seed.to(x.dtype) for seed in seeds_for(found)]
    leaves = [x, *layer.parameters()]
    grads = torch.autograd.grad(found, leaves, seeds, allow_unused=True)
    return [*found, *(torch.zeros_like(v) if g is None else g for v, g in zip(leaves, grads, strict=True))]
