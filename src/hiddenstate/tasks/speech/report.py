"""What a person reads after training or evaluating: tables, and one recording as it was heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hiddenstate import pictures
from hiddenstate.data.spoken import Spoken
from hiddenstate.tasks.speech.symbols import BLANK, normal
from hiddenstate.tasks.text.markdown import cell, flat, percent, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hiddenstate.tasks.speech.evaluating import Judged
    from hiddenstate.tasks.speech.predictor import Recogniser

SHOWN = 20  # sentences and confusions
LONGEST = 8.0  # seconds in the picture
FAINT = 0.05  # a symbol less probable than this everywhere has no line


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


def heard_png(recogniser: Recogniser, recording: Spoken) -> bytes:
    """One recording: waveform, spectrogram, the probabilities of symbols, the words where they are said."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    rate = recogniser.spec.rate
    whole = recording.samples(rate)
    samples = whole[: int(LONGEST * rate)]
    scores = recogniser.scores(samples)
    found = recogniser.transcript_of(recogniser.search.decode(scores, most=1), len(samples) / rate)
    plain, seconds = recogniser.features.plain(samples), len(samples) / rate
    figure = Figure(figsize=(9, 7.5), dpi=120, layout="constrained")
    wave, mel, symbols, words = figure.subplots(
        4, 1, sharex=True, gridspec_kw={"height_ratios": [1, 2, 2, 0.6]}
    )
    wave.plot(np.arange(len(samples)) / rate, samples, color=pictures.INK, linewidth=0.5)
    wave.set_ylabel("amplitude")
    part = "" if len(samples) == len(whole) else f" (here the first {LONGEST:g} s)"
    wave.set_title(
        f"said{part}: {flat(normal(recording.text), 90)}", loc="left", fontsize=10, parse_math=False
    )
    step = recogniser.features.step
    mel.imshow(
        plain[:, : recogniser.spec.mels].T,
        origin="lower",
        aspect="auto",
        cmap="Greys",
        extent=(0, len(plain) * step, 0, recogniser.spec.mels),
    )
    mel.set_ylabel("mel band")
    mel.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    _draw_symbols(symbols, recogniser, scores)
    words.set_ylim(0, 1)
    words.set_yticks([])
    words.set_ylabel("words")
    for place, word in enumerate(found.words):
        words.axvspan(word.start, word.end, color=pictures.PALE, alpha=0.35)
        height = 0.68 if place % 2 else 0.3
        middle = (word.start + word.end) / 2
        words.text(middle, height, word.text, ha="center", va="center", fontsize=9, parse_math=False)
    words.set_xlabel("time (s)")
    words.set_xlim(0, seconds)
    for axes in (wave, symbols):
        axes.spines[["top", "right"]].set_visible(False)
    return pictures.png(figure)


def _draw_symbols(axes: Axes, recogniser: Recogniser, scores: np.ndarray) -> None:
    """A line for each symbol that is probable anywhere, its name at its highest; the blank is dotted."""
    at = (np.arange(len(scores)) + 0.5) * recogniser.step_seconds
    shares = np.exp(scores)
    axes.plot(at, shares[:, BLANK], color=pictures.PALE, linestyle=":", linewidth=1, label="blank")
    names = recogniser.symbols.written
    for number, name in enumerate(names, start=1):
        if shares[:, number].max() < FAINT:
            continue
        axes.plot(at, shares[:, number], color=pictures.INK, linewidth=0.9)
        for peak in _peaks(shares[:, number]):
            shown = name.replace(" ", "␣")
            axes.annotate(
                shown,
                (at[peak], shares[peak, number]),
                ha="center",
                va="bottom",
                fontsize=7,
                parse_math=False,
            )
    axes.set_ylim(0, 1.15)
    axes.set_ylabel("probability")
    axes.legend(frameon=False, loc="upper right", fontsize=8)


def _peaks(values: np.ndarray) -> list[int]:
    """Where values are highest among their neighbours, and worth a name."""
    padded = np.concatenate([[-1.0], values, [-1.0]])
    high = (values >= padded[:-2]) & (values > padded[2:]) & (values > 0.3)
    return np.flatnonzero(high).tolist()
