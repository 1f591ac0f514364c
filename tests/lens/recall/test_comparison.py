"""All of a comparison: what it holds, what it says, and what is seen meanwhile."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import numpy as np
import pytest

from hiddenstate import lens
from hiddenstate.lens.recall import comparison, watch
from hiddenstate.lens.recall.comparison import carried_out
from hiddenstate.lens.recall.plan import Effort, Plan, Size, planned
from hiddenstate.lens.recall.view import CompareView, Measured, reading, recalled_to, verdict, view_of
from hiddenstate.lens.recall.watch import Bar, Lines, Silent

FEW = Effort(steps=3, judged=40)


def plan_of(seeds: int = 1, activations: tuple[str, ...] = ("tanh", "relu")) -> Plan:
    return planned(
        ["rnn", "gru"], activations, ["usual"], [2, 4], range(seeds), size=Size(units=5), effort=FEW
    )


@pytest.fixture(scope="module")
def view() -> CompareView:
    return carried_out(plan_of(seeds=2), Silent())


def test_arrays_with_their_axes(view: CompareView) -> None:
    networks = ("rnn tanh", "rnn relu", "gru tanh", "gru relu")
    shapes = {name: (array.axes, array.values.shape, array.unit) for name, array in view.arrays.items()}
    of_end = "share of the gradient at the end"
    assert shapes == {
        "accuracy": (("network", "delay"), (4, 2), "share recalled"),
        "training_steps": (("network", "delay"), (4, 2), "steps"),
        "gradient_before": (("network", "distance"), (4, 5), of_end),
        "gradient_after": (("network", "distance"), (4, 5), of_end),
        "milliseconds": (("network",), (4,), "ms"),
        "accuracy_by_seed": (("network", "seed", "delay"), (4, 2, 2), "share recalled"),
    }
    assert all(array.labels["network"] == networks for array in view.arrays.values())
    assert view.arrays["accuracy_by_seed"].labels["seed"] == (0, 1)
    assert (view.arrays["gradient_before"].values[:, 0] == 1).all()
    assert (view.arrays["milliseconds"].values > 0).all()
    every = view.arrays["accuracy_by_seed"].values
    np.testing.assert_array_equal(view.arrays["accuracy"].values, every.mean(1))  # of two seeds


def test_accuracy_stands_by_cell_and_by_network(view: CompareView) -> None:
    found = json.loads(json.dumps(view.as_dict(), allow_nan=False))
    accuracy = found["accuracy"]
    assert list(accuracy) == ["rnn", "gru", "rnn tanh", "rnn relu", "gru tanh", "gru relu"]
    assert accuracy["gru"] == accuracy["gru tanh"]
    assert list(accuracy["rnn"]) == ["2", "4"]
    assert accuracy["gru relu"]["4"] == view.arrays["accuracy"].values[3, 1]
    rows = found["networks"]
    assert [(row["cell"], row["activation"], row["replaces"]) for row in rows[1:3]] == [
        ("rnn", "relu", "h"),
        ("gru", "tanh", ""),
    ]
    assert [row["begins"] for row in rows] == ["orthogonal", "orthogonal", "chrono", "chrono"]
    assert rows[0]["units"] == 5
    assert found["chance"] == 1 / 8
    assert found["settings"]["steps"] == 3


def test_the_same_seed_gives_the_same_view(view: CompareView) -> None:
    again = carried_out(plan_of(seeds=2), Silent())
    for name in ("accuracy_by_seed", "training_steps", "gradient_before", "gradient_after"):
        np.testing.assert_array_equal(view.arrays[name].values, again.arrays[name].values)


def test_one_network_for_all_delays() -> None:
    found = lens.compare(["gru"], delays=[1, 3], together=True, size=Size(units=4), effort=FEW)
    assert (found.arrays["training_steps"].values == 3).all()
    assert found.arrays["accuracy"].values.shape == (1, 2)
    assert found.facts["together"] is True
    assert any("one network, trained on delays from 1 to 3 mixed" in sentence for sentence in found.reading)


def test_from_python() -> None:
    found = lens.compare(["rnn", "mgu"], delays=[1, 2], size=Size(units=3), effort=FEW)
    assert isinstance(found, lens.CompareView)
    assert found.arrays["accuracy"].labels == {"network": ("rnn", "mgu"), "delay": (1, 2)}
    assert "accuracy_by_seed" not in found.arrays


def test_a_line_for_each_network_and_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SOON", 0.0)
    seen = io.StringIO()
    carried_out(plan_of(seeds=2, activations=("tanh",)), Lines(seen))
    lines = seen.getvalue().splitlines()
    assert [line.partition("  ")[0] for line in lines] == [
        "rnn, seed 0",
        "rnn, seed 1",
        "gru, seed 0",
        "gru, seed 1",
    ]
    assert all("  2: " in line and "  4: " in line for line in lines)
    assert [" left" in line for line in lines] == [True, True, True, False]


def test_a_bar_goes_away_and_leaves_the_lines() -> None:
    seen = io.StringIO()
    carried_out(plan_of(activations=("tanh",)), Bar(seen))
    assert "rnn  2: " in seen.getvalue()


def test_ctrl_c_says_what_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = io.StringIO()

    class Impatient(Lines):
        def move(self, done: int, now: str) -> None:
            super().move(done, now)
            if now == "gru, delay 4":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carried_out(plan_of(activations=("tanh",)), Impatient(seen))
    first, last = seen.getvalue().splitlines()
    assert first.startswith("rnn  2: ")
    assert last == "Stopped: 1 of 2 networks are finished, nothing is written."


def measured(*accuracy: float, arrives: float = 0.5) -> Measured:
    curve = np.array([[1.0, 0.9, 0.8, 0.7, arrives]])
    return Measured(np.array([accuracy]), np.array([[3.0, 3.0]]), curve, curve)


def test_a_network_that_diverged_is_said_and_breaks_nothing() -> None:
    plan = plan_of(activations=("tanh",))
    gone = Measured(
        np.array([[0.95, math.nan]]),
        np.array([[3.0, 2.0]]),
        np.full((1, 5), math.nan),
        np.full((1, 5), math.nan),
    )
    view = view_of(plan, [gone, measured(1.0, 1.0)], np.array([1.0, 2.0]), 3.0)
    assert view.facts["diverged"] == ["rnn, delay 4, seed 0"]
    assert view.facts["accuracy"]["rnn"] == {"2": 0.95, "4": None}
    assert view.facts["networks"][0]["gradient_after"] is None
    assert "rnn recalls it to 2 steps and diverges at 4." in view.facts["verdict"]
    assert json.loads(json.dumps(view.as_dict(), allow_nan=False))["arrays"]["accuracy"]["not_finite"] == 1
    assert view.png().startswith(b"\x89PNG")


def test_a_seed_that_diverged_does_not_count_in_the_median() -> None:
    plan = plan_of(seeds=3, activations=("tanh",))
    curve = np.ones((3, 5))
    rnn = Measured(np.array([[1.0, 0.2], [0.5, math.nan], [0.9, 0.4]]), np.ones((3, 2)), curve, curve)
    view = view_of(plan, [rnn, rnn], np.ones(2), 1.0)
    np.testing.assert_allclose(view.arrays["accuracy"].values[0], [0.9, 0.3])
    assert view.facts["diverged"] == ["rnn, delay 4, seed 1", "gru, delay 4, seed 1"]


def test_the_verdict_in_words() -> None:
    plan = plan_of(activations=("tanh",))
    found = [measured(0.95, 0.13, arrives=3e-9), measured(1.0, 0.99, arrives=0.25)]
    assert view_of(plan, found, np.ones(2), 1.0).facts["verdict"] == (
        "gru recalls the symbol after every delay to 4 steps. rnn recalls it to 2 steps (13 % at 4). "
        "Recalled: right in 90 % or more, at this delay and every shorter one. Guessing is "
        "right in 12.5 %. Before training, of the gradient 3e-09 arrives over 4 steps in rnn and "
        "25 % in gru."
    )
    rows: list[dict[str, Any]] = [
        {"label": name, "recalls_to": 0, "accuracy": {"2": 0.1, "4": 0.1}, "arrives_before": None}
        for name in ("a", "b", "c")
    ]
    assert verdict(rows, (2, 4), 0.5) == (
        "a, b and c do not recall it even after 2 steps. Recalled: right in 90 % or more, at this delay and "
        "every shorter one. Guessing is right in 50 %."
    )
    assert "Recalled: right in 90 % or more" in " ".join(reading(plan))


def test_each_gradient_has_its_half_life_and_a_word() -> None:
    falling, holding = 0.01 ** np.arange(5)[None], np.array([[1.0, 2.0, 1.0, 2.0, 1.0]])
    accuracy, steps = np.ones((1, 2)), np.ones((1, 2))
    found = Measured(accuracy, steps, falling, holding)
    rows = view_of(plan_of(activations=("tanh",)), [found, found], np.ones(2), 1.0).facts["networks"]
    row = rows[0]
    assert (row["gradient_before"], row["gradient_after"]) == ("vanishing", "healthy")
    assert row["half_life_before"] == pytest.approx(math.log(0.5) / math.log(0.01))
    assert row["arrives_before"] == pytest.approx(1e-8)
    assert (row["half_life_after"], row["arrives_after"]) == (None, 1.0)


def test_how_far_is_recalled() -> None:
    assert recalled_to([1.0, 0.9, 0.89, 1.0], (1, 2, 3, 4)) == 2
    assert recalled_to([1.0, 1.0], (1, 2)) == 2
    assert recalled_to([math.nan, 1.0], (1, 2)) == 0


@pytest.mark.slow
@pytest.mark.timeout(1200)  # a minute and a half of one core
def test_the_plain_network_loses_at_100_steps_what_gates_keep() -> None:
    effort = Effort(steps=1200, learning_rate=5e-3)
    view = lens.compare(["rnn", "lstm", "gru"], delays=[5, 100], seeds=range(5), effort=effort)
    every = dict(zip(("rnn", "lstm", "gru"), view.arrays["accuracy_by_seed"].values, strict=True))
    for accuracy in every.values():
        assert accuracy[:, 0].min() >= 0.95  # of five steps all know the symbol, with every seed
    assert every["rnn"][:, 1].max() <= 0.6
    assert every["lstm"][:, 1].min() >= 0.85
    assert every["gru"][:, 1].min() >= 0.9
    arrives = view.arrays["gradient_before"].values[:, -1]
    assert arrives[0] < 1e-9
    assert arrives[1:].min() > 0.01


def test_the_module_is_cheap_to_import() -> None:
    assert comparison.DELAYS == (5, 10, 20, 50, 100, 200)
