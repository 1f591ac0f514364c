"""IN WHICH COLOURS? Neighbours differ in hue and in brightness, so that grey tells them apart as well."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

# of each input, dark and light in turn
INPUTS = (
    "#1b4f72",  # blue
    "#f5b041",  # orange
    "#7b241c",  # dark red
    "#a3e4d7",  # mint
    "#5b2c6f",  # purple
    "#f9e79f",  # yellow
    "#196f3d",  # green
    "#f5b7b1",  # pink
    "#6e4b2a",  # brown
    "#aed6f1",  # light blue
)
# of each curve or class: colour, line, marker
STYLES: tuple[tuple[str, Any, str], ...] = (
    ("#1b4f72", "-", "o"),
    ("#c0661c", "--", "s"),
    ("#196f3d", "-.", "^"),
    ("#7b241c", ":", "D"),
    ("#5b2c6f", (0, (5, 1, 1, 1, 1, 1)), "v"),
    ("#b7950b", (0, (8, 2)), "P"),
    ("#148f9c", (0, (1, 3)), "X"),
    ("#4d4d4d", (0, (3, 1, 3, 3)), "*"),
)
# white is nothing
_FROM_NOTHING = ("#ffffff", "#cfe8f3", "#7fc4d8", "#3a8fb7", "#1f5a94", "#0c2355")
# from negative through zero to positive: always brighter, and blue turns to orange at zero
_SIGNED = ("#081d58", "#3f6fa8", "#a9b8c6", "#f0b35e", "#fff5d6")


def colour(place: int) -> str:
    """Return the colour of the input at a place, counted from 0."""
    return INPUTS[place % len(INPUTS)]


def brightness(colour: str) -> float:
    """Return how bright a colour is in print, from 0 (black) to 1: its luma (ITU-R BT.601).

    >>> round(brightness("#ffffff"), 3), round(brightness("#1b4f72"), 2)
    (1.0, 0.26)
    """
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def ink_on(colour: str) -> str:
    """Return black or white, whichever is read on a colour."""
    return "#000000" if brightness(colour) > 0.55 else "#ffffff"


def as_text(colour: str) -> str:
    """Return a colour dark enough to be read as letters on white, of the same hue."""
    darker = colour
    while brightness(darker) > 0.38:
        parts = (int(darker[start : start + 2], 16) for start in (1, 3, 5))
        darker = "#" + "".join(f"{int(part * 0.9):02x}" for part in parts)
    return darker


def between(share: float) -> str:
    """Return the shade of a share from 0 (white) to 1.

    >>> between(0.0), between(1.0)
    ('#ffffff', '#0c2355')
    """
    place = min(max(share, 0.0), 1.0) * (len(_FROM_NOTHING) - 1)
    low = min(int(place), len(_FROM_NOTHING) - 2)
    parts = []
    for start in (1, 3, 5):
        one, two = (int(_FROM_NOTHING[each][start : start + 2], 16) for each in (low, low + 1))
        parts.append(f"{round(one + (two - one) * (place - low)):02x}")
    return "#" + "".join(parts)


@cache
def shades(signed: bool) -> Colormap:
    """Return the map from values to shades, monotone in brightness: from white to dark, or dark to light."""
    from matplotlib.colors import LinearSegmentedColormap

    made = LinearSegmentedColormap.from_list("shades", _SIGNED if signed else _FROM_NOTHING)
    return made.with_extremes(bad=(0, 0, 0, 0))
