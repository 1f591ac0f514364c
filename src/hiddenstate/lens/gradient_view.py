"""What `lens gradient` shows: norms by distance, a verdict, and their picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hiddenstate.lens.view import Named, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hiddenstate.lens.drawing import Curve

MOST_WORDS = 40  # that are written below a curve
WORDS_BESIDE = 20  # that there is room for in one of two panels side by side
PALE = "#666666"
ABOVE = 10.0  # times the largest value, where the line of the bound is cut off


def said(origin: str) -> str:
    """Where a gradient sets out, in words."""
    return "the last output alone" if origin == "last" else "the loss (cross-entropy of the recurrent part)"


class GradientView(View):
    """Norms [layer, direction, state, quantile, distance] by origin ("last", "loss"), and what they say.

    Facts: verdict, word, factor, half_life, thresholds; `ways` has a row for each layer, direction and state,
    `step` what was measured of single steps, beside the bound. Of several networks the arrays are called
    "last lstm" and so on, and factors stand in `ways`.
    """

    name: ClassVar[str] = "gradient"

    @property
    def ways_back(self) -> dict[str, Named]:
        """The arrays of norms by distance."""
        return {name: array for name, array in self.arrays.items() if array.unit == "norm"}

    def draw(self, figure: Figure) -> None:
        """Draw a panel for each origin, or one for several networks."""
        from hiddenstate.lens.drawing import lines
        from hiddenstate.lens.drawing.sheet import entitle

        entitle(figure, self.title)
        several = "factor" not in self.facts
        names = list(self.ways_back)
        panels = [names] if several else [[name] for name in names]
        words = len(self._words())
        stacked = (
            len(panels) > 1 and words > WORDS_BESIDE
        )  # so that each of many words has room below its step
        figure.set_size_inches(11 if len(panels) > 1 and not stacked else 8, 7 if stacked else 4.5)
        rows = (len(panels), 1) if stacked else (1, len(panels))
        for axes, shown in zip(figure.subplots(*rows, squeeze=False).flat, panels, strict=True):
            curves = [curve for name in shown for curve in self._curves(name, several)]
            origin = "last" if several else shown[0]
            lines(axes, curves, across="steps back from the end", down="norm of the gradient", log=True)
            axes.set_title(f"from {said(origin)}", fontsize=9, loc="left")
            self._name_steps(axes, bare=stacked and shown is not panels[-1])
            self._mark_limits(axes, self.arrays[shown[0]])

    def _curves(self, name: str, several: bool) -> list[Curve]:
        from hiddenstate.lens.drawing import Curve

        array = self.arrays[name]
        states, distances = array.labels["state"], np.array(array.labels["distance"])
        places = list(np.ndindex(array.values.shape[:2]))
        alone = len(places) == 1 and not several
        found = []
        for layer, direction in places:
            which = range(len(states)) if alone else [len(states) - 1]
            for state in which:
                low, middle, high = _finite(array.values[layer, direction, state])
                whole = state == len(states) - 1
                label = [str(states[state])] if alone else [self._paced(name)] if several else []
                if len(places) > 1:
                    label += [f"layer {array.labels['layer'][layer]}"] if array.values.shape[0] > 1 else []
                    label += [str(array.labels["direction"][direction])] if array.values.shape[1] > 1 else []
                bands = (low, high) if whole and self.facts["sequences"] > 1 else (None, None)
                found.append(Curve(" ".join(label), distances, middle, *bands))
        if alone and name == "last" and (bound := self._bound(array)) is not None:
            found.append(bound)
        return found

    def _paced(self, name: str) -> str:
        """A network and its factor."""
        name = name.removeprefix("last ")
        found = [row for row in self.facts["ways"] if row["network"] == name]
        main = [
            row for row in found if self.facts["main"][name] == f"layer {row['layer']}, {row['direction']}"
        ]
        factor = main[-1]["factor"]
        return name if factor is None else f"{name}  x {factor:.3g}"

    def _mark_limits(self, axes: Axes, array: Named) -> None:
        """Draw where vanishing and exploding begin, where that is in the picture."""
        start = float(array.values[-1, 0, -1, 1, 0])
        limits = self.facts["thresholds"]
        for share, words in (
            (limits["vanishing_below"], "vanishing below"),
            (limits["exploding_above"], "exploding above"),
        ):
            low, high = axes.get_ylim()
            if low < share * start < high:
                axes.axhline(share * start, color=PALE, linewidth=0.9, linestyle=(0, (1, 2)), zorder=0)
                axes.annotate(
                    words,
                    (1.0, share * start),
                    xycoords=("axes fraction", "data"),
                    xytext=(-2, 2),
                    textcoords="offset points",
                    ha="right",
                    size=7,
                    color=PALE,
                )

    def _bound(self, array: Named) -> Curve | None:
        """The most that the weights allow, from where the gradient set out."""
        from hiddenstate.lens.drawing import Curve

        factor = self.facts["step"][-1]["bound"]
        middle = array.values[-1, 0, -1, 1]
        if factor is None or not len(middle) > 1:
            return None
        with np.errstate(over="ignore"):
            most = middle[0] * np.asarray(factor, np.float64) ** np.arange(len(middle))
        most[most > ABOVE * np.nanmax(middle[np.isfinite(middle)], initial=1.0)] = np.nan
        return Curve(f"bound: x {factor:.3g} a step", np.arange(len(middle)), _finite(most))

    def _words(self) -> list[Any]:
        """The words to write below the steps: of a text that is not too long and read in one direction."""
        words: list[Any] = self.facts.get("words") or []
        both = any(array.values.shape[1] > 1 for array in self.ways_back.values())
        return [] if both or len(words) > MOST_WORDS else words

    def _name_steps(self, axes: Axes, bare: bool) -> None:
        """Write the words of a text below the steps at which they are read, the last word first."""
        words = self._words()
        if not words:
            return
        from hiddenstate.lens.drawing import shown

        axes.set_xticks(range(len(words)), [""] * len(words) if bare else shown(words)[::-1])
        axes.tick_params(axis="x", labelrotation=90, labelsize=8)
        back = f", 0 to {len(words) - 1} steps back from the end" if len(words) > 1 else ""
        axes.set_xlabel("" if bare else f"word{back}")


def _finite(values: np.ndarray) -> np.ndarray:
    """Leave out what no logarithmic axis has room for."""
    return np.where((values == 0) | ((values > 1e-200) & (values < 1e200)), values, np.nan)
