"""A small spoken world: words are tones, so that a recogniser learns it within seconds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

RATE = 8000
TONES = {"low": (300, 300), "high": (1800, 1800), "rise": (400, 1600), "fall": (1600, 400)}


def word(name: str, seconds: float, generator: np.random.Generator) -> np.ndarray:
    """One word: a tone that stays, rises or falls, with its octave, of some loudness."""
    count = int(seconds * RATE)
    first, last = TONES[name]
    phase = 2 * np.pi * np.cumsum(np.linspace(first, last, count)) / RATE
    shape = np.sin(np.pi * np.arange(count) / count) ** 0.5
    return generator.uniform(0.2, 0.6) * shape * (np.sin(phase) + 0.3 * np.sin(2 * phase)) / 1.3


def sentence(words: list[str], generator: np.random.Generator, gap: float = 0.12) -> np.ndarray:
    """Words with pauses between and around them, and a little noise."""
    parts = [np.zeros(int(gap * RATE))]
    for name in words:
        parts += [word(name, generator.uniform(0.25, 0.4), generator), np.zeros(int(gap * RATE))]
    samples = np.concatenate(parts)
    return (samples + generator.normal(0, 0.003, len(samples))).astype(np.float32)


def write(folder: Path, count: int, seed: int, most: int = 4) -> Path:
    """Write NAME.wav and NAME.txt of so many sentences into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    for number in range(count):
        words = generator.choice(list(TONES), generator.integers(1, most + 1)).tolist()
        soundfile.write(folder / f"{number:03}.wav", sentence(words, generator), RATE, "PCM_16")
        (folder / f"{number:03}.txt").write_text(" ".join(words) + "\n", encoding="utf-8")
    return folder


def write_manifest(folder: Path) -> None:
    """Beside the recordings of a folder, `manifest.jsonl`: a line of JSON for each."""
    paths = sorted(folder.glob("*.wav"))
    texts = [path.with_suffix(".txt").read_text(encoding="utf-8").strip() for path in paths]
    rows = zip(paths, texts, strict=True)
    lines = [json.dumps({"audio_filepath": str(path), "text": text}) for path, text in rows]
    (folder / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")
