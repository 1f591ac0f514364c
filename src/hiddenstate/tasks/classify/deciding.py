"""What a fitted classifier should reject, decided on validation: heads weighed, temperature, threshold."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from hiddenstate.data.corpus import Corpus
from hiddenstate.tasks.classify.fitting import Prepared, fit_model, prepare
from hiddenstate.tasks.classify.model import IntentModel
from hiddenstate.tasks.classify.reader import logits_of
from hiddenstate.tasks.classify.spec import ClassifySpec
from hiddenstate.tasks.text import rejection
from hiddenstate.tasks.text.encoder import Encoded
from hiddenstate.tasks.text.familiarity import least_familiar
from hiddenstate.tasks.text.rejection import Decision, softmax

SHARES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)  # exact in half precision
FEWEST_TO_SHARE = 30  # texts of validation
HELD_OUT = "\0held out"  # no label of a file can be this
FEWEST_TO_HOLD_OUT = 5


def decide(
    module: IntentModel,
    prepared: Prepared,
    spec: ClassifySpec,
    corpus: Corpus,
    time_limit: float | None = None,
) -> Decision:
    """Fit the share of the wide head and the temperature, and choose the threshold, on validation.

    `time_limit` is what training was given; a rehearsal may take a third of it.
    """
    texts, targets = prepared.held_out()
    if spec.wide and spec.wide_share is None and len(texts) >= FEWEST_TO_SHARE:
        _fit_share(module, prepared, texts, targets)
    logits, intents = logits_of(module, prepared.encoder, texts), len(prepared.labels)
    temperature = rejection.fit_temperature(logits[:, :intents], targets)
    least = least_familiar([each.words for each in prepared.encoded["train"]])
    scores = prepared.encoder.scope_scores(texts, logits, intents, least)
    right = logits[:, :intents].argmax(1) == targets
    outside, _ = prepared.rows("validation", in_scope=False)
    if len(outside) >= rejection.LEAST_EXAMPLES:
        of_outside = logits_of(module, prepared.encoder, outside)
        against = prepared.encoder.scope_scores(outside, of_outside, intents, least)
        threshold = rejection.choose_threshold(scores, right, against)
        source = f"{len(outside)} out-of-scope examples of validation"
        return Decision(temperature, threshold, source, least)
    share, source = _rehearsed_share(spec, corpus, time_limit)
    return Decision(temperature, rejection.quantile_threshold(scores, right, share), source, least)


def _fit_share(
    module: IntentModel, prepared: Prepared, texts: Sequence[Encoded], targets: np.ndarray
) -> None:
    """Weigh the heads so that the right answers are most probable; few data make the wide one weigh more."""

    def surprise(share: float) -> float:
        module.wide_share.fill_(share)
        logits = logits_of(module, prepared.encoder, texts)[:, : len(prepared.labels)]
        probabilities = softmax(logits / rejection.fit_temperature(logits, targets))
        return -float(np.log(probabilities[np.arange(len(targets)), targets] + 1e-9).mean())

    module.wide_share.fill_(min(SHARES, key=surprise))


def _rehearsed_share(spec: ClassifySpec, corpus: Corpus, time_limit: float | None) -> tuple[float, str]:
    """What share of right answers to accept, where no out-of-scope examples are known.

    A fifth of the intents is held out from a short rehearsal: they are what is out of scope there, and the
    share accepted at its best threshold is taken over.
    """
    labels, kept = corpus.labels(), rejection.ACCEPTED
    if len(labels) < FEWEST_TO_HOLD_OUT:
        return kept, f"a fixed share of {kept:.0%} accepted: too few intents to hold some out"
    held = set(np.random.default_rng(spec.seed).permutation(labels)[: len(labels) // 5].tolist())
    inside = {name: [e for e in corpus.split(name) if e.label in labels] for name in ("train", "validation")}
    splits = {
        "train": tuple(e for e in inside["train"] if e.label not in held),
        "validation": tuple(
            dataclasses.replace(e, label=HELD_OUT) if e.label in held else e for e in inside["validation"]
        ),
    }
    rehearsal = dataclasses.replace(corpus, splits=splits, out_of_scope=HELD_OUT)
    if len({e.label == HELD_OUT for e in splits["validation"]}) < 2:
        return kept, f"a fixed share of {kept:.0%} accepted: validation is too small to rehearse refusing"
    shorter = spec.model_copy(
        update={"epochs": max(1, spec.epochs // 3), "least_steps": spec.least_steps // 3}
    )
    prepared = prepare(rehearsal, shorter)
    module, _ = fit_model(prepared, shorter, time_limit=time_limit and time_limit / 3)
    intents = len(prepared.labels)
    texts, targets = prepared.rows("validation", in_scope=True)
    logits = logits_of(module, prepared.encoder, texts)
    right = logits[:, :intents].argmax(1) == targets
    if not right.any():
        return kept, f"a fixed share of {kept:.0%} accepted: the rehearsal found no right answer"
    outside, _ = prepared.rows("validation", in_scope=False)
    scores = rejection.scope_scores(logits, intents)
    against = rejection.scope_scores(logits_of(module, prepared.encoder, outside), intents)
    threshold = rejection.choose_threshold(scores, right, against)
    return float(np.mean(scores[right] >= threshold)), f"a rehearsal with {len(held)} intents held out"
