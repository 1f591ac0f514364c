"""Two runs on the same texts, counted by hand."""

from __future__ import annotations

import pytest

from hiddenstate.tasks.classify.comparing import Told, compared, is_worse

TOLD = [
    Told("1", "lamp", "lamp", "lamp"),
    Told("2", "lamp", "song", "lamp"),  # gained
    Told("3", "lamp", "lamp", "song"),  # lost
    Told("4", "lamp", "lamp", None),  # lost: refused now
    Told("5", "song", None, "song"),  # gained: accepted now
    Told("6", "song", "lamp", None),  # wrong in both, refused now
    Told("7", None, None, "lamp"),  # lost: out of scope, accepted now
    Told("8", None, "song", None),  # gained: out of scope, refused now
    Told("9", "alarm", "lamp", "alarm"),  # of an intent that only the second knows
    Told("10", "alarm", None, "lamp"),
]


def test_all_of_it_is_counted() -> None:
    found = compared(TOLD, ("lamp", "song"), ("alarm", "lamp", "song"))
    assert (found["n"], found["gained"], found["lost"], found["points"]) == (8, 3, 3, 0.0)
    assert (found["first_right"], found["second_right"]) == (4 / 8, 4 / 8)
    assert (found["p"], found["within_chance"]) == (1.0, True)
    assert (found["new_n"], found["new_right"]) == (2, 0.5)
    assert (found["only_first"], found["only_second"]) == ([], ["alarm"])
    rows = {row["label"]: row for row in found["intents"]}
    assert [row["label"] for row in found["intents"]] == ["lamp", None, "alarm", "song"]
    assert (rows["lamp"]["n"], rows["lamp"]["gained"], rows["lamp"]["lost"]) == (4, 1, 2)
    assert (rows["lamp"]["first_right"], rows["lamp"]["second_right"]) == (0.75, 0.5)
    assert (rows["alarm"]["new"], rows["alarm"]["p_all"], rows["lamp"]["p_all"]) == (True, None, 1.0)
    assert found["refusals"] == {
        "in_scope_now_refused": 2,
        "in_scope_now_accepted": 2,
        "out_of_scope_now_refused": 1,
        "out_of_scope_now_accepted": 1,
    }
    changes = {row["text"]: row["change"] for row in found["changed"]}
    assert changes == {
        "2": "gained",
        "3": "lost",
        "4": "lost",
        "5": "gained",
        "6": "wrong in both",
        "7": "lost",
        "8": "gained",
        "9": "gained",
        "10": "wrong in both",
    }


def test_a_lost_intent_counts_and_a_new_one_cannot_hide_it() -> None:
    told = [Told(str(i), "lamp", "lamp", "song") for i in range(10)]
    told += [Told(str(i), "alarm", None, "alarm") for i in range(90)]
    found = compared(told, ("lamp", "song"), ("alarm", "song"))
    assert (found["n"], found["points"], found["only_first"]) == (10, -100.0, ["lamp"])
    assert found["p"] == 2 / 2**10
    assert found["intents"][0]["p_all"] == 2 / 2**10
    assert is_worse(found, 99.9)


@pytest.mark.parametrize(("tolerance", "worse"), [(0.0, True), (0.49, True), (0.5, False), (1.0, False)])
def test_the_tolerance_is_a_number_of_points(tolerance: float, worse: bool) -> None:
    told = [Told(str(i), "lamp", "lamp", "lamp" if i else "song") for i in range(200)]
    assert is_worse(compared(told, ("lamp",), ("lamp",)), tolerance) is worse


def test_without_a_text_that_the_first_knows_nothing_is_judged() -> None:
    found = compared([Told("1", "alarm", None, "alarm")], ("lamp", "song"), ("alarm",))
    assert (found["n"], found["points"], is_worse(found, 0.0)) == (0, None, False)
