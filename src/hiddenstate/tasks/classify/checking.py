"""What in a file would mislead training? All findings on a file of labelled texts, in one go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hiddenstate.data.checks import labels as on_labels
from hiddenstate.data.checks import signs
from hiddenstate.data.checks import texts as on_texts
from hiddenstate.data.checks.findings import Finding, Verdict, on, verdicts
from hiddenstate.data.checks.reading import Reading, examine
from hiddenstate.data.duplicates import groups_of
from hiddenstate.data.faults import Number
from hiddenstate.data.rows import Row
from hiddenstate.tasks.classify.label_errors import doubts

OF_LABELS = ("spelling", "contradiction", "single", "few", "imbalance")  # mean nothing of a wrong column


@dataclass(frozen=True)
class Checked:
    """What a check found: the rows, how many labels, verdicts by kind, and notes on what was not done."""

    reading: Reading
    labels: int
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]

    @property
    def misleads(self) -> bool:
        """Whether training on the file would be misled."""
        return any(verdict.misleads for verdict in self.verdicts)


def check(
    name_or_path: str | Path, *, text: str | None = None, label: str | None = None, seed: int = 0
) -> Checked:
    """Find what would mislead training on a file of labelled texts; text and label name its columns.

    Raises DataError for a file that holds no rows at all, InvalidArgument for a column that is not there.
    """
    reading = examine(name_or_path, text=text, label=label)
    rows = reading.rows
    found = [*reading.findings, *signs.scripts(rows), *signs.damaged(rows), *signs.lengths(rows)]
    spelling, labels = on_labels.written(rows)
    keys = [on_texts.folded(row.text) for row in rows]
    groups = groups_of([row.text for row in rows])
    contradictions = on_texts.contradictions(rows, keys, labels)
    found += [*spelling, *on_labels.sizes(rows, labels, reading.out_of_scope), *contradictions]
    found += [*on_texts.leaks(rows, keys, groups)]
    wrong = on_labels.column(rows)
    notes: tuple[str, ...] = ()
    if wrong:
        notes = ("Texts were not held against labels: first the right columns.",)
        found = [each for each in found if each.kind not in OF_LABELS] + wrong
    else:
        found += on_texts.near(rows, keys, labels, groups)
        told = {each.number for each in contradictions}
        doubtful, notes = _mislabelled(rows, labels, groups, told, seed)
        found += doubtful
    held_out = sum(row.split != "train" for row in rows)
    sizes = {"leak": held_out, "near_leak": held_out, "mislabelled": len(rows)}
    return Checked(reading, len({row.label for row in rows}), tuple(verdicts(found, sizes)), notes)


def _mislabelled(
    rows: Sequence[Row], labels: Sequence[str], groups: Sequence[int], told: set[Number | None], seed: int
) -> tuple[list[Finding], tuple[str, ...]]:
    """Find labels that are probably wrong; rows that contradict another are told of already."""
    judged = doubts([row.text for row in rows], labels, groups, seed)
    found = [
        on(
            rows[doubt.row],
            "mislabelled",
            f"{doubt.label!r} at {doubt.probability:.0%}, its own label at {doubt.own:.1%}",
            suggestion=doubt.label,
            weight=doubt.probability - doubt.own,
        )
        for doubt in judged.found
        if rows[doubt.row].number not in told
    ]
    return found, judged.notes


def summary(checked: Checked) -> dict[str, object]:
    """Return all of it as plain values, for programs."""
    reading = checked.reading
    return {
        "rows": reading.count,
        "usable": len(reading.rows),
        "labels": checked.labels,
        "out_of_scope": reading.out_of_scope,
        "splits": dict(Counter(row.split for row in reading.rows)),
        "unit": reading.unit,
        "misleads": checked.misleads,
        "counts": {verdict.kind: len(verdict.findings) for verdict in checked.verdicts},
        "misleading": [verdict.kind for verdict in checked.verdicts if verdict.misleads],
        "findings": [
            {
                "kind": each.kind,
                "row": each.number,
                "text": each.text,
                "label": each.label,
                "says": each.says,
                "suggestion": each.suggestion,
                "column": each.column,
                "other_row": each.other,
            }
            for verdict in checked.verdicts
            for each in verdict.findings
        ],
        "notes": list(checked.notes),
        "sha256": reading.sha256,
    }
