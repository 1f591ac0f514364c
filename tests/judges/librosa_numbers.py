"""Log-mel features by librosa, and the numbers that it gave: its first call takes as long as many tests.

`python tests/judges/librosa_numbers.py` writes them anew; a slow test holds them against librosa as it is.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.data.audio.features import Features

PLAIN = Features(normalisation="none")
CASES = {
    "16000 Hz": PLAIN,
    "80 mels": replace(PLAIN, mels=80),
    "8000 Hz": replace(PLAIN, rate=8000),
    "44100 Hz": replace(PLAIN, rate=44100, low=0.0, high=12000.0, mels=64),
    "32 ms": replace(PLAIN, window=0.032, step=0.016, floor=1e-6),
    "22050 Hz": replace(PLAIN, rate=22050, window=0.02321995, step=0.0116, mels=23),
}
FILTERS = {
    "40": PLAIN,
    "80": replace(PLAIN, mels=80),
    "20": replace(PLAIN, rate=8000, mels=20, low=100.0),
}
FILE = Path(__file__).with_suffix(".json")


def noise(seconds: float, rate: int = 16000, seed: int = 0) -> np.ndarray:
    """Noise that swells and is silent in between, as float32."""
    generator = np.random.default_rng(seed)
    count = round(seconds * rate)
    swell = np.maximum(0.0, np.sin(np.arange(count) / rate * 9.0))
    return (generator.standard_normal(count) * swell * 0.1).astype(np.float32)


def emphasised(samples: np.ndarray) -> np.ndarray:
    """What pre-emphasis by 0.97 makes of a recording."""
    filtered = samples.astype(np.float64)
    filtered[1:] -= 0.97 * samples[:-1].astype(np.float64)
    return filtered


def judged(features: Features, samples: np.ndarray) -> np.ndarray:
    """The features [frames, mels] by librosa, which centres the window in the transform's frame."""
    import librosa

    sizes = features.window_of()
    left = (sizes.fft - sizes.window) // 2
    padded = np.pad(samples.astype(np.float64), (left, sizes.fft - sizes.window - left))
    energies = librosa.feature.melspectrogram(
        y=padded,
        sr=sizes.rate,
        n_fft=sizes.fft,
        win_length=sizes.window,
        hop_length=sizes.step,
        center=False,
        power=2.0,
        n_mels=sizes.mels,
        fmin=sizes.low,
        fmax=sizes.high,
        dtype=np.float64,
    )
    return np.log(energies.T + sizes.floor)


def filters(features: Features) -> np.ndarray:
    """The filters [mels, bins] by librosa."""
    import librosa

    sizes = features.window_of()
    return librosa.filters.mel(
        sr=sizes.rate,
        n_fft=sizes.fft,
        n_mels=sizes.mels,
        fmin=sizes.low,
        fmax=sizes.high,
        dtype=np.float64,
    )


def slopes(plain: np.ndarray, deltas: int) -> np.ndarray:
    """Features [frames, mels] and their first slopes by librosa, beside each other."""
    import librosa

    wanted = [plain.T]
    for _ in range(deltas):
        wanted.append(librosa.feature.delta(wanted[-1], width=5, order=1, mode="nearest"))
    return np.concatenate(wanted).T


def some(frames: np.ndarray) -> np.ndarray:
    """Three of the frames: the first, one within, the last."""
    return np.round(frames[[0, len(frames) // 3, -1]].astype(np.float64), 8)


def edges(filters: np.ndarray) -> np.ndarray:
    """What stands for filters [mels, bins]: their areas, and where they lie."""
    return np.stack([filters.sum(1), filters @ np.arange(filters.shape[1])])


def live() -> dict[str, Any]:
    """All numbers, as librosa gives them now."""
    import librosa

    plain = judged(PLAIN, noise(0.5))
    return {
        "features": {name: some(judged(f, noise(1.3, f.rate))).tolist() for name, f in CASES.items()},
        "filters": {name: edges(filters(f)).tolist() for name, f in FILTERS.items()},
        "emphasised": some(judged(PLAIN, emphasised(noise(0.7)))).tolist(),
        "slopes": {str(deltas): some(slopes(plain, deltas)).tolist() for deltas in (1, 2)},
        "mels": [float(librosa.hz_to_mel(hertz)) for hertz in (20.0, 8000.0)],
    }


def stored() -> dict[str, Any]:
    """All numbers, as librosa 0.11 gave them."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    FILE.write_text(json.dumps(live()) + "\n", encoding="utf-8")
