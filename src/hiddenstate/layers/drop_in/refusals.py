"""What torch.nn's recurrent modules say about input they cannot use, in its own types and words.

A program that catches torch's errors must keep working, so these are not errors of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hiddenstate.layers.operators import autocast_to

_DTYPES = {torch.float32: "Float", torch.float64: "Double", torch.bfloat16: "BFloat16", torch.float16: "Half"}
_DTYPES |= {
    torch.int64: "Long",
    torch.int32: "Int",
    torch.int16: "Short",
    torch.int8: "Char",
    torch.bool: "Bool",
}


def _name(tensor: Tensor) -> str:
    return _DTYPES.get(tensor.dtype, str(tensor.dtype))


def check_rank(mode: str, input: Tensor) -> None:
    """The number of axes of the input."""
    if input.dim() not in (2, 3):
        name, what = ("RNN", " tensor") if mode.startswith("RNN") else (mode, "")
        raise ValueError(f"{name}: Expected input to be 2D or 3D, got {input.dim()}D{what} instead")


def check_state_rank(mode: str, hx: Any, batched: bool) -> None:
    """The number of axes of the first state."""
    kind, axes = ("batched 3-D", 3) if batched else ("unbatched 2-D", 2)
    if mode != "LSTM":
        if hx.dim() != axes:
            raise RuntimeError(f"For {kind} input, hx should also be {axes}-D but got {hx.dim()}-D tensor")
    elif hx[0].dim() != axes or hx[1].dim() != axes:
        raise RuntimeError(
            f"For {kind} input, hx and cx should also be {axes}-D but got "
            f"({hx[0].dim()}-D, {hx[1].dim()}-D) tensors"
        )


def check_run(mode: str, x: Tensor, hx: Any, weights: Sequence[Tensor]) -> None:
    """What torch checks below Python: steps, devices, the number of states, their precision."""
    if mode == "LSTM" and isinstance(hx, Tensor):
        raise TypeError(
            "lstm() received an invalid combination of arguments - hx must be tuple of Tensors, not Tensor"
        )
    states = [hx] if isinstance(hx, Tensor) else list(hx)
    if mode == "LSTM" and len(states) != 2:
        raise RuntimeError("lstm expects two hidden states")
    for kind, tensor in [("hidden", state) for state in states] + [
        ("parameter", weight) for weight in weights
    ]:
        if tensor.device != x.device:
            raise RuntimeError(
                f"Input and {kind} tensors are not at the same device, found input tensor at {x.device} "
                f"and {kind} tensor at {tensor.device}"
            )
    if x.dim() == 3 and x.shape[0] == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    if autocast_to(x) is None:
        for tensor in (x, *states):
            if tensor.dtype != weights[0].dtype:
                raise RuntimeError(
                    f"mat1 and mat2 must have the same dtype, but got {_name(tensor)} and {_name(weights[0])}"
                )


def check_packed_lstm(module: Any, data: Tensor, hx: Any, batch: int) -> None:
    """What the products say of a packed sequence and its state that do not fit an LSTM."""
    weight = module.weight_ih_l0
    if data.shape[-1] != module.input_size and data.dtype == weight.dtype:
        raise RuntimeError(_product(data.shape, weight))
    sets = module.num_layers * (2 if module.bidirectional else 1)
    hidden, carried = hx[0], hx[1]
    if min(len(hidden), len(carried)) < sets or len(hidden) != len(carried):
        raise RuntimeError("Expected more hidden states in stacked_rnn")
    if len(hidden) > sets:
        raise RuntimeError("Expected more hidden states in stacked_rnn")
    back = module.weight_hh_l0
    if hidden.shape[-1] != back.shape[1]:
        if module.proj_size:
            raise RuntimeError("got an incorrect number of RNN parameters")
        raise RuntimeError(_product(hidden.shape[1:], back))
    for value in (hidden, carried):
        if value.shape[1] != batch:
            if value.shape[1] == 1:
                rows = back.shape[0]
                raise RuntimeError(
                    f"output with shape [1, {rows}] doesn't match the broadcast shape [{batch}, {rows}]"
                )
            raise RuntimeError(_axis(value.shape[1], batch))
    if carried.shape[-1] != module.hidden_size:
        raise RuntimeError(
            f"The size of tensor a ({module.hidden_size}) must match the size of tensor b "
            f"({carried.shape[-1]}) at non-singleton dimension 1"
        )


def check_sizes(data: Tensor, sizes: Tensor, rows: int) -> None:
    """What torch says of batch sizes that are not those of a packed sequence."""
    if sizes.dtype != torch.int64:
        raise RuntimeError(f"expected scalar type Long but found {_name(sizes)}")
    steps, start, before = sizes.tolist(), 0, int(sizes[0])
    for size in steps:
        if size < 0:
            raise RuntimeError("narrow(): length must be non-negative.")
        if start + size > len(data):
            raise RuntimeError(f"start ({start}) + length ({size}) exceeds dimension size ({len(data)}).")
        if size > before and before == 1:
            raise RuntimeError(
                f"output with shape [1, {rows}] doesn't match the broadcast shape [{size}, {rows}]"
            )
        if size > before:
            raise RuntimeError(_axis(before, size))
        start, before = start + size, size


def check_cell(name: str, x: Tensor, states: Any, module: Any) -> None:
    """What torch checks for a single step: ranks and sizes were seen to before."""
    if name == "lstm_cell":
        if isinstance(states, Tensor):
            raise TypeError("lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors, not Tensor")
        if len(states) != 2:
            raise RuntimeError("lstm_cell expects two hidden states")
    if x.shape[1] != module.input_size:
        raise RuntimeError(
            f"input has inconsistent input_size: got {x.shape[1]} expected {module.input_size}"
        )
    weight = module.weight_ih
    for k, state in enumerate([states] if isinstance(states, Tensor) else states):
        if state.shape[0] != x.shape[0]:
            raise RuntimeError(
                f"Input batch size {x.shape[0]} doesn't match hidden{k} batch size {state.shape[0]}"
            )
        if state.shape[1] != module.hidden_size:
            raise RuntimeError(
                f"hidden{k} has inconsistent hidden_size: got {state.shape[1]}, expected {module.hidden_size}"
            )
    first = states if isinstance(states, Tensor) else states[0]
    for tensor in (x, first):
        if tensor.device != weight.device:
            raise RuntimeError(
                f"Tensor on device {weight.device} is not on the expected device {tensor.device}!"
            )
        if tensor.dtype != weight.dtype and autocast_to(x) is None:
            raise RuntimeError(
                f"mat1 and mat2 must have the same dtype, but got {_name(tensor)} and {_name(weight)}"
            )


def _product(shape: Sequence[int], weight: Tensor) -> str:
    rows, columns = weight.shape
    return f"mat1 and mat2 shapes cannot be multiplied ({shape[0]}x{shape[-1]} and {columns}x{rows})"


def _axis(first: int, second: int) -> str:
    return (
        f"The size of tensor a ({first}) must match the size of tensor b ({second}) "
        "at non-singleton dimension 0"
    )
