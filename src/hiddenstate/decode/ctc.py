"""What CTC says of a target: how few frames hold it, how probable it is, its best alignment, its loss.

Connectionist temporal classification (Graves et al. 2006): every frame gives each of K symbols a probability,
one of them the blank. A path is one symbol a frame; it says what is left when neighbours that are equal are
joined and the blanks taken out. A target's probability is the sum over all paths that say it.
Letters: T frames, K symbols, S states: the target's symbols with a blank before, between and behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

import numpy as np

from hiddenstate.errors import InvalidArgument

POSITIVE = 1e-4  # how far above 0 float32's rounding may lift the logarithm of a probability
NOTHING = -1e20  # at and below it a logarithm is of 0: some write -1e30 where they mean minus infinity


def collapse(path: Iterable[int], blank: int = 0) -> list[int]:
    """What a path says: neighbours that are equal are joined, then the blanks are taken out.

    >>> collapse([0, 3, 3, 0, 3, 5, 5])
    [3, 3, 5]
    """
    return [int(symbol) for symbol, _ in groupby(path) if symbol != blank]


def fewest_frames(target: Sequence[int]) -> int:
    """How many frames a target needs: one a symbol, and a blank between two that are equal.

    >>> fewest_frames([3, 3, 5])
    4
    """
    return len(target) + sum(a == b for a, b in pairwise(target))


def forward_score(log_probs: np.ndarray, target: Sequence[int], blank: int = 0) -> float:
    """The logarithm of a target's probability under log_probs [T, K]: the sum over all of its alignments.

    Minus infinity where no path says it. Raises InvalidArgument for what is no logarithm of probabilities,
    and for a target with the blank or with symbols that do not exist.
    """
    log_probs = checked(log_probs, blank)
    states, skips = _lattice(log_probs, target, blank)
    if not len(log_probs):
        return 0.0 if len(states) == 1 else -np.inf
    return _total(_forward(log_probs[:, states], skips))


def align(log_probs: np.ndarray, target: Sequence[int], blank: int = 0) -> np.ndarray:
    """The most probable path [T] that says a target (Viterbi 1967): one symbol for every frame.

    Raises InvalidArgument where no path says it, and as `forward_score` does.

    >>> align(np.log([[0.6, 0.4], [0.1, 0.9], [0.8, 0.2]]), [1]).tolist()
    [0, 1, 0]
    """
    log_probs = checked(log_probs, blank)
    states, skips = _lattice(log_probs, target, blank)
    T, needed = len(log_probs), fewest_frames(target)
    if needed > T:
        raise InvalidArgument(
            f"a target of {len(target)} symbols needs at least {needed} frames (one each, and a blank "
            f"between two that are equal), came {T} frames. Use more frames a second, or a shorter target."
        )
    if not T:
        return np.zeros(0, np.int64)
    emitted = log_probs[:, states]
    came = np.zeros((T, len(states)), np.int8)  # how many states further back the best path was
    score = _first(emitted)
    for t in range(1, T):
        paths = np.full((3, len(states)), -np.inf)
        paths[0], paths[1, 1:] = score, score[:-1]
        paths[2, 2:] = np.where(skips[2:], score[:-2], -np.inf)
        came[t] = paths.argmax(0)
        score = paths.max(0) + emitted[t]
    state = max(0, len(states) - 2) + int(score[-2:].argmax())
    if score[state] == -np.inf:
        raise InvalidArgument(
            f"no path of {T} frames says the target of {len(target)} symbols: some of them have "
            "probability 0 wherever they could stand. Check that the target is of this recording."
        )
    path = np.empty(T, np.int64)
    for t in range(T - 1, -1, -1):
        path[t] = states[state]
        state -= int(came[t, state])
    return path


def loss(logits: np.ndarray, target: Sequence[int], blank: int = 0) -> tuple[float, np.ndarray]:
    """CTC's loss, -ln p(target), for scores [T, K] before their softmax, and its gradient [T, K], in float64.

    A target that no path can say has the loss infinity and the gradient zero. Raises as `forward_score` does.
    """
    given = np.asarray(logits, np.float64)
    if given.ndim != 2 or not given.size:
        raise InvalidArgument(f"expected logits [T, K] with frames and symbols, came {list(given.shape)}")
    log_probs = checked(log_softmax(given), blank)
    states, skips = _lattice(log_probs, target, blank)
    emitted = log_probs[:, states]
    forward = _forward(emitted, skips)
    total = _total(forward)
    if total == -np.inf:
        return np.inf, np.zeros_like(log_probs)
    # the lattice read from its end: skips lead from where they arrived to where they came from
    onward = np.zeros(len(states), bool)
    onward[2:] = skips[::-1][:-2]
    backward = _forward(emitted[::-1, ::-1], onward)[::-1, ::-1]
    reached = (forward > -np.inf) & (backward > -np.inf)  # both count the frame itself, and neither is so
    shares = np.zeros_like(forward)
    np.exp(forward + backward - np.where(reached, emitted, 0) - total, where=reached, out=shares)
    occupied = np.zeros_like(log_probs)
    np.add.at(occupied.T, states, shares.T)
    return -total, np.exp(log_probs) - occupied


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Scores [T, K] as logarithms of probabilities."""
    lowered = scores - scores.max(1, keepdims=True)
    return np.asarray(lowered - np.log(np.exp(lowered).sum(1, keepdims=True)))


def checked(log_probs: np.ndarray, blank: int, symbols: int | None = None) -> np.ndarray:
    """log_probs as float64 [T, K]; raises InvalidArgument for what cannot be the logarithms of probabilities.

    symbols: how many there should be.
    """
    given = np.asarray(log_probs)
    if given.ndim != 2 or given.dtype.kind != "f" or not given.shape[1]:
        raise InvalidArgument(
            f"expected log_probs as floats [T frames, K symbols], came {given.dtype} {list(given.shape)}"
        )
    if symbols not in (None, given.shape[1]):
        raise InvalidArgument(
            f"expected log_probs of {symbols} symbols, as the alphabet or the frames before have, came "
            f"{given.shape[1]}"
        )
    if not 0 <= blank < given.shape[1]:
        raise InvalidArgument(
            f"expected a blank among the {given.shape[1]} symbols (0 to {given.shape[1] - 1}), came {blank}"
        )
    highest = given.max(1, initial=-np.inf)
    if np.isnan(highest).any():
        raise InvalidArgument(
            f"expected log probabilities, came NaN in frame {int(np.isnan(highest).argmax())} of "
            f"{len(given)}; the network that made them is broken there, or its input is"
        )
    if (highest > POSITIVE).any():
        raise InvalidArgument(
            f"expected log probabilities, which are at most 0, came {highest.max():.4g} in frame "
            f"{int(highest.argmax())}. Take a log-softmax of the scores first."
        )
    if (highest <= NOTHING).any():
        raise InvalidArgument(
            f"expected log probabilities, and in frame {int((highest <= NOTHING).argmax())} all symbols have "
            "probability 0. Take a log-softmax of the scores."
        )
    return np.where(given <= NOTHING, -np.inf, given.astype(np.float64))


def _lattice(log_probs: np.ndarray, target: Sequence[int], blank: int) -> tuple[np.ndarray, np.ndarray]:
    """The states [S] that a path goes through, and which of them may follow the one before the last."""
    K, wanted = log_probs.shape[1], np.asarray(target, np.int64).reshape(-1)
    wrong = (wanted < 0) | (wanted >= K) | (wanted == blank)
    if wrong.any():
        place = int(wrong.argmax())
        raise InvalidArgument(
            f"expected a target of symbols 0 to {K - 1} without the blank ({blank}), came {wanted[place]} at "
            f"position {place}"
        )
    states = np.full(2 * len(wanted) + 1, blank, np.int64)
    states[1::2] = wanted
    skips = np.zeros(len(states), bool)
    skips[3::2] = wanted[1:] != wanted[:-1]
    return states, skips


def _first(emitted: np.ndarray) -> np.ndarray:
    """The scores [S] after one frame: a path begins with a blank or with the first symbol."""
    score = np.full(emitted.shape[1], -np.inf)
    score[:2] = emitted[0, :2]
    return score


def _forward(emitted: np.ndarray, skips: np.ndarray) -> np.ndarray:
    """The logarithm [T, S] of the sum over all ways to be in a state after a frame."""
    reached = np.empty_like(emitted)
    reached[0] = _first(emitted)
    skipping = np.flatnonzero(skips)
    for t in range(1, len(emitted)):
        before, now = reached[t - 1], reached[t - 1].copy()
        now[1:] = np.logaddexp(now[1:], before[:-1])
        now[skipping] = np.logaddexp(now[skipping], before[skipping - 2])
        reached[t] = now + emitted[t]
    return reached


def _total(forward: np.ndarray) -> float:
    """The logarithm of the sum over all whole paths: they end with a blank or with the last symbol."""
    return float(np.logaddexp.reduce(forward[-1, -2:]))
