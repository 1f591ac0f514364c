"""The loop against closed forms and against a loop written with torch alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hiddenstate.checkpoint import load_weights
from hiddenstate.errors import InvalidArgument, RunError, TrainingError
from hiddenstate.progress import Silent
from hiddenstate.train import TrainSettings, fit, learning_rate
from plain_training import (
    EPOCHS,
    PER_EPOCH,
    PLAIN,
    batches,
    loss,
    model,
    new_run,
    scripted,
    trained,
    validate,
)

# Steps


def reference(how: TrainSettings, steps: int) -> list[dict[str, Tensor]]:
    """Train with torch alone: its plain AdamW, its clipping, and rates typed from the definition."""
    module = model()
    vectors = [each for each in module.parameters() if each.dim() < 2]
    matrices = [each for each in module.parameters() if each.dim() >= 2]
    optimiser = torch.optim.AdamW(
        [{"params": vectors, "weight_decay": 0.0}, {"params": matrices, "weight_decay": how.weight_decay}],
        fused=False, foreach=False,
    )  # fmt: skip
    path = []
    for step in range(steps):
        epoch, index = divmod(step, PER_EPOCH)
        share = (step + 0.5) / (EPOCHS * PER_EPOCH)
        falling = (1 + math.cos(math.pi * (share - 0.2) / 0.8)) / 2
        rate = share / 0.2 if share < 0.2 else falling
        for group in optimiser.param_groups:
            group["lr"] = how.learning_rate * rate
        optimiser.zero_grad()
        loss(module, batches(epoch)[index]).backward()
        if how.clip is not None:
            norm = math.sqrt(sum(each.grad.square().sum().item() for each in module.parameters()))
            for each in module.parameters():
                each.grad.mul_(min(1.0, how.clip / (norm + 1e-6)))
        optimiser.step()
        path.append({name: each.detach().clone() for name, each in module.named_parameters()})
    return path


@pytest.mark.parametrize("clip", [0.5, None])
def test_every_step_is_the_plain_loops(clip: float | None) -> None:
    how = replace(PLAIN, schedule="cosine", clip=clip)
    _, watch, _ = trained(how)
    judge = reference(how, EPOCHS * PER_EPOCH)
    assert len(watch.path) == len(judge) + 1
    for ours, theirs in zip(watch.path[1:], judge, strict=True):
        for name, value in theirs.items():
            torch.testing.assert_close(ours[name], value, rtol=1e-11, atol=1e-12)


def test_the_clip_was_at_work() -> None:
    """Or the test above would prove nothing about it."""
    fitted, _, _ = trained()
    assert fitted.history[0]["gradient_norm"] > 0.5


# The best


def test_the_best_epochs_weights_are_kept(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    fitted, watch, module = trained(validate=scripted(0.5, 0.9, 0.7), run=run)
    assert (fitted.stopped, fitted.best, fitted.best_epoch, fitted.steps) == ("finished", 0.9, 2, 15)
    assert [entry["best"] for entry in fitted.history] == [True, True, False]
    after_second = watch.path[2 * PER_EPOCH]
    stored = model()
    load_weights(stored, run)
    for name, value in after_second.items():
        assert torch.equal(module.state_dict()[name], value)
        assert torch.equal(stored.state_dict()[name], value)
    assert not module.training


def test_equal_is_not_better() -> None:
    fitted, _, _ = trained(validate=scripted(0.9, 0.9, 0.9))
    assert fitted.best_epoch == 1


# What goes wrong


def failing(step: int, value: float) -> Callable[[nn.Module, Tensor], Tensor]:
    seen = iter(range(10**6))
    return lambda module, batch: loss(module, batch) * (value if next(seen) == step else 1.0)


def test_a_loss_that_is_no_number(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    words = (
        r"The loss is nan where a finite number is needed: step 8 \(epoch 2, batch 3\), "
        r"learning rate 0\.0\d+\. "
        r"The usual cause is too high a learning rate.*: try learning_rate=0\.005\. The best weights "
        r"\(of epoch 1\) are in .*run\. Go on from step 5: --resume .*run"
    )
    with pytest.raises(TrainingError, match=words):
        trained(loss=failing(7, math.nan), run=run)
    load_weights(model(), run)
    resumed, _, _ = trained(run=run)
    assert resumed.best == trained()[0].best


def test_a_first_loss_that_is_no_number_points_to_the_data() -> None:
    with pytest.raises(TrainingError, match=r"loss is inf.*step 1 .*first step.*data.*No run was given"):
        trained(loss=failing(0, math.inf))


def test_a_gradient_that_is_no_number_changes_no_weight() -> None:
    module = model()
    before = {name: each.clone() for name, each in module.state_dict().items()}

    def bent(module: nn.Module, batch: Tensor) -> Tensor:
        return (module(batch).mean() * 0).sqrt()  # the loss is 0, its slope 0 x infinity

    with pytest.raises(TrainingError, match="norm of the gradient is nan"):
        trained(replace(PLAIN, clip=None), module=module, loss=bent)
    assert all(torch.equal(each, before[name]) for name, each in module.state_dict().items())


def test_a_metric_that_is_no_number_or_is_not_there() -> None:
    with pytest.raises(TrainingError, match=r"validation accuracy is nan after step 5.*validation set empty"):
        trained(validate=scripted(math.nan))
    with pytest.raises(InvalidArgument, match="gave no 'acuracy' to maximise: did you mean 'accuracy'"):
        trained(replace(PLAIN, metric="acuracy"))


def test_a_number_beside_the_metric_may_be_undefined(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    trained(validate=lambda module: {"accuracy": 0.5, "auroc": math.nan}, run=run)
    assert [entry["validation"] for entry in run.entries()] == [{"accuracy": 0.5, "auroc": None}] * 3


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            {"batches": lambda epoch: iter(batches(epoch))},
            r"should return a sequence, and gave list_iterator",
        ),
        ({"batches": lambda epoch: []}, "at least one batch. Is the data empty"),
        ({"loss": lambda module, batch: module(batch)}, r"gave a tensor \[8, 1\]: use \.mean"),
        ({"loss": lambda module, batch: 0.5}, "gave float"),
        ({"size": lambda batch: 0}, "size.batch. should count at least one item, and gave 0"),
        ({"module": nn.Tanh()}, "should have a parameter to train"),
    ],
)
def test_parts_that_do_not_fit(parts: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        trained(**parts)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"epochs": 0}, "epochs should be a whole number from 1"),
        ({"epochs": 2.5}, "epochs should be a whole number"),
        ({"epochs": None}, "epochs should be a whole number.*not None"),
        ({"epochs": True}, "not True"),
        ({"learning_rate": 0.0}, "learning_rate should be a number from 1e-12"),
        ({"learning_rate": math.nan}, "not nan"),
        ({"learning_rate": "fast"}, "not 'fast'"),
        ({"weight_decay": -1}, "weight_decay"),
        ({"warmup": 1.0}, "warmup should be a number from 0 to 0.99"),
        ({"clip": 0}, "clip"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"patience": 0}, "patience"),
        ({"seed": -1}, "seed"),
        ({"time_limit": -1.0}, "time_limit"),
        ({"checkpoint_steps": 0}, "checkpoint_steps"),
        ({"schedule": "cosin"}, "Unknown schedule 'cosin': did you mean 'cosine'"),
    ],
)
def test_settings_are_checked(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        TrainSettings(**setting)


def test_a_disk_that_fills_stops_and_keeps(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs a disk that is always full")
    run = new_run(tmp_path)

    def full_later(module: nn.Module) -> dict[str, float]:
        partial = run.path / ".state.safetensors.partial"
        if (run.path / "state.safetensors").exists():
            partial.symlink_to("/dev/full")
        return validate(module)

    how = replace(PLAIN, checkpoint_steps=1)
    with pytest.raises(RunError, match=r"disk is full: .*state\.safetensors needs.*go on with --resume"):
        trained(how, validate=full_later, run=run)
    resumed, _, _ = trained(how, run=run)
    assert resumed.best == trained(how)[0].best


# The surroundings


def test_random_states_are_given_back_and_seeds_matter() -> None:
    before = torch.get_rng_state()
    noisy = lambda module, batch: loss(module, batch + torch.randn_like(batch))  # noqa: E731
    results = [trained(replace(PLAIN, seed=seed), loss=noisy)[0].best for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert results[0] == results[1] != results[2]


def test_the_log_says_what_happened(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    fitted, _, _ = trained(run=run, size=len)
    entries = run.entries()
    assert tuple(entries) == fitted.history
    assert [(entry["epoch"], entry["step"]) for entry in entries] == [(1, 5), (2, 10), (3, 15)]
    assert entries[0]["learning_rate"] == pytest.approx(learning_rate(PLAIN, 4.5 / 15))
    module, losses = model(), []
    fit(
        module,
        lambda m, b: losses.append(loss(m, b).item()) or loss(m, b),  # type: ignore[func-returns-value]
        batches, validate, PLAIN, watch=Silent(),
    )  # fmt: skip
    assert entries[1]["loss"] == pytest.approx(sum(losses[5:10]) / 5, rel=1e-12)


def test_the_epochs_loss_is_weighted_by_items() -> None:
    sizes = {0: 1, 1: 2, 2: 3, 3: 4, 4: 90}
    drawn = [batch[:1].repeat(sizes[index], 1) for index, batch in enumerate(batches(0))]
    losses: list[float] = []

    def recorded(module: nn.Module, batch: Tensor) -> Tensor:
        losses.append(loss(module, batch).item())
        return loss(module, batch)

    how = replace(PLAIN, epochs=1)
    fitted, _, _ = trained(how, loss=recorded, batches=lambda epoch: drawn, size=len)
    expected = sum(value * sizes[index] for index, value in enumerate(losses)) / 100
    assert fitted.history[0]["loss"] == pytest.approx(expected, rel=1e-12)
