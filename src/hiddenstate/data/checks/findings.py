"""What a finding is, the table of their kinds, and which of them mislead training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hiddenstate.data.faults import Number
from hiddenstate.data.rows import Row


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at: in a row, or (number None) in the file as a whole.

    says: what was found; suggestion: what the cell `column` could hold instead, where that can be said;
    other: the row it quarrels with; weight: the larger, the earlier it is shown.
    """

    kind: str
    says: str
    number: Number | None = None
    text: str = ""
    label: str = ""
    suggestion: str = ""
    column: str = "label"
    other: Number | None = None
    weight: float = 0.0


def on(row: Row, kind: str, says: str, **more: object) -> Finding:
    """Make a finding on a row."""
    return Finding(kind, says, row.number, row.text, row.label, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Kind:
    """A kind of finding: its title, what to do about it, and from which share of the rows on it misleads.

    0: any finding misleads; None: none does, however many.
    """

    title: str
    cure: str
    misleads_above: float | None


# In the order in which a report has them: what cannot be read at all first.
KINDS: Mapping[str, Kind] = {
    "header": Kind("no header", "Put a first line that names the columns, such as text,label.", 0),
    "encoding": Kind("not UTF-8", "Save the file as UTF-8.", 0),
    "unreadable": Kind("rows that cannot be taken apart", "Put quotes around texts with commas in them.", 0),
    "empty": Kind("no text or no label", "Fill it in, or delete the row.", 0),
    "value": Kind("values that cannot be used", "Correct the value, or delete the row.", 0),
    "column": Kind("labels that are hardly labels", "Name the right column with --label.", 0),
    "classes": Kind("splits that do not fit", "Each label needs rows to train on.", 0),
    "spelling": Kind("labels that differ only in writing", "Write them alike: training keeps them apart.", 0),
    "space": Kind("labels with space around them", "Drop it: training reads them as one.", None),
    "contradiction": Kind("the same text under two labels", "Decide for one label, or delete both.", 0),
    "near": Kind("nearly the same text, two labels", "Right where a word decides; else correct one.", None),
    # A test that shares a hundredth of its texts with training may report a point too much.
    "leak": Kind("the same text in two splits", "Keep it in one; the score is too high.", 0.01),
    "near_leak": Kind("nearly the same text in two splits", "Keep both in one split.", 0.05),
    # Of sets that people have looked through, one or two hundredths are found.
    "mislabelled": Kind("probably another label", "Read them; correct those that are wrong.", 0.025),
    "single": Kind("intents of one text", "Write more, or drop the intent: it cannot be judged.", 0),
    "few": Kind("intents of two to four texts", "Write more: ten are a start.", None),
    "imbalance": Kind("intents ten times rarer than another", "Write more of them.", None),
    "script": Kind(
        "scripts that do not belong together", "Type the word again; or is the row a guest?", None
    ),
    "damaged": Kind("signs damaged on the way", "Take the text from its source again.", None),
    "wordless": Kind("texts without a letter or digit", "Delete them, or label them out of scope.", None),
    "enormous": Kind("enormous texts", "Is a quote left open? Only the beginning is read.", None),
}


@dataclass(frozen=True)
class Verdict:
    """All findings of one kind, the worst first, and whether they mislead training."""

    kind: str
    findings: tuple[Finding, ...]
    misleads: bool


def verdicts(findings: Sequence[Finding], sizes: Mapping[str, int]) -> list[Verdict]:
    """Sort findings by kind, in the order of `KINDS`; sizes: of how many rows a kind with a share is a share.

    >>> found = [Finding("few", "2 texts"), Finding("leak", "as line 3", 9)]
    >>> [(verdict.kind, verdict.misleads) for verdict in verdicts(found, {"leak": 50})]
    [('leak', True), ('few', False)]
    """
    listed = []
    for name, kind in KINDS.items():
        found = sorted((each for each in findings if each.kind == name), key=lambda each: -each.weight)
        if found:
            least = kind.misleads_above
            misleads = least is not None and (not least or len(found) > least * sizes.get(name, 0))
            listed.append(Verdict(name, tuple(found), misleads))
    return listed
