"""The bridge between layers and computation: `unroll` runs one layer in one direction over a batch.

Letters: T steps, B sequences, F features, H hidden units, P projected units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from hiddenstate import native
from hiddenstate.errors import InvalidArgument, Unsupported, nearest
from hiddenstate.layers.operators import compiled
from hiddenstate.layers.operators.calls import Counts, Inputs, Plan, decided_plan
from hiddenstate.layers.operators.library import (
    folded,
    refuse_other_lengths,
    taped_operator,
    unroll_operator,
)
from hiddenstate.layers.operators.replay import replayed
from hiddenstate.layers.operators.segments import InSegments

BACKENDS = ("auto", "reference", "native")
_PLAIN_TYPES = (Tensor, torch.nn.Parameter)


def choose_backend(asked: str) -> str:
    """The name of a backend, checked: "auto" takes the compiled core where it is built and fits the tensors.

    Raises InvalidArgument for an unknown name, Unsupported where the core is asked for and was not built.
    """
    if not isinstance(asked, str) or asked not in BACKENDS:
        raise InvalidArgument(f"expected a backend, came {asked!r}; {nearest(str(asked), BACKENDS)}")
    if asked == "native":
        native.module()
    return asked


def _core_is_here() -> bool:
    """Asked once where torch.compile traces: how a module is found is not to be part of a graph."""
    return native.available()


# What torch.compiler.assume_constant_result does, without importing torch's compiler, which doubles the time
# that importing this takes.
_core_is_here.__dict__["_dynamo_marked_constant"] = True


def decided(asked: str, tensors: Sequence[Tensor | None]) -> str:
    """The backend that runs these tensors: the core takes single precision on a CPU."""
    if asked == "reference" or not _core_is_here():
        return "reference"
    odd = [t for t in tensors if t is not None and not (t.dtype is torch.float32 and t.is_cpu)]
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
    precision = autocast_to(inputs.x)
    if precision is not None:
        with torch.autocast(inputs.x.device.type, enabled=False):
            return _run(plan, inputs.to(precision))
    return _run(plan, inputs)


def _run(plan: Plan, i: Inputs) -> list[Tensor]:
    flat = i.flat()
    plan = decided_plan(plan, decided(plan.backend, flat[1:]))
    if plan.backend == "native" and _plain(flat):
        refuse_other_lengths(i.lengths, len(i.x))
        return compiled.forward(plan, i, taped=False)
    wanted = 1 + len(i.states) + len(plan.keep.split())
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
        return list(_Unroll.apply(plan, Counts.of(i), *flat)[:wanted])
    taped = _taped(flat[1:])
    if taped and 0 < plan.checkpoint_every < len(i.x):
        return list(InSegments.apply(plan, Counts.of(i), *flat)[:wanted])
    operator = taped_operator if taped else unroll_operator
    return operator(i.x, i.states, i.parameters, i.masks, i.lengths, *plan.words())[:wanted]


def _plain(tensors: Sequence[Tensor | None]) -> bool:
    """Whether nobody but us has a part in the call: no gradient, subclass, lazy sign, mode or trace.

    The operator would add torch's dispatcher, a third of the time of a short call.
    """
    return (
        not torch.compiler.is_compiling()
        and not (torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors))
        and all(t is None or (type(t) in _PLAIN_TYPES and not t.is_neg()) for t in tensors)
        and torch._C._len_torch_dispatch_stack() == 0
        and not torch._C._are_functorch_transforms_active()
        and forward_ad._current_level < 0
        and torch._C._get_tracing_state() is None
        and not torch.autograd._profiler_enabled()
    )


def _taped(tensors: Sequence[Tensor | None]) -> bool:
    """Whether to leave a tape: where there are steps to go back through."""
    if not torch.is_grad_enabled() or len(tensors[0]) == 0:  # type: ignore[arg-type]
        return False
    return any(tensor is not None and tensor.requires_grad for tensor in tensors)


class _Unroll(torch.autograd.Function):
    """The operator in the form that torch.func's transforms understand: its derivative runs it again."""

    @staticmethod
    def forward(plan: Plan, counts: Counts, *flat: Tensor | None) -> Any:
        i = counts.parted(flat)
        return tuple(unroll_operator(i.x, i.states, i.parameters, i.masks, i.lengths, *plan.words()))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.plan, ctx.counts, *flat = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*flat)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        needed = [place for place, yes in enumerate(ctx.needs_input_grad[2:]) if yes]
        return (None, None, *replayed(ctx.plan, ctx.counts, ctx.saved_tensors, needed, grads))

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise Unsupported(
            "forward-mode derivatives (jvp, jacfwd, hessian) are not offered for recurrent layers; "
            "use reverse mode: vjp, jacrev, or jacrev twice"
        )

    @staticmethod
    def vmap(info: Any, in_dims: Any, plan: Plan, counts: Counts, *flat: Any) -> Any:
        def call(*wide: Tensor | None) -> Any:
            return _Unroll.apply(plan, counts, *wide)

        return folded(info.batch_size, in_dims[2:], counts, flat, call)
