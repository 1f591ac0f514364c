"""The operators of torch.library: hiddenstate::unroll, its form that leaves a tape, and the way back.

Their signatures are plain (a cell travels as its own text), so that exported graphs stand alone. `words` are
those of a Plan, in its order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from hiddenstate.derive.reference import Recurrence
from hiddenstate.errors import InvalidArgument
from hiddenstate.layers.operators import compiled
from hiddenstate.layers.operators.back_propagation import backward
from hiddenstate.layers.operators.calls import Counts, Inputs, Plan, cell_of
from hiddenstate.layers.operators.replay import reference, replayed
from hiddenstate.layers.operators.tape import Run, forward


def refuse_other_lengths(lengths: Tensor | None, T: int) -> None:
    """Raise InvalidArgument for lengths outside 0..T."""
    if lengths is not None and lengths.numel():
        least, most = int(lengths.min()), int(lengths.max())
        if not 0 <= least <= most <= T:
            raise InvalidArgument(
                f"expected lengths between 0 and the {T} steps of x, came {least} to {most}; a sequence "
                "cannot be longer than its row of x"
            )


def _owned(found: Sequence[Tensor], inputs: Sequence[Tensor | None]) -> list[Tensor]:
    """Copy what shares its memory with an input or another result: an operator returns tensors of its own."""
    seen = {tensor.untyped_storage().data_ptr() for tensor in inputs if tensor is not None}
    own = []
    for tensor in found:
        place = tensor.untyped_storage().data_ptr()
        own.append(tensor.clone() if place in seen else tensor)
        seen.add(place)
    return own


_CALL = "Tensor x, Tensor[] states, Tensor[] parameters, Tensor[] masks, Tensor? lengths"
_GIVEN = "Tensor?[] grads, Tensor[] tape, Tensor x, Tensor[] parameters, Tensor[] masks, Tensor? lengths"
_PLAN = "str cell, str names, str keep, bool reverse, str backend"
torch.library.define("hiddenstate::unroll", f"({_CALL}, {_PLAN}) -> Tensor[]")
torch.library.define("hiddenstate::unroll_taped", f"({_CALL}, {_PLAN}) -> Tensor[]")
torch.library.define("hiddenstate::unroll_back", f"({_GIVEN}, {_PLAN}, bool wants_x) -> Tensor[]")
unroll_operator = torch.ops.hiddenstate.unroll.default
taped_operator = torch.ops.hiddenstate.unroll_taped.default
back_operator = torch.ops.hiddenstate.unroll_back.default


def run_plain(
    x: Tensor,
    states: Sequence[Tensor],
    parameters: Sequence[Tensor],
    masks: Sequence[Tensor],
    lengths: Tensor | None,
    *words: Any,
) -> list[Tensor]:
    """The output [T, B, width], each last state [B, width], each kept value [T, B, width]."""
    refuse_other_lengths(lengths, len(x))
    plan, inputs = Plan(*words), Inputs(x, states, parameters, masks, lengths)
    if plan.backend == "native":
        return compiled.forward(plan, inputs, taped=False)
    return _owned(reference(plan, inputs), inputs.flat())


torch.library.impl("hiddenstate::unroll", "default", run_plain)


@torch.library.register_fake("hiddenstate::unroll")
def _shapes(
    x: Tensor,
    states: Sequence[Tensor],
    parameters: Sequence[Tensor],
    masks: Sequence[Tensor],
    lengths: Tensor | None,
    *words: Any,
) -> list[Tensor]:
    plan = Plan(*words)
    cell = cell_of(plan.key)
    recurrence = Recurrence(cell, dict(zip(plan.names.split(), parameters, strict=True)))
    widths = [recurrence.width(name) for name in (cell.output, *plan.keep.split())]
    rows = [x.new_empty((x.shape[0], x.shape[1], width)) for width in widths]
    return [rows[0], *(torch.empty_like(state) for state in states), *rows[1:]]


def _run(plan: Plan, inputs: Inputs) -> Run:
    cell = cell_of(plan.key)
    return Run(
        cell,
        dict(zip(plan.names.split(), inputs.parameters, strict=True)),
        dict(zip((mask.name for mask in cell.masks), inputs.masks, strict=False)),
        inputs.x,
        inputs.lengths,
        tuple(plan.keep.split()),
        plan.reverse,
    )


def _unroll_taped(plan: Plan, inputs: Inputs) -> list[Tensor]:
    found, tape = forward(_run(plan, inputs), inputs.states)
    return [*found, *tape]


def _unroll_back(
    plan: Plan, inputs: Inputs, tape: Sequence[Tensor], grads: Sequence[Tensor | None], wants_x: bool
) -> list[Tensor]:
    found = backward(_run(plan, inputs), tape, grads, wants_x)
    return [
        *([] if found.x is None else [found.x]),
        *found.states,
        *(found.parameters[n] for n in plan.names.split()),
    ]


def run_taped(
    x: Tensor,
    states: Sequence[Tensor],
    parameters: Sequence[Tensor],
    masks: Sequence[Tensor],
    lengths: Tensor | None,
    *words: Any,
) -> list[Tensor]:
    """What hiddenstate::unroll gives, and behind it the tape that hiddenstate::unroll_back reads."""
    refuse_other_lengths(lengths, len(x))
    plan, inputs = Plan(*words), Inputs(x, states, parameters, masks, lengths)
    if plan.backend == "native":
        return compiled.forward(plan, inputs, taped=True)
    return _owned(_unroll_taped(plan, inputs), inputs.flat())


def run_back(
    grads: Sequence[Tensor | None],
    tape: Sequence[Tensor],
    x: Tensor,
    parameters: Sequence[Tensor],
    masks: Sequence[Tensor],
    lengths: Tensor | None,
    *words: Any,
) -> list[Tensor]:
    """The gradients of x (where wanted), of the first states and of the parameters."""
    *given, wants_x = words
    plan, inputs = Plan(*given), Inputs(x, (), parameters, masks, lengths)
    if plan.backend == "native":
        return compiled.backward(plan, inputs, tape, grads, wants_x)
    found = _unroll_back(plan, inputs, tape, grads, wants_x)
    return _owned(found, (*grads, *tape, x, *parameters, *masks))


torch.library.impl("hiddenstate::unroll_taped", "default", run_taped)
torch.library.impl("hiddenstate::unroll_back", "default", run_back)


# Without the core, the shapes of these two are those of the operations they are made of, which run without
# values as well.
@torch.library.register_fake("hiddenstate::unroll_taped")
def _taped_shapes(
    x: Tensor,
    states: Sequence[Tensor],
    parameters: Sequence[Tensor],
    masks: Sequence[Tensor],
    lengths: Tensor | None,
    *words: Any,
) -> list[Tensor]:
    plan, inputs = Plan(*words), Inputs(x, states, parameters, masks, lengths)
    if plan.backend == "native":
        tape = [x.new_empty(part) for part in compiled.tape_shapes(plan, inputs)]
        return [*_shapes(x, states, parameters, masks, lengths, *words), *tape]
    return _unroll_taped(plan, inputs)


@torch.library.register_fake("hiddenstate::unroll_back")
def _back_shapes(
    grads: Sequence[Tensor | None],
    tape: Sequence[Tensor],
    x: Tensor,
    parameters: Sequence[Tensor],
    masks: Sequence[Tensor],
    lengths: Tensor | None,
    *words: Any,
) -> list[Tensor]:
    *given, wants_x = words
    plan, inputs = Plan(*given), Inputs(x, (), parameters, masks, lengths)
    if plan.backend == "native":
        return compiled.empty_gradients(plan, inputs, wants_x)
    return _unroll_back(plan, inputs, tape, grads, wants_x)


def folded(
    size: int,
    in_dims: Sequence[int | None],
    counts: Counts,
    flat: Sequence[Tensor | None],
    call: Callable[..., Sequence[Tensor]],
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    """Run a batch of calls as one: as more sequences where the parameters are shared, else one by one."""
    given = list(zip(flat, in_dims, strict=True))
    moved = [t if t is None or dim is None else t.movedim(dim, 0) for t, dim in given]
    batched = [dim is not None for dim in in_dims]
    if any(yes and counts.is_parameter(place) for place, yes in enumerate(batched)):
        calls = [
            call(*(t if t is None or dim is None else t[k] for t, dim in zip(moved, in_dims, strict=True)))
            for k in range(size)
        ]
        return tuple(torch.stack(parts) for parts in zip(*calls, strict=True)), (0,) * len(calls[0])
    wide: list[Tensor | None] = []
    for place, (tensor, yes) in enumerate(zip(moved, batched, strict=True)):
        if tensor is not None and not counts.is_parameter(place):
            every = tensor if yes else tensor.expand(size, *tensor.shape)
            axis = 1 if every.dim() == 4 else 0  # [T, B, ...] or [B, ...], with the batch of calls in front
            tensor = every.movedim(0, axis).flatten(axis, axis + 1)
        wide.append(tensor)
    found = call(*wide)
    places = tuple(part.dim() - 2 for part in found)
    return tuple(part.unflatten(k, (size, -1)) for part, k in zip(found, places, strict=True)), places


def _flat_call(x: Any, states: Any, parameters: Any, masks: Any, lengths: Any) -> tuple[Any, ...]:
    return (lengths, x, *states, *parameters, *masks)


@torch.library.register_vmap("hiddenstate::unroll")
def _vmap(info: Any, in_dims: Any, *given: Any) -> tuple[list[Tensor], list[int]]:
    counts, rest = Counts(len(given[1]), len(given[2])), given[5:]

    def call(*flat: Tensor | None) -> list[Tensor]:
        i = counts.parted(flat)
        return unroll_operator(i.x, i.states, i.parameters, i.masks, i.lengths, *rest)

    found, places = folded(info.batch_size, _flat_call(*in_dims[:5]), counts, _flat_call(*given[:5]), call)
    return list(found), list(places)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    x, states, parameters, masks, lengths, *plan = inputs
    ctx.plan, ctx.counts = Plan(*plan), Counts(len(states), len(parameters))
    ctx.save_for_backward(*_flat_call(x, states, parameters, masks, lengths))


def _needed(ctx: Any) -> list[int]:
    """The places in a row of tensors whose gradients are wanted."""
    x, states, parameters, masks, *_ = ctx.needs_input_grad
    return [k for k, yes in enumerate(_flat_call(x, states, parameters, masks, False)) if yes]


def _run_again(ctx: Any, flat: Sequence[Tensor], grads: Sequence[Tensor | None]) -> tuple[Any, ...]:
    """The gradients of an operator's arguments, by running it differentiably."""
    found = ctx.counts.parted(replayed(ctx.plan, ctx.counts, flat, _needed(ctx), grads))
    return found.x, found.states, found.parameters, found.masks, *[None] * 6


def _gradients(ctx: Any, grads: list[Tensor | None]) -> tuple[Any, ...]:
    return _run_again(ctx, ctx.saved_tensors, grads)


# For graphs in which the operator stands by itself, an exported program that is trained on: it runs again.
torch.library.register_autograd("hiddenstate::unroll", _gradients, setup_context=_remember)


def _remember_tape(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    x, states, parameters, masks, lengths, *plan = inputs
    ctx.plan, ctx.counts = Plan(*plan), Counts(len(states), len(parameters))
    ctx.wanted = 1 + len(states) + len(ctx.plan.keep.split())
    flat = _flat_call(x, states, parameters, masks, lengths)
    ctx.length = len(flat)
    ctx.save_for_backward(*flat, *output[ctx.wanted :])
    ctx.set_materialize_grads(False)


def transformed(grads: Sequence[Tensor | None]) -> bool:
    """Whether a transform is at work, or a whole batch of adjoints is sent back at once."""
    if torch._C._are_functorch_transforms_active():
        return True
    batched = torch._C._functorch.is_legacy_batchedtensor  # what is_grads_batched=True makes
    return any(grad is not None and batched(grad) for grad in grads)


def _walked_back(ctx: Any, grads: list[Tensor | None]) -> tuple[Any, ...]:
    """The gradients from the tape; where they are to be differentiated in turn, by running it again."""
    flat, tape, known = ctx.saved_tensors[: ctx.length], ctx.saved_tensors[ctx.length :], grads[: ctx.wanted]
    if torch.is_grad_enabled() or transformed(known):
        return _run_again(ctx, flat, known)
    i, words, wants_x = ctx.counts.parted(flat), ctx.plan.words(), ctx.needs_input_grad[0]
    back = back_operator(known, tape, i.x, i.parameters, i.masks, i.lengths, *words, wants_x)
    dx, rest = (back[0], back[1:]) if wants_x else (None, back)
    states = ctx.counts.states
    return dx, rest[:states], rest[states:], [None] * len(i.masks), *[None] * 6


torch.library.register_autograd("hiddenstate::unroll_taped", _walked_back, setup_context=_remember_tape)
