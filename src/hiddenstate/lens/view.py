"""WHAT IS SHOWN? A view: arrays with named axes, what they say in words; as JSON, CSV, picture and page."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hiddenstate.errors import InvalidArgument, require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Tick = str | int | float
RESERVED = ("view", "title", "reading", "arrays")  # keys of `as_dict` that no fact may take
COLUMNS = ("array", "value", "measured_in")  # of `csv`, beside those of the axes
PLACE = "_place"  # ends the name of the column that numbers an axis's places


@dataclass(frozen=True, eq=False, repr=False)
class Named:
    """An array with named axes, a tick for each place on each axis, and a unit.

    `values` has one axis for each name in `axes`, and `labels[axis]` as many ticks as that axis is long.
    Raises InvalidArgument where they do not fit each other.

    >>> share = Named(np.eye(2), ("step", "input"), {"step": (1, 2), "input": ("what", "time")}, "share")
    >>> share.values.shape, share.labels["input"]
    ((2, 2), ('what', 'time'))
    """

    values: np.ndarray
    axes: tuple[str, ...]
    labels: Mapping[str, Sequence[Tick]]
    unit: str = ""

    def __post_init__(self) -> None:
        values = np.asarray(self.values).view()
        if values.dtype.kind not in "fiub":
            raise InvalidArgument(f"an array of a view holds real numbers; came {values.dtype}.")
        values.flags.writeable = False
        axes = tuple(self.axes)
        if len(axes) != values.ndim or len(set(axes)) < len(axes):
            raise InvalidArgument(
                f"expected a name of its own for each of the {values.ndim} axes of {list(values.shape)}, "
                f"came {list(axes)}."
            )
        if taken := [axis for axis in axes if axis in COLUMNS or axis.endswith(PLACE)]:
            raise InvalidArgument(f"{taken[0]!r} is a column of every CSV; call this axis otherwise.")
        if set(self.labels) != set(axes):
            raise InvalidArgument(
                f"expected labels for the axes {list(axes)}, came labels for {list(self.labels)}."
            )
        labels = {axis: tuple(_tick(tick) for tick in self.labels[axis]) for axis in axes}
        for axis, length in zip(axes, values.shape, strict=True):
            if len(labels[axis]) != length:
                raise InvalidArgument(
                    f"axis {axis!r} has {length} places and {len(labels[axis])} labels; give one for each."
                )
        for name, value in (("values", values), ("axes", axes), ("labels", labels)):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{axis} {size}" for axis, size in zip(self.axes, self.values.shape, strict=True))
        return f"Named({sizes}{'; ' * bool(sizes and self.unit)}{self.unit})"

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; NaN and infinity become null, and `not_finite` counts them."""
        values = self.values
        finite = np.isfinite(values)
        if finite.all():
            shown = values.tolist()
        else:
            shown = np.where(finite, values, 0).astype(object)
            shown[~finite] = None
            shown = shown.tolist()
        labels = {axis: list(ticks) for axis, ticks in self.labels.items()}
        beside = {} if finite.all() else {"not_finite": int((~finite).sum())}
        return {"axes": list(self.axes), "labels": labels, "unit": self.unit, **beside, "values": shown}


@dataclass(frozen=True, eq=False)
class View:
    """What a lens shows: arrays with named axes, facts (a verdict, thresholds, settings), how to read it.

    `facts` are scalars, short texts, and lists or mappings of these; `reading` are sentences, the paper among
    them. A subclass draws itself by overriding `draw`. Raises InvalidArgument for other facts.
    """

    title: str
    arrays: Mapping[str, Named]
    facts: Mapping[str, Any] = field(default_factory=dict)
    reading: tuple[str, ...] = ()

    name: ClassVar[str] = "view"  # the verb of the command line: memory, gradient, gates, states, compare

    def __post_init__(self) -> None:
        taken = [key for key in self.facts if key in RESERVED]
        if taken:
            raise InvalidArgument(f"{taken[0]!r} is a key of every view; call this fact otherwise.")
        object.__setattr__(self, "facts", {str(key): _plain(value) for key, value in self.facts.items()})
        object.__setattr__(self, "arrays", dict(self.arrays))
        object.__setattr__(self, "reading", tuple(self.reading))

    def as_dict(self) -> dict[str, Any]:
        """Return the view as JSON can hold it: view, title, each fact, reading, arrays by name."""
        arrays = {name: array.as_dict() for name, array in self.arrays.items()}
        return {
            "view": self.name,
            "title": self.title,
            **self.facts,
            "reading": list(self.reading),
            "arrays": arrays,
        }

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the numbers in long form, the header first: array, a column an axis, value, measured in.

        An axis whose labels repeat, such as a word read twice, has a second column: its place, from 1.
        """
        arrays = self.arrays.values()
        axes = list(dict.fromkeys(axis for array in arrays for axis in array.axes))
        twice = {axis for array in arrays for axis, ticks in array.labels.items() if _repeat(ticks)}
        columns = [name for axis in axes for name in (axis, axis + PLACE) if name == axis or axis in twice]
        yield ("array", *columns, "value", "measured_in")
        for name, array in self.arrays.items():
            for place, value in np.ndenumerate(array.values):
                at: dict[str, Tick] = {}
                for axis, i in zip(array.axes, place, strict=True):
                    at |= {axis: array.labels[axis][i], axis + PLACE: i + 1}
                yield (name, *(str(at.get(column, "")) for column in columns), repr(value.item()), array.unit)

    def csv(self) -> str:
        """Return the numbers as CSV in long form; an axis that an array does not have is left empty."""
        written = io.StringIO(newline="")
        csv.writer(written).writerows(self.rows())
        return written.getvalue()

    def draw(self, figure: Figure) -> None:
        """Draw the view onto an empty figure, with the blocks of `hiddenstate.lens.drawing`.

        A view that does not override this is drawn plainly: a curve or shades for each array.
        """
        from hiddenstate.lens.drawing import plain

        plain(self, figure)

    def unseen(self) -> str:
        """Name the letters that no font of this machine has, and a font to install; or ''."""
        require("matplotlib", "drawing a view", extra="train")
        from hiddenstate import fonts
        from hiddenstate.lens.drawing import texts_of

        return fonts.sentence(fonts.lacking("".join(texts_of(self))))

    def plot(self) -> Figure:
        """Draw the view; raises MissingExtra without matplotlib."""
        require("matplotlib", "drawing a view", extra="train")
        from hiddenstate.lens.drawing import drawn

        return drawn(self)

    def png(self) -> bytes:
        """Return the picture as a PNG file's content."""
        figure = self.plot()
        from hiddenstate import pictures

        return pictures.png(figure)

    def svg(self) -> bytes:
        """Return the picture as an SVG file's content, its letters as outlines: it needs no font."""
        figure = self.plot()
        from hiddenstate import pictures

        return pictures.svg(figure)

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows; where there is no matplotlib, the words of `repr`."""
        return self.png() if find_spec("matplotlib") else None

    def html(self) -> str:
        """Return one self-contained page: picture, how to read it, facts, numbers, and the JSON inside."""
        from hiddenstate.lens.page import page

        return page(self)


def _tick(value: Any) -> Tick:
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        raise InvalidArgument(f"a label is a text or a finite number; came {value!r}.")
    return value


def _repeat(ticks: Sequence[Tick]) -> bool:
    return len(set(map(str, ticks))) < len(ticks)


def _plain(value: Any) -> Any:
    """Return a fact as JSON can hold it; what is no finite number becomes null."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [_plain(each) for each in value]
    raise InvalidArgument(f"a fact is a number, a text, or a list or mapping of them; came {value!r}.")
