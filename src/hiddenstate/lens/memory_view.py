"""What the hidden state remembers, as a view: shares by step and input, circles and a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hiddenstate.data.words import clip
from hiddenstate.infer import Stack
from hiddenstate.lens.occlusion import Held
from hiddenstate.lens.view import Named, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEASURES = {
    "occlusion": (
        "Occlusion: the share of an input is how far the hidden state would be from what it is, had the "
        "sequence been read without that input: ||h_t - h_t without it||, over the sum of all. It is exact: "
        "the model really reads the rest (Zeiler and Fergus 2014; Li, Monroe, Jurafsky 2016).",
        "The share in the answer is how far its score falls without the input (below zero: rises).",
        "distance",
    ),
    "jacobian": (
        "Jacobian: the share of an input is how strongly the hidden state would follow a small change of "
        "it: the Frobenius norm ||dh_t/dx_i||, over the sum of all (Pascanu, Mikolov, Bengio 2013). It "
        "tells what could still get through, not what did.",
        "The share in the answer is the norm of its score's derivative by the input; it has no sign.",
        "norm of the derivative",
    ),
    "integrated": (
        "Integrated gradients: the input goes in a straight line from a baseline to what it is, and its "
        "share is what of the change of the hidden state is due to it, measured along the direction d of "
        "that change: (h_t - h_t of the baseline) . d / d . d. Shares may be below zero, and add up to 1 "
        "(Sundararajan, Taly, Yan 2017).",
        "The share in the answer is its part of what the score gains from baseline to text.",
        "part of the change",
    ),
}
OF_THE_ANSWER = (
    "It is weighed in the score that the recurrent part alone gives to the answer it would give after that "
    "step; `predict --why` weighs the whole model."
)

LONGEST_TITLE = 60  # letters of a text


@dataclass(frozen=True)
class Told:
    """What was found: the names of all steps, after which step each part ends, and what the parts hold after
    some of them."""

    names: tuple[str, ...]
    ends: tuple[int, ...]
    moments: tuple[int, ...]
    held: tuple[Held, ...]
    text: str | None = None  # as it was given, where all of it was read


class MemoryView(View):
    """How much of each input the hidden state holds after each step.

    `share` [after, input] sums to 1 for each moment, and is 0 for what is not read yet; NaN where a state
    holds nothing at all. `amount` is what it is the share of. Of a model with a head, `answer` [after, input]
    is the effect on the score of the answer then given, and `answer_share` its share of all effects' sizes.
    """

    name: ClassVar[str] = "memory"

    @property
    def words(self) -> tuple[str, ...]:
        """The inputs that are told apart."""
        return tuple(map(str, self.arrays["share"].labels["input"]))

    @property
    def signed(self) -> bool:
        """Whether effects on the answer have a sign."""
        return bool(self.facts["measure"] != "jacobian")

    @property
    def unread(self) -> np.ndarray:
        """Where an input is not read yet, [after, input]."""
        rows, columns = self.arrays["share"].values.shape
        return np.arange(columns) > np.array(evenly(columns, rows))[:, None]

    @property
    def filling(self) -> np.ndarray:
        """Each share's size, [after, input], of the sum of all sizes; zeros where nothing is held."""
        sizes = np.abs(np.nan_to_num(self.arrays["share"].values))
        return np.nan_to_num(_over(sizes, sizes.sum(1, keepdims=True)))

    def draw(self, figure: Figure) -> None:
        """Draw a circle a step, filled with each input's colour, and the shares as shades."""
        from hiddenstate.lens.memory_picture import draw

        draw(self, figure)


def view_of(measure: str, told: Told, labels: Sequence[str], facts: Mapping[str, Any]) -> MemoryView:
    """Name what was found; `labels` are the answers of the model's head, if it has one."""
    words = _words(told)
    axes = ("after", "input")
    ticks = {"after": [words[moment] for moment in told.moments], "input": words}
    amounts = _rows([each.amount for each in told.held], len(words))
    if measure == "integrated":
        shares = np.where(amounts.any(1, keepdims=True), amounts, np.nan)
    else:
        shares = _over(amounts, amounts.sum(1, keepdims=True))
    arrays = {
        "share": Named(_read(shares, told), axes, ticks, "share of the hidden state"),
        "amount": Named(amounts, axes, ticks, MEASURES[measure][2]),
    }
    said = {
        "verdict": _verdict(measure, shares[-1], words),
        "measure": measure,
        "steps": len(told.names),
        "inputs_told_apart": len(words),
        "moments": len(told.moments),
    }
    if len(words) < len(told.names):
        said["joined"] = f"{len(told.names):,} steps, told apart in {len(words)} parts of neighbours"
    if len(told.moments) < len(words):
        said["looked"] = f"after {len(told.moments)} of {len(words)} inputs, chosen evenly"
    sentences = [MEASURES[measure][0]]
    effects = [each.effect for each in told.held if each.effect is not None]
    if effects:
        rows = _rows(effects, len(words))
        arrays["answer"] = Named(rows, axes, ticks, "effect on the score")
        sizes = np.abs(rows).sum(1, keepdims=True)
        parts, unit = _read(_over(rows, sizes), told), "share of effects (recurrent part)"
        arrays["answer_share"] = Named(parts, axes, ticks, unit)
        given = [labels[each.predicted] for each in told.held if each.predicted is not None]
        said |= {"answer": given[-1], "answers": given}
        sentences += [MEASURES[measure][1], OF_THE_ANSWER]
    if "baseline" in facts:
        sentences.append(f"The baseline is {facts['baseline']}.")
    if facts.get("direction"):
        sentences.append(
            "This one reads both ways: a state after a word is that of the text up to it, read anew."
        )
    if facts.get("complete") is False:
        sentences.append(
            f"Here shares do not quite add up: with {facts['points']} points they miss the difference by "
            f"{100 * facts['missed']:.1f} %. Trust the order of the shares more than their size."
        )
    title = f"What the hidden state remembers of {_text(told)}"
    return MemoryView(title, arrays, {**said, **facts}, tuple(sentences))


def evenly(places: int, count: int) -> list[int]:
    """So many of some places, chosen evenly, the last among them.

    >>> evenly(10, 4)
    [1, 4, 7, 9]
    """
    return [round(places * (number + 1) / count) - 1 for number in range(count)]


def _text(told: Told) -> str:
    """The text that was read, in quotes; of steps that have numbers how many they are."""
    names = told.names
    if told.text is not None:
        return f'"{clip(" ".join(told.text.split()), LONGEST_TITLE)}"'
    if list(names) == list(map(str, range(len(names)))):
        return f"{len(names):,} step{'s' if len(names) > 1 else ''}"
    return f'"{clip(" ".join(names), LONGEST_TITLE)}"'


def direction_of(stack: Stack) -> dict[str, str]:
    """What there is to say of a stack that also reads backwards."""
    return {"direction": "both ways, each beginning read anew"} if stack.bidirectional else {}


def _words(told: Told) -> list[str]:
    """A name for each part: its input, or the first and the last of those joined."""
    firsts = [0, *told.ends[:-1]]
    return [
        told.names[first] if last == first + 1 else f"{told.names[first]}..{told.names[last - 1]}"
        for first, last in zip(firsts, told.ends, strict=True)
    ]


def _rows(found: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Rows of growing length, filled with zeros: what is not read yet is not held."""
    rows = np.zeros((len(found), width))
    for row, values in zip(rows, found, strict=True):
        row[: len(values)] = values
    return rows


def _over(values: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The share of each, NaN in rows of nothing."""
    found = np.full(values.shape, np.nan)
    return np.divide(values, whole, out=found, where=whole > 0)


def _read(shares: np.ndarray, told: Told) -> np.ndarray:
    """The same with 0 for what is not read yet, in rows of nothing too."""
    later = np.arange(shares.shape[1]) > np.array(told.moments)[:, None]
    return np.where(later, 0.0, shares)


def _verdict(measure: str, shares: np.ndarray, words: Sequence[str]) -> str:
    """In words, what the last state holds most of, and least."""
    after = f"After {named(words, -1)} the hidden state"
    if np.isnan(shares).any():
        return f"{after} is what it would be without any one of the inputs."
    most, least = int(shares.argmax()), int(shares.argmin())
    alike = len(words) > 1 and _percent(shares[most]) == _percent(shares[least])
    if measure == "jacobian":
        if alike:
            return f"{after} would follow a change of each input alike: {_percent(shares[most])}."
        said = f"{after} would follow a change of {named(words, most)} most: {_percent(shares[most])}"
        other = f"of {named(words, least)} least"
    else:
        if alike:
            return f"{after} holds as much of each input: {_percent(shares[most])}."
        said = f"{after} holds most of {named(words, most)}: {_percent(shares[most])}"
        other = f"least of {named(words, least)}"
    if len(words) == 1:
        return f"{said}, the only input."
    return f"{said}, and {other}: {_percent(shares[least])}."


def named(words: Sequence[str], place: int) -> str:
    """A word in quotes; one that is read more than once with its number.

    >>> named(["my", "cat", "my"], 2), named(["my", "cat", "my"], 1)
    ('"my" (number 3)', '"cat"')
    """
    number = f" (number {place % len(words) + 1})" if words.count(words[place]) > 1 else ""
    return f'"{words[place]}"{number}'


def _percent(share: float) -> str:
    return f"{100 * share:z.1f} %"
