"""The reference evaluation in torch, and gradients had by running it again, differentiably.

Replaying costs a second forward pass; it is for what the tape does not serve: derivatives of derivatives,
and torch.func's transforms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from hiddenstate.derive.reference import Recurrence, torch_arrays
from hiddenstate.derive.reference import unroll as evaluate
from hiddenstate.layers.operators.calls import Counts, Inputs, Plan, cell_of


def reference(plan: Plan, inputs: Inputs) -> list[Tensor]:
    """The output, the last states and the kept values, by the reference evaluation."""
    cell = cell_of(plan.key)
    masks = dict(zip((mask.name for mask in cell.masks), inputs.masks, strict=False))
    fixed = {mask.name: masks.get(mask.name) if mask.per == "sequence" else None for mask in cell.masks}
    unrolled = evaluate(
        Recurrence(
            cell, dict(zip(plan.names.split(), inputs.parameters, strict=True)), fixed, torch_arrays()
        ),
        inputs.x,
        inputs.states,
        lengths=inputs.lengths,
        reverse=plan.reverse,
        step_masks={mask.name: masks[mask.name] for mask in cell.masks if masks and mask.per == "step"},
        keep=tuple(plan.keep.split()),
    )
    return [unrolled.output, *unrolled.states, *unrolled.kept.values()]


def replayed(
    plan: Plan,
    counts: Counts,
    flat: Sequence[Tensor | None],
    needed: Sequence[int],
    grads: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """The gradients of the needed places of a row of tensors, None elsewhere."""

    def run(*leaves: Tensor) -> list[Tensor]:
        given = list(flat)
        for place, leaf in zip(needed, leaves, strict=True):
            given[place] = leaf
        return reference(plan, counts.parted(given))

    wanted = [tensor for tensor in (flat[place] for place in needed) if tensor is not None]
    if torch._C._are_functorch_transforms_active():
        outputs, pull = torch.func.vjp(run, *wanted)[:2]
        full = [
            torch.zeros_like(out) if grad is None else grad for out, grad in zip(outputs, grads, strict=True)
        ]
        parts = pull(full)
    else:
        parts = _recorded(run, wanted, grads)
    found: list[Tensor | None] = [None] * len(flat)
    for place, part in zip(needed, parts, strict=True):
        found[place] = part
    return found


def _recorded(
    run: Callable[..., list[Tensor]], wanted: list[Tensor], grads: Sequence[Tensor | None]
) -> Sequence[Tensor | None]:
    again = torch.is_grad_enabled()  # a derivative of this derivative is wanted
    with torch.enable_grad():
        leaves = [t.view_as(t) if again else t.detach().requires_grad_() for t in wanted]
        pairs = [
            (out, grad)
            for out, grad in zip(run(*leaves), grads, strict=True)
            if grad is not None and out.requires_grad
        ]
        if not pairs:
            return [None] * len(leaves)
        outputs, adjoints = [out for out, _ in pairs], [grad for _, grad in pairs]
        return torch.autograd.grad(outputs, leaves, adjoints, create_graph=again, allow_unused=True)
