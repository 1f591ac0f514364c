"""WHAT DOES IT REMEMBER? Views of a run or a layer: numbers with named axes, and their pictures.

    from hiddenstate import lens
    lens.memory("runs/mine", "what time is it?").plot()

A view reads; it never changes weights, random states or modes. Views need NumPy alone, pictures matplotlib.

opened.py    what can be looked into: a run, a layer
passes.py    a stack run over sequences, and gone back through
initialisation.py, fresh.py  how networks begin, before any training
remembering.py  what of each input the state holds: occlusion.py, slopes.py; live.py while it arrives
recall/      networks compared: who remembers longer
gating.py    `gates`: gates and states over the steps, saturation, memory spans; tally.py counts them
trajectory.py  `states`: the way of the state in two dimensions (plane.py), and where it is alike (nearest.py)
pieces.py    a stack run forwards over long sequences and many texts (texts.py), without holding all of it
through_time.py  the gradient on its way back (norms.py), its pace (fading.py), why (one_step.py, bound.py)
reaching.py  `horizon`: how far a state reaches, by Lyapunov exponents and memory capacity (lyapunov.py)
view.py      what every view is: arrays with named axes, how to read them, a picture
drawing/     what pictures are made of
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hiddenstate.lens.fresh import Fresh
    from hiddenstate.lens.gating import GatesView, gates
    from hiddenstate.lens.gradient_view import GradientView
    from hiddenstate.lens.live import LiveMemory
    from hiddenstate.lens.memory_view import MemoryView
    from hiddenstate.lens.nearest import Search
    from hiddenstate.lens.reaching import HorizonView, horizon
    from hiddenstate.lens.recall.comparison import compare
    from hiddenstate.lens.recall.view import CompareView
    from hiddenstate.lens.remembering import memory
    from hiddenstate.lens.through_time import gradient
    from hiddenstate.lens.trajectory import StatesView, states
    from hiddenstate.lens.view import Named, View


__all__ = [
    "CompareView",
    "Fresh",
    "GatesView",
    "GradientView",
    "HorizonView",
    "LiveMemory",
    "MemoryView",
    "Named",
    "Search",
    "StatesView",
    "View",
    "compare",
    "gates",
    "gradient",
    "horizon",
    "memory",
    "states",
]

# Where each public name lives. The file of a function is called otherwise than the function: a module that is
# imported is set here under its own name, and would take the function's place.
_PLACES = {
    "CompareView": "recall.view",
    "Fresh": "fresh",
    "GatesView": "gating",
    "GradientView": "gradient_view",
    "HorizonView": "reaching",
    "LiveMemory": "live",
    "MemoryView": "memory_view",
    "Named": "view",
    "Search": "nearest",
    "StatesView": "trajectory",
    "View": "view",
    "compare": "recall.comparison",
    "gates": "gating",
    "gradient": "through_time",
    "horizon": "reaching",
    "memory": "remembering",
    "states": "trajectory",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        from hiddenstate.errors import nearest

        raise AttributeError(f"{__name__} has no name {name!r}; {nearest(name, _PLACES)}")
    value = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
