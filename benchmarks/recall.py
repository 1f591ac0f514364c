"""A symbol recalled after a delay of noise: the plain network forgets what gates keep (Hochreiter 1991;
Bengio, Simard and Frasconi 1994; Hochreiter and Schmidhuber 1997).

The comparison of `hiddenstate lens compare`: a network of 5,000 parameters for each cell and delay, trained
at that delay alone from the usual initialisation, all from the same sequences, judged on 1,000 fresh ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from measurement import Figures, Task
from memory import Clock

from hiddenstate import lens
from hiddenstate.lens.recall.plan import Effort, Size
from hiddenstate.lens.recall.task import Recall

CELLS = {"plain RNN": "rnn", "LSTM": "lstm", "GRU": "gru"}
DELAYS = (5, 20, 50, 100, 200)


def task(quick: bool = False) -> Task:
    """Each cell alone; a seed draws the sequences and the first weights."""
    effort = Effort(steps=2, judged=20) if quick else Effort()
    size = Size(units=4) if quick else Size(parameters=5000)
    delays = (2, 100) if quick else DELAYS

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        clock = Clock()
        view = lens.compare([CELLS[variant]], delays=delays, seeds=[seed], size=size, effort=effort)
        (row,) = view.facts["networks"]
        recalled = {
            f"recalled_{delay}": 0.0 if share is None else share  # a network that diverged recalls nothing
            for delay, share in row["accuracy"].items()
        }
        return {variant: {**recalled, "parameters": float(row["parameters"]), **clock.figures()}}

    return Task("recall", tuple(CELLS), {**asdict(effort), **asdict(Recall()), "delays": delays}, measure)
