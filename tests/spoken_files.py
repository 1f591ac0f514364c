"""Small recordings for tests: tones in files, in the forms that others write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile


def tone(seconds: float = 0.5, rate: int = 16000, pitch: float = 440.0, seed: int = 0) -> np.ndarray:
    """A tone over a little noise [n] float32."""
    count = round(seconds * rate)
    noise = 0.01 * np.random.default_rng(seed).standard_normal(count)
    return (0.3 * np.sin(2 * np.pi * pitch * np.arange(count) / rate) + noise).astype(np.float32)


def written(path: Path, seconds: float = 0.5, rate: int = 16000, pitch: float = 440.0) -> Path:
    """Write a tone to a file, in folders as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(seconds, rate, pitch), rate)
    return path


def listed(path: Path, *lines: str) -> Path:
    """Write lines of text to a file, in folders as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
