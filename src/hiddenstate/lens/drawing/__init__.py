"""HOW DOES A VIEW LOOK ON PAPER? Building blocks of pictures that are read without colour too.

circles     the state after each step as a circle, filled with the colour of each earlier input in its share
heat_map    steps by inputs, units by steps: values as shades
lines       curves with their quantiles, named at their ends
path        a way through a plane, its points marked by class

A view's `draw(figure)` divides the figure and puts a block into each part. Imported when something is drawn.
"""

from __future__ import annotations

from hiddenstate.lens.drawing.circles import circles
from hiddenstate.lens.drawing.circles import size as circles_size
from hiddenstate.lens.drawing.heat_map import Scale, heat_map
from hiddenstate.lens.drawing.heat_map import height as heat_map_height
from hiddenstate.lens.drawing.lines import Curve, lines
from hiddenstate.lens.drawing.path import path
from hiddenstate.lens.drawing.sheet import drawn, entitle, plain, texts_of
from hiddenstate.lens.drawing.words import shown

__all__ = [
    "Curve",
    "Scale",
    "circles",
    "circles_size",
    "drawn",
    "entitle",
    "heat_map",
    "heat_map_height",
    "lines",
    "path",
    "plain",
    "shown",
    "texts_of",
]
