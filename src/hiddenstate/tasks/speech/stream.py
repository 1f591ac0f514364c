"""A recording that arrives chunk by chunk: what is said so far, and each utterance once it ends. No torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hiddenstate.data.audio.noticing import chunk
from hiddenstate.decode import Decoded
from hiddenstate.errors import Unsupported
from hiddenstate.tasks.speech.predictor import ANSWERS, Recogniser, Transcript
from hiddenstate.tasks.speech.reader import Listening, refuse_ended
from hiddenstate.tasks.speech.symbols import BLANK

SILENCE = 1.0  # seconds without a symbol that end an utterance
LONGEST = 60.0  # seconds after which an utterance ends with the next sure blank, so that no search grows for
# ever; after twice as many with any, which may lie within a word
SURE = -0.105  # a blank is one where its probability is about 90 %


@dataclass(frozen=True)
class Heard:
    """What a stream says of an utterance: `final` ones never change; start and the times of words are seconds
    of the stream."""

    transcript: Transcript
    final: bool
    start: float


class SpeechStream:
    """One running recording; make one with `recogniser.stream()`.

    However the samples are cut, the final texts are the same, and joined they are the text of the recording
    as `transcribe` gives it. A silence of SILENCE seconds ends an utterance, and so does the first sure blank
    after LONGEST seconds; one in which nothing was said is dropped. Raises Unsupported for a bidirectional
    recogniser, which reads from the end as well.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        if recogniser.spec.bidirectional:
            raise Unsupported(
                "this recogniser is bidirectional: it reads every recording from its end as well, and cannot "
                "stream; train one with --set bidirectional=false"
            )
        self.recogniser, self.ended = recogniser, False
        self._begin(0)
        self.frames, self.listening = recogniser.features.stream(), Listening(recogniser.model)

    def _begin(self, step: int) -> None:
        """Begin an utterance; the recurrent state goes on."""
        self.found, self.steps, self.quiet, self.first = self.recogniser.search.stream(), 0, 0, step

    def feed(self, samples: np.ndarray) -> list[Heard]:
        """Take samples [n], floats from -1 to 1 or int16; give the utterances they end, and what is said so
        far.

        Raises InvalidArgument after `finish`, DataError for samples that are no sound.
        """
        refuse_ended(self.ended, "recogniser")
        ended = self._take(self.listening.feed(self.frames.feed(chunk(samples))))
        return [*ended, self._heard([self.found.best()], final=False)]

    def finish(self) -> Heard:
        """End the recording: the last utterance."""
        refuse_ended(self.ended, "recogniser")
        self.ended = True
        self._take(self.listening.feed(self.frames.finish()))
        self._take(self.listening.finish())
        return self._heard(self.found.finish(most=ANSWERS), final=True)

    def _take(self, scores: np.ndarray) -> list[Heard]:
        ended = []
        for score in scores:
            self.found.feed(score[None])
            self.steps += 1
            blank = score[BLANK] > SURE
            self.quiet = self.quiet + 1 if blank else 0
            silent = self.quiet * self.recogniser.step_seconds >= SILENCE and self._nothing_new()
            seconds = self.steps * self.recogniser.step_seconds
            long = seconds >= LONGEST and blank
            far_too_long = seconds >= 2 * LONGEST and score.argmax() == BLANK
            if not (silent or long or far_too_long):
                continue
            heard = self._heard(self.found.finish(most=ANSWERS), final=True)
            if heard.transcript.text:
                ended.append(heard)
            self._begin(self.first + self.steps)
        return ended

    def _nothing_new(self) -> bool:
        """Whether the best answer so far ends before the silence: many blanks of 90 % can make a word."""
        spans = self.found.best().spans
        return not spans or (self.steps - spans[-1][1]) * self.recogniser.step_seconds >= SILENCE

    def _heard(self, found: list[Decoded], final: bool) -> Heard:
        step = self.recogniser.step_seconds
        start = self.first * step
        return Heard(self.recogniser.transcript_of(found, self.steps * step, start), final, start)
