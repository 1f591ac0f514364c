"""What nobody should feed a recurrent layer, and what a caller may do meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cell_cases import VARIANTS
from hiddenstate.cells import CELLS
from hiddenstate.layers import Recurrent
from native_runs import ISAS, SMALL, Call, Sizes, assert_same_bits, call_of, every_value, running, seeds_for

each_cell = pytest.mark.parametrize("name", CELLS)
INF = float("inf")


def on_every_isa(call: Call) -> Iterator[tuple[str, list[Tensor]]]:
    for isa in ISAS:
        with running(isa):
            yield isa, call.run()


def spoilt(value: Tensor, place: tuple[int, ...], by: float) -> Tensor:
    changed = value.clone()
    changed[place] = by
    return changed


@each_cell
def test_what_is_not_a_number_stays_in_its_sequence(name: str) -> None:
    call = call_of(CELLS[name], SMALL, keep=every_value(CELLS[name]))
    first = 1 + len(call.states)
    bad = replace(call, x=spoilt(call.x, (2, 1, 0), torch.nan))
    judge = bad.run("reference")
    others = [b for b in range(SMALL.B) if b != 1]
    for isa, found in on_every_isa(bad):
        with running(isa):
            clean, seeds = call.run(), seeds_for(found)
            grads, whole = bad.gradients(seeds)[1], call.gradients(seeds)[1]
        assert found[0][2:, 1].isnan().any(), isa
        for k, (mine, reference, before) in enumerate(zip(found, judge, clean, strict=True)):
            assert torch.equal(mine.isnan(), reference.isnan()), (isa, k)
            rows = (slice(None),) * (not 1 <= k < first)
            assert_same_bits([mine[(*rows, others)]], [before[(*rows, others)]], isa)
            if rows:
                assert_same_bits([mine[:2, 1]], [before[:2, 1]], isa)
        assert_same_bits([grads[0][:, others]], [whole[0][:, others]], isa)
        for mine, reference in zip(grads, bad.gradients(seeds, "reference")[1], strict=True):
            assert torch.equal(mine.isnan(), reference.isnan()), isa


@each_cell
@pytest.mark.parametrize("by", [INF, -INF, 3e38, -3e38, 1e-41])
def test_the_extreme_is_what_the_reference_makes_of_it(name: str, by: float) -> None:
    call = call_of(CELLS[name], SMALL)
    if abs(by) == 3e38 and call.cell.norm_vectors:
        by /= 100  # the sum of a row of larger ones is infinite
    weight = spoilt(call.parameters[0], (3, 1), by)
    for bad in (
        replace(call, x=spoilt(call.x, (1, 2, 1), by)),
        replace(call, parameters=(weight, *call.parameters[1:])),
        replace(call, states=(spoilt(call.states[0], (0, 1), by), *call.states[1:])),
    ):
        judge = bad.run("reference")
        for isa, found in on_every_isa(bad):
            for mine, reference in zip(found, judge, strict=True):
                torch.testing.assert_close(
                    mine,
                    reference,
                    rtol=2e-5,
                    atol=1e-5,
                    equal_nan=True,
                    msg=lambda m, isa=isa: f"{isa}: {m}",
                )


@each_cell
def test_numbers_too_small_to_be_normal_count_as_zero(name: str) -> None:
    """Where everything is subnormal the result is that of zeros, and it takes no longer."""
    call = call_of(CELLS[name], SMALL)
    tiny = call.with_leaves([torch.full_like(leaf, 1e-40) for leaf in call.leaves])
    nothing = call.with_leaves([torch.zeros_like(leaf) for leaf in call.leaves])
    for isa in ISAS:
        with running(isa):
            seeds = seeds_for(tiny.run())
            for mine, expected in zip(tiny.gradients(seeds), nothing.gradients(seeds), strict=True):
                for one, other in zip(mine, expected, strict=True):
                    torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-37, equal_nan=True)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_callers_subnormal_numbers_are_left_alone(threads: int) -> None:
    call = call_of(CELLS["lstm"], Sizes(24, 20, 60, 76, 40))
    for isa in ISAS:
        with running(isa, threads):
            call.gradients(seeds_for(call.run()))
            many = torch.full((1 << 18,), 2.0**-140)
            assert bool(((many * 0.5) == 2.0**-141).all()), isa


@each_cell
def test_weights_changed_between_calls_are_seen(name: str) -> None:
    layer = Recurrent(name, 3, 19, backend="native").eval()
    truth = Recurrent(name, 3, 19, backend="reference").eval()
    x = torch.randn(4, 5, 3)
    for key, change in enumerate((None, "data", "numpy", "no_grad")):
        with torch.no_grad():
            for parameter in layer.parameters():
                if change == "data":
                    parameter.data = parameter.data + 0.05
                elif change == "numpy":
                    parameter.detach().numpy()[...] *= 1.25
                elif change == "no_grad":
                    parameter.sub_(0.03)
        truth.load_state_dict(layer.state_dict())
        found, expected = layer(x), truth(x)
        torch.testing.assert_close(found[0], expected[0], rtol=1e-5, atol=2e-6, msg=str(key))
        torch.testing.assert_close(found[1], expected[1], rtol=1e-5, atol=2e-6)


@each_cell
def test_results_are_memory_of_their_own_and_nothing_given_is_written(name: str) -> None:
    call = call_of(VARIANTS[f"{name}+zoneout"], SMALL, keep=every_value(VARIANTS[f"{name}+zoneout"]))
    for asked in (call, call.part(steps=slice(0, 1)), replace(call, lengths=torch.tensor([0, 5, 2, 0, 1]))):
        given = [*asked.leaves, *asked.masks]
        before = [value.clone() for value in given]
        seeds = seeds_for(asked.run())
        sent = [seed.clone() for seed in seeds]
        found, grads = asked.gradients(seeds)
        assert_same_bits([*given, *seeds], [*before, *sent])
        places = [
            value.untyped_storage().data_ptr() for value in (*given, *seeds, *found, *grads) if len(value)
        ]
        assert len(set(places)) == len(places)


def test_a_number_that_is_lazily_negated() -> None:
    call = call_of(CELLS["gru"], Sizes(1, 1, 1, 5, 1))
    negated = torch.complex(torch.zeros(1, 1, 1), call.x).conj().imag
    assert negated.is_neg()
    assert_same_bits(replace(call, x=negated).run(), replace(call, x=-call.x).run())


def test_one_graph_walked_twice_and_weights_changed_meanwhile() -> None:
    call = call_of(CELLS["lstm"], SMALL)
    leaves = [leaf.clone().requires_grad_() for leaf in call.leaves]
    found = call.with_leaves(leaves).run()
    seeds = seeds_for(found)
    once = torch.autograd.grad(found, leaves, seeds, retain_graph=True)
    assert_same_bits(torch.autograd.grad(found, leaves, seeds, retain_graph=True), once)
    one = torch.autograd.grad(found[0], leaves[0], seeds[0], retain_graph=True)
    zero = [seeds[0], *(torch.zeros_like(seed) for seed in seeds[1:])]
    assert_same_bits(one, torch.autograd.grad(found, leaves[0], zero, retain_graph=True))
    with torch.no_grad():
        leaves[-1].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(found, leaves, seeds)


def test_several_python_threads_at_once() -> None:
    """The core lets go of Python's lock; each call has memory of its own."""
    sizes = [Sizes(9, 7, 20, 40, 9), Sizes(3, 30, 5, 19, 4), Sizes(20, 2, 33, 65, 3)]
    calls = [
        call_of(CELLS[name], size) for name in ("lstm", "gru", "lstm_layer_norm", "slstm") for size in sizes
    ]
    calls += [replace(call, lengths=torch.arange(call.x.shape[1]) % (len(call.x) + 1)) for call in calls]
    seeds = [seeds_for(call.run()) for call in calls]
    expected = [call.gradients(sent) for call, sent in zip(calls, seeds, strict=True)]
    wrong: list[str] = []

    def work(offset: int) -> None:
        for k in range(2 * len(calls)):
            n = (k * 5 + offset) % len(calls)
            try:
                for mine, other in zip(calls[n].gradients(seeds[n]), expected[n], strict=True):
                    assert_same_bits(mine, other, n)
            except Exception as error:
                wrong.append(f"{type(error).__name__}: {error}")

    for threads in (1, 2):
        with running(ISAS[-1], threads):
            workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
    assert not wrong, wrong[:3]
