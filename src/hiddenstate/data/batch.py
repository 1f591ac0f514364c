"""Ids -> arrays: padded once, time first, and drawn so that texts of like length share a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, overload

import numpy as np

from hiddenstate.data.vocabulary import PADDING
from hiddenstate.errors import InvalidArgument, Unsupported

Laid = TypeVar("Laid")
POOL = 100  # batches that are sorted by length together: more saves padding, fewer mixes better


@dataclass(frozen=True)
class Bags:
    """Many bags of ids in one array: bag i is `ids[offsets[i]:offsets[i + 1]]`, the last one runs to the end.

    ids [N] int64; offsets [bags] int64, beginning with 0; weights [N] float32 or None (all 1): what
    torch.nn.functional.embedding_bag takes with mode="sum".
    """

    ids: np.ndarray
    offsets: np.ndarray
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.offsets)


@dataclass(frozen=True)
class Batch:
    """B sequences, laid out once: nothing on the way to the kernels transposes or pads again.

    words [T, B] int64, 0 where a sequence has ended; lengths [B] int64, 0 allowed; targets [B] int64, or None
    when predicting; bags: ragged features by name; arrays: anything else by name, time first.

    Raises InvalidArgument where the sizes do not agree.
    """

    words: np.ndarray
    lengths: np.ndarray
    targets: np.ndarray | None = None
    bags: Mapping[str, Bags] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        steps, rows = self.words.shape[:2]
        if self.lengths.shape != (rows,) or (self.targets is not None and len(self.targets) != rows):
            came = [list(self.lengths.shape), None if self.targets is None else list(self.targets.shape)]
            raise InvalidArgument(
                f"a batch of words [T={steps}, B={rows}] needs lengths and targets [B], came {came}"
            )
        if rows and not 0 <= self.lengths.min() <= self.lengths.max() <= steps:
            raise InvalidArgument(
                f"lengths lie between 0 and T={steps}, came {self.lengths.min()} to {self.lengths.max()}"
            )

    def __len__(self) -> int:
        """Return B."""
        return self.words.shape[1]


class Batches(Sequence[Laid]):
    """Batches of the examples in `rows`, each laid out when it is asked for; a subclass says how."""

    rows: Sequence[np.ndarray]

    def laid_out(self, index: int) -> Laid:
        """The batch of rows[index]: the same whenever it is asked for."""
        raise Unsupported(f"{type(self).__name__} does not say how a batch is laid out")

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Laid: ...
    @overload
    def __getitem__(self, index: slice) -> list[Laid]: ...
    def __getitem__(self, index: int | slice) -> Laid | list[Laid]:
        if isinstance(index, slice):
            return [self.laid_out(i) for i in range(*index.indices(len(self)))]
        return self.laid_out(index)


def pad(rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Stack sequences of ids [T_i] into words [T, B] and lengths [B], both int64, T the longest.

    >>> pad([np.array([5, 6, 7]), np.array([8])])[0].tolist()
    [[5, 8], [6, 0], [7, 0]]
    """
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    return spread(np.concatenate(rows) if rows else np.empty(0, np.int64), lengths), lengths


def spread(joined: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Lay sequences of ids that stand one behind the other [sum of lengths] out as words [T, B]."""
    words = np.full((int(lengths.max(initial=0)), len(lengths)), PADDING, dtype=np.int64)
    steps = np.arange(len(words))[:, None] < lengths
    # Assignment through a mask runs along its rows, fill the transposed view: one sequence after the other.
    words.T[steps.T] = joined
    return words


def bags(rows: Sequence[np.ndarray], weights: Sequence[np.ndarray] | None = None) -> Bags:
    """Join bags of ids [N_i] (and their weights [N_i]) into one; empty bags are allowed.

    Raises InvalidArgument where weights and ids differ in size.
    """
    sizes = np.array([len(row) for row in rows], dtype=np.int64)
    if weights is not None and [len(weight) for weight in weights] != sizes.tolist():
        raise InvalidArgument("bags: expected one weight for each id, came another number; weigh every id")
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])[: len(rows)]
    joined = np.concatenate([*rows, np.empty(0, np.int64)]).astype(np.int64, copy=False)
    if weights is None:
        return Bags(joined, offsets)
    return Bags(joined, offsets, np.concatenate([*weights, np.empty(0, np.float32)]).astype(np.float32))


def bucketed(lengths: np.ndarray, batch_size: int, *, seed: int, epoch: int) -> list[np.ndarray]:
    """Divide the indices of `lengths` [N] into batches of like length, in random order: each index once.

    A pure function of (seed, epoch): epoch 7 can be drawn again without the six before it. The shuffled
    indices are cut into pools of `POOL` batches, each pool is sorted by length and cut, the batches shuffled.

    Raises InvalidArgument for a batch size under 1.
    """
    if batch_size < 1:
        raise InvalidArgument(f"batch_size: expected 1 or more, came {batch_size}")
    generator = np.random.default_rng([seed, epoch])
    lengths = np.asarray(lengths)
    order = generator.permutation(len(lengths))
    batches: list[np.ndarray] = []
    for start in range(0, len(order), batch_size * POOL):
        pool = order[start : start + batch_size * POOL]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]
