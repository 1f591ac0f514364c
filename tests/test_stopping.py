"""When a training ends: patience, a limit of time, Ctrl-C once and twice."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from hiddenstate.checkpoint import load_weights
from hiddenstate.stopping import Stopping
from hiddenstate.train import fit
from plain_training import (
    EPOCHS,
    PER_EPOCH,
    PLAIN,
    Recording,
    batches,
    loss,
    model,
    new_run,
    scripted,
    trained,
    validate,
)


@pytest.mark.parametrize(
    ("patience", "values", "epochs", "stopped"),
    [
        (1, (0.5, 0.4), 2, "patience"),
        (2, (0.5, 0.4, 0.6, 0.6, 0.1), 5, "patience"),
        (2, (0.5, 0.4, 0.6, 0.1, 0.7, 0.2), 6, "finished"),
        (None, (0.5, 0.4, 0.3, 0.2, 0.1, 0.0), 6, "finished"),
    ],
)
def test_patience(patience: int | None, values: Sequence[float], epochs: int, stopped: str) -> None:
    how = replace(PLAIN, epochs=6, patience=patience)
    fitted, _, _ = trained(how, validate=scripted(*values))
    assert (fitted.stopped, len(fitted.history), fitted.best) == (stopped, epochs, max(values))


def test_a_time_limit_stops_and_shapes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, watched, _ = trained()
    readings = iter(range(10**6))
    monkeypatch.setattr(Stopping, "seconds", lambda self: float(next(readings)))
    run = new_run(tmp_path)
    fitted, watch, module = trained(replace(PLAIN, time_limit=15.0), run=run)
    assert fitted.stopped == "time limit"
    assert 0 < fitted.steps < EPOCHS * PER_EPOCH
    assert fitted.steps % PER_EPOCH, "it stopped within an epoch"
    for ours, theirs in zip(watch.path, watched.path, strict=False):
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert watch.said == [
        f"Stopped (time limit) at step {fitted.steps}. The best weights (of epoch 1) are in {run.path}. "
        f"Go on from step {fitted.steps}: --resume {run.path}"
    ]
    assert fitted.best == validate(module)["accuracy"] >= fitted.history[0]["validation"]["accuracy"]
    monkeypatch.undo()
    resumed, _, _ = trained(run=run)
    assert (resumed.best, resumed.stopped) == (whole.best, "finished")


def test_the_first_moment_of_a_limit_still_gives_weights(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    fitted, _, module = trained(replace(PLAIN, time_limit=0.0), run=run)
    assert (fitted.steps, fitted.stopped) == (0, "time limit")
    load_weights(model(), run)
    assert fitted.best == validate(module)["accuracy"]


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C as a terminal has it: whoever runs tests in the background leaves it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_ctrl_c_once_asks_and_twice_insists() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Stopping() as stopping:
        assert stopping.reason() is None
        signal.raise_signal(signal.SIGINT)
        assert stopping.reason() == "interrupted"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_at_once_says_what_remains(tmp_path: Path) -> None:
    run, seen = new_run(tmp_path), iter(range(99))

    def interrupted(module: nn.Module, batch: Tensor) -> Tensor:
        if next(seen) == 8:
            raise KeyboardInterrupt
        return loss(module, batch)

    module = model()
    watch = Recording(module)
    with pytest.raises(KeyboardInterrupt):
        fit(module, interrupted, batches, validate, PLAIN, run, watch=watch)
    assert watch.said == [
        f"Stopped at once. The best weights (of epoch 1) are in {run.path}. "
        f"Go on from step 5: --resume {run.path}"
    ]


def test_in_another_thread_signals_are_left_alone() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with Stopping():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
