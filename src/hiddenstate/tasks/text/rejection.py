"""When to say "none of these": a score of being in scope, a threshold for it, and how good both are.

NumPy only. C intents; logits [N, K] with K = C + 1 where out of scope was learned as an answer of its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hiddenstate.errors import RunError

LEAST_EXAMPLES = 20  # fewer out-of-scope examples in validation say too little about a threshold
WORTH = 15  # points of out-of-scope recall that one point of in-scope accuracy is worth
BLUR = 0.1  # of the spread of all scores
ACCEPTED = 0.99  # the share of right in-scope answers to keep where nothing out of scope is known


def scope_scores(logits: np.ndarray, intents: int) -> np.ndarray:
    """How clearly each text [N] is in scope: the best intent's logit above the mean of all logits.

    Where out of scope was learned, above the middle between that mean and the out-of-scope logit.
    """
    against = logits.mean(1)
    if logits.shape[1] > intents:
        against = (against + logits[:, intents]) / 2
    scores: np.ndarray = logits[:, :intents].max(1) - against
    return scores


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities: np.ndarray = shifted / shifted.sum(-1, keepdims=True)
    return probabilities


@dataclass(frozen=True)
class Decision:
    """How logits become an answer: divided by `temperature`, accepted from `threshold` on.

    `chosen_from` says what the threshold was chosen on. Texts less familiar than `familiar` have a lowered
    score (familiarity.py); 0 for none, as in runs that do not say.
    """

    temperature: float
    threshold: float
    chosen_from: str
    familiar: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The decision as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str) -> Decision:
        """Read a decision back; raises RunError where it cannot be right."""
        try:
            decision = cls(
                float(values["temperature"]),
                float(values["threshold"]),
                str(values["chosen_from"]),
                float(values.get("familiar", 0.0)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{where} is damaged: {error}; train again") from error
        if not (decision.temperature > 0 and not np.isnan(decision.threshold)):
            raise RunError(f"{where} is damaged: temperature {decision.temperature}; train again")
        if not 0 <= decision.familiar <= 1:
            raise RunError(f"{where} is damaged: familiar {decision.familiar}; train again")
        return decision


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature under which the right answers [N] are most probable (Guo et al. 2017), by a grid."""
    grid = np.geomspace(0.2, 5, 81)
    rows = np.arange(len(targets))

    def surprise(temperature: float) -> float:
        scaled = logits / temperature
        top = scaled.max(1)
        return float((np.log(np.exp(scaled - top[:, None]).sum(1)) + top - scaled[rows, targets]).mean())

    return float(min(grid, key=surprise))


def choose_threshold(inside: np.ndarray, right: np.ndarray, outside: np.ndarray) -> float:
    """The threshold that weighs best what is accepted and right against what is refused rightly.

    inside [N] scores and right [N] flags of in-scope texts, outside [M] scores of the others: refusing WORTH
    of the outside is worth giving up one of the inside. Each score counts as blurred by BLUR, so that no
    single text decides.
    """
    width = BLUR * float(np.std(np.concatenate([inside, outside]))) or 1.0
    candidates = np.linspace(min(inside.min(), outside.min()), max(inside.max(), outside.max()), 400)

    def above(scores: np.ndarray) -> np.ndarray:
        """For each candidate, how far each blurred score lies above it: from 0 to 1."""
        distance = (scores[None, :] - candidates[:, None]) / width
        shares: np.ndarray = 1 / (1 + np.exp(-np.clip(distance, -50, 50)))
        return shares

    kept = (above(inside) * right).mean(1)
    refused = 1 - above(outside).mean(1)
    return float(candidates[np.argmax(kept + refused / WORTH)])


def quantile_threshold(inside: np.ndarray, right: np.ndarray, accepted: float) -> float:
    """The threshold that accepts this share of the right in-scope answers."""
    return float(np.quantile(inside[right] if right.any() else inside, 1 - accepted))


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """The probability that an in-scope text scores above one that is not (ties count half).

    >>> auroc(np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0]))
    0.75
    """
    order = np.sort(outside)
    below = np.searchsorted(order, inside, "left") + np.searchsorted(order, inside, "right")
    return float(below.mean() / (2 * len(outside)))


def recall_at(inside: np.ndarray, right: np.ndarray, outside: np.ndarray, accuracy: float) -> float:
    """The most out-of-scope texts that can be refused while this in-scope accuracy is kept, else 0."""
    needed = int(np.ceil(accuracy * len(inside)))
    kept = np.sort(inside[right])
    return float(np.mean(outside < kept[len(kept) - needed])) if 0 < needed <= len(kept) else 0.0
