"""What the tests of decoding share: drawn frames, all that they can say, and fixed cases of others."""

from __future__ import annotations

import itertools
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CASES = os.environ.get("HIDDENSTATE_CONFORMANCE", "")
with_cases = pytest.mark.skipif(
    not CASES, reason="HIDDENSTATE_CONFORMANCE names no folder with ctc_cases.json"
)


def fixed(kind: str) -> list[Any]:
    """The fixed cases of one kind, "loss" or "decode"; one that is skipped where there are none."""
    if not CASES:
        return [pytest.param(None, id="none", marks=with_cases)]
    cases = json.loads((Path(CASES) / "ctc_cases.json").read_text(encoding="utf-8"))[kind]
    return [pytest.param(case, id=case["name"]) for case in cases]


def drawn(seed: int, T: int, K: int, spread: float = 2.0) -> np.ndarray:
    """Logarithms of probabilities [T, K]."""
    scores = np.random.default_rng(seed).normal(0, spread, (T, K))
    return scores - np.log(np.exp(scores).sum(1, keepdims=True))


def said_by(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    """What a path says, symbol by symbol."""
    said, before = [], None
    for symbol in path:
        if symbol not in (before, blank):
            said.append(symbol)
        before = symbol
    return tuple(said)


def everything_said(
    log_probs: np.ndarray, blank: int
) -> dict[tuple[int, ...], tuple[float, tuple[int, ...]]]:
    """All that can be said: its probability, all paths added up one by one, and its best path."""
    T, K = log_probs.shape
    paths = defaultdict(list)
    for path in itertools.product(range(K), repeat=T):
        probability = np.exp(sum(log_probs[t, symbol] for t, symbol in enumerate(path)))
        paths[said_by(path, blank)].append((float(probability), path))
    return {said: (sum(p for p, _ in found), max(found)[1]) for said, found in paths.items()}
