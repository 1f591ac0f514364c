"""What was promised of the figures: the limits that the tables hold them against."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import speech_tables

COMPARED = {">=": operator.ge, "<=": operator.le, "<": operator.lt}
SENSES = {">=": "at least", "<=": "at most", "<": "under"}


@dataclass(frozen=True)
class Target:
    """A promise about one figure: at least (">="), at most ("<=") or below ("<") a limit, in the median or in
    every seed."""

    words: str
    task: str
    row: str
    figure: str
    sense: str
    limit: float
    every_seed: bool = False

    def judged(self, row: Mapping[str, Any]) -> float:
        """The number that is compared: the median, or the worst."""
        kind = "median" if not self.every_seed else "min" if self.sense == ">=" else "max"
        return float(row[kind][self.figure])

    def is_met(self, row: Mapping[str, Any]) -> bool:
        """Whether the promise is kept."""
        value = self.judged(row)
        return COMPARED[self.sense](value, self.limit)


def _clinc_targets(direction: str) -> tuple[Target, ...]:
    words = f"CLINC150, {direction}: "
    return (
        Target(f"{words}in scope, accepted and right", "clinc", direction, "in_scope_accuracy", ">=", 0.94),
        Target(
            f"{words}out-of-scope recall, same threshold",
            "clinc",
            direction,
            "out_of_scope_recall",
            ">=",
            0.65,
        ),
        Target(f"{words}training", "clinc", direction, "seconds", "<", 600),
    )


def _few_targets() -> tuple[Target, ...]:
    def few(count: int, words: str, figure: str, limit: float) -> Target:
        named = f"CLINC150, {count} examples a class: {words}, every seed"
        return Target(named, "few_shot", f"{count} a class", figure, ">=", limit, every_seed=True)

    ahead = (few(count, "ahead of the snapshot baseline", "ahead", -0.005) for count in (5, 10, 20, 50, 100))
    return (few(10, "accuracy", "accuracy", 0.75), *ahead)


def _rough_targets() -> tuple[Target, ...]:
    def rough(words: str, figure: str, sense: str, limit: float) -> Target:
        return Target(f"CLINC150: {words}, every seed", "rough", "all examples", figure, sense, limit, True)

    return (
        rough("ahead of the snapshot baseline", "ahead", ">=", 0.01),
        rough("lost where 30 % of the longer words are misspelt", "typo_lost", "<", 0.03),
        rough("500 random strings, refused", "strings_refused", ">=", 0.95),
        rough("500 runs of keys, refused", "mashes_refused", ">=", 0.95),
    )


def _memory_targets() -> tuple[Target, ...]:
    names = [(cell, length) for length in (100, 200) for cell in ("LSTM", "GRU")]
    adding = (
        Target(
            f"Adding, {length} steps, {cell}: every seed",
            "adding",
            f"{cell}, T={length}",
            "squared_error",
            "<",
            0.01,
            True,
        )
        for cell, length in names
    )
    copying = (
        Target(
            f"Copying over {length // 2} steps, {cell}: share of the loss without memory, every seed",
            "copy",
            f"{cell}, T={length // 2}",
            "of_memoryless",
            "<",
            0.5,
            True,
        )
        for cell, length in names
    )
    return (
        *adding,
        *copying,
        Target("MNIST pixel by pixel, 784 steps: accuracy", "pixels", "GRU", "accuracy", ">=", 0.96),
        Target("MNIST pixel by pixel: training", "pixels", "GRU", "seconds", "<", 3600),
    )


TARGETS = (
    *_clinc_targets("unidirectional"),
    *_clinc_targets("bidirectional"),
    *_few_targets(),
    *_rough_targets(),
    Target("MNIST row by row: accuracy, every seed", "mnist_rows", "GRU", "accuracy", ">=", 0.985, True),
    Target("Embedded Reber strings right, every seed", "reber", "LSTM", "accuracy", ">=", 0.97, True),
    *_memory_targets(),
    Target(
        "Recall after 100 steps of noise, LSTM: every seed", "recall", "LSTM", "recalled_100", ">=", 0.9, True
    ),
    Target(
        "Recall after 100 steps of noise, GRU: every seed", "recall", "GRU", "recalled_100", ">=", 0.9, True
    ),
    Target("The same, plain RNN (lost): every seed", "recall", "plain RNN", "recalled_100", "<", 0.75, True),
    Target("One utterance on one core, unidirectional", "latency", "unidirectional", "milliseconds", "<", 2),
    Target("One utterance on one core, bidirectional", "latency", "bidirectional", "milliseconds", "<", 2),
    Target("Live memory: the 40th word", "live", "unidirectional", "milliseconds_last_word", "<", 20),
    Target("Model on disk, unidirectional", "size", "unidirectional", "bytes", "<", 10e6),
    Target("Model on disk, bidirectional", "size", "bidirectional", "bytes", "<", 10e6),
    Target("Model on disk, --int8", "int8", "4 and 8 bits", "bytes", "<", 3e6),
    Target("Accuracy lost by --int8, every seed", "int8", "4 and 8 bits", "accuracy_lost", "<", 0.005, True),
    Target("Utterances a second, one core", "bulk", "unidirectional", "per_second", ">=", 5000),
    *(Target(*promise) for promise in speech_tables.PROMISES),
)
