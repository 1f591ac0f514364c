"""Bars: the milliseconds of a call, ours beside the peers'."""

from __future__ import annotations

from hiddenstate import pictures
from hiddenstate.bench.comparison import Comparison


def bars(found: Comparison) -> bytes:
    """Draw the median of each contender with its quartiles as PNG bytes, the fastest on top."""
    from matplotlib.figure import Figure

    times = sorted(found.times.items(), key=lambda row: row[1].median)
    mine, longest = next(iter(found.samples)), max(spread.high for _, spread in times)
    unit, scale = ("µs", 1e6) if longest < 1e-3 else ("ms", 1e3)
    figure = Figure(figsize=(7, 1.3 + 0.42 * len(times)), dpi=120, layout="constrained")
    axes = figure.subplots()
    for row, (name, spread) in enumerate(times):
        ours = name == mine
        axes.barh(
            row,
            spread.median * scale,
            color=pictures.INK if ours else "#c9c9c9",
            edgecolor=pictures.PALE if ours else "black",
            hatch=None if ours else "//",
            xerr=[
                [(spread.median - spread.low) * scale],
                [(spread.high - spread.median) * scale],
            ],
            ecolor="black",
            capsize=3,
        )
        axes.annotate(
            f"{spread.median * scale:.3g}",
            (spread.high * scale, row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(range(len(times)), [name for name, _ in times])
    axes.get_yticklabels()[[name for name, _ in times].index(mine)].set_fontweight("bold")
    axes.invert_yaxis()
    axes.set_xlim(0, longest * scale * 1.15)
    axes.set_xlabel(f"time of a call [{unit}]: median, and quartiles over {len(found.samples[mine])} rounds")
    axes.set_title(title(found), fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    return pictures.png(figure)


def title(found: Comparison) -> str:
    """Say what was timed."""
    work = found.work
    what = {
        "stream": "one step, batch 1",
        "inference": f"{work.steps} steps, batch {work.batch}",
        "training": f"training, {work.steps} steps, batch {work.batch}",
    }[work.kind]
    threads = f"{work.threads} thread{'s' if work.threads > 1 else ''}"
    return f"{work.recurrence.name}, {work.features} features, {work.hidden} units, {what}, {threads}"
