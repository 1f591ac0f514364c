"""Tile programs: all is written before it is read, and the tape holds what it should."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from cell_cases import VARIANTS, drawn
from hiddenstate.cells import CELLS, FUNCTIONS, Cell, State, layer_norm
from hiddenstate.cells.equation import PRIMITIVES
from hiddenstate.derive import interpreter
from hiddenstate.derive.latex import latex
from hiddenstate.derive.tile import TileProgram, TileStage, tile_program

each_variant = pytest.mark.parametrize("name", VARIANTS)


def given(program: TileProgram) -> set[str]:
    """The buffers that are there before a step begins."""
    cell = program.cell
    found = {f"product:{name}" for product in program.inputs for name in product.names()}
    found |= {f"state:{state.name}" for state in cell.states} | {f"mask:{mask.name}" for mask in cell.masks}
    return found | {f"vector:{vector.name}" for vector in (*cell.vectors, *cell.norm_vectors)}


def written_before_read(stages: Iterable[TileStage], known: set[str]) -> set[str]:
    """Check a list of stages and return every buffer that exists after it."""
    known = set(known)
    for stage in stages:
        for work in stage.rows:
            assert set(work.sources) <= known, work
            known |= set(work.targets)
        for k, instruction in enumerate(stage.code):
            assert all(register < k for register in instruction.args), "a register is read before it is made"
            if instruction.op == "load":
                assert instruction.buffer in known, f"{instruction.buffer} is loaded and never written"
            elif instruction.op == "store":
                assert stage.code[instruction.args[0]].op != "store"
                known.add(instruction.buffer)
            else:
                assert instruction.op in {"const", *PRIMITIVES, *FUNCTIONS}
                arity = 0 if instruction.op == "const" else PRIMITIVES.get(instruction.op, 1)
                assert len(instruction.args) == arity
    return known


@each_variant
def test_everything_is_written_before_it_is_read(name: str) -> None:
    program = tile_program(VARIANTS[name])
    after = written_before_read(program.forward, given(program))
    cell = program.cell
    assert {f"next:{state.name}" for state in cell.states} | {"output:"} | set(program.tape) <= after
    # what lives on from the forward pass of a step to its backward pass
    kinds = ("state:", "next:", "vector:", "mask:", "tape:", "operand:", "deviation:")
    kept = {buffer for buffer in after if buffer.startswith(kinds)}
    kept |= {"adjoint:", *(f"adjoint:{state.name}" for state in cell.states)}
    after = written_before_read(program.backward, kept)
    assert {f"back:{state.name}" for state in cell.states} | set(program.deltas.values()) <= after
    assert {f"sum:{v.name}" for v in (*cell.vectors, *cell.norm_vectors)} <= after
    assert set(program.operands.values()) - {"x"} <= after


@each_variant
def test_each_buffer_is_written_once_and_read(name: str) -> None:
    program = tile_program(VARIANTS[name])
    for stages in (program.forward, program.backward):
        stores = [i.buffer for stage in stages for i in stage.code if i.op == "store"]
        assert len(stores) == len(set(stores))
        loads = [i.buffer for stage in stages for i in stage.code if i.op == "load"]
        sources = {source for stage in stages for work in stage.rows for source in work.sources}
        passed = {buffer for buffer in stores if buffer.startswith("value:")}
        assert passed <= set(loads) | sources
        for stage in stages:
            in_stage = [i.buffer for i in stage.code if i.op == "load"]
            assert len(in_stage) == len(set(in_stage)), "loaded twice"
            pure = [i for i in stage.code if i.op not in ("load", "store")]
            assert len(pure) == len(set(pure)), "computed twice"
            used = {register for i in stage.code for register in i.args}
            unused = [i for k, i in enumerate(stage.code) if k not in used and i.op != "store"]
            assert unused == [], "computed and never used"
    backward = {i.buffer for stage in program.backward for i in stage.code if i.op == "load"}
    rows = {source for stage in program.backward for work in stage.rows for source in work.sources}
    assert set(program.tape) <= backward | rows, "kept on the tape and never read"


def taped(cell: Cell) -> list[str]:
    return [repr(value) for value in tile_program(cell).tape.values()]


def test_the_tape_of_the_classics() -> None:
    assert taped(CELLS["rnn"]) == []  # h itself is kept in any case
    assert taped(CELLS["lstm"]) == [
        "sigmoid(W_i x + R_i h')",
        "sigmoid(W_f x + R_f h')",
        "tanh(W_g x + R_g h')",
        "sigmoid(W_o x + R_o h')",
    ]
    assert taped(CELLS["gru"]) == [
        "sigmoid(W_r x + R_r h')",
        "sigmoid(W_z x + R_z h')",
        "R_n h'",
        "tanh(W_n x + sigmoid(W_r x + R_r h') * R_n h')",
    ]
    assert taped(CELLS["indrnn"]) == []  # relu's derivative is had from h


def test_summed_products_share_their_adjoint() -> None:
    deltas = tile_program(CELLS["lstm"]).deltas
    assert len(set(deltas.values())) == 4
    assert all(deltas[f"W_{gate}"] == deltas[f"R_{gate}"] for gate in "ifgo")
    deltas = tile_program(CELLS["gru"]).deltas
    assert len(set(deltas.values())) == 4  # n's two products are kept apart
    assert deltas["W_n"] != deltas["R_n"]
    assert all(deltas[f"W_{gate}"] == deltas[f"R_{gate}"] for gate in "rz")
    assert len(set(tile_program(CELLS["lstm_layer_norm"]).deltas.values())) == 8


def test_a_function_without_an_output_form_keeps_its_input() -> None:
    assert taped(CELLS["rnn"].with_activations("gelu")) == ["W x + R h'"]
    assert taped(CELLS["rnn"].with_activations("relu")) == []


def test_the_classics_take_one_stage_of_products() -> None:
    for name, products in (("rnn", 1), ("lstm", 1), ("gru", 1), ("gru_before", 2), ("mgu", 2), ("jordan", 2)):
        rows = [work for stage in tile_program(CELLS[name]).forward for work in stage.rows]
        assert [work.op for work in rows] == ["product"] * products
        assert rows[0].product.letter == "R"
    assert tile_program(CELLS["lstm"]).inputs[0].labels == ("i", "f", "g", "o")


def test_no_recurrent_product_means_one_stage() -> None:
    for name in ("mingru", "minlstm", "indrnn"):
        program = tile_program(CELLS[name])
        assert [len(stage.rows) for stage in program.forward] == [0]


def test_a_wished_value_brings_its_own_gradient_in() -> None:
    """A loss that reads a gate: its adjoint enters at every step beside the output's."""
    program = tile_program(CELLS["lstm"], ("f", "c"))
    loads = {i.buffer for stage in program.backward for i in stage.code if i.op == "load"}
    assert {"wish:f", "wish:c"} <= loads
    stores = {i.buffer for stage in program.forward for i in stage.code if i.op == "store"}
    assert {"kept:f", "kept:c"} <= stores


def test_the_interpreter_runs_no_steps() -> None:
    case = drawn(CELLS["elman_readout"], steps=0)
    tape = interpreter.forward(case.cell, case.parameters, case.x, case.states)
    assert tape.output.shape == (0, 3, 2)
    found = interpreter.backward(tape, tape.output, [np.ones_like(case.states[0])])
    np.testing.assert_array_equal(found.states[0], 1)
    assert all((value == 0).all() for value in found.parameters.values())


def test_long_cells_have_programs() -> None:
    """Doubling a value 30 times is a graph of 30 nodes, and a billion parts where it is written out."""
    lines = ["a0 = W x + R h'", *(f"a{k + 1} = tanh(a{k}) * a{k}" for k in range(30)), "h = tanh(a30)"]
    cell = layer_norm(Cell("doubling", "\n".join(lines), (State("h"),)))
    assert cell.width_of(dict(cell.assignments)["h"]) == "H"
    assert latex(cell).count("&=") == 32
    case = drawn(cell)
    tape = interpreter.forward(cell, case.parameters, case.x, case.states)
    assert np.isfinite(tape.output).all()
    added = ["s0 = W x + R h'", *(f"s{k + 1} = tanh(s{k}) + 0.5" for k in range(400)), "h = tanh(s400)"]
    case = drawn(Cell("deep", "\n".join(added), (State("h"),)))
    tape = interpreter.forward(case.cell, case.parameters, case.x, case.states)
    found = interpreter.backward(tape, np.ones_like(tape.output), [np.zeros_like(case.states[0])])
    assert np.isfinite(found.x).all()
