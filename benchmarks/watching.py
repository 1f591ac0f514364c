"""How long does one wait for the bars? What each word holds, told anew after each word of a running text.

The model is of the default size; how long it takes does not depend on what it has learned, so it learns for
one epoch. Reading the word and weighing it in the answer are part of it; drawing is not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from intents import DIRECTIONS, Trainings
from measurement import Figures, Task

from hiddenstate.data import sources
from hiddenstate.lens import LiveMemory

WORDS, TEXTS = 40, 8


def live(trainings: Trainings) -> Task:
    """Milliseconds a word of texts of 40 words, on one thread: of all words, and of the last one."""
    short = replace(
        trainings, changed={"data": "starter", "epochs": 1, "least_steps": 0, **trainings.changed}
    )

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        memory = LiveMemory(short.run(variant, seed)[0])
        corpus, generator = sources.read(short.data), np.random.default_rng(seed)
        known = sorted({word for text in corpus.texts("train") for word in text.split() if word.isalpha()})
        memory.feed("warm")
        texts = [generator.choice(known, WORDS).tolist() for _ in range(TEXTS)]
        times = 1000 * np.array(
            [_seconds(memory, text) for text in texts]
        )  # [texts, words, clock and processor]
        return {
            variant: {
                "milliseconds_word": float(np.median(times[..., 0])),
                "milliseconds_word_cpu": float(np.median(times[..., 1])),
                "milliseconds_word_95": float(np.quantile(times[..., 0], 0.95)),
                "milliseconds_last_word": float(np.median(times[:, -1, 0])),
            }
        }

    settings = {**short.settings(), "words": WORDS, "texts": TEXTS, "threads": 1}
    return Task("live", tuple(DIRECTIONS), settings, measure)


def _seconds(memory: LiveMemory, words: list[str]) -> list[tuple[float, float]]:
    memory.reset()
    found = []
    for word in words:
        began, used = time.perf_counter(), time.thread_time()
        memory.feed(word)
        found.append((time.perf_counter() - began, time.thread_time() - used))
    return found
