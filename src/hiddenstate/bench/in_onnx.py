"""onnxruntime and OpenVINO as contenders: the node of the same name, in a graph of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from hiddenstate.bench.in_torch import has_layer
from hiddenstate.bench.ours import numpy, torch_aside
from hiddenstate.bench.timing import Contender, Values
from hiddenstate.bench.work import STREAM, TRAINING, Material

# where ONNX has which of torch's blocks: i f g o -> i o f c, r z n -> z r h
_ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}


def why_absent(given: Material, package: str) -> str | None:
    """Say why a package does not take part, None where it does."""
    if given.work.kind == TRAINING:
        return "it does not train"
    if not has_layer(given):
        return "it has no such cell"
    if given.lengths is not None:
        return "it is compared on sequences of one length"
    if package == "openvino" and given.work.kind == STREAM:
        return "it is compared on whole sequences"
    for needed in ("onnx", package):
        if find_spec(needed) is None:
            return f"{needed} is not installed: pip install {needed}"
    return None


def graph(given: Material) -> bytes:
    """An ONNX model with one recurrent node: X [T, B, F] and the first states to Y and the last states."""
    from onnx import TensorProto, checker, helper, numpy_helper

    name, work = given.work.recurrence.name, given.work
    steps = 1 if work.kind == STREAM else work.steps

    def blocks(value: Any) -> list[np.ndarray]:
        parts = np.split(value.numpy(), len(_ORDER[name]))
        return [parts[k] for k in _ORDER[name]]

    w = given.weights
    arrays = {
        "W": np.concatenate(blocks(w["weight_ih_l0"]))[None],
        "R": np.concatenate(blocks(w["weight_hh_l0"]))[None],
        "B": np.concatenate(blocks(w["bias_ih_l0"]) + blocks(w["bias_hh_l0"]))[None],
    }
    states = ("h", "c") if name == "lstm" else ("h",)
    choices: dict[str, Any] = {"linear_before_reset": 1} if name == "gru" else {}
    node = helper.make_node(
        name.upper(),
        ["X", "W", "R", "B", "", *states],
        ["Y", *(f"last_{state}" for state in states)],
        hidden_size=work.hidden,
        **choices,
    )

    def value(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    width = (1, work.batch, work.hidden)
    made = helper.make_graph(
        [node],
        "one layer",
        [value("X", steps, work.batch, work.features), *(value(state, *width) for state in states)],
        [value("Y", steps, *width), *(value(f"last_{state}", *width) for state in states)],
        [numpy_helper.from_array(array, key) for key, array in arrays.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    checker.check_model(model)
    return bytes(model.SerializeToString())


class _Session:
    """An onnxruntime session with the buffers that it may be bound to."""

    def __init__(self, given: Material) -> None:
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = given.work.threads
        settings.inter_op_num_threads = 1
        cpu = ["CPUExecutionProvider"]
        self.session = onnxruntime.InferenceSession(graph(given), settings, providers=cpu)
        self.given = given
        self.steps = 1 if given.work.kind == STREAM else given.work.steps
        self.states = [each.name for each in self.session.get_inputs()][1:]
        self.width = (1, given.work.batch, given.work.hidden)

    def first(self) -> dict[str, np.ndarray]:
        return {state: np.zeros(self.width, np.float32) for state in self.states}

    def bound(self, x: torch.Tensor, y: torch.Tensor, into: Any, out_of: Any) -> Any:
        """A binding to the memory of torch tensors."""
        binding = self.session.io_binding()

        def place(bind: Callable[..., None], name: str, value: torch.Tensor) -> None:
            bind(name, "cpu", 0, np.float32, tuple(value.shape), value.data_ptr())

        place(binding.bind_input, "X", x)
        place(binding.bind_output, "Y", y)
        for state, old, new in zip(self.states, into, out_of, strict=True):
            place(binding.bind_input, state, old)
            place(binding.bind_output, f"last_{state}", new)
        return binding


def onnx_runtimes(given: Material) -> Iterator[Contender]:
    """onnxruntime fed with arrays and bound to buffers, and OpenVINO: those that can and are installed."""
    if why_absent(given, "onnxruntime") is None:
        session = _Session(given)
        if given.work.kind == STREAM:
            yield _stream(session)
            yield _stream_bound(session)
        else:
            yield _sequence(session)
            yield _sequence_bound(session)
    if why_absent(given, "openvino") is None:
        yield _openvino(given)


def _stream(session: _Session) -> Contender:
    """torch tensors in and out, the state as onnxruntime gives it back."""
    run_session, states = session.session.run, session.states
    given, names = session.given, ["Y", *(f"last_{state}" for state in session.states)]

    def step(x: torch.Tensor, state: dict[str, np.ndarray]) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
        output, *last = run_session(names, {"X": x.numpy(), **state})
        return torch.from_numpy(output), dict(zip(states, last, strict=True))

    x, carried = given.x[0][None].clone(), [session.first()]

    def run() -> torch.Tensor:
        output, carried[0] = step(x, carried[0])
        return output

    def answer() -> Values:
        state, outputs = session.first(), []
        for t in given.steps:
            output, state = step(given.x[t][None], state)
            outputs.append(output.reshape(-1).clone())
        return {"output": numpy(torch.stack(outputs))}

    return Contender("onnxruntime", run, answer, inside=torch_aside)


def _stream_bound(session: _Session) -> Contender:
    """Everything bound once: x is copied in, and the state goes to and fro between two sets of buffers."""
    given, run_bound = session.given, session.session.run_with_iobinding
    x, y = torch.zeros(1, 1, given.work.features), torch.zeros(1, *session.width)
    sets = [[torch.zeros(session.width) for _ in session.states] for _ in range(2)]
    bindings = [session.bound(x, y, sets[k], sets[1 - k]) for k in range(2)]
    turn, fed = [0], given.x[0][None].clone()

    def step(value: torch.Tensor) -> torch.Tensor:
        x.copy_(value)
        run_bound(bindings[turn[0]])
        turn[0] = 1 - turn[0]
        return y

    def answer() -> Values:
        for value in (*sets[0], *sets[1]):
            value.zero_()
        outputs = [step(given.x[t][None]).reshape(-1).clone() for t in given.steps]
        return {"output": numpy(torch.stack(outputs))}

    return Contender("onnxruntime, bound", lambda: step(fed), answer, inside=torch_aside)


def _sequence(session: _Session) -> Contender:
    feed = {"X": session.given.x.numpy(), **session.first()}

    def run() -> Any:
        return session.session.run(["Y"], feed)[0]

    return Contender("onnxruntime", run, lambda: {"output": run()[:, 0]}, inside=torch_aside)


def _sequence_bound(session: _Session) -> Contender:
    given = session.given
    y = torch.zeros(session.steps, *session.width)
    into, out_of = ([torch.zeros(session.width) for _ in session.states] for _ in range(2))
    x = given.x.clone()
    binding = session.bound(x, y, into, out_of)

    def run() -> torch.Tensor:
        session.session.run_with_iobinding(binding)
        return y

    def answer() -> Values:
        return {"output": numpy(run()[:, 0])}

    # the binding knows addresses only: what lies there has to stay
    run.kept = (x, into, out_of)  # type: ignore[attr-defined]
    return Contender("onnxruntime, bound", run, answer, inside=torch_aside)


def _openvino(given: Material) -> Contender:
    import openvino

    model = openvino.Core().read_model(graph(given))
    compiled = openvino.Core().compile_model(
        model,
        "CPU",
        {
            "INFERENCE_NUM_THREADS": given.work.threads,
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,
        },
    )
    request = compiled.create_infer_request()
    width = (1, given.work.batch, given.work.hidden)
    states = [port.any_name for port in compiled.inputs if port.any_name != "X"]
    feed = {"X": given.x.numpy(), **{state: np.zeros(width, np.float32) for state in states}}
    place = compiled.output("Y")

    def run() -> Any:
        return request.infer(feed, share_inputs=True, share_outputs=True)[place]

    return Contender("OpenVINO", run, lambda: {"output": run()[:, 0].copy()}, inside=torch_aside)
