"""What stands before the recurrent layers: some frames read as one step, and convolved. No torch.

A higher voice says the same a few mels further up; weights shared over the mels (Abdel-Hamid et al., 2012)
hear that it is the same. Each step is seen with AROUND frames to each side and by itself alone, so that it
does not matter how a recording arrives.
Letters: N frames, T steps, M numbers a frame, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hiddenstate.infer import affine

if TYPE_CHECKING:
    from hiddenstate.tasks.speech.spec import SpeechSpec

AROUND = 2  # frames
WIDE, NARROW = 2 * AROUND + 1, 3  # mels that the first and the second convolution span, every other one
AT_ONCE = 512  # steps of which the numbers to be multiplied are laid out at once


def steps_of(frames: np.ndarray, reduce: int, around: int = 0) -> np.ndarray:
    """Read neighbouring frames [N, M], and some before and behind, as one step [T, (reduce + 2 around) M].

    What lies beyond the ends is zeros.

    >>> steps_of(np.ones((3, 1)), 2).tolist()
    [[1.0, 1.0], [1.0, 0.0]]
    """
    missing = -len(frames) % reduce
    return windows(np.pad(frames, ((around, missing + around), (0, 0))), reduce, around)


def windows(frames: np.ndarray, reduce: int, around: int) -> np.ndarray:
    """The steps that are whole in frames [around + N + around, M]."""
    if len(frames) < reduce + 2 * around:
        return np.zeros((0, (reduce + 2 * around) * frames.shape[1]), frames.dtype)
    found = sliding_window_view(frames, reduce + 2 * around, axis=0)[::reduce]
    return found.transpose(0, 2, 1).copy().reshape(len(found), -1)


def front_shapes(spec: SpeechSpec) -> dict[str, tuple[int, ...]]:
    """Name and shape of the convolutions' parameters, as torch names and shapes them; none without."""
    channels = spec.channels
    if not channels:
        return {}
    return {
        "early.weight": (channels, spec.deltas + 1, WIDE, WIDE),
        "early.bias": (channels,),
        "late.weight": (channels, channels, spec.reduce, NARROW),
        "late.bias": (channels,),
    }


def front_width(spec: SpeechSpec) -> int:
    """How many numbers of a step the recurrent layers read."""
    if not spec.channels:
        return spec.features.width * spec.reduce
    return spec.channels * halved(halved(spec.mels))


def halved(mels: int) -> int:
    """How many places are left of so many where every other one is taken."""
    return -(-mels // 2)


class Front:
    """The convolutions as they answer, with parameters named and shaped as `front_shapes` says."""

    def __init__(self, spec: SpeechSpec, parameters: Mapping[str, np.ndarray]) -> None:
        self.spec, self.parameters = spec, parameters

    def of(self, steps: np.ndarray) -> np.ndarray:
        """What the recurrent layers read [T, W] of steps [T, (reduce + 2 around) M]."""
        if not self.spec.channels:
            return steps
        parts = [self._convolved(steps[at : at + AT_ONCE]) for at in range(0, len(steps), AT_ONCE)]
        return np.concatenate([np.zeros((0, front_width(self.spec)), np.float32), *parts])

    def _convolved(self, steps: np.ndarray) -> np.ndarray:
        spec, own = self.spec, self.parameters
        frames = steps.reshape(len(steps), spec.reduce + 2 * AROUND, spec.deltas + 1, spec.mels)
        padded = np.pad(frames, ((0, 0), (0, 0), (0, 0), (WIDE // 2, WIDE // 2)))
        found = sliding_window_view(padded, (WIDE, WIDE), axis=(1, 3))[
            :, :, :, ::2
        ]  # [T, R, planes, m, 5, 5]
        early = _rectified(found.transpose(0, 1, 3, 2, 4, 5), own["early.weight"], own["early.bias"])
        padded = np.pad(early, ((0, 0), (0, 0), (NARROW // 2, NARROW // 2), (0, 0)))
        found = sliding_window_view(padded, NARROW, axis=2)[:, :, ::2]  # [T, R, m, C, 3]
        late = _rectified(found.transpose(0, 2, 3, 1, 4), own["late.weight"], own["late.bias"])
        return late.transpose(0, 2, 1).reshape(len(steps), -1)


def _rectified(patches: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Weigh patches [..., as a kernel]: [..., C], at least 0."""
    dims = patches.ndim - (weight.ndim - 1)
    rows = np.ascontiguousarray(patches).reshape(*patches.shape[:dims], -1)
    return np.maximum(affine(rows, weight.reshape(len(weight), -1), bias), 0)
