"""What the tests of cells draw: parameters, inputs, states from their domain, masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hiddenstate.cells import CELLS, Cell, clipped, coupled, layer_norm, recurrent_dropout, zoneout

T, B, F, H, P = 4, 3, 3, 5, 2

# cells in which no matrix reads a previous state, so that there is nothing to drop
WITHOUT_RECURRENT_PRODUCT = {"indrnn", "mingru", "minlstm"}


@dataclass(frozen=True)
class Case:
    """A cell with everything that a run over [T, B, F] needs, in float64."""

    cell: Cell
    parameters: dict[str, np.ndarray]
    x: np.ndarray
    states: tuple[np.ndarray, ...]
    masks: dict[str, np.ndarray]

    @property
    def step_masks(self) -> dict[str, np.ndarray]:
        return {mask.name: self.masks[mask.name] for mask in self.cell.masks if mask.per == "step"}

    @property
    def fixed_masks(self) -> dict[str, np.ndarray]:
        per_step = self.step_masks
        return {name: per_step.get(name, mask) for name, mask in self.masks.items()}


def drawn(
    cell: Cell,
    seed: int = 0,
    steps: int = T,
    batch: int = B,
    scale: float = 0.7,
    widths: tuple[int, int, int] = (F, H, P),
) -> Case:
    """Draw a case; the scale of the weights keeps every gate at work. `widths` are F, H and P."""
    random = np.random.default_rng(seed)
    features, *units = widths
    shapes = cell.parameter_shapes(features, *units)
    parameters = {name: random.normal(size=shape) * scale for name, shape in shapes.items()}
    for vector in cell.norm_vectors:
        parameters[vector.name] += vector.low
    size = dict(zip("HP", units, strict=True))
    states = tuple(random.uniform(s.low, s.high, (batch, size[s.width])) for s in cell.states)
    masks = {}
    for mask in cell.masks:
        rows = (steps, batch) if mask.per == "step" else (batch,)
        kept = (random.random((*rows, size[mask.width])) >= mask.rate).astype(float)
        masks[mask.name] = kept / (1 - mask.rate) if mask.scaled else kept
    return Case(cell, parameters, random.normal(size=(steps, batch, features)), states, masks)


def variants() -> dict[str, Cell]:
    """Every cell as it is and with each change of its equations, and some with other activations."""
    found: dict[str, Cell] = {}
    for name, cell in CELLS.items():
        found[name] = cell
        found[f"{name}+layer_norm"] = layer_norm(cell)
        found[f"{name}+zoneout"] = zoneout(cell, 0.3)
        if name not in WITHOUT_RECURRENT_PRODUCT:
            found[f"{name}+dropout"] = recurrent_dropout(cell, 0.3)
            found[f"{name}+all"] = zoneout(layer_norm(recurrent_dropout(cell, 0.3)), 0.2)
        else:
            found[f"{name}+all"] = zoneout(layer_norm(cell), 0.2)
    for name in ("rnn", "lstm", "gru", "janet"):
        for chosen in ("relu", "elu(0.5)", "softsign", "gelu", "silu", "sin", "scaled_tanh(1.7, 0.6)"):
            found[f"{name}+{chosen}"] = CELLS[name].with_activations(chosen)
    gates = {"i": "hard_sigmoid", "f": "softplus", "o": "hard_sigmoid(beta=0.4)", "g": "leaky_relu(0.2)"}
    found["lstm+gates"] = CELLS["lstm"].with_activations(gates)
    for name in ("rnn", "gru", "gru_before", "lstm_layer_norm"):
        found[f"{name}+clipped"] = clipped(CELLS[name], 0.6)
    found["lstm_peephole+coupled"] = coupled(CELLS["lstm_peephole"])
    found["lstm+coupled+clipped+gates"] = clipped(coupled(CELLS["lstm"]), 0.6).with_activations(
        {name: gates[name] for name in "iog"}
    )
    return found


VARIANTS = variants()
