"""The loop against closed forms and against a loop written with torch alone."""

from __future__ import annotations

import io
import math
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from hiddenstate import pictures
from hiddenstate.checkpoint import load_weights
from hiddenstate.errors import InvalidArgument, RunError, TrainingError, Unsupported
from hiddenstate.learner import averaged, make, tensors_of
from hiddenstate.progress import Bar, Lines, Silent, on_stderr
from hiddenstate.runs import Run
from hiddenstate.schedule import SCHEDULES
from hiddenstate.stopping import Stopping
from hiddenstate.train import Fitted, TrainSettings, fit, learning_rate

EPOCHS, PER_EPOCH = 3, 5
PLAIN = TrainSettings(epochs=EPOCHS, learning_rate=0.05, weight_decay=0.3, clip=0.5, warmup=0.2)


def model() -> nn.Module:
    """Two layers in float64, so that two ways to the same number agree to 1e-12."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1)).double()


def batches(epoch: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(epoch)
    return [torch.randn(8, 4, generator=generator, dtype=torch.float64) for _ in range(PER_EPOCH)]


def loss(module: nn.Module, batch: Tensor) -> Tensor:
    return (module(batch)[:, 0] - batch.prod(1) - 1).square().mean()


def validate(module: nn.Module) -> dict[str, float]:
    return {"accuracy": -loss(module, torch.cat(batches(99))).item()}


def scripted(*values: float) -> Callable[[nn.Module], dict[str, float]]:
    """Validate by a list read off, one number an epoch."""
    left = iter(values)
    return lambda module: {"accuracy": next(left)}


class Recording(Silent):
    """Copies the weights after every step."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.said: list[str] = []
        self.path = [self.now()]

    def now(self) -> dict[str, Tensor]:
        return {name: each.detach().clone() for name, each in self.module.named_parameters()}

    def step(self, share: float, loss: float, items: int) -> None:
        self.path.append(self.now())

    def say(self, text: str) -> None:
        self.said.append(text)


def trained(how: TrainSettings = PLAIN, **other: Any) -> tuple[Fitted, Recording, nn.Module]:
    module = other.pop("module", None) or model()
    watch = Recording(module)
    parts = {"loss": loss, "batches": batches, "validate": validate, **other}
    return fit(module, settings=how, watch=watch, **parts), watch, module


def new_run(path: Path) -> Run:
    run = Run.create(path / "run")
    run.write_spec({"task": "test"})
    return run


# Learning rates


def test_one_cycle_at_its_corners() -> None:
    how = TrainSettings(learning_rate=2.0, warmup=0.3)
    assert learning_rate(how, 0.0) == pytest.approx(2 / 25, rel=1e-12)
    assert learning_rate(how, 0.15) == pytest.approx(2 * (1 / 25 + 1) / 2, rel=1e-12)
    assert learning_rate(how, 0.3) == pytest.approx(2.0, rel=1e-12)
    assert learning_rate(how, 0.65) == pytest.approx(2 * (1 + 1 / 250_000) / 2, rel=1e-12)
    assert learning_rate(how, 1.0) == pytest.approx(2 / 250_000, rel=1e-9)


def test_one_cycle_is_torchs_on_its_own_grid() -> None:
    """torch counts whole steps from corner to corner; where it stands between them, we agree."""
    steps, warmup = 101, 0.3
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    judge = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=1.0, total_steps=steps, pct_start=warmup, cycle_momentum=False
    )
    peak, last = warmup * steps - 1, steps - 1
    how = TrainSettings(learning_rate=1.0, warmup=warmup)
    for step in range(steps):
        rising = step <= peak
        share = warmup * step / peak if rising else warmup + (1 - warmup) * (step - peak) / (last - peak)
        assert learning_rate(how, share) == pytest.approx(judge.get_last_lr()[0], rel=1e-9, abs=1e-12)
        optimiser.step()
        judge.step()


def test_cosine_and_constant() -> None:
    how = TrainSettings(learning_rate=0.4, schedule="cosine", warmup=0.2)
    shares = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
    cosine = (0, 0.2, 0.4, 0.2 + 0.2 * math.sqrt(0.5), 0.2, 0.2 - 0.2 * math.sqrt(0.5), 0)
    assert [learning_rate(how, share) for share in shares] == pytest.approx(cosine, abs=1e-15)
    constant = replace(how, schedule="constant")
    assert [learning_rate(constant, share) for share in shares] == pytest.approx([0, 0.2, *[0.4] * 5])


@given(st.sampled_from(sorted(SCHEDULES)), st.floats(0, 1), st.floats(0, 0.99))
def test_no_rate_leaves_its_bounds(schedule: str, share: float, warmup: float) -> None:
    assert 0 <= SCHEDULES[schedule](share, warmup) <= 1 + 1e-12


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


def test_weight_decay_spares_vectors() -> None:
    module = model()
    learner = make(module, weight_decay=0.3, averaging=False)
    groups = [group for optimiser in learner.optimisers for group in optimiser.param_groups]
    decays = {id(each): group["weight_decay"] for group in groups for each in group["params"]}
    assert {name: decays[id(each)] for name, each in module.named_parameters()} == {
        "0.weight": 0.3, "0.bias": 0.0, "2.weight": 0.3, "2.bias": 0.0
    }  # fmt: skip


def test_parameters_apart_follow_plain_gradient_descent() -> None:
    how = replace(PLAIN, schedule="cosine", clip=None, sgd={"2": 0.01})
    _, watch, _ = trained(how)
    judge = model()
    apart, rest = list(judge[2].parameters()), list(judge[0].parameters())
    descent = torch.optim.SGD(apart, lr=0.01, momentum=0.9, foreach=False, fused=False)
    adam = torch.optim.AdamW(
        [{"params": rest[:1], "weight_decay": how.weight_decay}, {"params": rest[1:], "weight_decay": 0.0}],
        foreach=False, fused=False,
    )  # fmt: skip
    for step in range(EPOCHS * PER_EPOCH):
        factor = learning_rate(replace(how, learning_rate=1.0), (step + 0.5) / (EPOCHS * PER_EPOCH))
        descent.param_groups[0]["lr"] = 0.01 * factor
        for group in adam.param_groups:
            group["lr"] = how.learning_rate * factor
        judge.zero_grad()
        loss(judge, batches(step // PER_EPOCH)[step % PER_EPOCH]).backward()
        descent.step()
        adam.step()
        for name, value in judge.named_parameters():
            torch.testing.assert_close(watch.path[step + 1][name], value.detach(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("sgd", "words"),
    [
        ({"wide": 0.1}, "sgd names parameters that begin with 'wide', and the module has none"),
        ({"2": 0.0}, r"sgd\['2'\] should be a rate above 0, not 0\.0"),
        ({"2": math.nan}, "not nan"),
    ],
)
def test_parameters_apart_are_checked(sgd: dict[str, float], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        trained(TrainSettings(sgd=sgd))


def test_a_frozen_parameter_stays() -> None:
    module = model()
    module[0].weight.requires_grad_(False)
    before = module[0].weight.clone()
    trained(replace(PLAIN, ema_decay=0.5), module=module)
    assert torch.equal(module[0].weight, before)


# The average


def test_the_average_is_the_closed_form(tmp_path: Path) -> None:
    how = replace(PLAIN, ema_decay=0.4)
    run = new_run(tmp_path)
    _, watch, _ = trained(how, run=run)
    arrays, _ = run.state()
    steps = EPOCHS * PER_EPOCH
    keep = [min(0.4, (1 + step) / (10 + step)) for step in range(1, steps + 1)]
    assert min(keep) < 0.4 == max(keep), "both branches of the warm-up take part"
    shares = [math.prod(keep)] + [(1 - keep[i]) * math.prod(keep[i + 1 :]) for i in range(steps)]
    assert sum(shares) == pytest.approx(1)
    for name in watch.path[0]:
        mean = sum(share * weights[name] for share, weights in zip(shares, watch.path, strict=True))
        torch.testing.assert_close(torch.tensor(arrays[f"average/{name}"]), mean, rtol=1e-12, atol=1e-14)


def test_the_average_is_validated_and_the_weights_come_back() -> None:
    learner = make(model(), 0.0, averaging=True)
    assert learner.average is not None
    own = {name: tensor.clone() for name, tensor in tensors_of(learner.module).items()}
    for mean in learner.average.values():
        mean.fill_(7.0)
    with averaged(learner):
        assert all((tensor == 7).all() for tensor in tensors_of(learner.module).values())
    assert all(torch.equal(tensor, own[name]) for name, tensor in tensors_of(learner.module).items())


# The best, and when to stop


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


def test_a_type_that_a_run_cannot_hold() -> None:
    with pytest.raises(Unsupported, match=r"'0\.weight' is torch\.bfloat16; use float32"):
        tensors_of(model().to(torch.bfloat16))


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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [0.0]
    monkeypatch.setattr("hiddenstate.progress.time", type("Clock", (), {"monotonic": lambda: now[0]}))
    return now


def test_plain_lines(clock: list[float]) -> None:
    stream = io.StringIO()
    lines = Lines("rows", stream)
    lines.begin(4)
    entry = {"epoch": 1, "loss": 0.5, "validation": {"accuracy": 0.75}, "best": True}
    for step in range(1, 5):
        clock[0] += 20.0
        lines.step(step / 16, 0.5, 100)
    lines.epoch(entry, "accuracy")
    lines.say("Stopped.")
    assert stream.getvalue().splitlines() == [
        "epoch 1/4  loss 0.5000  5 rows/s  4:40 left",
        "epoch 2/4  loss 0.5000  5 rows/s  4:00 left",
        "epoch 1/4  loss 0.5000  accuracy 0.7500 (best)  5 rows/s  4:00 left",
        "Stopped.",
    ]


def test_the_bar_says_all_five_things(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    bar = Bar("rows", stream)
    bar.begin(4)
    bar.epoch({"epoch": 1, "loss": 0.5, "validation": {"accuracy": 0.75}, "best": True}, "accuracy")
    for step in (5, 6):
        clock[0] += 20.0
        bar.step(step / 16, 0.25, 100)
    bar.bar.refresh()
    bar.end()
    shown = stream.getvalue()
    assert "epoch 1/4  loss 0.5000  accuracy 0.7500 (best)" in shown
    for words in ("epoch 2/4", "loss 0.2500", "accuracy 0.7500", "5 rows/s", "3:20 left"):
        assert words in shown.rpartition("loss 0.5000")[2]


def test_a_person_gets_the_bar_and_a_file_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    assert type(on_stderr()) is Bar
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert type(on_stderr()) is Lines


def test_without_a_watch_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    fit(model(), loss, batches, validate, PLAIN, size=len)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [line.split("  ")[0] for line in shown.err.splitlines()] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "items/s" in shown.err


def test_hundreds_of_epochs_share_their_lines() -> None:
    stream = io.StringIO()
    lines = Lines(stream=stream)
    lines.begin(1500)
    for epoch in range(1, 1501):
        entry = {"epoch": epoch, "loss": 0.5, "validation": {"accuracy": 0.75}, "best": False}
        lines.epoch(entry, "accuracy")
    shown = [line.split("  ")[0] for line in stream.getvalue().splitlines()]
    assert len(shown) == 50
    assert (shown[0], shown[-1]) == ("epoch 30/1500", "epoch 1500/1500")


def test_curves_show_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    original = pictures.png
    monkeypatch.setattr(pictures, "png", lambda figure: drawn.append(figure) or original(figure))
    run = new_run(tmp_path)

    def both(module: nn.Module) -> dict[str, float]:
        return {**validate(module), "loss": -validate(module)["accuracy"]}

    fitted, _, _ = trained(run=run, validate=both)
    assert (run.path / "curves.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    above, below = drawn[0].axes
    assert (above.get_ylabel(), below.get_ylabel(), below.get_xlabel()) == (
        "loss",
        "validation accuracy",
        "epoch",
    )
    assert above.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert above.lines[0].get_ydata().tolist() == [entry["loss"] for entry in fitted.history]
    assert above.lines[1].get_ydata().tolist() == [entry["validation"]["loss"] for entry in fitted.history]
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["training", "validation"]
    assert below.get_title("right") == f"best: {fitted.best:.4f} in epoch {fitted.best_epoch}"
    styles = {line.get_linestyle() for line in above.lines}
    assert styles == {"-", "--"}, "told apart without colour"


@pytest.mark.parametrize(("epochs", "ticks"), [(1, [1]), (3, [1, 2, 3]), (60, [10, 20, 30, 40, 50, 60])])
def test_epochs_are_counted_in_whole_numbers(
    epochs: int, ticks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(pictures, "png", drawn.append)
    measured = {"loss": 0.5, "validation": {"accuracy": 0.75}, "best": True}
    pictures.curves([{"epoch": epoch, **measured} for epoch in range(1, epochs + 1)], "accuracy")
    below = drawn[0].axes[1]
    low, high = below.get_xlim()
    assert [tick for tick in below.get_xticks() if low <= tick <= high] == ticks
