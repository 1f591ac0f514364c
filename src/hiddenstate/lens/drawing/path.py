"""A way through a plane: points in their order, coloured and marked by class, with words beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hiddenstate.errors import InvalidArgument
from hiddenstate.lens import palette
from hiddenstate.lens.drawing.sheet import fit
from hiddenstate.lens.drawing.words import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

NEAR = 20  # points; a word farther from its point has a line to it
MOST_WORDS = 60  # of a longer way only the first and the last point are named
# where a word may stand, tried in this order: (points right, points up)
_AROUND = [
    (distance * np.cos(angle), distance * np.sin(angle))
    for distance in (9, 16, 25, 36, 50, 66)
    for angle in np.pi / 180 * np.array([45, 135, -45, -135, 0, 180, 90, -90, 22, 158, -22, -158])
]


def path(
    axes: Axes,
    points: np.ndarray,
    classes: Sequence[str],
    words: Sequence[str],
    named: tuple[str, str] = ("", ""),
    numbers: Sequence[int] | None = None,
) -> None:
    """Draw points [N, 2] joined in their order, each marked by its class and named by its number and word.

    `named` are the two axes; `numbers` are those of the points, where they do not count from 1. Words stand
    beside their points without touching one another; a line leads to those farther off. Raises
    InvalidArgument where the lengths differ or a point is not finite.
    """
    points = np.asarray(points, np.float64)
    if points.shape != (len(words), 2) or len(classes) != len(words) or not len(words):
        raise InvalidArgument(
            f"a path has points [N, 2], N classes and N words, N at least 1; came {list(points.shape)}, "
            f"{len(classes)} and {len(words)}."
        )
    if not np.isfinite(points).all():
        raise InvalidArgument("a path has finite points; came NaN or infinity.")
    axes.plot(*points.T, color="#9a9a9a", linewidth=0.8, zorder=1)
    kinds = list(dict.fromkeys(classes))
    for place, kind in enumerate(kinds):
        shade, _, marker = palette.STYLES[place % len(palette.STYLES)]
        own = points[[each == kind for each in classes]]
        empty = place // len(palette.STYLES) % 2 == 1  # the second eight classes: the same marks, not filled
        axes.plot(
            *own.T,
            linestyle="none",
            marker=marker,
            markersize=6,
            color=shade,
            markerfacecolor="white" if empty else shade,
            markeredgecolor="black",
            markeredgewidth=0.4,
            label=shown([kind], 24)[0],
            zorder=2,
        )
    axes.set_xlabel(named[0])
    axes.set_ylabel(named[1])
    axes.margins(0.12)
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
    every = range(len(words)) if len(words) <= MOST_WORDS else (0, len(words) - 1)
    labels = shown(words)
    counted = numbers or range(1, len(words) + 1)
    named_points = [(place, f"{counted[place]} {labels[place]}") for place in every]
    fit(axes, lambda: _beside(axes, points, named_points))


def _beside(axes: Axes, points: np.ndarray, labels: Sequence[tuple[int, str]]) -> None:
    """Write each label at the first place around its point where it touches nothing that is there."""
    from matplotlib.transforms import Bbox

    figure: Any = axes.get_figure(root=True)
    frame, scale = axes.get_window_extent(), figure.dpi / 72
    dots = axes.transData.transform(points)
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in dots]
    # the first and the last point are named whatever becomes of the others
    for place, words in sorted(labels, key=lambda each: each[0] not in (0, len(points) - 1)):
        text = axes.annotate(
            words,
            tuple(points[place]),
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            size=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.4},
        )
        own = Bbox.from_extents(*text.get_window_extent().extents).padded(scale)
        for right, up in _AROUND:
            far = np.hypot(right, up)
            shift = scale * np.array([right, up]) + np.array([right, up]) / far * (own.width, own.height) / 2
            moved = own.translated(*shift)
            if _inside(moved, frame) and not any(moved.overlaps(other) for other in taken):
                taken.append(moved)
                text.set_position(tuple(shift / scale))
                if far > NEAR:
                    _lead(axes, dots[place], moved)
                break
        else:
            text.remove()  # no room: its number follows from its neighbours'


def _inside(box: Bbox, frame: Bbox) -> bool:
    return frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1


def _lead(axes: Axes, point: np.ndarray, box: Bbox) -> None:
    """Draw a thin line from a point to the nearest place on the edge of its label."""
    nearest = np.clip(point, (box.x0, box.y0), (box.x1, box.y1))
    ends = axes.transData.inverted().transform([point, nearest])
    axes.plot(*ends.T, color="black", linewidth=0.4, zorder=1.5, scalex=False, scaley=False)
