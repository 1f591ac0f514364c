"""Train on from a run, with new data beside its own: new words, new intents, what it learned as the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hiddenstate.data import sources
from hiddenstate.data.joining import Joined, join
from hiddenstate.errors import DataError, InvalidArgument
from hiddenstate.runs import Run
from hiddenstate.tasks.classify.comparing import Told, compared
from hiddenstate.tasks.classify.examples import KEPT, as_csv, digest, division_of
from hiddenstate.tasks.classify.predictor import Classifier
from hiddenstate.tasks.classify.spec import ClassifySpec
from hiddenstate.tasks.classify.warm import Start


@dataclass(frozen=True)
class Update:
    """What a run begins with beside its spec: data put together, weights, and what the old run answered."""

    joined: Joined
    start: Start
    examples: bytes
    origin: dict[str, Any]

    def keep(self, run: Run) -> None:
        """Copy into a run all that it needs of the old one."""
        run.write(KEPT, self.examples)
        self.start.save(run)


def update(
    path: str | Path,
    given: Mapping[str, Any],
    out: str | Path,
    *,
    overwrite: bool = False,
    time_limit: float | None = None,
) -> dict[str, Any]:
    """Train a new run from an old one, its data and new data together; see training.train.

    given: settings that are to differ from the old run's; "data" names the new data. Raises DataError where
    the old data are gone, or the new ones hold nothing new.
    """
    from hiddenstate.tasks.classify.training import train

    prepared, spec = begun(path, given)
    return train(spec, out, overwrite=overwrite, time_limit=time_limit, update=prepared)


def begun(path: str | Path, given: Mapping[str, Any]) -> tuple[Update, ClassifySpec]:
    """Read all that is needed of an old run and of the new data, and the settings of the new run."""
    run = Run.open(path)
    values = run.spec()
    classifier = Classifier.load(run.path)
    old_spec = classifier.spec
    if not given.get("data"):
        raise InvalidArgument("--from goes on from a run with new data, and there are none; add --data FILE.")
    kept = {name: value for name, value in old_spec.model_dump().items() if name not in ("data", "task")}
    spec = ClassifySpec.from_options({**kept, **given})
    division, source = division_of(run, old_spec, values)
    new = sources.read(spec.data, text=spec.text_column, label=spec.label_column)
    joined = join(division.corpus, new, spec.seed)
    if len(joined.division.corpus) == len(division.corpus):
        raise DataError(
            f"{spec.data} holds nothing that {source} does not. Add new rows, or leave --from out."
        )
    examples = as_csv(joined.division.corpus)
    sha256 = digest(examples)
    corpus = replace(joined.division.corpus, sha256=sha256)
    joined = replace(joined, division=replace(joined.division, corpus=corpus))
    tests = division.corpus.splits.get("test", ())
    origin = {
        "run": str(run.path),
        "old_data": source,
        "old_sizes": dict(joined.old),
        "new_data": spec.data,
        "new_sha256": new.sha256,
        "new_labels": list(joined.new_labels),
        "labels": list(classifier.labels),
        "notes": list(joined.notes),
        "answers": classifier.given([each.text for each in tests]) if tests else [],
    }
    return Update(joined, Start.of(classifier), examples, origin), spec


def beside_the_old(classifier: Classifier, texts: list[str], labels: list[str], origin: Any) -> Any:
    """What changed on the old run's test texts, as comparing.py counts it; None where it had none.

    texts, labels: the whole test split, which begins with them. origin: what spec.json says of the old run.
    """
    then = origin["answers"]
    if not then:
        return None
    texts, labels = texts[: len(then)], labels[: len(then)]
    truths = [None if label == classifier.out_of_scope else label for label in labels]
    told = [Told(*each) for each in zip(texts, truths, then, classifier.given(texts), strict=True)]
    return {"run": origin["run"], **compared(told, origin["labels"], classifier.labels)}
