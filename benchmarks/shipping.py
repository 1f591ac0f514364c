"""What it takes to ship a classifier: weights in few bits, and answers to very many texts.

`int8` narrows the weights of a default training and decides anew, as `train --int8` does after its last step:
the same weights before and after, so that nothing but the bits differs. `bulk` and `million` run the command
line in a process of its own, on one core, from its start to its end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from intents import Trainings
from measurement import Figures, Task

from hiddenstate.data import sources
from hiddenstate.runs import Run
from hiddenstate.tasks import classify
from hiddenstate.tasks.classify.deciding import decide
from hiddenstate.tasks.classify.evaluating import answers_of
from hiddenstate.tasks.classify.examples import same_division
from hiddenstate.tasks.classify.fitting import prepare
from hiddenstate.tasks.classify.measures import measures
from hiddenstate.tasks.classify.model import IntentModel
from hiddenstate.tasks.classify.reader import Reader

WEIGHED = ("weights.safetensors", "model.json")
FIGURES = ("accuracy", "in_scope_accuracy", "out_of_scope_recall", "auroc", "overall_accuracy")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ONE_CORE = """
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
from pathlib import Path
from hiddenstate.cli import main
try:
    main()
finally:  # of this program alone: what the system tells of a child counts the process that started it as well
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    most = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    Path(os.environ["MOST_MEMORY"]).write_text(most, encoding="utf-8")
"""


def int8(trainings: Trainings) -> Task:
    """Accuracy and size with weights of 4 and 8 bits, beside those of the same training with 16."""

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        path, _ = trainings.run("unidirectional", seed)
        with tempfile.TemporaryDirectory() as place:
            narrowed(path, Path(place) / "run")
            ours, theirs = figures_of(Path(place) / "run"), figures_of(path)
        lost = {f"{name}_lost": theirs[name] - ours[name] for name in FIGURES}
        return {variant: {**ours, **lost}, "16 bits": theirs}

    return Task("int8", ("4 and 8 bits",), trainings.settings(), measure)


def narrowed(path: Path, to: Path) -> None:
    """Make of a run the one that `--int8` would have ended with."""
    loaded, before = classify.load(path), Run.open(path)
    spec, values = loaded.spec.model_copy(update={"int8": True}), before.spec()
    corpus = same_division(before, spec, values).corpus
    prepared = prepare(corpus, spec)
    model = IntentModel.of(Reader(spec, loaded.model.parameters))
    model.settle()
    decision = decide(model, prepared, spec, corpus)
    run = Run.create(to)
    run.write_spec({**values, "spec": spec.model_dump()})
    classify.Classifier(
        spec, loaded.labels, loaded.out_of_scope, prepared.encoder, model.reader(), decision
    ).save(run)


def figures_of(path: Path) -> dict[str, float]:
    """How good and how large a run is."""
    classifier, run = classify.load(path), Run.open(path)
    corpus = same_division(run, classifier.spec, run.spec()).corpus
    found = measures(answers_of(classifier, corpus, "test" if "test" in corpus.splits else "train")[0])
    kept = {name: float(found[name]) for name in FIGURES if found.get(name) is not None}
    return {**kept, "bytes": sum((path / name).stat().st_size for name in WEIGHED)}


def bulk(trainings: Trainings, lines: int, name: str = "bulk", most_seeds: int | None = None) -> Task:
    """Answers a second to a file of so many lines, and the most memory that takes."""

    def measure(variant: str, seed: int) -> Mapping[str, Figures]:
        path, _ = trainings.run(variant, seed)
        with tempfile.TemporaryDirectory() as place:
            file, out = Path(place) / "texts.txt", Path(place) / "answers.jsonl"
            write_texts(file, trainings.data, lines, seed)
            words = ("predict", str(path), "--file", str(file), "--out", str(out), "--json")
            used = timed(Path(place) / "memory.txt", *words)
            with out.open("rb") as answers:
                found = sum(1 for _ in answers)
        if found != lines:
            raise RuntimeError(f"expected {lines} answers, came {found}")
        return {
            variant: {
                "per_second": lines / used["seconds"],
                "per_cpu_second": lines / used["cpu_seconds"],
                "memory": used["memory"],
            }
        }

    settings = {**trainings.settings(), "lines": lines, "cores": 1, "bidirectional": False}
    return Task(name, ("unidirectional",), settings, measure, most_seeds)


def write_texts(path: Path, data: str, lines: int, seed: int) -> None:
    """Texts of a corpus, in each one word replaced by any other, in every third a letter too many."""
    corpus, generator = sources.read(data), np.random.default_rng(seed)
    texts = [example.text.split() for examples in corpus.splits.values() for example in examples]
    words = sorted({word for text in texts for word in text})
    with path.open("w", encoding="utf-8") as file:
        for _ in range(lines):
            text = list(texts[generator.integers(len(texts))])
            text[generator.integers(len(text))] = words[generator.integers(len(words))]
            if generator.random() < 1 / 3:
                place = generator.integers(len(text))
                word, cut = text[place], generator.integers(len(text[place]) + 1)
                text[place] = word[:cut] + LETTERS[generator.integers(26)] + word[cut:]
            file.write(" ".join(text) + "\n")


def timed(memory: Path, *words: str) -> dict[str, Any]:
    """Run a command on one core; seconds of the clock and of the processor, and the most memory, in bytes."""
    own = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    own["MOST_MEMORY"] = str(memory)
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", ONE_CORE, *words], env={**os.environ, **own})
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    return {
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "memory": 1024 * int(memory.read_text(encoding="utf-8")),
    }
