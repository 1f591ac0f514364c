"""One step of every cell, written by hand in NumPy from its paper, gate by gate.

These functions share nothing with hiddenstate but the names and the block order of the parameters `p`.
Each takes x [B, F], the previous states and p, and returns (output, next states).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

Array = np.ndarray
Weights = Mapping[str, Array]
Step = Callable[[Array, tuple[Array, ...], Weights], tuple[Array, tuple[Array, ...]]]


def logistic(a: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-a))


def gates(matrix: Array, vector: Array, bias: Array, count: int) -> list[Array]:
    return np.split(np.einsum("bk,gk->bg", vector, matrix) + bias, count, axis=1)


def both(x: Array, h: Array, p: Weights, count: int) -> list[Array]:
    from_input = gates(p["weight_ih"], x, p["bias_ih"], count)
    from_state = gates(p["weight_hh"], h, p["bias_hh"], count)
    return [a + b for a, b in zip(from_input, from_state, strict=True)]


def elman(x, states, p):
    """Elman 1990: the input joined to the previous hidden layer, one fully connected layer, a squashing."""
    (h,) = states
    joint = np.hstack([p["weight_ih"], p["weight_hh"]])
    h = np.tanh(np.hstack([x, h]) @ joint.T + p["bias_ih"] + p["bias_hh"])
    return h, (h,)


def elman_readout(x, states, p):
    h, states = elman(x, states, p)
    return h @ p["weight_ho"].T + p["bias_ho"], states


def jordan(x, states, p):
    """Jordan 1986: the previous output comes back in."""
    (y,) = states
    h = np.tanh(x @ p["weight_ih"].T + p["bias_ih"] + y @ p["weight_hh"].T + p["bias_hh"])
    y = h @ p["weight_ho"].T + p["bias_ho"]
    return y, (y,)


def lstm(x, states, p):
    """Gers et al. 2000 (the LSTM with a forget gate)."""
    h, c = states
    zi, zf, zg, zo = both(x, h, p, 4)
    c = logistic(zf) * c + logistic(zi) * np.tanh(zg)
    h = logistic(zo) * np.tanh(c)
    return h, (h, c)


def lstm_peephole(x, states, p):
    """Gers and Schmidhuber 2000."""
    h, c = states
    zi, zf, zg, zo = both(x, h, p, 4)
    new = logistic(zf + p["p_f"] * c) * c + logistic(zi + p["p_i"] * c) * np.tanh(zg)
    h = logistic(zo + p["p_o"] * new) * np.tanh(new)
    return h, (h, new)


def cifg(x, states, p):
    """Greff et al. 2017: i = 1 - f."""
    h, c = states
    zf, zg, zo = both(x, h, p, 3)
    forget = logistic(zf)
    c = forget * c + (1 - forget) * np.tanh(zg)
    h = logistic(zo) * np.tanh(c)
    return h, (h, c)


def lstm_projected(x, states, p):
    """Sak et al. 2014: r = W_rm m is what is fed back and what leaves."""
    r, c = states
    m, (_, c) = lstm(x, (r, c), p)
    r = m @ p["weight_hr"].T
    return r, (r, c)


def row_normalised(a: Array) -> Array:
    return (a - a.mean(1, keepdims=True)) / np.sqrt(a.var(1, keepdims=True) + 1e-5)


def lstm_layer_norm(x, states, p):
    """Ba, Kiros and Hinton 2016, equations 20 to 22, each gate normalised across its own units."""
    h, c = states
    z = {}
    for k, gate in enumerate("ifgo"):
        rows = slice(k * h.shape[1], (k + 1) * h.shape[1])
        a = row_normalised(x @ p["weight_ih"][rows].T) * p[f"gain_W_{gate}"] + p[f"shift_W_{gate}"]
        b = row_normalised(h @ p["weight_hh"][rows].T) * p[f"gain_R_{gate}"] + p[f"shift_R_{gate}"]
        z[gate] = a + b
    c = logistic(z["f"]) * c + logistic(z["i"]) * np.tanh(z["g"])
    h = logistic(z["o"]) * np.tanh(row_normalised(c) * p["gain_c"] + p["shift_c"])
    return h, (h, c)


def janet(x, states, p):
    """van der Westhuizen and Lasenby 2018, with beta = 1."""
    (h,) = states
    s, zg = both(x, h, p, 2)
    h = logistic(s) * h + (1 - logistic(s - 1)) * np.tanh(zg)
    return h, (h,)


def slstm(x, states, p):
    """Beck et al. 2024, the equations without a stabiliser; m only scales c and n by exp(-m)."""
    h, c, n, m = states
    zi, zf, zz, zo = both(x, h, p, 4)
    c = logistic(zf) * (c * np.exp(m)) + np.exp(zi) * np.tanh(zz)
    n = logistic(zf) * (n * np.exp(m)) + np.exp(zi)
    h = logistic(zo) * c / n
    m = np.maximum(np.log(logistic(zf)) + m, zi)
    return h, (h, c * np.exp(-m), n * np.exp(-m), m)


def gru(x, states, p):
    """Cho et al. 2014 as cuDNN computes it: the reset gate scales the product."""
    (h,) = states
    xr, xz, xn = gates(p["weight_ih"], x, p["bias_ih"], 3)
    hr, hz, hn = gates(p["weight_hh"], h, p["bias_hh"], 3)
    candidate = np.tanh(xn + logistic(xr + hr) * hn)
    update = logistic(xz + hz)
    h = candidate + update * (h - candidate)
    return h, (h,)


def gru_before(x, states, p):
    """Cho et al. 2014, equations 5 to 8: h~ = tanh(W x + U (r h))."""
    (h,) = states
    H = h.shape[1]
    xr, xz, xn = gates(p["weight_ih"], x, p["bias_ih"], 3)
    hr, hz, _ = gates(p["weight_hh"], h, p["bias_hh"], 3)
    reset = logistic(xr + hr)
    candidate = np.tanh(xn + (reset * h) @ p["weight_hh"][2 * H :].T + p["bias_hh"][2 * H :])
    update = logistic(xz + hz)
    h = update * h + (1 - update) * candidate
    return h, (h,)


def mgu(x, states, p):
    """Zhou et al. 2016: one gate in both roles."""
    (h,) = states
    H = h.shape[1]
    xf, xn = gates(p["weight_ih"], x, p["bias_ih"], 2)
    forget = logistic(xf + h @ p["weight_hh"][:H].T + p["bias_hh"][:H])
    candidate = np.tanh(xn + (forget * h) @ p["weight_hh"][H:].T + p["bias_hh"][H:])
    h = (1 - forget) * h + forget * candidate
    return h, (h,)


def ugrnn(x, states, p):
    """Collins et al. 2017, equations 14 to 16."""
    (h,) = states
    zg, zn = both(x, h, p, 2)
    h = logistic(zg) * h + (1 - logistic(zg)) * np.tanh(zn)
    return h, (h,)


def mingru(x, states, p):
    """Feng et al. 2024, section 3.1."""
    (h,) = states
    zz, candidate = gates(p["weight_ih"], x, p["bias_ih"], 2)
    h = (1 - logistic(zz)) * h + logistic(zz) * candidate
    return h, (h,)


def minlstm(x, states, p):
    """Feng et al. 2024, section 3.2: f' = f / (f + i), i' = i / (f + i)."""
    (h,) = states
    zi, zf, candidate = gates(p["weight_ih"], x, p["bias_ih"], 3)
    total = logistic(zf) + logistic(zi)
    h = logistic(zf) / total * h + logistic(zi) / total * candidate
    return h, (h,)


def indrnn(x, states, p):
    """Li et al. 2018: a Hadamard product in place of the recurrent matrix."""
    (h,) = states
    z = x @ p["weight_ih"].T + p["bias_ih"] + p["u"] * h
    h = z * (z > 0)
    return h, (h,)


STEPS: dict[str, Step] = {
    "rnn": elman,
    "elman_readout": elman_readout,
    "jordan": jordan,
    "lstm": lstm,
    "lstm_peephole": lstm_peephole,
    "cifg": cifg,
    "lstm_projected": lstm_projected,
    "lstm_layer_norm": lstm_layer_norm,
    "janet": janet,
    "slstm": slstm,
    "gru": gru,
    "gru_before": gru_before,
    "mgu": mgu,
    "ugrnn": ugrnn,
    "mingru": mingru,
    "minlstm": minlstm,
    "indrnn": indrnn,
}
