"""Which training texts may be mislabelled: their label held out, the words of all the others say another one.

A model learns wrong labels by heart, so what it answers for them shows nothing. Asked instead is a ridge
regression from the weighted n-grams to the labels, once for every text without that text: from one inverse,
exactly (Allen, 1974).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hiddenstate.tasks.text.encoder import Encoded

BLOCK = 2048  # texts regressed together: the time for more grows with their square
RIDGE = 1.0  # of kernels whose diagonal is 2, a text's two kinds of n-grams having length one each


def others_say(
    encoded: Sequence[Encoded], targets: np.ndarray, buckets: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The label [N] that the other texts give each text, and how far it is ahead [N] of the text's own.

    A label is 1 where it is right and 0 elsewhere, so ahead is 0 where they agree, and seldom over 1. Many
    texts are divided at random into blocks of at most BLOCK, each asked by itself.
    """
    best, ahead = targets.copy(), np.zeros(len(encoded))
    order = np.random.default_rng(seed).permutation(len(encoded))
    for rows in np.array_split(order, max(1, -(-len(encoded) // BLOCK))):
        kinds, own = np.unique(targets[rows], return_inverse=True)
        if len(kinds) < 2:
            continue
        held = held_out(_kernel([encoded[row] for row in rows], buckets), np.eye(len(kinds))[own])
        best[rows] = kinds[held.argmax(1)]
        ahead[rows] = held.max(1) - held[np.arange(len(rows)), own]
    return best, ahead


def held_out(kernel: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What ridge regression on all other rows predicts for each row of values [N, K]; kernel [N, N].

    >>> held_out(np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([[4.0], [6.0]])).round(6).tolist()
    [[3.0], [2.0]]
    """
    inverse = np.linalg.inv(kernel + RIDGE * np.eye(len(kernel), dtype=kernel.dtype))
    left = inverse @ values
    return np.asarray(values - left / np.diagonal(inverse)[:, None])


def _kernel(encoded: Sequence[Encoded], buckets: int) -> np.ndarray:
    """The products [N, N] of the weighted n-grams of texts."""
    from scipy.sparse import csr_array  # brought by scikit-learn, which training needs

    ends = np.cumsum([0, *(len(each.grams) for each in encoded)])
    grams = np.concatenate([each.grams for each in encoded])
    weights = np.concatenate([each.weights for each in encoded]).astype(np.float64)
    table = csr_array((weights, grams, ends), shape=(len(encoded), buckets))
    products: np.ndarray = (table @ table.T).toarray()
    return products
