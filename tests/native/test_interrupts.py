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

# Long calls are begun as asked, one after the other; the signal comes from outside while one runs.
PROGRAM = """
import signal, sys, time, torch
from hiddenstate.layers import Recurrent
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started this may have left Ctrl-C ignored
layer = Recurrent("lstm", 128, 128, backend="native")
x = torch.randn(12000, 16, 128)
for asked in sys.stdin:
    where, threads = asked.split()
    torch.set_num_threads(int(threads))
    layer.zero_grad()
    small = layer(x[:5])[0].detach()
    loss = layer(x)[0].sum() if where == "backward" else None
    try:
        print("begun", flush=True)
        while True:
            if where == "forward":
                layer(x)
            else:
                loss.backward(retain_graph=True)
    except KeyboardInterrupt:
        print("stopped", time.monotonic(), flush=True)
    assert torch.equal(layer(x[:5])[0], small)
    layer.zero_grad()
    layer(x[:5])[0].sum().backward()
    print("usable", torch.isfinite(layer.weight_hh_l0.grad).all().item(), flush=True)
"""


@pytest.fixture(scope="module")
def caller():
    """A process that makes long calls."""
    running = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
    )
    yield running
    output, errors = running.communicate(timeout=200)
    assert (running.returncode, output, errors) == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="a signal to another process is Unix's")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("where", ["forward", "backward"])
def test_an_interrupt_ends_a_call_and_leaves_all_usable(caller, where, threads):
    caller.stdin.write(f"{where} {threads}\n")
    caller.stdin.flush()
    assert caller.stdout.readline() == "begun\n"
    time.sleep(0.2)
    sent = time.monotonic()
    caller.send_signal(signal.SIGINT)
    stopped = float(caller.stdout.readline().removeprefix("stopped "))
    assert stopped - sent < 10  # it takes a tenth of a second where nobody else wants the processor
    assert caller.stdout.readline() == "usable True\n"


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
