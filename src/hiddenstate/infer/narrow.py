"""Weights in few bits, as a file holds them, and in single precision, as they are computed with.

A matrix [N, W] is kept as whole numbers, from -7 to 7 (4 bits, two in a byte) or from -127 to 127 (8 bits),
with a scale for each of its N rows, whose largest weight is the largest number. All else is half precision.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from hiddenstate.errors import InvalidArgument, RunError

BITS = {"int4": 4, "int8": 8}
SCALE = "scale"
NARROWEST = 5  # a row of fewer weights is smaller without a scale
_LOW = np.uint32(0xFF)  # the bits that a scale does not have, so that scale x 127 is exact


def narrow(arrays: Mapping[str, np.ndarray], tables: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Narrow each matrix of several rows to 8 bits, those that `tables` names to 4, what is small to 16.

    `word` becomes `word.int4` [N, (W + 1) // 2] or `word.int8` [N, W], and `word.scale` [N]; what `widen`
    gives back is narrowed to the same bits again. Raises InvalidArgument for a weight that is not finite.

    >>> found = narrow({"a": np.array([[1.0, 0.498, 0, 0, 0], [0.0] * 5]), "b": np.ones(2)})
    >>> found["a.int8"].tolist(), found["a.scale"].dtype, found["b"].dtype
    ([[127, 63, 0, 0, 0], [0, 0, 0, 0, 0]], dtype('float32'), dtype('float16'))
    """
    found: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if array.ndim != 2 or len(array) < 2 or array.shape[1] < NARROWEST:
            found[name] = array.astype(np.float16)
            continue
        if not np.isfinite(array).all():
            raise InvalidArgument(f"{name} holds a weight that is not finite: no whole number stands for it")
        kind = "int4" if name in tables else "int8"
        numbers, scale = _in_steps(array.astype(np.float32), 2 ** (BITS[kind] - 1) - 1)
        found[f"{name}.{kind}"] = _packed(numbers) if kind == "int4" else numbers
        found[f"{name}.{SCALE}"] = scale
    return found


def widen(
    arrays: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]], where: str
) -> dict[str, np.ndarray]:
    """Give the float32 arrays of these names and shapes back, whether they were narrowed or not.

    Raises RunError where they are not exactly those.
    """
    left, found = dict(arrays), {}
    for name, shape in shapes.items():
        kind = next((kind for kind in BITS if f"{name}.{kind}" in left), None)
        array = left.pop(name if kind is None else f"{name}.{kind}", None)
        if kind is not None and array is not None:
            array = _in_full(array, left.pop(f"{name}.{SCALE}", None), kind, shape)
        if array is None or array.shape != shape:
            raise RunError(f"{where}: {name!r} should be {list(shape)}; train again")
        found[name] = array.astype(np.float32)
    if left:
        raise RunError(f"{where}: {', '.join(sorted(left)[:3])} came too; train again")
    return found


def _in_steps(array: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers from -top to top, and the scale of each row."""
    scale = np.abs(array).max(1) / np.float32(top)
    scale = ((scale.view(np.uint32) + _LOW) & ~_LOW).view(np.float32)  # rounded up
    steps = np.rint(array / np.where(scale > 0, scale, np.float32(1))[:, None])
    return steps.astype(np.int8), scale


def _packed(numbers: np.ndarray) -> np.ndarray:
    """Two numbers in a byte, the first in its lower half; a row of odd width ends with a zero."""
    halves = np.pad(numbers, ((0, 0), (0, numbers.shape[1] % 2))).view(np.uint8) & np.uint8(15)
    return halves[:, ::2] | halves[:, 1::2] << np.uint8(4)


def _in_full(
    kept: np.ndarray, scale: np.ndarray | None, kind: str, shape: tuple[int, ...]
) -> np.ndarray | None:
    """The matrix that numbers and scales stand for; None where they are not those of one of this shape."""
    width = (shape[-1] + 1) // 2 if kind == "int4" else shape[-1]
    dtype = np.uint8 if kind == "int4" else np.int8
    if len(shape) != 2 or scale is None or scale.shape != shape[:1] or scale.dtype != np.float32:
        return None
    if kept.shape != (shape[0], width) or kept.dtype != dtype:
        return None
    if kind == "int4":
        halves = np.stack([kept << np.uint8(4), kept & np.uint8(0xF0)], -1).view(np.int8) >> 4
        kept = halves.reshape(len(kept), -1)[:, : shape[1]]
    return np.asarray(kept.astype(np.float32) * scale[:, None])
