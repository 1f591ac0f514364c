"""checkpoint_every: the same numbers as one run whose tape holds every step, in a fraction of the memory."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import chain

import pytest
import torch

from hiddenstate import native
from hiddenstate.errors import InvalidArgument
from hiddenstate.layers import Recurrent

T, B, F, H = 17, 4, 5, 7
BACKENDS = ("reference", *(("native",) if native.available() else ()))
LENGTHS = (None, [17, 0, 5, 12])


def _run(every, backend, cell="lstm", lengths=None, dtype=torch.float32, **options):
    """Values and gradients of a run with every value kept and seeded by its own row of numbers."""
    torch.manual_seed(0)
    options = {"zoneout": 0.2, "first_state": "learned", **options}
    layer = Recurrent(cell, F, H, backend=backend, dtype=dtype, checkpoint_every=every, **options)
    x = torch.randn(T, B, F, dtype=dtype)
    for row, length in enumerate(lengths or ()):
        x[length:, row] = float("nan")
    x.requires_grad_()
    torch.manual_seed(1)  # the masks
    trace = layer.trace(x, lengths=lengths)
    values = [trace.output, *trace.state, *(row for rows in trace.kept.values() for row in rows)]
    loss = sum((v * torch.linspace(-1, 1, v.numel(), dtype=dtype).view(v.shape)).sum() for v in values)
    loss.backward()
    firsts = [p.grad for name, p in layer.named_parameters() if name.startswith("first_")]
    others = [p.grad for name, p in layer.named_parameters() if not name.startswith("first_")]
    return [v.detach() for v in values], [x.grad, *firsts], others


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("cell", ["lstm", "gru_before", "slstm"])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2}])
def test_values_and_gradients_of_the_reference_path_are_those_of_one_run(cell, lengths, options):
    values, firsts, others = _run(None, "reference", cell, lengths, torch.float64, **options)
    for every in (1, 4, 16):
        found = _run(every, "reference", cell, lengths, torch.float64, **options)
        for mine, expected in zip(chain(*found), [*values, *firsts, *others], strict=True):
            torch.testing.assert_close(mine, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.skipif(not native.available(), reason="this installation has no compiled core")
@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("cell", ["lstm", "gru_before", "slstm"])
@pytest.mark.parametrize("options", [{"recurrent_dropout": 0.3}, {"bidirectional": True, "num_layers": 2}])
def test_the_core_gives_the_same_bits_but_for_sums_over_segments(cell, lengths, options):
    truth = _run(None, "reference", cell, lengths, **options)[2]
    values, firsts, others = _run(None, "native", cell, lengths, **options)
    for every in (1, 4, 16):
        *same, sums = _run(every, "native", cell, lengths, **options)
        assert torch.equal(same[0][0], values[0])
        for mine, expected in zip(chain(*same), [*values, *firsts], strict=True):
            # the way back through a layer begins with what the layer above gave: the same bits as well
            assert torch.equal(mine, expected)
        for mine, whole, judge in zip(sums, others, truth, strict=True):
            size = judge.abs().max()
            assert (mine - judge).abs().max() <= 4 * (whole - judge).abs().max() + 1e-5 * size


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_of_one_segment_is_a_run_with_one_tape(backend):
    whole = _run(None, backend)
    for every in (T, T + 1, 1000):
        for mine, expected in zip(chain(*_run(every, backend)), chain(*whole), strict=True):
            assert torch.equal(mine, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gradient_of_the_last_state_alone_reaches_the_first_step(backend):
    grads = []
    for every in (None, 4):
        torch.manual_seed(0)
        layer = Recurrent("lstm", F, H, backend=backend, checkpoint_every=every)
        x = torch.randn(T, B, F, requires_grad=True)
        layer(x)[1][1].sum().backward()
        grads.append(x.grad)
    assert grads[0][0].abs().sum() > 0
    torch.testing.assert_close(grads[1], grads[0], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_of_gradients_are_those_of_one_run(backend):
    found = []
    for every in (None, 2):
        torch.manual_seed(0)
        layer = Recurrent("gru", 2, 3, backend=backend, checkpoint_every=every)
        x = torch.randn(5, 2, 2, requires_grad=True)
        (first,) = torch.autograd.grad(layer(x)[0].square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), x)[0])
    assert found[0].abs().sum() > 0
    torch.testing.assert_close(found[1], found[0])


# what torch.compile does on its way is not for its callers to hear
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("every", [None, 5])
def test_a_compiled_graph_gives_the_same_numbers(backend, every):
    layer, x = Recurrent("lstm", F, H, backend=backend, checkpoint_every=every), torch.randn(T, B, F)
    found = []
    for run in (layer, torch.compile(layer, fullgraph=True, backend="aot_eager")):
        layer.zero_grad()
        output = run(x)[0]
        output.square().sum().backward()
        found.append([output.detach(), *(parameter.grad.clone() for parameter in layer.parameters())])
    assert found[0][1].abs().sum() > 0
    for mine, expected in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("wrong", [0, -3, 2.5, True, "10"])
def test_what_is_no_number_of_steps_is_refused(wrong):
    with pytest.raises(InvalidArgument, match="checkpoint_every to be a whole number of at least 1"):
        Recurrent("lstm", F, H, checkpoint_every=wrong)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("lengths", [[18, 1, 1, 1], [3, -1, 2, 2]])
def test_lengths_are_checked_against_the_whole_run(backend, lengths):
    layer = Recurrent("lstm", F, H, backend=backend, checkpoint_every=4)
    with pytest.raises(InvalidArgument, match="between 0 and the 17 steps"):
        layer(torch.randn(T, B, F), lengths=lengths)


def test_it_is_shown_where_it_is_set():
    assert "checkpoint_every=100" in repr(Recurrent("gru", 2, 3, checkpoint_every=100))
    assert "checkpoint_every" not in repr(Recurrent("gru", 2, 3))


MOST_MEMORY = """
import torch
from pathlib import Path
from hiddenstate.layers import Recurrent

def most():  # of this program alone: what getrusage tells counts the process that started it as well
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

x = torch.randn(4_000, 8, 8)
layers = [Recurrent("lstm", 8, 64, checkpoint_every=every, backend="native") for every in (100, None)]
[layer(x[:10])[0].sum().backward() for layer in layers]
before = most()
for layer in layers:  # the most of the second is above all of the first
    layer(x)[1][0].sum().backward()
    print(most() - before)
"""


@pytest.mark.skipif(not native.available(), reason="this installation has no compiled core")
@pytest.mark.skipif(sys.platform != "linux", reason="the most memory of a process is asked of Linux")
def test_thousands_of_steps_take_a_fraction_of_the_memory():
    done = subprocess.run(
        [sys.executable, "-c", MOST_MEMORY],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.stderr == ""
    in_segments, whole = map(int, done.stdout.split())
    # the tape holds 2 states and 5 values a unit, the way back 4 adjoints; what is left is the output and its
    # gradient
    assert in_segments < whole / 3
