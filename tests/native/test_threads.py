"""Threads: whose they are, the same bits on any number, callers that come at once or fork, denormals."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
import torch

from hiddenstate import native
from hiddenstate.layers import Recurrent
from hiddenstate.layers.operators import team

pytestmark = pytest.mark.skipif(not native.available(), reason="this installation has no compiled core")


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def trained(threads: int, seed: int = 0) -> list[torch.Tensor]:
    """Output and gradients of a layer large enough for several threads, ragged and padded with NaN."""
    generator = torch.Generator().manual_seed(seed)
    layer = Recurrent("lstm", 48, 80, backend="native")
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-0.2, 0.2, generator=generator)
    x = torch.randn(30, 24, 48, generator=generator)
    lengths = [30, 0, *range(5, 27)]
    for row, length in enumerate(lengths):
        x[length:, row] = float("nan")
    torch.set_num_threads(threads)
    output, _ = layer(x.requires_grad_(), lengths=lengths)
    output.square().sum().backward()
    return [output.detach(), x.grad, *(parameter.grad for parameter in layer.parameters())]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_every_number_of_threads_gives_the_same_bits():
    one = trained(1)
    assert one[1].abs().sum() > 0
    for threads in (2, 3, 7):
        assert same(trained(threads), one)


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP is what torch is built on under Linux")
def test_the_team_is_that_of_the_library_that_torch_has_loaded():
    found = team.team_of_torch()
    assert found is not None
    with open("/proc/self/maps", encoding="utf-8") as lines:
        spans = [line.split() for line in lines if "omp" in line.split()[-1] and "r-xp" in line]
    owners = set()
    for address in found:
        for span, *_, file in spans:
            first, last = (int(end, 16) for end in span.split("-"))
            owners |= {file} if first <= address < last else set()
    assert len(owners) == 1
    assert team.share_team()


def test_callers_on_several_threads_get_their_own_results():
    judges = [trained(1, seed) for seed in range(4)]
    wrong: list[int] = []

    def call(seed: int) -> None:
        for _ in range(5):
            if not same(trained(2, seed), judges[seed]):
                wrong.append(seed)

    callers = [threading.Thread(target=call, args=(seed,)) for seed in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []


# Run with a team of torch's that was not handed over: the core's own threads do the same.
WITHOUT_A_TEAM = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from hiddenstate.layers.operators import compiled
compiled.share_team = lambda: False
from test_threads import same, trained
one = trained(1)
assert all(same(trained(threads), one) for threads in (2, 3, 2))
results = []
callers = [threading.Thread(target=lambda: results.append(same(trained(3), one))) for _ in range(4)]
[caller.start() for caller in callers], [caller.join() for caller in callers]
print(results)
"""

# GNU's team of a parent would be waited for without end in its child.
FORKED = """
import os, sys
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "own":
    from hiddenstate.layers.operators import compiled
    compiled.share_team = lambda: False
import torch
from hiddenstate.layers import Recurrent
torch.set_num_threads(2)
layer, x = Recurrent("lstm", 64, 96, backend="native"), torch.ones(40, 24, 64)
with torch.no_grad():
    here = layer(x)[0][-1, 0].tolist()
    child = os.fork()
    if child == 0:
        os._exit(0 if layer(x)[0][-1, 0].tolist() == here else 3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    assert layer(x)[0][-1, 0].tolist() == here
"""


def said(program: str, *arguments: str) -> str:
    folder = os.path.dirname(__file__)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, folder, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_the_cores_own_threads_give_the_same_bits():
    assert said(WITHOUT_A_TEAM) == "[True, True, True, True]"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("whose", ["torch", "own"])
def test_a_forked_child_has_threads_of_its_own(whose):
    assert said(FORKED, whose) == "0"


@pytest.mark.parametrize("threads", [1, 2])
def test_denormal_numbers_are_flushed_inside_and_kept_outside(threads):
    torch.set_num_threads(threads)
    tiny = torch.tensor([1e-30])
    layer = Recurrent("rnn", 64, 64, activation="identity", bias=False, backend="native")
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.eye(64) * 1e-20)
        output, _ = layer(torch.full((40, 32, 64), 1e-20))
    assert output.abs().max() == 0  # 1e-40 is denormal
    assert (tiny * tiny.new_tensor(1e-10)).item() > 0
