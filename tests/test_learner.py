"""What a learner holds: which parameters decay, which follow plain descent, and their average."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hiddenstate.errors import InvalidArgument, Unsupported
from hiddenstate.learner import averaged, make, tensors_of
from hiddenstate.train import TrainSettings, learning_rate
from plain_training import EPOCHS, PER_EPOCH, PLAIN, batches, loss, model, new_run, trained


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


def test_a_type_that_a_run_cannot_hold() -> None:
    with pytest.raises(Unsupported, match=r"'0\.weight' is torch\.bfloat16; use float32"):
        tensors_of(model().to(torch.bfloat16))
