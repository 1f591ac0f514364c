"""Laws 1 to 4 and 8 on the compiled core, bit for bit, for every cell and every change of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, product

import pytest
import torch
from torch import Tensor

from cell_cases import VARIANTS
from covering import rotating
from hiddenstate.cells import CELLS
from native_runs import (
    ISAS,
    SMALL,
    WIDE,
    Call,
    Sizes,
    assert_same_bits,
    call_of,
    every_value,
    running,
    seeds_for,
)

LARGE_ENOUGH_FOR_THREE = Sizes(24, 20, 60, 76, 40)
Tried = tuple[str, Sizes, Sequence[str]]
CHANGES = [name for name in VARIANTS if name not in CELLS]
# every cell on every instruction set; its changes and many tiles on the best, and on the others when slow
FAST: list[Tried] = [(name, SMALL, ISAS) for name in CELLS] + [(name, SMALL, ISAS[-1:]) for name in CHANGES]
FAST += [(name, WIDE, ISAS[-1:]) for name in CELLS]
SLOW: list[Tried] = [(name, SMALL, ISAS[:-1]) for name in CHANGES] + [
    (name, WIDE, ISAS[:-1]) for name in CELLS
]


def said(case: Tried) -> str:
    """How a case is called."""
    return f"{case[0]}-{case[1].H}-{'-'.join(case[2])}"


each_case = pytest.mark.parametrize(
    "case", FAST + [pytest.param(case, marks=pytest.mark.slow) for case in SLOW if case[2]], ids=said
)


def calls(case: Tried) -> Iterator[tuple[str, Call]]:
    """What each law is tried on: an instruction set, and a call."""
    name, sizes, isas = case
    for isa in isas:
        yield isa, call_of(VARIANTS[name], sizes)


def close(found: list[Tensor], expected: list[Tensor]) -> None:
    """Sums over rows, which stand in another order where the rows are others."""
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-4, atol=1e-5 * (1 + other.abs().max().item()))


def cut(seeds: list[Tensor], call: Call, rows: slice, steps: slice = slice(None)) -> list[Tensor]:
    """The adjoints of some sequences and steps."""
    last = range(1, 1 + len(call.states))
    return [seed[rows] if k in last else seed[steps, rows] for k, seed in enumerate(seeds)]


@each_case
def test_a_tape_and_kept_values_change_no_bit(case: Tried) -> None:
    for isa, call in calls(case):
        with running(isa):
            plain = call.run()
            asked = replace(call, keep=every_value(call.cell))
            assert_same_bits(asked.run()[: len(plain)], plain, isa)
            found, grads = asked.gradients(seeds_for(asked.run()))
            assert_same_bits(found, asked.run(), isa)
            assert_same_bits(asked.gradients(seeds_for(found))[1], grads, isa)


@each_case
def test_batched_is_alone(case: Tried) -> None:
    for isa, call in calls(case):
        with running(isa):
            seeds = seeds_for(call.run())
            found, grads = call.gradients(seeds)
            B, first = call.x.shape[1], 1 + len(call.states)
            for rows in (slice(0, 1), slice(2, 3), slice(1, B - 1), slice(B - 1, B)):
                part = call.part(rows)
                alone, own = part.gradients(cut(seeds, call, rows))
                assert_same_bits(alone, cut(found, call, rows), (isa, rows))
                assert_same_bits(part.run(), alone, (isa, rows))
                expected = [grads[0][:, rows], *(g[rows] for g in grads[1:first])]
                assert_same_bits(own[:first], expected, (isa, rows, "gradients"))


def ragged(call: Call) -> tuple[Call, list[int]]:
    """The same with lengths from 0 to T, and NaN wherever a sequence is over."""
    T, B = call.x.shape[:2]
    lengths = [(3, T, 0, 1, T - 1)[b % 5] for b in range(B)]
    over = torch.arange(T)[:, None] >= torch.tensor(lengths)
    masks = tuple(
        mask.masked_fill(over[..., None], torch.nan) if shape.per == "step" else mask
        for mask, shape in zip(call.masks, call.cell.masks, strict=True)
    )
    x = call.x.masked_fill(over[..., None], torch.nan)
    return replace(call, x=x, masks=masks, lengths=torch.tensor(lengths)), lengths


@each_case
def test_padding_changes_nothing(case: Tried) -> None:
    for (isa, call), reverse in product(calls(case), (False, True)):
        padded, lengths = ragged(replace(call, reverse=reverse, keep=(call.cell.output,)))
        T, first = len(call.x), 1 + len(call.states)
        with running(isa):
            seeds = seeds_for(padded.run())
            over = torch.arange(T)[:, None] >= padded.lengths
            for k in (0, first):  # nor does what is sent back to the padding count
                seeds[k][over] = torch.nan
            found, grads = padded.gradients(seeds)
            assert_same_bits(padded.run(), found, isa)
            assert all(value.isfinite().all() for value in (*found, *grads))
            totals = [torch.zeros_like(g) for g in grads[first:]]
            for b, length in enumerate(lengths):
                assert not found[0][length:, b].any()
                assert not found[first][length:, b].any()
                assert not grads[0][length:, b].any()
                if 5 <= b < len(lengths) - 1:
                    continue  # of many sequences some are enough
                rows, steps = slice(b, b + 1), slice(length)
                part = padded.part(rows, steps, lengths=None)
                alone, own = part.gradients(cut(seeds, call, rows, steps))
                assert_same_bits(alone, cut(found, call, rows, steps), (isa, b))
                expected = [grads[0][steps, rows], *(g[rows] for g in grads[1:first])]
                assert_same_bits(own[:first], expected, (isa, b, "gradients"))
                totals = [total + g for total, g in zip(totals, own[first:], strict=True)]
            if len(lengths) == SMALL.B:
                close(grads[first:], totals)
            idle = lengths.index(0)
            assert_same_bits([v[idle] for v in found[1:first]], [v[idle] for v in call.states], isa)


@each_case
def test_more_padding_changes_no_bit_of_any_gradient(case: Tried) -> None:
    for isa, call in calls(case):
        shorter, lengths = ragged(call)
        rows, T = torch.tensor(lengths), len(call.x)
        steps = [torch.full((2, *v.shape[1:]), torch.nan) for v in (call.x, *call.masks)]
        masks = tuple(
            torch.cat([mask, more]) if shape.per == "step" else mask
            for mask, more, shape in zip(shorter.masks, steps[1:], call.cell.masks, strict=True)
        )
        longer = replace(shorter, x=torch.cat([shorter.x, steps[0]]), masks=masks, lengths=rows)
        with running(isa):
            seeds = seeds_for(shorter.run())
            found, grads = shorter.gradients(seeds)
            wide = [torch.cat([seeds[0], torch.ones_like(seeds[0][:2])]), *seeds[1:]]
            other, expected = longer.gradients(wide)
            assert_same_bits([other[0][:T], *other[1:]], found, isa)
            assert_same_bits([expected[0][:T], *expected[1:]], grads, isa)


@each_case
def test_one_call_is_chunks_is_single_steps(case: Tried) -> None:
    for (isa, call), with_lengths in product(calls(case), (False, True)):
        call = ragged(call)[0] if with_lengths else call
        T = len(call.x)
        with running(isa):
            whole = call.run()
            for cuts in ([0, 2, T], [0, 1, 1, T], list(range(T + 1))):
                states, outputs = call.states, []
                for start, end in pairwise(cuts):
                    left = None if call.lengths is None else (call.lengths - start).clamp(0, end - start)
                    output, *states = call.part(
                        steps=slice(start, end), states=tuple(states), lengths=left
                    ).run()
                    outputs.append(output)
                assert_same_bits([torch.cat(outputs), *states], whole, (isa, cuts))


@each_case
def test_chunks_give_the_gradients_of_one_call(case: Tried) -> None:
    for isa, call in calls(case):
        with running(isa):
            seeds = seeds_for(call.run())
            grads, first = call.gradients(seeds)[1], 1 + len(call.states)
            leaves = [leaf.clone().requires_grad_() for leaf in call.leaves]
            asked = call.with_leaves(leaves)
            output, *states = asked.part(steps=slice(0, 2)).run()
            rest, *states = asked.part(steps=slice(2, None), states=tuple(states)).run()
            found = torch.autograd.grad(
                [torch.cat([output, rest]), *states], leaves, seeds, allow_unused=True
            )
            assert_same_bits(found[:first], grads[:first], isa)
            close([torch.zeros_like(g) if f is None else f for f, g in zip(found, grads, strict=True)], grads)


def flipped(value: Tensor, lengths: Tensor | None) -> Tensor:
    """Each sequence read from its end; the padding stays where it is."""
    if lengths is None:
        return value.flip(0)
    turned = value.clone()
    for b, length in enumerate(lengths.tolist()):
        turned[:length, b] = value[:length, b].flip(0)
    return turned


@each_case
def test_reverse_is_flip(case: Tried) -> None:
    for (isa, call), with_lengths in product(calls(case), (False, True)):
        call = ragged(call)[0] if with_lengths else call
        ends, first = call.lengths, 1 + len(call.states)
        masks = tuple(
            flipped(mask, ends) if shape.per == "step" else mask
            for mask, shape in zip(call.masks, call.cell.masks, strict=True)
        )
        with running(isa):
            seeds = seeds_for(call.run())
            found, grads = replace(call, reverse=True).gradients(seeds)
            turned = replace(call, x=flipped(call.x, ends), masks=masks)
            other, expected = turned.gradients([flipped(seeds[0], ends), *seeds[1:]])
            assert_same_bits([flipped(found[0], ends), *found[1:]], other, isa)
            assert_same_bits([flipped(grads[0], ends), *grads[1:first]], expected[:first], isa)
            close(grads[first:], expected[first:])


@pytest.mark.parametrize(("name", "with_lengths"), rotating(product(CELLS, (False, True))))
def test_one_thread_is_several(name: str, with_lengths: bool) -> None:
    call = call_of(VARIANTS[name], LARGE_ENOUGH_FOR_THREE, keep=(VARIANTS[name].output,))
    call = ragged(call)[0] if with_lengths else call
    for isa in ISAS:
        with running(isa, 1):
            plain = call.run()
            seeds = seeds_for(plain)
            found, grads = call.gradients(seeds)
        for threads in (2, 3):
            with running(isa, threads):
                assert_same_bits(call.run(), plain, (isa, threads))
                other, expected = call.gradients(seeds)
            assert_same_bits(other, found, (isa, threads))
            assert_same_bits(expected, grads, (isa, threads, "gradients"))


@pytest.mark.parametrize(("name", "reverse"), rotating(product(CELLS, (False, True))))
def test_the_parts_in_which_a_long_run_is_made_do_not_show(name: str, reverse: bool) -> None:
    """What x gives is made for as many steps as stay near: fewer of many sequences, or for fewer threads."""
    call = call_of(CELLS[name], Sizes(90, 24, 8, 64, 21), reverse=reverse)
    rows, first = slice(5, 6), 1 + len(call.states)
    for asked in (call, ragged(call)[0]):
        with running(ISAS[-1], 1):
            seeds = seeds_for(asked.run())
            found, grads = asked.gradients(seeds)
            alone, own = asked.part(rows).gradients(cut(seeds, asked, rows))
            assert_same_bits(alone, cut(found, asked, rows))
            assert_same_bits(own[:first], [grads[0][:, rows], *(g[rows] for g in grads[1:first])])
            assert_same_bits(asked.run(), found)
        with running(ISAS[-1], 2):
            other, expected = asked.gradients(seeds)
            assert_same_bits(asked.run(), found)
            assert_same_bits([*other, *expected], [*found, *grads])


@each_case
def test_no_steps_and_no_sequences(case: Tried) -> None:
    for isa, call in calls(case):
        with running(isa):
            output, *states = call.part(steps=slice(0)).run()
            assert output.shape[0] == 0
            assert_same_bits(states, call.states, isa)
            asked = call.part(rows=slice(0))
            found, grads = asked.gradients(seeds_for(asked.run()))
            assert [value.shape[0] for value in found[1:]] == [0] * len(call.states)
            assert not any(g.any() for g in grads)
            nobody = replace(call, lengths=torch.zeros(call.x.shape[1], dtype=torch.long))
            found, grads = nobody.gradients(seeds := seeds_for(nobody.run()))
            assert not found[0].any()
            assert_same_bits(found[1:], call.states, isa)
            assert_same_bits(grads[1 : 1 + len(call.states)], seeds[1:], isa)
            assert not any(g.any() for g in (grads[0], *grads[1 + len(call.states) :]))


def test_the_laws_are_tried_on_a_core_that_reads_its_input() -> None:
    for name, cell in VARIANTS.items():
        call = call_of(cell)
        T = len(call.x)
        changed = replace(call, x=call.x + torch.eye(T)[0][:, None, None])
        assert (changed.run()[0] - call.run()[0]).abs().max() > 1e-3, name
