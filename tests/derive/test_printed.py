"""What is printed is what is derived, and what is taken out of the loop leaves its bits alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hiddenstate import native
from hiddenstate.cells import CELLS
from hiddenstate.derive.encoded import encoded
from hiddenstate.derive.printed import OPS, differences, printed_files

PRINTED = Path(__file__).resolve().parents[2] / "native" / "printed"


def test_the_printed_files_are_what_is_derived_now():
    shown = {name: derived for name, (_, derived) in differences(PRINTED).items()}
    assert shown == {}, "run python -m hiddenstate.derive --update"


def test_differences_are_found(tmp_path):
    for name, text in printed_files().items():
        (tmp_path / name).write_text(text.replace("tanh(v16)", "sigmoid(v16)"), encoding="utf-8")
    (tmp_path / "old.h").write_text("// left over", encoding="utf-8")
    changed = differences(tmp_path)
    assert set(changed) == {"lstm.h", "old.h"}
    assert changed["old.h"] == ("// left over", "")


def test_the_core_has_the_operations_and_functions_that_are_printed():
    assert native.ops() == OPS
    texts = native.module().printed()
    for name in ("lstm", "gru", "rnn"):
        halves = encoded(CELLS[name], (), OPS, texts).arguments[-3:]
        numbers = [code[2] for half in halves for stage in half[1] for code in stage[3]]
        assert len(numbers) == 4
        assert min(numbers) >= 0


def _run(cell, shapes, how, T, B, F, H):
    """Forward results of a core cell made with `how` (printed texts, scan), as bytes."""
    core = native.module()
    made = core.Cell(*encoded(cell, (), native.ops(), *how).arguments)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((T, B, F)).astype(np.float32)
    weights = [(rng.random(shape) - 0.5).astype(np.float32) for shape in shapes.values()]
    states = [rng.random((B, H)).astype(np.float32) for _ in cell.states]
    lengths = rng.integers(0, T + 1, B)
    found = []
    for ends, reverse in ((None, False), (lengths, False), (lengths, True), (None, True)):
        out = [np.empty((T, B, H), np.float32), *(np.empty_like(state) for state in states)]
        made.forward(
            (T, B, F, H, 0),
            x.ctypes.data,
            0 if ends is None else ends.ctypes.data,
            reverse,
            [state.ctypes.data for state in states],
            [weight.ctypes.data for weight in weights],
            [],
            [array.ctypes.data for array in out],
            [],
            1,
        )
        assert all(np.isfinite(array).all() for array in out)
        assert np.abs(out[0]).max() > 0.1
        found.append([array.tobytes() for array in out])
    return found


@pytest.mark.parametrize("isa", native.isas())
@pytest.mark.parametrize("H", [5, 16, 37])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_printed_code_gives_the_bits_of_the_interpreter(name, H, isa):
    before = native.isa()
    native.select_isa(isa)
    try:
        cell, texts = CELLS[name], native.module().printed()
        shapes = cell.parameter_shapes(7, H, H)
        assert _run(cell, shapes, (texts,), 9, 13, 7, H) == _run(cell, shapes, ([],), 9, 13, 7, H)
    finally:
        native.select_isa(before)


@pytest.mark.parametrize(("T", "B"), [(9, 13), (700, 1), (150, 5)])
@pytest.mark.parametrize("name", ["mingru", "minlstm"])
def test_a_scan_gives_the_bits_of_the_loop(name, T, B):
    cell = CELLS[name]
    assert encoded(cell, (), OPS).arguments[-3][3] != []
    shapes = cell.parameter_shapes(70, 33, 33)
    scanned, looped = (_run(cell, shapes, ([], scan), T, B, 70, 33) for scan in (True, False))
    assert scanned == looped


@pytest.mark.parametrize("name", [name for name in CELLS if name not in ("mingru", "minlstm")])
def test_cells_whose_gates_read_the_state_are_not_scanned(name):
    assert encoded(CELLS[name], (), OPS).arguments[-3][3] == []
