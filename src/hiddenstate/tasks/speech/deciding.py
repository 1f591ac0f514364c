"""What a trained recogniser knows of the language, decided on what was held out."""

from __future__ import annotations

import numpy as np

from hiddenstate.decode import PrefixBeam
from hiddenstate.tasks.speech.commands.spotter import Spotter
from hiddenstate.tasks.speech.commands.training import with_threshold
from hiddenstate.tasks.speech.listening import Weights, chosen_weights, search_of
from hiddenstate.tasks.speech.predictor import Recogniser
from hiddenstate.tasks.speech.prepared import Prepared
from hiddenstate.tasks.speech.reader import Reader
from hiddenstate.tasks.speech.spec import SpeechSpec


def decide(prepared: Prepared, spec: SpeechSpec, trained: Reader) -> Recogniser | Spotter:
    """The recogniser with weights as a run holds them, and a language; or with a threshold for commands."""
    stored = {name: value.astype(np.float16).astype(np.float32) for name, value in trained.parameters.items()}
    reader, symbols = Reader(spec, stored), prepared.symbols
    lm, words = prepared.language.lm, prepared.language.words
    weights = Weights(0.0, 0.0)
    if lm is not None:
        held = prepared.held_out()
        frames = [prepared.features.normalised(each.frames) for each in held]

        def make(chosen: Weights) -> PrefixBeam:
            return search_of(spec, symbols, lm, words, chosen)

        weights = chosen_weights(make, reader.scores(frames), [each.text for each in held])
    recogniser = Recogniser(spec, prepared.features, symbols, reader, lm, words, weights)
    return with_threshold(prepared, recogniser) if spec.commands else recogniser
