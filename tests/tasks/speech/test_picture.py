"""The picture of a recording: what it names, where labels stand."""

from __future__ import annotations

from hiddenstate.tasks.speech.picture import HIGH, LOW, MIDDLE, heights


def test_labels_leave_the_middle_only_where_they_touch() -> None:
    assert heights([]) == []
    assert heights([(0, 1), (2, 3), (4, 5)]) == [MIDDLE] * 3
    assert heights([(0, 1), (2, 5), (4, 6), (5, 7), (8, 9)]) == [MIDDLE, LOW, HIGH, LOW, MIDDLE]
