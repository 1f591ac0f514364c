"""How does a trained layer answer without torch? Forwards only, in NumPy and the compiled core.

one_layer.py   one layer in one direction over a batch
affine.py      x W' + b
compiled.py    cells as the compiled core has them
stack.py       layers and directions upon one another, with the names that `layers` gives their weights
stream.py      the same for a sequence that arrives bit by bit
pooling.py     many steps become one summary, also while they arrive
bags.py        rows of a table, summed by bags of ids
from hiddenstate.infer.chain import Beliefs, Chain
