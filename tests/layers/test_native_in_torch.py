"""Layers on the compiled core inside torch: derivatives of derivatives, transforms, graphs, copies."""

from __future__ import annotations

import copy
import io
import shutil

import pytest
import torch
from torch import Tensor

from hiddenstate.cells import CELLS
from hiddenstate.layers import Recurrent

T, B, F, H = 6, 4, 3, 19
LENGTHS = [6, 0, 3, 1]
NAMES = ("lstm", "gru", "rnn", "gru_before", "lstm_layer_norm", "slstm", "indrnn", "minlstm")


def pair(name: str, **options: object) -> tuple[Recurrent, Recurrent]:
    """A layer on the core, and the same in float64 on the reference path."""
    ours = Recurrent(name, F, H, backend="native", **options)
    truth = Recurrent(name, F, H, backend="reference", dtype=torch.float64, **options)
    truth.load_state_dict(ours.state_dict())
    return ours, truth


def near(found: Tensor, truth: Tensor) -> None:
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), truth, rtol=1e-4, atol=1e-5 * (1 + truth.abs().max().item()))


@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_gradients(name: str) -> None:
    """A penalty on the size of the gradient: the second walk back goes through the first."""
    found = []
    given = torch.randn(T, B, F)
    for layer in pair(name):
        x = given.to(next(layer.parameters()).dtype).requires_grad_()
        output, state = layer(x, lengths=LENGTHS)
        loss = output.square().sum() + sum(value.cos().sum() for value in state)
        slopes = torch.autograd.grad(loss, [x, *layer.parameters()], create_graph=True)
        penalty = sum(slope.square().sum() for slope in slopes)
        grads = torch.autograd.grad(penalty, [x, *layer.parameters()], allow_unused=True)
        found.append([torch.zeros(1).to(x.dtype) if g is None else g for g in grads])
    for mine, true in zip(*found, strict=True):
        near(mine, true)


@pytest.mark.parametrize("name", NAMES)
def test_transforms_of_functions(name: str) -> None:
    """Per-sample gradients, by vmap over grad of functional_call, and a Jacobian."""
    xs, found = torch.randn(3, T, B, F), []
    for layer in pair(name):
        values = {key: value.detach() for key, value in layer.named_parameters()}

        def loss(values: dict[str, Tensor], x: Tensor, layer: Recurrent = layer) -> Tensor:
            return torch.func.functional_call(layer, values, (x,))[0].square().sum()

        batch = xs.to(next(layer.parameters()).dtype)
        each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(values, batch)
        looped = [torch.func.grad(loss)(values, x) for x in batch]
        for key, value in each.items():
            torch.testing.assert_close(value, torch.stack([row[key] for row in looped]), rtol=1e-4, atol=1e-5)
        wide = torch.func.vmap(lambda x, layer=layer: layer(x)[0])(batch)
        assert torch.equal(wide, torch.stack([layer(x)[0] for x in batch])) or wide.dtype == torch.float64
        slopes = torch.func.jacrev(lambda x, layer=layer: layer(x)[0][-1, 0])(batch[0])
        found.append(
            [*each.values(), slopes, *torch.func.vjp(lambda x, layer=layer: layer(x)[0], batch[0])[:1]]
        )
    for mine, true in zip(*found, strict=True):
        near(mine, true)


class Model(torch.nn.Module):
    """Two kinds of layers with something of torch's around them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Recurrent("lstm", F, H, num_layers=2, bidirectional=True, backend="native")
        self.second = Recurrent("gru_before", 2 * H, H, layer_norm=True, backend="native")
        self.out = torch.nn.Linear(H, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden, _ = self.first(x)
        return self.out(torch.relu(self.second(hidden)[0])[-1])


@pytest.mark.parametrize("grads", [False, True])
def test_exported(grads: bool) -> None:
    model, x = Model().eval(), torch.randn(T, B, F)
    with torch.set_grad_enabled(grads):
        exported = torch.export.export(model, (x,), strict=False)
        targets = [str(n.target) for n in exported.graph.nodes if n.op == "call_function"]
        assert sum("hiddenstate.unroll" in target for target in targets) == 5
        other = torch.randn(T, B, F)
        assert torch.equal(exported.module()(other), model(other))


@pytest.mark.parametrize("train", [False, True])
def test_compiled_without_a_break(train: bool) -> None:
    """Traced whole and run by torch's own executor: the tracing is ours to get right, the code is not."""
    model, x = Model(), torch.randn(T, B, F)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    compare(model, compiled, x, train)


# what torch.compile does on its way is not for its callers to hear
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(
    shutil.which("g++") is None, reason="torch.compile writes C++ and needs a compiler for it"
)
@pytest.mark.parametrize("train", [False, True])
def test_compiled_by_torch(train: bool) -> None:
    model, x = Model(), torch.randn(T, B, F)
    compare(model, torch.compile(model, fullgraph=True), x, train)


def compare(model: Model, compiled: torch.nn.Module, x: Tensor, train: bool) -> None:
    with torch.set_grad_enabled(train):
        found, expected = compiled(x), model(x)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
        if train:
            mine = torch.autograd.grad(found.square().sum(), list(model.parameters()))
            judge = torch.autograd.grad(expected.square().sum(), list(model.parameters()))
            for one, other in zip(mine, judge, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_copies(name: str) -> None:
    layer = Recurrent(name, F, H, num_layers=2, zoneout=0.2, backend="native").eval()
    x = torch.randn(T, B, F)
    expected = layer(x)[0]
    saved = io.BytesIO()
    torch.save(layer, saved)
    saved.seek(0)
    for other in (copy.deepcopy(layer), torch.load(saved, weights_only=False)):
        assert other.backend == "native"
        assert torch.equal(other(x)[0], expected)
        with torch.no_grad():
            next(other.parameters()).add_(1)
        assert not torch.equal(other(x)[0], expected)
    assert torch.equal(layer(x)[0], expected)
