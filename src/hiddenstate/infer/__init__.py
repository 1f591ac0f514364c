"""How does a trained layer answer without torch? Forwards only, in NumPy and the compiled core.

one_layer.py   one layer in one direction over a batch
affine.py      x W' + b
compiled.py    cells as the compiled core has them
stack.py       layers and directions upon one another, with the names that `layers` gives their weights
stream.py      the same for a sequence that arrives bit by bit
pooling.py     many steps become one summary, also while they arrive
bags.py        rows of a table, summed by bags of ids
narrow.py      weights in few bits, and in full again
inside.py      a trained model laid open for those who look into it
chain.py       scores of tags one after another: the best sequence, and how probable its parts are
"""

from hiddenstate.infer.affine import affine
from hiddenstate.infer.bags import bag_means, bag_sums
from hiddenstate.infer.chain import Beliefs, Chain
from hiddenstate.infer.inside import Example, Head, Inside, Running
from hiddenstate.infer.narrow import narrow, widen
from hiddenstate.infer.one_layer import run_layer
from hiddenstate.infer.pooling import RunningAttention, RunningPool, attend, pool
from hiddenstate.infer.stack import Stack, stack_shapes
from hiddenstate.infer.stream import Stream

__all__ = [
    "Beliefs",
    "Chain",
    "Example",
    "Head",
    "Inside",
    "Running",
    "RunningAttention",
    "RunningPool",
    "Stack",
    "Stream",
    "affine",
    "attend",
    "bag_means",
    "bag_sums",
    "narrow",
    "pool",
    "run_layer",
    "stack_shapes",
    "widen",
]
