"""HOW FAST? Peers side by side on the user's own sizes, in one process, the same numbers out of each.

work.py        what is computed: a cell, its sizes, a step, a sequence, or a sequence and its gradients
timing.py      contenders in turn, round by round: medians, quartiles, ratios
ours.py        this library
in_torch.py    torch.nn, with and without oneDNN, padded and packed; a loop in torch operations
in_onnx.py     onnxruntime and OpenVINO
in_jax.py      JAX
comparison.py  who takes part, whether they agree, who is faster
picture.py     bars
"""

from hiddenstate.bench.comparison import Comparison, compare, contenders
from hiddenstate.bench.timing import Contender, Effort, Spread
from hiddenstate.bench.work import Work

__all__ = ["Comparison", "Contender", "Effort", "Spread", "Work", "compare", "contenders"]
