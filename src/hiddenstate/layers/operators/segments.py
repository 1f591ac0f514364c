"""A long run in bounded memory: its states are kept at every k-th step, and the way back goes piece by piece.

Each segment, from the last one run to the first, is run again with a tape that is gone after the segment's
way back. On the compiled core outputs, and the gradients of x and of the first states, are those of one run
bit for bit; gradients of parameters are sums over segments, which differ from one long sum in the order of
their terms alone.
Chen, Xu, Zhang & Guestrin 2016, "Training deep nets with sublinear memory cost".

Letters: T steps, B sequences, S segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from hiddenstate.layers.operators.calls import Counts, Inputs, Plan
from hiddenstate.layers.operators.library import (
    back_operator,
    refuse_other_lengths,
    taped_operator,
    transformed,
    unroll_operator,
)
from hiddenstate.layers.operators.replay import replayed


@dataclass(frozen=True)
class _Run:
    """A run in segments. They part the steps of x, so a sequence that is read from its end meets them from
    the last to the first, those behind its end with length 0."""

    plan: Plan
    inputs: Inputs

    def segments(self) -> list[slice]:
        """Which steps belong together, in the order in which they are run."""
        steps, each = len(self.inputs.x), self.plan.checkpoint_every
        parts = [slice(first, min(first + each, steps)) for first in range(0, steps, each)]
        return parts[::-1] if self.plan.reverse else parts

    def within(self, part: slice, states: Sequence[Tensor]) -> Inputs:
        """The inputs of one segment, from the states before it."""
        i = self.inputs
        masks = [
            mask[part] if mask.dim() == 3 else mask for mask in i.masks
        ]  # drawn per step, or per sequence
        return replace(i, x=i.x[part], states=states, masks=masks, lengths=self._lengths(part))

    def _lengths(self, part: slice) -> Tensor | None:
        lengths, steps = self.inputs.lengths, len(self.inputs.x)
        if lengths is None:
            return None
        within = (lengths - part.start).clamp(0, part.stop - part.start)
        # one that cannot be stays as it is: a compiled graph has only the operator to refuse it
        return torch.where((lengths < 0) | (lengths > steps), lengths, within)


def forward(plan: Plan, inputs: Inputs) -> list[Tensor]:
    """What `operators.unroll` gives and, behind it, each state before every segment, [S, B, width]."""
    if not torch.compiler.is_compiling():
        refuse_other_lengths(inputs.lengths, len(inputs.x))
    run, count = _Run(plan, inputs), len(inputs.states)
    states, before = inputs.states, []
    whole: list[Tensor] = []
    for part in run.segments():
        i = run.within(part, states)
        found = unroll_operator(i.x, i.states, i.parameters, i.masks, i.lengths, *plan.words())
        before.append(states)
        states, rows = found[1 : 1 + count], [found[0], *found[1 + count :]]
        whole = whole or [row.new_empty((len(inputs.x), *row.shape[1:])) for row in rows]
        for room, row in zip(whole, rows, strict=True):
            room[part] = row
    kept = [torch.stack(rows) for rows in zip(*before, strict=True)]
    return [whole[0], *states, *whole[1:], *kept]


def backward(
    plan: Plan, inputs: Inputs, kept: Sequence[Tensor], grads: Sequence[Tensor | None], wants_x: bool
) -> list[Tensor]:
    """The gradients of x (where wanted), of the first states and of the parameters, as `back_operator` has
    them, from the states before every segment and the gradients of what `forward` found (None is zero)."""
    run, count = _Run(plan, inputs), len(kept)
    carried: Sequence[Tensor | None] = grads[1 : 1 + count]
    of_x = torch.empty_like(inputs.x, memory_format=torch.contiguous_format) if wants_x else None
    of_parameters: list[Tensor] = []
    for number, part in reversed(list(enumerate(run.segments()))):
        i = run.within(part, [rows[number] for rows in kept])
        given = [grad if grad is None else grad[part] for grad in (grads[0], *grads[1 + count :])]
        again = taped_operator(i.x, i.states, i.parameters, i.masks, i.lengths, *plan.words())
        adjoints = [given[0], *carried, *given[1:]]
        tape = again[len(adjoints) :]
        del again
        found = back_operator(adjoints, tape, i.x, i.parameters, i.masks, i.lengths, *plan.words(), wants_x)
        if of_x is not None:
            of_x[part] = found.pop(0)
        carried, fresh = found[:count], found[count:]
        of_parameters = of_parameters or [torch.zeros_like(grad) for grad in fresh]
        for total, grad in zip(of_parameters, fresh, strict=True):
            total += grad
    states = [grad for grad in carried if grad is not None]
    return [*([] if of_x is None else [of_x]), *states, *of_parameters]


class InSegments(torch.autograd.Function):
    """`forward` with its derivative, outside torch.func's transforms; gradients that are to be differentiated
    in turn come from running it all again."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, counts: Counts, *flat: Tensor | None) -> Any:
        found = tuple(forward(plan, counts.parted(flat)))
        ctx.plan, ctx.counts, ctx.length = plan, counts, len(flat)
        ctx.wanted = 1 + counts.states + len(plan.keep.split())
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*found[ctx.wanted :])
        ctx.save_for_backward(*flat, *found[ctx.wanted :])
        return found

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        flat, kept, known = (
            ctx.saved_tensors[: ctx.length],
            ctx.saved_tensors[ctx.length :],
            grads[: ctx.wanted],
        )
        needed = [place for place, yes in enumerate(ctx.needs_input_grad[2:]) if yes]
        compiling = torch.compiler.is_compiling()  # a compiled graph's gradients are not differentiated again
        if not compiling and (torch.is_grad_enabled() or transformed(known)):
            return (None, None, *replayed(ctx.plan, ctx.counts, flat, needed, known))
        found = backward(ctx.plan, ctx.counts.parted(flat), kept, known, 1 in needed)
        rows = [None, *([] if 1 in needed else [None]), *found]
        return (None, None, *rows, *[None] * (ctx.length - len(rows)))
