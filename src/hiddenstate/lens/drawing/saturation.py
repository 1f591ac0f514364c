"""How often units are shut against how often they are open: one point a unit, one mark a gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hiddenstate.lens import palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Gate:
    """A gate's name, and the shares of steps [W] at which each unit is saturated left and right."""

    name: str
    left: np.ndarray
    right: np.ndarray


def saturation(axes: Axes, gates: Sequence[Gate]) -> None:
    """Draw the shares of several gates; a unit lies on the slanted line where it is never in between."""
    axes.plot([0, 1], [1, 0], color="#9a9a9a", linewidth=0.6, zorder=1)
    for place, gate in enumerate(gates):
        shade, _, marker = palette.STYLES[place % len(palette.STYLES)]
        axes.plot(
            gate.left,
            gate.right,
            linestyle="none",
            marker=marker,
            markersize=4.5,
            markerfacecolor="none",
            markeredgecolor=shade,
            markeredgewidth=0.7,
            label=gate.name,
            zorder=2,
            clip_on=False,
        )
    # most units may lie in the corner where neither happens: both axes as far as there are points
    most = max([0.2, *(float(side.max()) for gate in gates for side in (gate.left, gate.right))])
    most = 1.0 if most > 0.6 else most * 1.1
    axes.set_xlim(-0.02 * most, 1.02 * most)
    axes.set_ylim(-0.02 * most, 1.02 * most)
    axes.set_xlabel("share of steps below 0.1")
    axes.set_ylabel("share of steps above 0.9")
    axes.set_aspect("equal")
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper right", frameon=False, fontsize=8, handletextpad=0.2)
