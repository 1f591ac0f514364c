"""HOW DOES AN ANSWER EXPLAIN ITSELF? What `predict --why` draws: words, the runner-up, neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hiddenstate.cli import screen

if TYPE_CHECKING:
    from rich.console import Console

SHOWN_WORDS = 16  # of a longer text, those with the largest shares
BAR = 12
REFUSED = "(out of scope)"


def show(on: Console, found: Sequence[Any]) -> None:
    """Draw each answer with its reasons."""
    for number, why in enumerate(found):
        if number:
            screen.say(on)
        _answer(on, why)
        screen.say(on)
        _words(on, why)
        screen.say(on)
        _neighbours(on, why)


def _answer(on: Console, why: Any) -> None:
    """The text, the answer, its margin, and whether it is in scope."""
    each = why.prediction
    best, probability = each.ranked[0]
    screen.line(on, screen.fitted(f"> {screen.printable(each.text)}", on.width - 1).rstrip())
    screen.say(on)
    named = best if each.in_scope else f"{REFUSED}, nearest to {best}"
    screen.say(on, f"{screen.printable(named)}: {screen.percent(probability)}")
    screen.say(
        on,
        f"Runner-up: {screen.printable(why.runner_up)}, {screen.percent(why.runner_up_probability)}; "
        f"{100 * why.margin:.1f} points behind.",
    )
    side = "Accepted: a score of" if each.in_scope else "Refused: a score of only"
    screen.say(on, f"{side} {each.score:.2f}, where {each.threshold:.2f} is needed.")


def _words(on: Console, why: Any) -> None:
    """Each word's share, and the answer without it."""
    if not why.words:
        screen.say(on, "There is no word in it to leave out: it is read as one unknown word.")
        return
    chosen = sorted(range(len(why.words)), key=lambda i: -abs(why.words[i].share))[:SHOWN_WORDS]
    largest = max(abs(each.share) for each in why.words) or 1.0
    unknown = set(why.prediction.unknown)
    rows = []
    for each in (why.words[i] for i in sorted(chosen)):
        filled = screen.bar(abs(each.share) / largest, BAR, on.encoding).rstrip("░.")
        without = REFUSED if each.label is None else f"{each.label} {screen.percent(each.probability)}"
        word = f"{each.word} (unknown)" if each.word in unknown else each.word
        rows.append((word, f"{100 * each.share:+.0f} %", filled, without, "changes" if each.changes else ""))
    columns = ("word", "share", "", "without it", "")
    screen.table(on, columns, rows, right=("share",))
    if len(chosen) < len(why.words):
        screen.say(on, f"Of {len(why.words)} words, the {len(chosen)} with the largest shares.")
    screen.say(on)
    screen.say(on, _changing(why))


def _changing(why: Any) -> str:
    """In words, which single words the answer hangs on."""
    changes = [each for each in why.words if each.changes]
    if not changes:
        return "Whichever word is left out, the answer stays."
    found = dict.fromkeys(f'"{each.word}" it is {each.label or REFUSED}' for each in changes)
    listed = ", without ".join(list(found)[:4]) + (f" (and {len(found) - 4} more)" if len(found) > 4 else "")
    return screen.printable(f"Without {listed}.")


def _neighbours(on: Console, why: Any) -> None:
    """The nearest training texts, and which of them may be mislabelled."""
    if why.neighbours is None:
        screen.say(on, f"No nearest training texts: {why.missing}")
        return
    rows = [
        (
            each.text if each.times == 1 else f"{each.text} ({each.times} times)",
            each.label
            + (f" (may be mislabelled: perhaps {each.doubt}, {each.reason})" if each.doubt else ""),
            f"{each.similarity:.2f}",
        )
        for each in why.neighbours
    ]
    columns = ("nearest training texts", "label", "similarity")
    screen.table(on, columns, rows, right=("similarity",))
