"""How does it leave? ONNX: its recurrent operators, run on our cells."""

from hiddenstate.export.onnx_nodes import run_onnx_node

__all__ = ["run_onnx_node"]
