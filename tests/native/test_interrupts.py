"""Ctrl-C in a long call, and other Python threads beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

from hiddenstate import native
from hiddenstate.layers import Recurrent

pytestmark = [
    pytest.mark.skipif(not native.available(), reason="this installation has no compiled core"),
    pytest.mark.timeout(240),
]

# One long call is begun; the signal comes from outside while it runs. "late": after half of the calls' usual
# time, where the gradients of the weights are summed.
PROGRAM = """
import sys, time, torch
from hiddenstate.layers import Recurrent
where, threads, backend = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(threads)
layer = Recurrent("lstm", 128, 128, backend=backend)
x = torch.randn(int(sys.argv[4]), 16, 128)
small = layer(x[:5])[0].detach()
loss = layer(x)[0].sum() if where == "backward" else None
print("begun", flush=True)
try:
    while True:
        began = time.monotonic()
        if where == "forward":
            layer(x)
        else:
            loss.backward(retain_graph=True)
        print("whole", time.monotonic() - began, flush=True)
except KeyboardInterrupt:
    print("stopped", time.monotonic(), flush=True)
assert torch.equal(layer(x[:5])[0], small)
layer(x[:5])[0].sum().backward()
print("usable", torch.isfinite(layer.weight_hh_l0.grad).all().item(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a signal to another process is Unix's")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("where", ["forward", "backward"])
def test_an_interrupt_ends_a_call_and_leaves_all_usable(where, threads):
    running = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, where, str(threads), "native", "20000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "begun\n"
    time.sleep(0.3)
    sent = time.monotonic()
    running.send_signal(signal.SIGINT)
    output, errors = running.communicate(timeout=200)
    assert errors == ""
    lines = output.splitlines()
    assert lines[-1] == "usable True"
    stopped = float(lines[-2].removeprefix("stopped "))
    assert stopped - sent < 10  # it takes a tenth of a second where nobody else wants the processor


def test_another_python_thread_goes_on_while_the_core_works():
    layer, x = Recurrent("lstm", 128, 128, backend="native"), torch.randn(1500, 16, 128)
    counted, ended = [0], threading.Event()

    def count() -> None:
        while not ended.is_set():
            counted[0] += 1
            time.sleep(0.001)

    other = threading.Thread(target=count)
    other.start()
    before = counted[0]
    with torch.no_grad():
        layer(x)
    during = counted[0] - before
    ended.set()
    other.join()
    assert during > 3


def test_a_thread_that_is_not_the_main_one_runs_long_calls():
    torch.manual_seed(0)
    layer, x, found = Recurrent("gru", 64, 64, backend="native"), torch.randn(2000, 16, 64), []

    def call() -> None:
        with torch.no_grad():
            found.append(layer(x)[0])

    other = threading.Thread(target=call)
    other.start()
    other.join()
    with torch.no_grad():
        assert torch.equal(found[0], layer(x)[0])
