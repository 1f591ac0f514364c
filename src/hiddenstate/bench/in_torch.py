"""torch as a contender: torch.nn with and without oneDNN, padded and packed, and a loop that one writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hiddenstate.bench.ours import inference, numpy, torch_with, training
from hiddenstate.bench.timing import Contender, Values
from hiddenstate.bench.work import STREAM, TRAINING, Material
from hiddenstate.cells import CELLS
from hiddenstate.derive.reference import Recurrence, first_states, torch_arrays

LAYERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
CELL_MODULES = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell, "rnn": torch.nn.RNNCell}
WITHOUT = ", no oneDNN"


def has_layer(given: Material) -> bool:
    """Whether torch.nn has a layer that computes the same: the cell as the catalogue has it."""
    cell = given.work.recurrence
    return cell.name in LAYERS and cell == CELLS[cell.name]


def torch_layers(given: Material) -> Iterator[Contender]:
    """torch.nn's layer of the same cell, and its single step for a stream; nothing for other cells."""
    if not has_layer(given):
        return
    name = given.work.recurrence.name
    for onednn in (True, False):
        layer = LAYERS[name](given.work.features, given.work.hidden)
        layer.load_state_dict(dict(given.weights))
        layer.train(given.work.kind == TRAINING)
        label = f"torch.nn.{type(layer).__name__}{'' if onednn else WITHOUT}"
        inside = _inside(given, onednn)
        if given.work.kind == STREAM:
            yield _stream(label, layer, given, inside, lambda x: x[None])
        else:
            yield _sequences(label, layer, given, inside, packed=False)
        if given.lengths is not None and onednn:  # which does not take packed sequences: once is enough
            yield _sequences(f"{label}, packed", layer, given, inside, packed=True)
    if given.work.kind == STREAM:
        single = CELL_MODULES[name](given.work.features, given.work.hidden)
        single.load_state_dict({key.removesuffix("_l0"): value for key, value in given.weights.items()})
        yield _stream(
            f"torch.nn.{type(single).__name__}", single.eval(), given, _inside(given, True), lambda x: x
        )


def _inside(given: Material, onednn: bool) -> Callable[[], AbstractContextManager[None]]:
    return lambda: torch_with(given.work.threads, given.work.kind == TRAINING, onednn)


def _stream(
    label: str, module: Any, given: Material, inside: Callable[[], Any], shaped: Callable[[Tensor], Tensor]
) -> Contender:
    """One step with the state carried; a layer gives (output, state), a cell the state alone."""
    x = shaped(given.x[0]).clone()
    single = not isinstance(module, torch.nn.RNNBase)

    def step(x: Tensor, state: Any) -> tuple[Tensor, Any]:
        if not single:
            return module(x, state)
        state = module(x, state)
        return state[0] if isinstance(state, tuple) else state, state

    carried: list[Any] = [None]

    def run() -> Tensor:
        output, carried[0] = step(x, carried[0])
        return output

    def answer() -> Values:
        state, outputs = None, []
        for t in given.steps:
            output, state = step(shaped(given.x[t]), state)
            outputs.append(output.reshape(-1))
        return {"output": numpy(torch.stack(outputs))}

    return Contender(label, run, answer, inside=inside)


def _sequences(
    label: str, layer: torch.nn.Module, given: Material, inside: Callable[[], Any], packed: bool
) -> Contender:
    steps, lengths = given.work.steps, given.lengths

    def padded_forward(x: Tensor) -> Tensor:
        return layer(x)[0]

    def packed_forward(x: Tensor) -> Tensor:
        rows = pack_padded_sequence(x, lengths, enforce_sorted=False)  # type: ignore[arg-type]
        return pad_packed_sequence(layer(rows)[0], total_length=steps)[0]

    forward = packed_forward if packed else padded_forward
    if given.work.kind == TRAINING:
        return training(label, layer, forward, given, inside)
    return inference(label, forward, given, inside)


class TorchLoop(torch.nn.Module):
    """Any cell as one writes it in torch operations: the input's products at once, then step by step."""

    def __init__(self, given: Material) -> None:
        super().__init__()
        self.cell, self.hidden = given.work.recurrence, given.work.hidden
        for name, value in given.weights.items():
            self.register_parameter(name, torch.nn.Parameter(value.clone()))

    def forward(self, x: Tensor) -> Tensor:
        values = {name.removesuffix("_l0"): value for name, value in self.named_parameters()}
        arrays = torch_arrays()
        recurrence = Recurrence(self.cell, values, arrays=arrays)
        states = first_states(self.cell, x, self.hidden, self.hidden, arrays)
        products = recurrence.input_products(x)
        outputs = []
        for rows in zip(*(product.unbind(0) for product in products.values()), strict=True):
            step = recurrence.step(dict(zip(products, rows, strict=True)), states)
            states = step.states
            outputs.append(step.output)
        return torch.stack(outputs)


def torch_loop(given: Material) -> Contender:
    """The loop that a user writes for a cell that torch.nn lacks; padding is computed and ignored."""
    loop, inside = TorchLoop(given), _inside(given, True)
    if given.work.kind == TRAINING:
        return training("torch loop", loop, loop, given, inside)
    return inference("torch loop", loop, given, inside)
