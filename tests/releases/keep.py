"""Keep a small run of this release: python tests/releases/keep.py

Writes tests/releases/VERSION: what prediction needs of a run, and answers.json, what it answered to texts of
many kinds. `tests/test_releases.py` asks every kept run again. A folder that is there is left alone: what a
release has written does not change. Another name than the version's: python tests/releases/keep.py 0.2.0-int8
int8=true
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hiddenstate import __version__
from hiddenstate.tasks import classify

HERE = Path(__file__).parent
FILES = ("spec.json", "model.json", "weights.safetensors")
SMALL = {
    "data": "starter",
    "hidden": 8,
    "embedding": 8,
    "letter_buckets": 256,
    "wide_buckets": 512,
    "epochs": 8,
    "least_steps": 200,
}
TEXTS = (
    "what time is it?",
    "wake me at seven tomorrow",
    "PLAY some Jazz, please!",
    "What’s the weather like in Zürich",
    "hwo do yuo sya hello in frnech",
    "who won the game in 1966",
    "",
    "  ?!  ",
    "आज का मौसम कैसा है",
    "วันนี้อากาศเป็นอย่างไร",
    "今日の天気は",
    "İstanbul'da hava nasıl",
    "ما هو الطقس اليوم",
    "👩‍👩‍👧 🇫🇷 timer ☕️",
    "cafe\u0301 l'heure qu'il est",
    "set a timer for ten minutes and then " * 80,
)


def keep(name: str, settings: Sequence[str] = ()) -> Path:
    """Train, and keep what answers; raises FileExistsError where that release has been kept."""
    folder = HERE / name
    options = SMALL | dict(pair.split("=", 1) for pair in settings)
    with tempfile.TemporaryDirectory() as place:
        run = Path(place) / "run"
        classify.train(classify.ClassifySpec.from_options(options), run)
        folder.mkdir()
        for file in FILES:
            shutil.copyfile(run / file, folder / file)
    found = [
        {"text": each.text, "label": each.label, "score": each.score, "ranked": each.ranked}
        for each in classify.load(folder).predict(TEXTS)
    ]
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in found)
    (folder / "answers.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    return folder


if __name__ == "__main__":
    print(keep(sys.argv[1] if len(sys.argv) > 1 else __version__, sys.argv[2:]))
