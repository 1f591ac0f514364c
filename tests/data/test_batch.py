"""Padding, bags and length buckets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.data.batch import Batch, bags, bucketed, pad
from hiddenstate.errors import InvalidArgument

ROWS = st.lists(st.lists(st.integers(0, 99), max_size=9).map(lambda row: np.array(row, np.int64)), max_size=9)


@given(ROWS)
def test_padding_keeps_every_id_and_adds_only_zeros(rows):
    words, lengths = pad(rows)
    assert words.shape == (max(map(len, rows), default=0), len(rows))
    assert words.dtype == lengths.dtype == np.int64
    assert words.flags.c_contiguous
    for column, row in enumerate(rows):
        assert words[: lengths[column], column].tolist() == row.tolist()
        assert not words[lengths[column] :, column].any()


@given(ROWS)
def test_bags_come_back_by_their_offsets(rows):
    joined = bags(rows, [row / 2 for row in rows])
    ends = [*joined.offsets[1:], len(joined.ids)][: len(rows)]
    assert len(joined) == len(rows)
    for row, start, end in zip(rows, joined.offsets, ends, strict=True):
        assert joined.ids[start:end].tolist() == row.tolist()
        assert joined.weights[start:end].tolist() == (row / 2).tolist()
    assert joined.ids.dtype == joined.offsets.dtype == np.int64
    assert joined.weights.dtype == np.float32
    assert bags(rows).weights is None


def test_every_id_needs_its_weight():
    with pytest.raises(InvalidArgument, match="expected one weight for each id"):
        bags([np.array([1, 2])], [np.array([1.0])])


def test_a_batch_checks_its_sizes():
    words, lengths = pad([np.array([1, 2]), np.array([3])])
    assert len(Batch(words, lengths, np.array([0, 1]))) == 2
    with pytest.raises(
        InvalidArgument, match=r"words \[T=2, B=2\] needs lengths and targets \[B\], came \[\[2\], \[3\]\]"
    ):
        Batch(words, lengths, np.array([0, 1, 2]))
    with pytest.raises(InvalidArgument, match=r"came \[\[1\], None\]"):
        Batch(words, lengths[:1])
    with pytest.raises(InvalidArgument, match="between 0 and T=2, came 1 to 3"):
        Batch(words, np.array([1, 3]))


@given(
    st.lists(st.integers(0, 50), max_size=300),
    st.integers(1, 40),
    st.integers(0, 2**63),
    st.integers(0, 1000),
)
def test_every_index_once_and_a_pure_function_of_seed_and_epoch(lengths, size, seed, epoch):
    batches = bucketed(np.array(lengths), size, seed=seed, epoch=epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert sorted(map(len, batches), reverse=True)[:-1] == [size] * (len(batches) - 1)
    again = bucketed(np.array(lengths), size, seed=seed, epoch=epoch)
    assert [batch.tolist() for batch in again] == [batch.tolist() for batch in batches]


def test_like_lengths_share_a_batch_in_random_order():
    lengths = np.random.default_rng(0).integers(1, 40, size=10_000)
    batches = bucketed(lengths, 32, seed=0, epoch=0)
    padded = sum(lengths[batch].max() * len(batch) for batch in batches)
    assert padded / lengths.sum() < 1.03  # 1.9 without buckets
    longest = np.array([lengths[batch].max() for batch in batches])
    assert abs(np.corrcoef(longest[1:], longest[:-1])[0, 1]) < 0.2
    other = bucketed(lengths, 32, seed=0, epoch=1)
    shared = {tuple(sorted(batch)) for batch in batches} & {tuple(sorted(batch)) for batch in other}
    assert not shared


def test_a_batch_size_under_one_is_refused():
    with pytest.raises(InvalidArgument, match="batch_size: expected 1 or more, came 0"):
        bucketed(np.array([1]), 0, seed=0, epoch=0)
