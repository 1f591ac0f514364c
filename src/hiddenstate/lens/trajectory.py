"""Where does the state go? Its way through two dimensions as a text is read, and where else it has been.

Letters: T steps, N of them shown, B texts, W units, K answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hiddenstate.errors import InvalidArgument, nearest
from hiddenstate.infer import Inside, Stack
from hiddenstate.lens.nearest import Nearest, Search
from hiddenstate.lens.opened import Sequence as Read
from hiddenstate.lens.opened import opened, sequence_of
from hiddenstate.lens.pieces import DIRECTIONS, Place, pieces, places
from hiddenstate.lens.plane import Plane, Spread
from hiddenstate.lens.texts import Batch, Data, Texts, batches, part_read, texts_of
from hiddenstate.lens.view import Named, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_STEPS = 200  # shown; of a longer text so many, evenly spaced
MOST_READ = 40_000  # steps read again for the answers after beginnings, where a stack reads backwards as well
MOST_TEXTS = 50_000
ENDS = 500  # texts whose last states are drawn behind the way
NUMBERS = 1 << 22  # of a batch of beginnings
READING = (
    "A point is the state after a word, drawn along the two directions in which states differ most "
    "(principal components; Pearson 1901, On lines and planes of closest fit). The axes say which share of "
    "all difference they show: what is near in the picture may be far apart in what it does not show.",
)
ANSWERED = (
    "Colour, and in pictures the mark, is what the model's recurrent part would answer if the text ended "
    "after that word."
)
BOTH_WAYS = "This stack reads backwards as well: a point also holds what comes after its word."
SEARCHED = (
    "The spans found are those of the data at whose last word the state is closest to that after the span "
    "chosen (Strobelt, Gehrmann, Pfister and Rush 2018, LSTMVis): what the model treats alike, whether or "
    "not the words are alike."
)


@dataclass(frozen=True, eq=False)
class StatesView(View):
    """The way of the state: `position` [step, axis], `explained` [axis], `state` [step, unit].

    With a head also `share` [step, answer]; with texts to compare with `ends` [text, axis], their last
    states; with a span `distance` [text] of those found.
    """

    name: ClassVar[str] = "states"

    def draw(self, figure: Figure) -> None:
        """Draw the way, and the spans found below it."""
        from hiddenstate.lens.drawing.states import draw

        draw(self, figure)


def states(
    subject: Any,
    given: Any,
    *,
    span: Search | str | tuple[int, int] | None = None,
    layer: int | None = None,
    direction: str | None = None,
    state: str | None = None,
    data: Data = None,
) -> StatesView:
    """Show the way of the hidden state while a text, or x [T, F], is read, in two dimensions.

    The state is the output of the last layer, both directions together, or the one chosen. The axes are
    those of all states of the run's own examples, or of the texts of `data`; without any, of the text alone.
    `span`, "2:4" for words 2 to 4, looks in these texts for the spans whose states end closest to it.
    Raises InvalidArgument for what is not there, and for a span where there are no texts to look in.
    """
    inside = opened(subject)
    which = _Which.of(inside.stack, layer, direction, state)
    search = None if span is None else Search.of(span)
    read, texts = sequence_of(inside, given), texts_of(inside, data, MOST_TEXTS)
    if search is not None:
        _check_span(search, read, texts)
    own = which.states(inside.stack, read.x[:, None])[:, 0]
    shown = _shown(len(own), MOST_READ if inside.stack.bidirectional and inside.head else None)
    looked = _looked_through(inside, which, texts, search, own, read.names)
    found = _Found(inside, which, read, shown, own[shown], texts, looked)
    reading = [*READING, *[ANSWERED] * (inside.head is not None), *[BOTH_WAYS] * (1 in which.ways)]
    reading += [SEARCHED] * (search is not None)
    facts = {**found.facts(search), **part_read(given, read.names)}
    return StatesView(_title(given), found.arrays(), facts, tuple(reading))


def _title(given: Any) -> str:
    what = " ".join(given.split()) if isinstance(given, str) else ""
    what = f'"{what[:60]}…"' if len(what) > 61 else f'"{what}"' if what else "its input"
    return f"The way of the state through {what}"


@dataclass(frozen=True)
class _Which:
    """The state that is looked at: of a layer, in one direction or in both."""

    layer: int
    ways: tuple[int, ...]
    name: str
    is_output: bool

    @classmethod
    def of(cls, stack: Stack, layer: int | None, direction: str | None, state: str | None) -> _Which:
        """Check what is chosen; raises InvalidArgument."""
        last = stack.num_layers - 1
        chosen: list[Place] = places(stack, last if layer is None else layer, direction)
        names = [each.name for each in stack.cell.states]
        name = stack.cell.output if state is None else state
        if state is not None and state not in names:
            raise InvalidArgument(f"{stack.cell.name} has no state {state!r}; {nearest(str(state), names)}")
        ways = tuple(way for _, way in chosen)
        whole = chosen[0][0] == last and name == stack.cell.output and len(ways) == 1 + stack.bidirectional
        return cls(chosen[0][0], ways, name, whole)

    def states(self, stack: Stack, x: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
        """The states [T, B, W] of every step of x [T, B, F]."""
        found: dict[int, np.ndarray] = {}
        for piece in pieces(stack, x, lengths):
            if piece.layer > self.layer:
                break
            if piece.layer == self.layer and piece.direction in self.ways:
                values = piece.values[self.name]
                whole = found.setdefault(piece.direction, np.zeros((*x.shape[:2], values.shape[-1])))
                whole[piece.steps, np.arange(x.shape[1])] = values
        return np.concatenate([found[way] for way in self.ways], -1)

    def quickly(self, stack: Stack, batch: Batch) -> np.ndarray:
        """The same of many texts: the output of a stack is computed as it answers, in its own precision."""
        if self.is_output:
            output, _ = stack.run(batch.x.astype(stack.dtype), lengths=batch.lengths)
            return output.astype(np.float64)
        return self.states(stack, batch.x, batch.lengths)


def _check_span(search: Search, read: Read, texts: Texts) -> None:
    if search.last > len(read.names):
        words = "1 word is" if len(read.names) == 1 else f"{len(read.names)} words are"
        raise InvalidArgument(
            f"the span {search.first}:{search.last} ends after the text, of which {words} read: "
            f"{' '.join(read.names[:12])}{' …' if len(read.names) > 12 else ''}"
        )
    if not texts.examples:
        raise InvalidArgument(
            f"a span is looked for in texts, and there are {texts.where}; without a span the way is shown"
        )


def _shown(T: int, budget: int | None) -> np.ndarray:
    """Which steps are shown: all, or so many that they can be told apart, and read again."""
    most = MOST_STEPS if budget is None else max(4, min(MOST_STEPS, budget // T))
    return np.arange(T) if most >= T else np.unique(np.linspace(0, T - 1, most).astype(int))


@dataclass(frozen=True)
class _Looked:
    """What was seen in the texts: the plane, the last states of some [texts, W], and what is nearest."""

    plane: Plane
    ends: np.ndarray
    nearest: list[dict[str, Any]]


def _looked_through(
    inside: Inside,
    which: _Which,
    texts: Texts,
    search: Search | None,
    own: np.ndarray,
    names: tuple[str, ...],
) -> _Looked:
    """Go once through all texts; without any the plane is that of the text alone."""
    spread, ends = Spread(own.shape[-1]), []
    close = None if search is None else Nearest(search, own[search.last - 1], names)
    every = max(1, len(texts.examples) // ENDS)
    for batch in batches(inside, texts):
        values = which.quickly(inside.stack, batch)
        if not np.isfinite(values).all():
            which.states(inside.stack, batch.x, batch.lengths)  # says where
        spread.add(values[np.arange(len(values))[:, None] < batch.lengths])
        last = values[batch.lengths - 1, np.arange(len(batch.lengths))]
        ends.append(last[batch.numbers % every == 0])
        if close is not None:
            labels = [texts.examples[number].label for number in batch.numbers]
            close.add(values, batch.words, labels)
    if not spread.count:
        spread.add(own)
    held = np.concatenate(ends) if ends else np.zeros((0, own.shape[-1]))
    return _Looked(spread.plane(), held, [] if close is None else close.ranked())


def shares_after(inside: Inside, x: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The shares [N, K] of the answers if x [T, F] ended after each of the steps: a softmax of the scores."""
    stack, head, found = inside.stack, inside.head, []
    if head is None:
        return np.zeros((len(steps), 0))
    output = None
    if not stack.bidirectional:
        output = _Which.of(stack, None, None, None).states(stack, x[:, None])
    together = max(1, NUMBERS // (len(x) * stack.output_width))
    for start in range(0, len(steps), together):
        lengths = steps[start : start + together] + 1
        T, B = int(lengths.max()), len(lengths)
        if output is not None:
            read = np.broadcast_to(output[:T], (T, B, output.shape[-1]))
        else:  # what is read backwards begins where the text ends
            begun = np.broadcast_to(x[:T, None], (T, B, x.shape[-1]))
            read = _Which.of(stack, None, None, None).states(stack, begun, lengths)
        valid = np.arange(T)[:, None] < lengths
        found.append(head.scores(np.where(valid[..., None], read, 0.0), lengths))
    scores = np.concatenate(found)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


@dataclass(frozen=True)
class _Found:
    """What was found, to be put into a view."""

    inside: Inside
    which: _Which
    read: Read
    shown: np.ndarray
    own: np.ndarray
    texts: Texts
    looked: _Looked

    def arrays(self) -> dict[str, Named]:
        """Every array of the view."""
        words = {int(step): self.read.names[step] for step in self.shown}
        ticks = [step if word == str(step) else word for step, word in words.items()]
        axes, plane = ("first", "second"), self.looked.plane
        found = {
            "position": _named(plane.positions(self.own), step=ticks, axis=axes),
            "explained": _named(plane.explained, "share of variance", axis=axes),
            "state": _named(self.own, step=ticks, unit=range(self.own.shape[-1])),
        }
        if self.inside.head is not None:
            shares = shares_after(self.inside, self.read.x, self.shown)
            labels = self.inside.head.labels
            found["share"] = _named(shares, "softmax of scores", step=ticks, answer=labels)
        if len(self.looked.ends):
            ends = plane.positions(self.looked.ends)
            found["ends"] = _named(ends, text=range(len(ends)), axis=axes)
        if near := self.looked.nearest:
            texts = [" ".join((*each["before"], *each["span"], *each["after"])) for each in near]
            found["distance"] = _named(np.array([each["distance"] for each in near]), text=texts)
        return found

    def facts(self, search: Search | None) -> Mapping[str, Any]:
        """What a view says beside its numbers."""
        stack = self.inside.stack
        found: dict[str, Any] = {
            "cell": stack.cell.name,
            "state": self.which.name,
            "layer": self.which.layer,
            "direction": [DIRECTIONS[way] for way in self.which.ways],
            "steps": len(self.read.names),
            "words": [self.read.names[step] for step in self.shown],
            "places": [int(step) + 1 for step in self.shown],
            "axes_of": str(self.texts) if self.texts.examples else f"this text alone ({self.texts})",
        }
        if search is None:
            return found
        span = list(self.read.names[search.first - 1 : search.last])
        return {
            **found,
            "span": {"words": f"{search.first}:{search.last}", "text": span, "distance": search.distance},
            "nearest": self.looked.nearest,
        }


def _named(values: np.ndarray, measure: str = "", /, **labels: Any) -> Named:
    return Named(values, tuple(labels), labels, measure)
