"""A run stopped at any step and resumed gives the bits of one never stopped."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import small_training as small
from hiddenstate import checkpoint
from hiddenstate.checkpoint import load_weights
from hiddenstate.errors import RunError
from hiddenstate.progress import Silent
from hiddenstate.runs import Run
from hiddenstate.train import TrainSettings, fit


class Killed(Exception):
    """Stands for the end of a process."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run that was never stopped."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    run = new_run(tmp_path_factory.mktemp("whole") / "run")
    train(run)
    torch.set_num_threads(before)
    return run


def new_run(path: Path) -> Run:
    run = Run.create(path)
    run.write_spec({"task": "small"})
    return run


def train(run: Run, how: TrainSettings = small.SETTINGS, die_at: int | None = None) -> Any:
    """Train or go on, and die in the forward pass of the batch `die_at` of this process."""
    seen = 0

    def loss(module: torch.nn.Module, batch: Any) -> torch.Tensor:
        nonlocal seen
        if seen == die_at:
            raise Killed
        seen += 1
        return small.loss(module, batch)

    return fit(small.model(), loss, small.batches, small.validate, how, run, size=lambda b: 7, watch=Silent())


def assert_same_bits(run: Run, whole: Run) -> None:
    """Every tensor, every scalar but the clock, the weights for use and the log."""
    (arrays, scalars), (whole_arrays, whole_scalars) = run.state(), whole.state()
    assert arrays.keys() == whole_arrays.keys()
    for name, array in arrays.items():
        assert array.tobytes() == whole_arrays[name].tobytes(), name
    without_clock = {name: value for name, value in scalars["position"].items() if name != "seconds"}
    assert without_clock.items() <= whole_scalars["position"].items()
    used, whole_used = run.path / "weights.safetensors", whole.path / "weights.safetensors"
    assert used.read_bytes() == whole_used.read_bytes()
    logs = [[{**entry, "seconds": 0} for entry in each.entries()] for each in (run, whole)]
    assert logs[0] == logs[1]


def test_the_small_training_uses_what_could_be_forgotten(whole: Run) -> None:
    arrays, scalars = whole.state()
    assert scalars["position"]["step"] == small.STEPS
    assert scalars["position"]["epoch"] == 4
    assert {name.partition("/")[0] for name in arrays} == {
        "module", "average", "best", "first_moment", "second_moment", "moments_step", "momentum", "random"
    }  # fmt: skip
    assert arrays["moments_step/embedding.weight"] == small.STEPS
    assert arrays["module/norm.num_batches_tracked"] == small.STEPS
    assert not np.array_equal(arrays["module/head.weight"], arrays["average/head.weight"])
    assert scalars["settings"]["seed"] == 5
    assert scalars["environment"]["threads"] == 1


def test_without_dropouts_random_state_the_bits_differ(whole: Run, tmp_path: Path) -> None:
    """The judge can see: a resumed run that forgets one thing fails the comparison."""
    run = new_run(tmp_path / "run")
    with pytest.raises(Killed):
        train(run, die_at=20)
    arrays, scalars = run.state()
    arrays["random"] = whole.state()[0]["random"]
    run.write_state(arrays, scalars)
    train(run)
    with pytest.raises(AssertionError):
        assert_same_bits(run, whole)


DEATHS = {
    "deaths": st.lists(st.integers(0, small.STEPS - 1), min_size=1, max_size=3),
    "every": st.sampled_from([1, 2, 5, 12, None]),
}


@settings(max_examples=5, deadline=None)
@given(**DEATHS)
def test_killed_at_any_step_and_resumed(whole: Run, deaths: list[int], every: int | None) -> None:
    killed_and_resumed(whole, deaths, every)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(**DEATHS)
def test_killed_at_many_steps_and_resumed(whole: Run, deaths: list[int], every: int | None) -> None:
    killed_and_resumed(whole, deaths, every)


def killed_and_resumed(whole: Run, deaths: list[int], every: int | None) -> None:
    how = replace(small.SETTINGS, checkpoint_steps=every)
    with tempfile.TemporaryDirectory() as folder:
        run = new_run(Path(folder) / "run")
        for death in deaths:
            try:
                train(Run.open(run.path), how, die_at=death)
            except Killed:
                continue
        train(Run.open(run.path), how)
        assert_same_bits(run, whole)


def test_killed_between_log_weights_and_state(
    whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At an epoch's end three files are written; a kill after each of them must not show."""
    for number, victim in enumerate(["write_weights", "log", "write_state"]):
        run = new_run(tmp_path / str(number))
        with pytest.raises(Killed):
            train(run, die_at=13)  # the second epoch is under way
        original = getattr(Run, victim)

        def dying(self: Run, *given: Any, original: Any = original) -> None:
            original(self, *given)
            raise Killed

        monkeypatch.setattr(Run, victim, dying)
        with pytest.raises(Killed):
            train(run, replace(small.SETTINGS, checkpoint_steps=None))
        monkeypatch.undo()
        train(run, replace(small.SETTINGS, checkpoint_steps=None))
        assert_same_bits(run, whole)


def test_without_a_run_the_weights_are_the_same(whole: Run) -> None:
    module = small.model()
    fitted = fit(module, small.loss, small.batches, small.validate, small.SETTINGS, watch=Silent())
    again = small.model()
    load_weights(again, whole)
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert fitted.best == whole.state()[1]["position"]["best"]


def test_a_finished_run_is_not_trained_again(whole: Run) -> None:
    before = whole.state()[0]
    fitted = train(whole, die_at=0)
    assert (fitted.stopped, fitted.steps, len(fitted.history)) == ("finished", small.STEPS, 4)
    assert all(np.array_equal(array, before[name]) for name, array in whole.state()[0].items())


def start(folder: Path) -> subprocess.Popen[str]:
    script = Path(small.__file__)
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(script), str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip


def let_go(child: subprocess.Popen[str], steps: int, read: int) -> None:
    """Let it take so many steps and begin one more, and come back when `read` of them are reported."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("\n" * steps)
    child.stdin.flush()
    for _ in range(read):
        assert child.stdout.readline()


@pytest.mark.parametrize("kills", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_a_real_process_killed_at_random_moments(whole: Run, tmp_path: Path, kills: int) -> None:
    seed = random.SystemRandom().randrange(2**32)
    moments, folder, saved = random.Random(seed), tmp_path / "run", []
    for _ in range(kills):
        child = start(folder)
        steps = moments.randint(5, 12)
        let_go(child, steps, read=steps - 1)
        time.sleep(moments.uniform(0, 0.01))  # lands in a forward pass, an update, a write, a rename, a pause
        child.kill()
        child.communicate()
        saved.append(Run(folder).state()[1]["position"]["step"])
    assert saved == sorted(set(saved)), f"each came further than the one before it, kills from seed {seed}"
    assert 0 < saved[0] < saved[-1] < small.STEPS
    child = start(folder)
    out, err = child.communicate()
    assert child.returncode == 0, err
    assert f"Going on from step {saved[-1]}" in err
    assert json.loads(out.splitlines()[-1])["stopped"] == "finished"
    assert_same_bits(Run.open(folder), whole)
    assert not list(folder.glob(".*")), "a temporary file was left"


@pytest.mark.parametrize("after", [17, pytest.param(5, marks=pytest.mark.slow)])
def test_ctrl_c_keeps_the_best_and_says_how_to_go_on(whole: Run, tmp_path: Path, after: int) -> None:
    folder = tmp_path / "run"
    child = start(folder)
    let_go(child, after, read=after + 1)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate()
    assert child.returncode == 0, err
    fitted = json.loads(out.splitlines()[-1])
    assert fitted["stopped"] == "interrupted"
    assert fitted["steps"] == after + 1, "it stops after the step"
    assert f"Go on from step {fitted['steps']}: --resume {folder}" in err

    used = small.model()
    load_weights(used, Run.open(folder))
    assert small.validate(used.eval())["accuracy"] == pytest.approx(fitted["best"], abs=1e-6)

    train(Run.open(folder))
    assert_same_bits(Run.open(folder), whole)


def test_other_settings_threads_or_versions_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(tmp_path / "run")
    with pytest.raises(Killed):
        train(run, die_at=20)
    with pytest.raises(Killed), pytest.warns(UserWarning, match=r"learning_rate was 0\.02 and is 0\.1"):
        train(run, replace(small.SETTINGS, learning_rate=0.1), die_at=0)
    elsewhere = {**checkpoint.environment(), "threads": 64, "torch": "9.9"}
    monkeypatch.setattr(checkpoint, "environment", lambda: elsewhere)
    with pytest.raises(Killed), pytest.warns(UserWarning, match=r"threads was 1 and is 64, torch was"):
        train(run, die_at=0)


def test_what_only_stops_may_change_without_a_word(whole: Run, tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    with pytest.raises(Killed):
        train(run, die_at=20)
    train(run, replace(small.SETTINGS, time_limit=1e6, checkpoint_steps=7, checkpoint_seconds=5.0))
    assert_same_bits(run, whole)


def test_another_model_or_other_data_is_refused(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    with pytest.raises(Killed):
        train(run, die_at=10)
    state = (run.path / "state.safetensors").read_bytes()
    with pytest.raises(
        RunError, match=r"recurrent.weight_ih_l0 should be \[48, 8\].*is \[36, 8\].*own sizes"
    ):
        fit(small.model(16), small.loss, small.batches, small.validate, small.SETTINGS, run, watch=Silent())
    with pytest.raises(RunError, match="with an average"):
        train(run, replace(small.SETTINGS, ema_decay=None))

    def few(epoch: int) -> list[Any]:
        return small.batches(epoch)[:2]

    with pytest.raises(RunError, match="goes on from batch 9 of epoch 1, which now has only 2"):
        fit(small.model(), small.loss, few, small.validate, small.SETTINGS, run, watch=Silent())
    assert (run.path / "state.safetensors").read_bytes() == state


def damaged_states() -> dict[str, Any]:
    def without(name: str) -> Any:
        return lambda arrays, scalars: arrays.pop(name)

    def position(**values: Any) -> Any:
        return lambda arrays, scalars: scalars["position"].update(values)

    return {
        "no random state": without("random"),
        "no weight": without("module/head.bias"),
        "no moment": without("second_moment/embedding.weight"),
        "no best": lambda arrays, scalars: [arrays.pop(each) for each in [*arrays] if each[:5] == "best/"],
        "an extra": lambda arrays, scalars: arrays.update({"bomb/x": arrays["random"]}),
        "a short random state": lambda arrays, scalars: arrays.update(random=arrays["random"][:9].copy()),
        "a false random state": lambda arrays, scalars: arrays.update(random=arrays["random"] * 0 + 255),
        "a random state of numbers": lambda arrays, scalars: arrays.update(random=np.ones(5056)),
        "another type": lambda arrays, scalars: arrays.update({"module/head.bias": np.zeros(3)}),
        "no position": lambda arrays, scalars: scalars.pop("position"),
        "no settings": lambda arrays, scalars: scalars.update(settings=3),
        "words for steps": position(step="many"),
        "negative epochs": position(epoch=-1),
        "true for a number": position(waited=True),
        "an unknown word": position(door="open"),
        "batches without items": position(batch=3, items=0),
    }  # fmt: skip


@pytest.mark.parametrize("damage", damaged_states().values(), ids=damaged_states().keys())
def test_a_damaged_state_is_refused(tmp_path: Path, damage: Any, whole: Run) -> None:
    arrays, scalars = whole.state()
    damage(arrays, scalars)
    run = new_run(tmp_path / "run")
    run.write_state(arrays, scalars)
    with pytest.raises(RunError, match=r"state\.safetensors"):
        train(run)
