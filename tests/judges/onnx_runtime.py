"""ONNX Runtime as a judge: a model of one recurrent node, built and run as given."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

INPUTS = {
    "RNN": ("X", "W", "R", "B", "sequence_lens", "initial_h"),
    "GRU": ("X", "W", "R", "B", "sequence_lens", "initial_h"),
    "LSTM": ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"),
}
OUTPUTS = {"RNN": ("Y", "Y_h"), "GRU": ("Y", "Y_h"), "LSTM": ("Y", "Y_h", "Y_c")}


def node(op_type: str, names: Any, attributes: dict[str, Any]) -> onnx.NodeProto:
    """A recurrent node; an input that is not among the names is left out."""
    given = [name if name in names else "" for name in INPUTS[op_type]]
    return helper.make_node(op_type, given, OUTPUTS[op_type], **attributes)


def run(op_type: str, inputs: dict[str, np.ndarray], attributes: dict[str, Any]) -> dict[str, np.ndarray]:
    """What ONNX Runtime computes for a node: float32, layout 0."""
    rows = [
        helper.make_tensor_value_info(
            name, TensorProto.INT32 if name == "sequence_lens" else TensorProto.FLOAT, array.shape
        )
        for name, array in inputs.items()
    ]
    results = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * (4 if name == "Y" else 3))
        for name in OUTPUTS[op_type]
    ]
    said = {"hidden_size": inputs["R"].shape[-1], **attributes}  # ONNX Runtime does not infer it
    graph = helper.make_graph([node(op_type, inputs, said)], "one_node", rows, results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return dict(zip(OUTPUTS[op_type], session.run(None, inputs), strict=True))
