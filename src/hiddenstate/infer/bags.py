"""Rows of a table, summed by bags of ids: torch's EmbeddingBag without torch."""

from __future__ import annotations

import numpy as np

from hiddenstate.errors import InvalidArgument


def bag_sums(
    table: np.ndarray, ids: np.ndarray, offsets: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Sum the rows of table [N, K] that each bag names, weighted where weights are given: [bags, K].

    Bag i is `ids[offsets[i]:offsets[i + 1]]`, the last one runs to the end; an empty one gives zeros.
    Raises InvalidArgument for an id that is no row.

    >>> bag_sums(np.array([[1.0], [10.0]]), np.array([0, 1, 1]), np.array([0, 1])).tolist()
    [[1.0], [20.0]]
    """
    if len(ids) and not 0 <= ids.min() <= ids.max() < len(table):
        raise InvalidArgument(
            f"bag_sums: expected ids from 0 to {len(table) - 1}, came {ids.min()} to {ids.max()}"
        )
    begins, ends = offsets.tolist(), [*offsets[1:].tolist(), len(ids)]
    sums = np.zeros((len(offsets), table.shape[1]), table.dtype)
    longest = max((end - begin for begin, end in zip(begins, ends, strict=True)), default=0)
    room = np.empty((longest, table.shape[1]), table.dtype)
    # bag by bag: a bag's sum does not depend on its neighbours, and no [ids, K] array is ever laid out
    for total, begin, end in zip(sums, begins, ends, strict=True):
        rows = table.take(ids[begin:end], 0, room[: end - begin], "clip")  # checked above, so nothing is
        if weights is None:
            rows.sum(0, out=total)
        else:
            np.dot(weights[begin:end], rows, out=total)
    return sums


def bag_means(table: np.ndarray, ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The mean of the rows that each bag names: [bags, K]; an empty one gives zeros."""
    sizes = np.diff(np.append(offsets, len(ids)))
    return np.asarray(bag_sums(table, ids, offsets) / np.maximum(sizes, 1)[:, None].astype(table.dtype))
