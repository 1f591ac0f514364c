"""What a person reads after training or evaluating: the verdict, and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hiddenstate.tasks.text.markdown import cell, flat, percent, table

if TYPE_CHECKING:
    from hiddenstate.tasks.speech.evaluating import Judged

SHOWN = 20  # sentences and confusions


def verdict(rows: Sequence[Mapping[str, Any]]) -> str:
    """In plain words, whether remembering helped (rows: the recogniser, then the snapshot baseline)."""
    ours, rival = rows[0]["wer"], rows[1]["wer"]
    if ours is None or rival is None:
        return "No word is said in these recordings, so nothing can be said of how well words are recognised."
    points = 100 * (rival - ours)
    if abs(points) < 0.05:
        return "The recurrent model and the snapshot baseline recognise words equally well."
    if points > 0:
        return f"The recurrent model gets {points:.1f} points fewer words wrong than the snapshot baseline."
    return f"The recurrent model does not win: the snapshot baseline gets {-points:.1f} points fewer wrong."


def markdown(title: str, found: Judged, notes: Sequence[str], picture: str) -> str:
    """The report: how many words are wrong and how, the picture, the worst sentences, what is confused."""
    rates = found.rates
    lines = [f"# {title}", "", *(f"- {flat(note)}" for note in notes), ""]
    lines += table(
        ["words wrong", "letters wrong", "taken for another", "missing", "too many", "words said"],
        [
            [
                percent(rates.wer),
                percent(rates.cer),
                str(rates.substitutions),
                str(rates.deletions),
                str(rates.insertions),
                str(rates.words),
            ]
        ],
    )
    lines += [f"A second of sound takes {1000 * found.real_time_factor:.0f} ms of one core.", ""]
    lines += [f"![{picture}]({picture})", "", "## The worst sentences", ""]
    worst = [[cell(name), cell(true), cell(said) or "(nothing)"] for name, true, said in found.worst(SHOWN)]
    lines += table(["recording", "said", "recognised"], worst)
    lines += ["## Words taken for others", ""]
    rows = [
        [cell(a) or "(nothing)", cell(b) or "(nothing)", str(times)]
        for (a, b), times in found.confused().most_common(SHOWN)
    ]
    lines += table(["said", "recognised", "times"], rows)
    return "\n".join(lines)
