"""One recording as it was heard: waveform, spectrogram, probabilities of symbols, words in their places."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hiddenstate import pictures
from hiddenstate.data.audio.mel import to_mel
from hiddenstate.data.spoken import Spoken
from hiddenstate.tasks.speech.predictor import Recogniser, SpokenWord
from hiddenstate.tasks.speech.symbols import BLANK, normal
from hiddenstate.tasks.text.markdown import flat

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 8.0  # seconds
FAINT = 0.05  # a symbol less probable than this everywhere has no line
CLEAR = 0.3  # one that is more probable somewhere has its name there
HERTZ = (250, 500, 1000, 2000, 4000, 8000, 16000)
LETTERS = 90  # of a text in the title
MIDDLE, LOW, HIGH = 0.5, 0.28, 0.72  # where words stand


def heard_png(recogniser: Recogniser, recording: Spoken) -> bytes:
    """Draw a recording, its first seconds where it is long, as PNG."""
    from matplotlib.figure import Figure

    rate = recogniser.spec.rate
    whole = recording.samples(rate)
    samples = whole[: int(LONGEST * rate)]
    scores, seconds = recogniser.scores(samples), len(samples) / rate
    found = recogniser.transcript_of(recogniser.search.decode(scores, most=1), seconds)
    figure = Figure(figsize=(9, 7.9), dpi=120, layout="constrained")
    wave, mel, symbols, words = figure.subplots(
        4, 1, sharex=True, gridspec_kw={"height_ratios": [1, 2, 2, 0.6]}
    )
    part = "" if len(samples) == len(whole) else f", the first {LONGEST:g} of {len(whole) / rate:.1f} s"
    title = [f"{flat(_file(recording), LETTERS)}{part}", f"said: {flat(normal(recording.text), LETTERS)}"]
    title.append(f"recognised{' in them' if part else ''}: {flat(found.text, LETTERS) or '(nothing)'}")
    wave.set_title("\n".join(title), loc="left", fontsize=10, parse_math=False)
    wave.plot(np.arange(len(samples)) / rate, samples, color=pictures.INK, linewidth=0.5)
    wave.set_ylabel("amplitude")
    _draw_mel(mel, recogniser, samples)
    _draw_symbols(symbols, recogniser, scores)
    words.set_xlabel("time (s)")
    words.set_xlim(0, seconds)
    _draw_words(words, found.words)
    for axes in (wave, symbols):
        axes.spines[["top", "right"]].set_visible(False)
    return pictures.png(figure)


def _file(recording: Spoken) -> str:
    path = getattr(recording, "path", None)  # strings of recordings lie in no file
    return path.name if isinstance(path, Path) else recording.name


def _draw_mel(axes: Axes, recogniser: Recogniser, samples: np.ndarray) -> None:
    """The energies of the mel bands, their middles in Hz."""
    features = recogniser.features
    energies = features.plain(samples)[:, : features.mels]
    axes.imshow(
        energies.T,
        origin="lower",
        aspect="auto",
        cmap="Greys",
        extent=(0, len(energies) * features.step, 0, features.mels),
    )
    window = features.window_of()
    low, high = float(to_mel(window.low)), float(to_mel(window.high))
    at = (to_mel(np.array(HERTZ)) - low) / (high - low) * (features.mels + 1) - 0.5
    inside = (at >= 0) & (at <= features.mels)
    axes.set_yticks(at[inside], [f"{hertz}" for hertz, shown in zip(HERTZ, inside, strict=True) if shown])
    axes.set_ylabel("frequency (Hz)")


def _draw_symbols(axes: Axes, recogniser: Recogniser, scores: np.ndarray) -> None:
    """A line for each symbol that is probable anywhere, its name at its highest; the blank is dotted."""
    at = (np.arange(len(scores)) + 0.5) * recogniser.step_seconds
    shares = np.exp(scores)
    axes.plot(at, shares[:, BLANK], color=pictures.PALE, linestyle=":", linewidth=1, label="blank")
    nameless = 0
    for number, name in enumerate(recogniser.symbols.written, start=1):
        share = shares[:, number]
        if share.max() < FAINT:
            continue
        if peaks := _peaks(share):
            axes.plot(at, share, color=pictures.INK, linewidth=0.9)
        else:
            (line,) = axes.plot(at, share, color=pictures.PALE, linewidth=0.6, alpha=0.7)
            nameless += 1
        for peak in peaks:
            axes.annotate(
                name.replace(" ", "␣"),
                (at[peak], share[peak]),
                ha="center",
                va="bottom",
                fontsize=7,
                parse_math=False,
            )
    if nameless:
        line.set_label(f"{nameless} other symbol{'s' * (nameless > 1)}, never above {CLEAR:g}")
    axes.set_ylim(0, 1.15)
    axes.set_ylabel("probability")
    # above what is drawn, which may be high anywhere
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, ncols=2, fontsize=8)


def _peaks(values: np.ndarray) -> list[int]:
    """Where values are highest among their neighbours, and worth a name."""
    padded = np.concatenate([[-1.0], values, [-1.0]])
    high = (values >= padded[:-2]) & (values > padded[2:]) & (values > CLEAR)
    return np.flatnonzero(high).tolist()


def _draw_words(axes: Axes, words: Sequence[SpokenWord]) -> None:
    """Each word where it is said, its text in the middle."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.set_ylabel("words")
    texts = []
    for word in words:
        axes.axvspan(word.start, word.end, color=pictures.PALE, alpha=0.35)
        middle = (word.start + word.end) / 2
        texts.append(
            axes.text(middle, MIDDLE, word.text, ha="center", va="center", fontsize=9, parse_math=False)
        )
    figure = axes.get_figure(root=True)
    if figure is None or not texts:
        return
    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()  # so that the axes have their size
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in texts]
    for text, height in zip(texts, heights([(box.x0, box.x1) for box in boxes]), strict=True):
        text.set_y(height)


def heights(spans: Sequence[tuple[float, float]]) -> list[float]:
    """Where labels stand that go from left to right: in the middle, or in turn below and above where one
    would touch the next.

    >>> heights([(0, 2), (1, 3), (2.5, 4), (9, 10)])
    [0.28, 0.72, 0.28, 0.5]
    """
    touching = [a[1] >= b[0] for a, b in itertools.pairwise(spans)]
    found: list[float] = []
    for place in range(len(spans)):
        before, behind = place > 0 and touching[place - 1], place < len(touching) and touching[place]
        if before:
            found.append(HIGH if found[-1] == LOW else LOW)
        else:
            found.append(LOW if behind else MIDDLE)
    return found
