"""How long does one answer take? Measured on one core."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from threadpoolctl import threadpool_limits

ASKED = 60  # texts


def milliseconds(answer: Callable[[Sequence[Any]], Any], texts: Sequence[Any]) -> float:
    """The median time for one text on one core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    with threadpool_limits(1):  # NumPy's
        for text in texts[:ASKED]:
            began = time.perf_counter()
            answer([text])
            times.append(time.perf_counter() - began)
    torch.set_num_threads(threads)
    return 1000 * statistics.median(times)
