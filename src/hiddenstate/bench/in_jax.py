"""JAX as a contender, where it is installed: LSTM, GRU and RNN as a scan over time, compiled."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from hiddenstate.bench.in_torch import has_layer
from hiddenstate.bench.ours import torch_aside
from hiddenstate.bench.timing import Contender, Values
from hiddenstate.bench.work import STREAM, TRAINING, Material

# what the compiler reads once, when JAX is imported
_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
_begun_with: dict[str, int] = {}


def why_absent(given: Material) -> str | None:
    """Say why JAX does not take part, None where it does."""
    if not has_layer(given):
        return "it is written here for lstm, gru and rnn only"
    if find_spec("jax") is None:
        return "jax is not installed: pip install jax"
    if "jax" in sys.modules and _begun_with.get("threads") != given.work.threads:
        return "it was imported with another number of threads; use a process of its own"
    return None


def _jax(threads: int) -> Any:
    """Import JAX with so many threads; it reads them once."""
    if "jax" not in sys.modules:
        if threads == 1:
            os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_ONE_THREAD}".strip()
        os.environ["NPROC"] = str(threads)
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        _begun_with["threads"] = threads
    import jax

    return jax


def jax_scan(given: Material) -> Iterator[Contender]:
    """A compiled step for a stream, a compiled scan for sequences; nothing where JAX is absent."""
    if why_absent(given) is not None:
        return
    jax = _jax(given.work.threads)
    jnp, name = jax.numpy, given.work.recurrence.name
    step = partial(_STEPS[name], jnp)
    # matrices as [in, out]: nothing is transposed between the steps
    weights = {key.removesuffix("_l0"): _column_wise(value) for key, value in given.weights.items()}
    weights = {key: jnp.asarray(value) for key, value in weights.items()}
    zeros = np.zeros((given.work.batch, given.work.hidden), np.float32)
    first = (zeros, zeros) if name == "lstm" else (zeros,)

    def forward(weights: Any, x: Any) -> Any:
        rows = x @ weights["weight_ih"] + weights["bias_ih"]

        def body(state: Any, row: Any) -> Any:
            state = step(weights, row, state)
            return state, state[0]

        return jax.lax.scan(body, tuple(map(jnp.asarray, first)), rows)[1]

    if given.work.kind == STREAM:
        yield _stream(jax, step, weights, first, given)
    elif given.work.kind == TRAINING:
        yield _training(jax, forward, weights, given)
    else:
        run = partial(jax.jit(forward), weights, jnp.asarray(given.x.numpy()))
        yield Contender(
            "JAX",
            lambda: jax.block_until_ready(run()),
            lambda: {"output": _masked(given, np.asarray(run()))},
            inside=torch_aside,
        )


def _stream(jax: Any, step: Any, weights: Any, first: Any, given: Material) -> Contender:
    """torch tensors in and out: read as NumPy arrays, given back through DLPack, none of them copied."""

    @jax.jit
    def one(weights: Any, x: Any, state: Any) -> Any:
        return step(weights, x @ weights["weight_ih"] + weights["bias_ih"], state)

    x, carried = given.x[0].clone(), [first]

    def run() -> torch.Tensor:
        carried[0] = one(weights, x.numpy(), carried[0])
        return torch.from_dlpack(jax.block_until_ready(carried[0][0]))

    def answer() -> Values:
        state, outputs = first, []
        for t in given.steps:
            state = one(weights, given.x[t].numpy(), state)
            outputs.append(np.asarray(state[0])[0])
        return {"output": np.stack(outputs)}

    return Contender("JAX", run, answer, inside=torch_aside)


def _training(jax: Any, forward: Callable[[Any, Any], Any], weights: Any, given: Material) -> Contender:
    @jax.jit
    def both(weights: Any, x: Any, adjoint: Any) -> Any:
        output, back = jax.vjp(forward, weights, x)
        return output, *back(adjoint)

    x, adjoint = (jax.numpy.asarray(value.numpy()) for value in (given.x, given.adjoint))

    def answer() -> Values:
        output, gradients, of_x = both(weights, x, adjoint)
        found = {f"{name}_l0": _column_wise(np.asarray(value)) for name, value in gradients.items()}
        return {"output": _masked(given, np.asarray(output)), "x": np.asarray(of_x), **found}

    def run() -> Any:
        return jax.block_until_ready(both(weights, x, adjoint))

    return Contender("JAX", run, answer, inside=torch_aside)


def _column_wise(value: Any) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(value).T)


def _masked(given: Material, output: np.ndarray) -> np.ndarray:
    if given.lengths is None:
        return output
    return output * (np.arange(len(output))[:, None] < given.lengths.numpy())[..., None]


def _lstm(jnp: Any, weights: Any, row: Any, state: Any) -> Any:
    from jax.nn import sigmoid

    h, c = state
    i, f, g, o = jnp.split(row + h @ weights["weight_hh"] + weights["bias_hh"], 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    return sigmoid(o) * jnp.tanh(c), c


def _gru(jnp: Any, weights: Any, row: Any, state: Any) -> Any:
    from jax.nn import sigmoid

    (h,) = state
    r, z, n = jnp.split(row, 3, -1)
    back_r, back_z, back_n = jnp.split(h @ weights["weight_hh"] + weights["bias_hh"], 3, -1)
    n = jnp.tanh(n + sigmoid(r + back_r) * back_n)
    z = sigmoid(z + back_z)
    return ((1 - z) * n + z * h,)


def _rnn(jnp: Any, weights: Any, row: Any, state: Any) -> Any:
    return (jnp.tanh(row + state[0] @ weights["weight_hh"] + weights["bias_hh"]),)


_STEPS = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}
