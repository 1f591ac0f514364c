"""This library as a contender."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, cast

import torch
from torch import Tensor

from hiddenstate.bench.timing import Contender, Values
from hiddenstate.bench.work import STREAM, TRAINING, Material
from hiddenstate.layers import Recurrent

NAME = "hiddenstate"


@contextmanager
def torch_with(threads: int, gradients: bool, onednn: bool = True) -> Iterator[None]:
    """torch with so many threads, with or without gradients and oneDNN; as it was before at the end."""
    had, switch = torch.get_num_threads(), cast(Any, torch.backends.mkldnn)
    switched = switch.enabled
    torch.set_num_threads(threads)
    # set by itself: torch's own context manager also sets what other processors have, and warns of it
    switch.enabled = onednn
    try:
        with torch.inference_mode(not gradients):
            yield
    finally:
        switch.enabled = switched
        torch.set_num_threads(had)


def torch_aside() -> AbstractContextManager[None]:
    """What surrounds a peer that has threads of its own: torch with one thread and without gradients."""
    return torch_with(1, gradients=False)


def layer_of(given: Material) -> Recurrent:
    """A layer with the weights of a work, as one uses it: in its default backend."""
    work = given.work
    layer = Recurrent(work.recurrence, work.features, work.hidden)
    layer.load_state_dict(dict(given.weights))
    return layer.train(work.kind == TRAINING)


def ours(given: Material, threads: int | None = None, name: str = NAME) -> Contender:
    """`layer.stream().feed(x)` for a stream, `layer(x, lengths=lengths)` for sequences."""
    work, layer = given.work, layer_of(given)

    def inside() -> AbstractContextManager[None]:
        return torch_with(threads or work.threads, work.kind == TRAINING)

    if work.kind == STREAM:
        return _streaming(given, layer, name, inside)
    lengths = given.lengths

    def forward(x: Tensor) -> Tensor:
        return layer(x, lengths=lengths)[0]

    if work.kind == TRAINING:
        return training(name, layer, forward, given, inside)
    return inference(name, forward, given, inside)


def _streaming(given: Material, layer: Recurrent, name: str, inside: Callable[[], Any]) -> Contender:
    stream, x = layer.stream(), given.x[0, 0].clone()

    def answer() -> Values:
        fresh = layer.stream()
        return {"output": numpy(torch.stack([fresh.feed(given.x[t, 0]) for t in given.steps]))}

    return Contender(name, lambda: stream.feed(x), answer, inside=inside)


def inference(
    name: str, forward: Callable[[Tensor], Tensor], given: Material, inside: Callable[[], Any]
) -> Contender:
    """A forward pass from x [T, B, F] to the output [T, B, width]."""
    x = given.x.clone()
    return Contender(
        name, lambda: forward(x), lambda: {"output": numpy(forward(x) * _within(given))}, inside=inside
    )


def training(
    name: str,
    layer: torch.nn.Module,
    forward: Callable[[Tensor], Tensor],
    given: Material,
    inside: Callable[[], Any],
) -> Contender:
    """Forward and backward, with the gradients of x and of every parameter of a layer; the gradients of the
    call before are gone when the clock starts."""
    x = given.x.clone().requires_grad_()
    parameters = dict(layer.named_parameters())

    def before() -> None:
        for value in (x, *parameters.values()):
            value.grad = None

    def run() -> Tensor:
        output = forward(x)
        output.backward(given.adjoint)
        return output

    def answer() -> Values:
        before()
        found = {"output": numpy(run() * _within(given)), "x": numpy(_gradient(x))}
        return found | {parameter: numpy(_gradient(value)) for parameter, value in parameters.items()}

    return Contender(name, run, answer, before, inside)


def _gradient(value: Tensor) -> Tensor:
    return torch.zeros_like(value) if value.grad is None else value.grad


def _within(given: Material) -> Tensor:
    """1 for the steps of a sequence [T, B, 1], 0 for the padding, of which each makes something else."""
    if given.lengths is None:
        return torch.ones(1, 1, 1)
    return (torch.arange(len(given.x))[:, None] < given.lengths)[..., None].float()


def numpy(value: Tensor) -> Any:
    """A copy as a NumPy array."""
    return value.detach().clone().numpy()
