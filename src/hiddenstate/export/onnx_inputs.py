"""What goes into an RNN, GRU or LSTM node of ONNX, checked and made into tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hiddenstate.errors import InvalidArgument, nearest
from hiddenstate.export.onnx_attributes import OPERATORS, Attributes

_BATCH_SECOND = ("X", "initial_h", "initial_c")  # and first where layout is 1
_PRECISIONS = (np.dtype("float32"), np.dtype("float64"))


def tensors(op_type: str, node: Attributes, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
    """The inputs of a node as tensors in layout 0, or InvalidArgument for the first that does not fit."""
    known = OPERATORS[op_type].inputs
    for name in inputs:
        if name not in known:
            raise InvalidArgument(f"ONNX's {op_type} has no input {name!r}; {nearest(str(name), known)}")
    arrays = {name: np.asarray(value) for name, value in inputs.items()}
    for name in ("X", "W", "R"):
        if name not in arrays or arrays[name].ndim != 3:
            came = list(arrays[name].shape) if name in arrays else "none"
            raise InvalidArgument(f"expected an input {name} of {op_type} with three axes, came {came}")
    _check_types(op_type, arrays)
    _check_shapes(op_type, node, arrays)
    if "sequence_lens" in arrays:
        arrays["sequence_lens"] = arrays["sequence_lens"].astype(np.int64)
    for name in _BATCH_SECOND if node.layout else ():
        if name in arrays:
            arrays[name] = arrays[name].swapaxes(0, 1)
    return {name: torch.from_numpy(np.array(array, order="C")) for name, array in arrays.items()}


def _check_types(op_type: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise InvalidArgument where inputs differ in precision, or lengths are no whole numbers."""
    precision = arrays["X"].dtype
    if precision not in _PRECISIONS:
        raise InvalidArgument(
            f"expected the inputs of {op_type} in float32 or float64, came X in {precision}; use "
            "X.astype(np.float32)"
        )
    for name, array in arrays.items():
        if name == "sequence_lens":
            if array.dtype.kind not in "iu":
                raise InvalidArgument(
                    f"expected sequence_lens of {op_type} as whole numbers, came {array.dtype}; use "
                    "sequence_lens.astype(np.int32)"
                )
        elif array.dtype != precision:
            raise InvalidArgument(
                f"expected input {name} of {op_type} in {precision} as X is, came {array.dtype}; use "
                f"{name}.astype(np.{precision})"
            )


def _check_shapes(op_type: str, node: Attributes, arrays: Mapping[str, np.ndarray]) -> None:
    """Raise InvalidArgument for the first input whose shape is not ONNX's."""
    G, D = OPERATORS[op_type].gates, len(node.reverse)
    T, B, F = arrays["X"].shape if node.layout == 0 else arrays["X"].swapaxes(0, 1).shape
    H = node.hidden_size or arrays["R"].shape[-1]
    if H < 1:
        raise InvalidArgument(
            f"expected R of {op_type} with a hidden unit at least, came {arrays['R'].shape}"
        )
    state = {"num_directions": D, "batch_size": B, "hidden_size": H}
    shapes: dict[str, dict[str, int]] = {
        "W": {"num_directions": D, f"{G} x hidden_size": G * H, "input_size": F},
        "R": {"num_directions": D, f"{G} x hidden_size": G * H, "hidden_size": H},
        "B": {"num_directions": D, f"{2 * G} x hidden_size": 2 * G * H},
        "sequence_lens": {"batch_size": B},
        "initial_h": state,
        "initial_c": state,
        "P": {"num_directions": D, "3 x hidden_size": 3 * H},
    }
    for name, named in shapes.items():
        sizes = list(named.items())
        if node.layout and name in _BATCH_SECOND:
            sizes[:2] = sizes[1::-1]
        expected = [size for _, size in sizes]
        if name in arrays and list(arrays[name].shape) != expected:
            raise InvalidArgument(
                f"expected input {name} of {op_type} of shape {expected} ({', '.join(n for n, _ in sizes)}), "
                f"came {list(arrays[name].shape)}; X is {list(arrays['X'].shape)}, hidden_size={H}, "
                f"direction={node.direction!r}, layout={node.layout}"
            )
    lengths = arrays.get("sequence_lens", np.zeros(0, np.int64))
    if lengths.size and not 0 <= lengths.min() <= lengths.max() <= T:
        raise InvalidArgument(
            f"expected sequence_lens of {op_type} between 0 and the {T} steps of X, came {lengths.tolist()}"
        )
