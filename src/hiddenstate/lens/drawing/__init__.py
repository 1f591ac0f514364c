"""HOW DOES A VIEW LOOK ON PAPER? Building blocks of pictures that are read without colour too.

A view's `draw(figure)` divides the figure and puts a block into each part. Imported when something is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from hiddenstate.lens.view import View

__all__ = ["drawn"]


class Picture(Figure):
    """A figure that a notebook shows by itself, without pyplot."""

    def _repr_png_(self) -> bytes:
        from hiddenstate import pictures

        return pictures.png(self)


def drawn(view: View) -> Figure:
    """Draw a view on a sheet of its own; it may choose another size for it."""
    figure = Picture(figsize=(8, 4.5), dpi=150, layout="constrained")
    view.draw(figure)
    return figure
