"""The bridge between layers and computation: `unroll` runs one layer in one direction over a batch.

Underneath lies the operator `hiddenstate::unroll` of torch.library, with its rules for shapes without
values (meta, export), vmap and automatic differentiation. Its signature is plain, a cell travels as its own
text, so that exported graphs stand alone.
Letters: T steps, B sequences, F features, H hidden units, P projected units.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from hiddenstate.cells.cell import Cell
from hiddenstate.derive.reference import Recurrence, torch_arrays
from hiddenstate.derive.reference import unroll as evaluate
from hiddenstate.errors import InvalidArgument, Unsupported, nearest

BACKENDS = ("auto", "reference", "native")


def choose_backend(asked: str) -> str:
    """The backend that will run: "auto" takes the fastest that is here.

    Raises InvalidArgument for an unknown name, Unsupported where what is asked for is not here.
    """
    if asked not in BACKENDS:
        raise InvalidArgument(f"expected a backend, came {asked!r}; {nearest(str(asked), BACKENDS)}")
    if asked == "native":
        raise Unsupported(
            "backend='native' asks for the compiled core, which this version does not have; "
            "use backend='auto' or backend='reference'"
        )
    return "reference"


def key_of(cell: Cell) -> str:
    """A cell as the text by which the operator knows it."""
    return json.dumps(cell.as_dict(), sort_keys=True)


@lru_cache(maxsize=1024)
def cell_of(key: str) -> Cell:
    """The cell that a key stands for."""
    return Cell.from_dict(json.loads(key))


@dataclass(frozen=True)
class Inputs:
    """The tensors of one call: first states [B, width] in the cell's order, parameters in the order of
    `names`, masks in the cell's order ([T, B, width] drawn per step, [B, width] per sequence) or none."""

    x: Tensor
    states: Sequence[Tensor]
    parameters: Sequence[Tensor]
    masks: Sequence[Tensor] = ()
    lengths: Tensor | None = None


@dataclass(frozen=True)
class Plan:
    """What to run: a cell by its key, the names of the parameters given, values to keep, the direction."""

    key: str
    names: str
    keep: str = ""
    reverse: bool = False


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
    x, masks, kind = inputs.x, inputs.masks, inputs.x.device.type
    tensors = (x, *inputs.states, *inputs.parameters)
    counts = (len(inputs.states), len(inputs.parameters))
    precision = autocast_to(inputs.x)
    if precision is None:
        return list(_Unroll.apply(plan, counts, inputs.lengths, *tensors, *masks))
    with torch.autocast(kind, enabled=False):
        cast = [tensor.to(precision) for tensor in (*tensors, *masks)]
        return list(_Unroll.apply(plan, counts, inputs.lengths, *cast))


@torch.library.custom_op("hiddenstate::unroll", mutates_args=())
def operator(
    x: Tensor,
    states: Sequence[Tensor],
    parameters: Sequence[Tensor],
    masks: Sequence[Tensor],
    lengths: Tensor | None,
    cell: str,
    names: str,
    keep: str,
    reverse: bool,
) -> list[Tensor]:
    """What `torch.ops.hiddenstate.unroll` does; see `unroll`."""
    if (
        lengths is not None
        and lengths.numel()
        and not 0 <= int(lengths.min()) <= int(lengths.max()) <= len(x)
    ):
        raise InvalidArgument(
            f"expected lengths between 0 and the {len(x)} steps of x, came {int(lengths.min())} to "
            f"{int(lengths.max())}; a sequence cannot be longer than its row of x"
        )
    found = _reference(Plan(cell, names, keep, reverse), Inputs(x, states, parameters, masks, lengths))
    return _owned(found, (x, *states, *parameters))


def _owned(found: list[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    """Copy what shares its memory with an input or another result: an operator returns tensors of its own."""
    seen = {tensor.untyped_storage().data_ptr() for tensor in inputs}
    own = []
    for tensor in found:
        place = tensor.untyped_storage().data_ptr()
        own.append(tensor.clone() if place in seen else tensor)
        seen.add(place)
    return own


def _reference(plan: Plan, inputs: Inputs) -> list[Tensor]:
    cell = cell_of(plan.key)
    masks = dict(zip((mask.name for mask in cell.masks), inputs.masks, strict=False))
    fixed = {mask.name: masks.get(mask.name) if mask.per == "sequence" else None for mask in cell.masks}
    values = dict(zip(plan.names.split(), inputs.parameters, strict=True))
    unrolled = evaluate(
        Recurrence(cell, values, fixed, torch_arrays()),
        inputs.x,
        inputs.states,
        lengths=inputs.lengths,
        reverse=plan.reverse,
        step_masks={mask.name: masks[mask.name] for mask in cell.masks if masks and mask.per == "step"},
        keep=tuple(plan.keep.split()),
    )
    return [unrolled.output, *unrolled.states, *unrolled.kept.values()]


@operator.register_fake
def _shapes(
    x: Tensor,
    states: Sequence[Tensor],
    parameters: Sequence[Tensor],
    masks: Sequence[Tensor],
    lengths: Tensor | None,
    cell: str,
    names: str,
    keep: str,
    reverse: bool,
) -> list[Tensor]:
    known = cell_of(cell)
    recurrence = Recurrence(known, dict(zip(names.split(), parameters, strict=True)))
    widths = [recurrence.width(name) for name in (known.output, *keep.split())]
    rows = [x.new_empty((x.shape[0], x.shape[1], width)) for width in widths]
    return [rows[0], *(torch.empty_like(state) for state in states), *rows[1:]]


class _Unroll(torch.autograd.Function):
    """The operator with its derivative, in the form that torch.func's transforms understand."""

    @staticmethod
    def forward(plan: Plan, counts: tuple[int, int], lengths: Tensor | None, *tensors: Tensor) -> Any:
        x, states, parameters, masks = _parted(counts, tensors)
        return tuple(
            operator(x, states, parameters, masks, lengths, plan.key, plan.names, plan.keep, plan.reverse)
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.plan, ctx.counts, lengths, *tensors = inputs
        ctx.save_for_backward(lengths, *tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        lengths, *tensors = ctx.saved_tensors
        needed = [k for k, needs in enumerate(ctx.needs_input_grad[3:]) if needs]
        found = _replayed(ctx.plan, ctx.counts, lengths, tensors, needed, grads)
        return (None, None, None, *found)

    @staticmethod
    def vmap(info: Any, in_dims: Any, plan: Plan, counts: Any, lengths: Any, *tensors: Any) -> Any:
        return _folded(info.batch_size, in_dims[2:], plan, counts, (lengths, *tensors))


def _parted(counts: Sequence[int], tensors: Sequence[Tensor]) -> tuple[Tensor, list, list, list]:
    states, parameters = counts
    rest = list(tensors[1:])
    return tensors[0], rest[:states], rest[states : states + parameters], rest[states + parameters :]


def _replayed(
    plan: Plan,
    counts: tuple[int, int],
    lengths: Tensor | None,
    tensors: Sequence[Tensor],
    needed: Sequence[int],
    grads: Sequence[Tensor],
) -> list[Tensor | None]:
    """The gradients of the needed tensors: run the steps again, differentiably, and go back through them."""

    def run(*leaves: Tensor) -> list[Tensor]:
        given = list(tensors)
        for k, leaf in zip(needed, leaves, strict=True):
            given[k] = leaf
        x, states, parameters, masks = _parted(counts, given)
        return _reference(plan, Inputs(x, states, parameters, masks, lengths))

    found: list[Tensor | None] = [None] * len(tensors)
    if torch._C._are_functorch_transforms_active():
        pull = torch.func.vjp(run, *(tensors[k] for k in needed))[1]
        parts = pull(list(grads))
    else:
        again = torch.is_grad_enabled()  # a second derivative is wanted
        with torch.enable_grad():
            leaves = [
                tensors[k].view_as(tensors[k]) if again else tensors[k].detach().requires_grad_()
                for k in needed
            ]
            pairs = [(out, grad) for out, grad in zip(run(*leaves), grads, strict=True) if out.requires_grad]
            outputs, adjoints = [out for out, _ in pairs], [grad for _, grad in pairs]
            parts = torch.autograd.grad(outputs, leaves, adjoints, create_graph=again, allow_unused=True)
    for k, part in zip(needed, parts, strict=True):
        found[k] = part
    return found


def _folded(size: int, in_dims: Sequence[Any], plan: Plan, counts: Any, given: Sequence[Any]) -> Any:
    """Run a batch of calls as one: more sequences where the parameters are shared, else one by one."""
    first = 2 + counts[0]
    shared = all(dim is None for dim in in_dims[first : first + counts[1]])
    moved = [
        tensor if tensor is None or dim is None else tensor.movedim(dim, 0)
        for tensor, dim in zip(given, in_dims, strict=True)
    ]
    if not shared:
        calls = [
            _Unroll.apply(
                plan, counts, *(t if d is None else t[k] for t, d in zip(moved, in_dims, strict=True))
            )
            for k in range(size)
        ]
        return tuple(torch.stack(parts) for parts in zip(*calls, strict=True)), (0,) * len(calls[0])
    wide = []
    for k, (tensor, dim) in enumerate(zip(moved, in_dims, strict=True)):
        if tensor is not None and not first <= k < first + counts[1]:
            every = tensor if dim is not None else tensor.expand(size, *tensor.shape)
            rows = (
                0 if k == 0 or every.dim() == 3 else 1
            )  # lengths [B], states [B, width], the rest [T, B, ...]
            tensor = every.movedim(0, rows).flatten(rows, rows + 1)
        wide.append(tensor)
    found = _Unroll.apply(plan, counts, *wide)
    places = tuple(part.dim() - 2 for part in found)
    return tuple(part.unflatten(k, (size, -1)) for part, k in zip(found, places, strict=True)), places
