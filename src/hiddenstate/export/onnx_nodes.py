"""One RNN, GRU or LSTM node of ONNX, run on our cells: its order of weights, its results.

Letters: T steps, B sequences, F features, H hidden units, D directions (1, or 2 when bidirectional), G gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hiddenstate.cells import CELLS, Cell, clipped, coupled
from hiddenstate.export.onnx_attributes import OPERATORS, Attributes, read
from hiddenstate.export.onnx_inputs import tensors
from hiddenstate.layers import operators


def run_onnx_node(
    op_type: str, inputs: Mapping[str, Any], attributes: Mapping[str, Any] | None = None
) -> dict[str, np.ndarray]:
    """Run an RNN, GRU or LSTM node of ONNX and return its outputs Y, Y_h and, of an LSTM, Y_c.

    Inputs and attributes have ONNX's names, shapes and order of gates: X [T, B, F], W [D, G x H, F],
    R [D, G x H, H], and where given B [D, 2 x G x H], sequence_lens [B], initial_h and initial_c [D, B, H],
    P [D, 3 x H]. Y is [T, D, B, H], Y_h and Y_c are [D, B, H]; with layout=1, B stands before T and D.
    As in ONNX Runtime, all outputs of a sequence of length 0 are zero, and clip does not bound what the last
    activation of an LSTM reads. Raises InvalidArgument for what ONNX does not know and for wrong shapes.

    >>> ones = np.ones((1, 1, 1), np.float32)
    >>> run_onnx_node("RNN", {"X": 2 * ones, "W": ones, "R": ones}, {"activations": ["Relu"], "clip": 1.5})
    {'Y': array([[[[1.5]]]], dtype=float32), 'Y_h': array([[[1.5]]], dtype=float32)}
    """
    node = read(op_type, {} if attributes is None else attributes)
    given = tensors(op_type, node, inputs)
    empty = given.get("sequence_lens", torch.full(given["X"].shape[1:2], len(given["X"]))) == 0
    runs = [_run(op_type, node, given, place) for place in range(len(node.reverse))]
    found = {"Y": torch.stack([run[0] for run in runs], 1)}
    for place, state in enumerate(OPERATORS[op_type].states, 1):
        last = torch.stack([run[place] for run in runs])
        found[f"Y_{state}"] = torch.where(empty[:, None], torch.zeros_like(last), last)
    if node.layout:
        found = {name: value.movedim(-2, 0) for name, value in found.items()}
    return {name: value.contiguous().numpy() for name, value in found.items()}


def _run(op_type: str, node: Attributes, given: Mapping[str, Tensor], place: int) -> list[Tensor]:
    """One direction: its output [T, B, H], then each last state [B, H]."""
    cell = _cell(op_type, node, node.activations[place], "P" in given)
    values = _parameters(cell, _plain(op_type, node, "P" in given), given, place)
    H, x = given["R"].shape[-1], given["X"]
    states = [
        given[name][place] if (name := f"initial_{state.name}") in given else x.new_zeros(x.shape[1], H)
        for state in cell.states
    ]
    plan = operators.Plan(operators.key_of(cell), " ".join(values), reverse=node.reverse[place])
    lengths = given.get("sequence_lens")
    return operators.unroll(plan, operators.Inputs(x, states, list(values.values()), lengths=lengths))


def _plain(op_type: str, node: Attributes, peepholes: bool) -> Cell:
    """The cell of the table that a node stands for, before its attributes change anything."""
    if op_type == "GRU":
        return CELLS["gru" if node.linear_before_reset else "gru_before"]
    return CELLS["lstm_peephole" if peepholes else op_type.lower()]


@lru_cache(maxsize=256)
def _cell(op_type: str, node: Attributes, activations: tuple[str, ...], peepholes: bool) -> Cell:
    """The cell of one direction of a node."""
    cell = _plain(op_type, node, peepholes)
    if node.input_forget:
        cell = coupled(cell)
    if node.clip is not None:
        cell = clipped(cell, node.clip)
    slots = [slots.split() for _, slots in OPERATORS[op_type].activations]
    chosen = {s: a for names, a in zip(slots, activations, strict=True) for s in names if s in cell.slots}
    return cell.with_activations(chosen)


def _parameters(cell: Cell, plain: Cell, given: Mapping[str, Tensor], place: int) -> dict[str, Tensor]:
    """The parameters of one direction, their blocks put from ONNX's order into that of the cell."""
    order = plain.orders.get("onnx", "").split() or [""]  # the RNN has one block, without a label
    H = given["R"].shape[-1]

    def ours(stacked: Tensor) -> Tensor:
        blocks = dict(zip(order, stacked.split(H), strict=True))
        return torch.cat([blocks[label] for label in cell.labels["W"]])

    values = {"weight_ih": ours(given["W"][place]), "weight_hh": ours(given["R"][place])}
    if "B" in given:
        to_input, to_state = given["B"][place].chunk(2)
        values.update(bias_ih=ours(to_input), bias_hh=ours(to_state))
    if "P" in given:
        seen = [f"p_{label}" for label in order if f"p_{label}" in {vector.name for vector in plain.vectors}]
        peepholes = dict(zip(seen, given["P"][place].split(H), strict=True))
        values.update({vector.name: peepholes[vector.name] for vector in cell.vectors})
    return values
