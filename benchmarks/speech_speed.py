"""How fast does a recogniser learn, and how fast does it answer while somebody speaks?

Recordings of an4 and the product's default settings. What takes time does not depend on what the network has
learned, so its weights are those it begins with; the search has more to keep apart under them than later on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from measurement import Figures, Task
from torch.nn import functional

from hiddenstate.data.recordings import read_recordings
from hiddenstate.data.spoken import SpokenCorpus, divided
from hiddenstate.learner import make, move_average
from hiddenstate.tasks.speech.fitting import EpochBatches
from hiddenstate.tasks.speech.language import Language
from hiddenstate.tasks.speech.listening import Weights
from hiddenstate.tasks.speech.model import SpeechModel
from hiddenstate.tasks.speech.predictor import Recogniser
from hiddenstate.tasks.speech.prepared import Prepared, prepare
from hiddenstate.tasks.speech.spec import SpeechSpec
from hiddenstate.tasks.speech.symbols import BLANK

LEARNED, EPOCHS = 48, 2  # recordings and epochs that are timed, after a batch of warming up
THREADS = {"one thread": 1, "two threads": 2}
CHUNK, SPOKEN = 0.1, 20.0  # seconds of a chunk, and of what is said in all
WEIGHTS = Weights(0.75, 0.5)


def corpus_of(most: int) -> SpokenCorpus:
    """The first training recordings of an4 and what is held out."""
    corpus = divided(read_recordings("an4"), 0)
    return replace(corpus, splits={"train": corpus.split("train")[:most]})


def described(spec: SpeechSpec) -> dict[str, Any]:
    """The settings, without those that a measurement draws."""
    return {name: value for name, value in spec.model_dump().items() if name != "seed"}


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch, and with it the compiled core, use so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def throughput(quick: bool = False) -> Task:
    """Seconds of sound learned from in a second, and what that second goes into, of a whole training."""
    most = 8 if quick else LEARNED
    own = {"data": "an4", **({"hidden": 4, "layers": 1} if quick else {})}
    base = SpeechSpec.from_options(own)

    def figures(variant: str, seed: int) -> Mapping[str, Figures]:
        load, spec = os.getloadavg()[0], base.model_copy(update={"seed": seed})
        with threads(THREADS[variant]):
            corpus = corpus_of(most)
            began = now()
            prepared = prepare(corpus, spec)
            heard = now() - began
            parts = timed_epochs(prepared, spec)
        # of a whole training: features are made once, the rest in every epoch
        spent = {name: value / EPOCHS for name, value in parts.items()}
        spent["features"] = heard / spec.epochs
        sound, (clock, processor) = corpus.seconds("train"), sum(spent.values())
        shares = {f"share_{name}": float(value[1] / processor) for name, value in spent.items()}
        rates = {
            "sound_per_second": float(sound / clock),
            "sound_per_cpu_second": float(sound / processor),
        }
        return {variant: {**rates, **shares, "load": round(load, 2)}}

    settings = {**described(base), "recordings": most, "epochs_timed": EPOCHS}
    return Task("throughput", tuple(THREADS), settings, figures)


def now() -> np.ndarray:
    """The time on a clock, and that of the processor which all threads of this process have taken [2]."""
    return np.array([time.perf_counter(), time.process_time()])


def timed_epochs(prepared: Prepared, spec: SpeechSpec) -> dict[str, np.ndarray]:
    """Seconds [clock, processor] that batches, network, loss and the step of the weights take in some epochs
    of training."""
    module = SpeechModel(spec, len(prepared.symbols))
    learner = make(module, spec.weight_decay, spec.average > 0)
    learner.set_rate(1e-4, 1e-4)
    module.train()
    spent: dict[str, np.ndarray] = {}
    for epoch in range(EPOCHS + 1):
        if epoch <= 1:  # the first epoch warms up
            spent = {name: np.zeros(2) for name in ("batches", "network", "loss", "step")}
        batches = EpochBatches(prepared, spec, epoch)
        for index in range(len(batches)):
            at = [now()]
            batch = batches[index]
            at.append(now())
            lengths, sizes = torch.from_numpy(batch.lengths), torch.from_numpy(batch.target_lengths)
            scores = module(torch.from_numpy(batch.steps), lengths)
            at.append(now())
            apart = scores.detach().requires_grad_()
            targets = torch.from_numpy(batch.targets)
            loss = functional.ctc_loss(apart, targets, lengths, sizes, blank=BLANK)
            loss.backward()  # type: ignore[no-untyped-call]
            at.append(now())
            module.zero_grad()
            scores.backward(apart.grad)
            at.append(now())
            torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
            for optimiser in learner.optimisers:
                optimiser.step()
            move_average(learner, spec.average or None)
            at.append(now())
            for name, value in zip(
                ("batches", "network", "loss", "network", "step"), np.diff(at, axis=0), strict=True
            ):
                spent[name] += value
    return spent


def streaming(quick: bool = False) -> Task:
    """Milliseconds of a chunk of 100 ms on one thread: unidirectional, language model and list of words."""
    own = {"data": "an4", "bidirectional": False, **({"hidden": 4} if quick else {})}
    spec = SpeechSpec.from_options(own)

    def figures(variant: str, seed: int) -> Mapping[str, Figures]:
        load = os.getloadavg()[0]
        corpus = divided(read_recordings("an4"), seed)
        recogniser = untrained(spec.model_copy(update={"seed": seed}), corpus)
        samples, rate = np.zeros(0, np.float32), spec.rate
        for each in corpus.split("validation"):
            if len(samples) < (1.0 if quick else SPOKEN) * rate:
                samples = np.concatenate([samples, each.samples(rate)])
        size, stream, times = round(CHUNK * rate), recogniser.stream(), []
        with threads(1):
            for start in range(0, len(samples), size):
                began, used = time.perf_counter(), time.thread_time()
                stream.feed(samples[start : start + size])
                times.append((time.perf_counter() - began, time.thread_time() - used))
        clock, processor = (1000 * np.array(times)).T
        return {
            variant: {
                "milliseconds_chunk": float(np.median(clock)),
                "milliseconds_chunk_95": float(np.quantile(clock, 0.95)),
                "milliseconds_chunk_cpu": float(np.median(processor)),
                "milliseconds_chunk_cpu_95": float(np.quantile(processor, 0.95)),
                "parameters": float(sum(each.size for each in recogniser.model.parameters.values())),
                "load": round(load, 2),
            }
        }

    settings = {**described(spec), "chunk": CHUNK, "threads": 1}
    return Task("streaming", ("small",), settings, figures)


def untrained(spec: SpeechSpec, corpus: SpokenCorpus) -> Recogniser:
    """A recogniser that has learned the words and n-grams of a corpus, but not how they sound."""
    first = replace(corpus, splits={"train": corpus.split("train")[:1]})
    heard = prepare(first, spec)
    texts = [each.text for each in corpus.split("train")]
    symbols = type(heard.symbols).of(texts, heard.symbols.kind)
    torch.manual_seed(spec.seed)
    reader = SpeechModel(spec, len(symbols)).reader()
    language = Language.of(texts, symbols, spec)
    return Recogniser(spec, heard.features, symbols, reader, language.lm, language.words, WEIGHTS)
