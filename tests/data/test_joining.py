"""Old data and new: old test rows stay test rows, nothing is lost, and what disagrees is said."""

from __future__ import annotations

import pytest

from hiddenstate.data.corpus import Corpus, Example
from hiddenstate.data.joining import join
from hiddenstate.errors import DataError

OLD = Corpus(
    "old",
    {
        "train": (
            *(Example(f"{verb} the lamp", "lamp") for verb in ("dim", "fix", "buy", "sell")),
            Example("sing a song", "song"),
            Example("a song please", "song"),
        ),
        "validation": (Example("light the lamp", "lamp"), Example("another song", "song")),
        "test": (Example("paint the lamp", "lamp"), Example("the best song", "song")),
    },
    None,
    "1",
)


def corpus(*rows: tuple[str, str], split: str = "train", outside: str | None = None) -> Corpus:
    return Corpus("new", {split: tuple(Example(*row) for row in rows)}, outside, "2")


def test_old_rows_stay_where_they_are_and_come_first() -> None:
    new = corpus(*((f"wake me at {hour} sharp", "alarm") for hour in ("six", "noon", "ten", "one", "two")))
    joined = join(OLD, new, seed=0)
    splits = joined.division.corpus.splits
    for name, examples in OLD.splits.items():
        assert splits[name][: len(examples)] == examples
    assert joined.old == {"train": 6, "validation": 2, "test": 2}
    assert {name: len(examples) for name, examples in splits.items()} == {
        "train": 9,
        "validation": 3,
        "test": 3,
    }
    assert joined.new_labels == ("alarm",)
    assert joined.notes == ()
    assert joined.division.corpus.name == "old + new"
    assert join(OLD, new, seed=0).division.corpus.splits == splits


def test_a_near_duplicate_of_a_test_text_is_not_trained_on() -> None:
    joined = join(OLD, corpus(("Paint the lamp!", "lamp"), ("the lamp, paint", "lamp")), seed=0)
    assert [e.text for e in joined.division.corpus.split("test")[2:]] == [
        "Paint the lamp!",
        "the lamp, paint",
    ]


def test_splits_of_the_new_file_are_kept() -> None:
    joined = join(OLD, corpus(("count the sheep", "lamp"), split="test"), seed=0)
    assert joined.division.corpus.split("test")[-1] == Example("count the sheep", "lamp")
    assert len(joined.division.corpus.split("train")) == 6


def test_what_is_there_is_not_taken_twice_and_what_disagrees_is_said() -> None:
    new = corpus(("dim the lamp", "lamp"), ("Sing a song", "noise"), ("hum", "noise"), ("hiss", "Lamp"))
    joined = join(OLD, new, seed=0)
    assert len(joined.division.corpus) == 10 + 3
    assert joined.notes == (
        "1 of the 4 rows of new are in the old data: not taken twice.",
        "Texts with another label than in the old data, both kept: 'Sing a song' ('song', now 'noise'). "
        "Correct one of the two.",
        "New intents that look like old ones: 'Lamp' ('lamp').",
    )


def test_out_of_scope_has_one_name() -> None:
    old = Corpus(
        "old", {**OLD.splits, "train": (*OLD.splits["train"], Example("who won", "oos"))}, "oos", "1"
    )
    joined = join(old, corpus(("what is love", "out_of_scope"), outside="out_of_scope"), seed=0)
    assert joined.division.corpus.out_of_scope == "oos"
    assert joined.division.corpus.split("train")[-1] == Example("what is love", "oos")
    assert joined.notes == ("new calls out of scope 'out_of_scope', here it is 'oos'.",)
    assert joined.new_labels == ()


def test_a_new_intent_only_in_the_test_split_cannot_be_learned() -> None:
    with pytest.raises(DataError, match="'alarm' has none"):
        join(OLD, corpus(("wake me", "alarm"), split="test"), seed=0)
