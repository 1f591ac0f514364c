"""What a run begins with: every word, intent and letter has the weights it had, under its new number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hiddenstate.errors import RunError
from hiddenstate.runs import Run
from hiddenstate.tasks.classify.warm import FILE, Start

OLD = {
    "word.weight": np.arange(8, dtype=np.float32).reshape(4, 2),  # padding, unknown, "on", "off"
    "letters.weight": np.full((3, 2), 7, np.float32),
    "answer.weight": np.array([[1, 1], [2, 2], [9, 9]], np.float32),  # lamp, song, out of scope
    "answer.bias": np.array([1, 2, 9], np.float32),
    "wide.weight": np.array([[1, 2, 9], [10, 20, 90]], np.float32),
    "wide_bias": np.array([1, 2, 9], np.float32),
    "wide_share": np.array(3, np.float32),
}
START = Start(OLD, ("on", "off"), ("lamp", "song", None))


def fresh(words: int, answers: int, letters: int = 3, width: int = 2) -> dict[str, np.ndarray]:
    shapes = {
        "word.weight": (words, width),
        "letters.weight": (letters, width),
        "answer.weight": (answers, width),
        "answer.bias": (answers,),
        "wide.weight": (2, answers),
        "wide_bias": (answers,),
        "wide_share": (),
    }
    return {name: np.full(shape, -1, np.float32) for name, shape in shapes.items()}


def test_weights_move_by_name() -> None:
    moved, stayed = START.moved(fresh(5, 4), ("off", "new", "on"), ("alarm", "lamp", "song", None))
    assert stayed == []
    # a new word is what it was: an unknown one
    assert moved["word.weight"].tolist() == [[0, 1], [2, 3], [6, 7], [2, 3], [4, 5]]
    assert moved["letters.weight"].tolist() == [[7, 7]] * 3
    assert moved["answer.weight"].tolist() == [[-1, -1], [1, 1], [2, 2], [9, 9]]
    assert moved["answer.bias"].tolist() == moved["wide_bias"].tolist() == [-1, 1, 2, 9]
    assert moved["wide.weight"].tolist() == [[-1, 1, 2, 9], [-1, 10, 20, 90]]
    assert moved["wide_share"] == -1  # that is validation's, or a setting


def test_new_words_that_have_vectors_begin_with_them_and_known_ones_with_what_was_learned() -> None:
    words = ("off", "new", "on", "other")
    moved, _ = START.moved(fresh(6, 3), words, ("lamp", "song", None), given=("on", "new"))
    assert moved["word.weight"].tolist() == [[0, 1], [2, 3], [6, 7], [-1, -1], [4, 5], [2, 3]]


def test_out_of_scope_may_be_learned_now_or_no_more() -> None:
    moved, _ = START.moved(fresh(4, 2), ("on", "off"), ("lamp", "song"))
    assert moved["answer.bias"].tolist() == [1, 2]
    without = Start(
        {**OLD, **{n: OLD[n][:2] for n in ("answer.weight", "answer.bias")}}, (), ("lamp", "song")
    )
    moved, _ = without.moved(fresh(2, 3), (), ("lamp", "song", None))
    assert moved["answer.bias"].tolist() == [1, 2, -1]


def test_what_has_another_size_stays_fresh_and_is_named() -> None:
    moved, stayed = START.moved(fresh(4, 3, letters=5, width=6), ("on", "off"), ("lamp", "song", None))
    assert stayed == ["word.weight", "letters.weight", "answer.weight"]
    assert (moved["letters.weight"] == -1).all()
    assert moved["wide.weight"].tolist() == OLD["wide.weight"].tolist()


def test_it_is_kept_in_the_run(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    with pytest.raises(RunError, match="Begin it again with --from"):
        Start.load(run)
    Start(OLD, ("on", "off"), ("lamp", "日", None)).save(run)
    again = Start.load(run)
    assert (again.words, again.answers) == (("on", "off"), ("lamp", "日", None))
    for name, array in OLD.items():
        np.testing.assert_array_equal(again.parameters[name], array)
    run.write_arrays(FILE, OLD, {"described": "{}"})
    with pytest.raises(RunError, match="is damaged"):
        Start.load(run)
