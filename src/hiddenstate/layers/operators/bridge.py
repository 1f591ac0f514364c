"""The bridge between layers and computation: `unroll` runs one layer in one direction over a batch.

Letters: T steps, B sequences, F features, H hidden units, P projected units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from hiddenstate import native
from hiddenstate.errors import InvalidArgument, Unsupported, nearest
from hiddenstate.layers.operators.calls import Counts, Inputs, Plan
from hiddenstate.layers.operators.library import back_operator, folded, taped_operator, unroll_operator
from hiddenstate.layers.operators.replay import replayed

BACKENDS = ("auto", "reference", "native")


def choose_backend(asked: str) -> str:
    """The name of a backend, checked: "auto" takes the compiled core where it is built and fits the tensors.

    Raises InvalidArgument for an unknown name, Unsupported where the core is asked for and was not built.
    """
    if not isinstance(asked, str) or asked not in BACKENDS:
        raise InvalidArgument(f"expected a backend, came {asked!r}; {nearest(str(asked), BACKENDS)}")
    if asked == "native":
        native.module()
    return asked


def _decided(asked: str, tensors: Sequence[Tensor | None]) -> str:
    """The backend that runs these tensors: the core takes single precision on a CPU."""
    if asked == "reference" or not native.available():
        return "reference"
    odd = [t for t in tensors if t is not None and (t.dtype is not torch.float32 or t.device.type != "cpu")]
    if asked == "native" and odd:
        raise Unsupported(
            f"backend='native' runs torch.float32 on a CPU, came {odd[0].dtype} on {odd[0].device.type}; "
            "use backend='auto', which takes the reference path then, or .float()"
        )
    return "reference" if odd else "native"


def autocast_to(x: Tensor) -> torch.dtype | None:
    """The precision that a surrounding torch.autocast asks for, None outside one."""
    kind = x.device.type
    on = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.get_autocast_dtype(kind) if on else None


def unroll(plan: Plan, inputs: Inputs) -> list[Tensor]:
    """Run a layer in one direction over x [T, B, F].

    Returns the output [T, B, width], then each last state [B, width], then each kept value [T, B, width].
    Raises InvalidArgument for lengths outside 0..T.
    """
    counts, flat = Counts.of(inputs), inputs.flat()
    wanted = 1 + counts.states + len(plan.keep.split())
    precision = autocast_to(inputs.x)
    if precision is not None:
        lengths, *tensors = flat
        with torch.autocast(inputs.x.device.type, enabled=False):
            cast = [tensor.to(precision) for tensor in tensors if tensor is not None]
            plan = replace(plan, backend=_decided(plan.backend, cast))
            return list(_Unroll.apply(plan, counts, _taped(cast), lengths, *cast)[:wanted])
    plan = replace(plan, backend=_decided(plan.backend, flat[1:]))
    return list(_Unroll.apply(plan, counts, _taped(flat[1:]), *flat)[:wanted])


def _taped(tensors: Any) -> bool:
    """Whether to leave a tape: where there are steps to go back through, and no transform, which replays."""
    needed = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    return needed and len(tensors[0]) > 0 and not torch._C._are_functorch_transforms_active()


def _transformed(grads: Any) -> bool:
    """Whether a transform is at work, or a whole batch of adjoints is sent back at once."""
    if torch._C._are_functorch_transforms_active():
        return True
    batched = torch._C._functorch.is_legacy_batchedtensor  # what is_grads_batched=True makes
    return any(grad is not None and batched(grad) for grad in grads)


class _Unroll(torch.autograd.Function):
    """The operator with its derivative, in the form that torch.func's transforms understand."""

    @staticmethod
    def forward(plan: Plan, counts: Counts, taped: bool, *flat: Tensor | None) -> Any:
        i, operator = counts.parted(flat), taped_operator if taped else unroll_operator
        return tuple(operator(i.x, i.states, i.parameters, i.masks, i.lengths, *plan.words()))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.plan, ctx.counts, _, *flat = inputs
        ctx.wanted = 1 + ctx.counts.states + len(ctx.plan.keep.split())
        tape = output[ctx.wanted :]
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*tape)
        ctx.save_for_backward(*flat, *tape)
        ctx.length = len(flat)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        flat, tape = ctx.saved_tensors[: ctx.length], ctx.saved_tensors[ctx.length :]
        needed = [place for place, yes in enumerate(ctx.needs_input_grad[3:]) if yes]
        if tape and not (torch.is_grad_enabled() or _transformed(grads)):
            found = _walked(ctx.plan, ctx.counts.parted(flat), tape, grads[: ctx.wanted], 1 in needed)
            found += [None] * (ctx.length - len(found))
        else:
            found = replayed(ctx.plan, ctx.counts, flat, needed, grads[: ctx.wanted])
        return (None, None, None, *found)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise Unsupported(
            "forward-mode derivatives (jvp, jacfwd, hessian) are not offered for recurrent layers; "
            "use reverse mode: vjp, jacrev, or jacrev twice"
        )

    @staticmethod
    def vmap(info: Any, in_dims: Any, plan: Plan, counts: Counts, taped: bool, *flat: Any) -> Any:
        def call(*wide: Tensor | None) -> Any:
            return _Unroll.apply(plan, counts, taped, *wide)

        return folded(info.batch_size, in_dims[3:], counts, flat, call)


def _walked(plan: Plan, inputs: Inputs, tape: Any, grads: Any, wants_x: bool) -> list[Tensor | None]:
    """The gradients in the order of `Inputs.flat`, from the tape; masks, at the end, have none."""
    i = inputs
    found = back_operator(grads, tape, i.x, i.parameters, i.masks, i.lengths, *plan.words(), wants_x)
    return [None, *([] if wants_x else [None]), *found]
