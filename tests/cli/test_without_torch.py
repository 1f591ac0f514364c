"""Answering needs no torch: `predict`, `chat` and `cells` where none of the extra `train` can be imported."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pickle
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from packaging.requirements import Requirement

from fresh_python import Line, told
from hiddenstate.tasks import classify
from hiddenstate.tasks.classify import TextClassifier
from hiddenstate.tasks.classify.model import IntentModel
from hiddenstate.tasks.classify.reader import logits_of
from hiddenstate.tasks.text.rejection import softmax

if TYPE_CHECKING:
    from conftest import Said

HOUSE = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "sklearn", "scipy", "matplotlib", "polars", "pooch")
TEXTS = ("what time is it", "play zorp music", "")
RUN_IT = "import sys\nfrom hiddenstate.cli import main\nsys.argv = ['hiddenstate', *sys.argv[1:]]\nmain()\n"
# every finder of modules is asked, but never for what is not to be there
REFUSE = f"""
import sys
HEAVY = {HEAVY!r}


class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *where):
        return None if name.partition(".")[0] in HEAVY else self.finder.find_spec(name, *where)

    def __getattr__(self, name):
        return getattr(self.finder, name)


sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""


def python(program: str, *words: str | Path, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        input=typed,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


def test_the_answers_are_those_of_the_torch_model(cli: Callable, trained: tuple[Path, Said]) -> None:
    folder, _ = trained
    done = python(REFUSE + RUN_IT, "predict", folder, *TEXTS, "--json")
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    classifier = classify.load(folder)
    model, encoder = IntentModel.of(classifier.model), classifier.encoder
    logits = logits_of(model, encoder, [encoder.encode(text) for text in TEXTS])
    probabilities = softmax(logits[:, : len(classifier.labels)] / classifier.decision.temperature)
    for answer, row in zip(answers, probabilities, strict=True):
        ranked = dict(answer["ranked"])
        expected = {label: row[classifier.labels.index(label)] for label in ranked}
        assert ranked == pytest.approx(expected, abs=1e-5)
        assert answer["ranked"][0][0] == classifier.labels[int(row.argmax())]
    assert done.stdout == cli("predict", folder, *TEXTS, "--json").out


def test_reasons_and_comparisons_need_it_as_little(
    cli: Callable, trained: tuple[Path, Said], corpus_csv: Path
) -> None:
    folder, _ = trained
    why, compared = told(
        Line(["predict", folder, *TEXTS, "--why", "--json"]),
        Line(["compare", folder, folder, "--data", corpus_csv, "--json"]),
        before=REFUSE,
    )
    assert why.code == 0, why.err
    assert why.out == cli("predict", folder, *TEXTS, "--why", "--json").out
    assert len(json.loads(why.out.splitlines()[0])["neighbours"]) == 3
    assert compared.code == 0, compared.err
    assert json.loads(compared.out.splitlines()[-1])["p"] == 1.0


def test_one_can_chat_and_look_at_cells(trained: tuple[Path, Said], tmp_path: Path) -> None:
    folder, _ = trained
    cell = tmp_path / "mine.toml"
    cell.write_text("equations = 'h = tanh(W x + R q)'\nstates = [{name = 'h'}]\n", encoding="utf-8")
    chat, cells, lstm, mine = told(
        Line(["chat", folder], typed="what time\n"),
        Line(["cells"]),
        Line(["cells", "lstm", "--latex", "--derivatives", "--json"]),
        Line(["cells", cell]),
        before=REFUSE,
    )
    assert chat.code == 0, chat.err
    assert [line.split()[0] for line in chat.out.splitlines()[1:3]] == ["what", "time"]
    assert cells.code == 0, cells.err
    assert "lstm_peephole" in cells.out
    found = json.loads(lstm.out.splitlines()[-1])
    assert found["parameters"] == 4 * 10 * (100 + 10 + 2)
    assert "tanh" in found["latex"]
    assert mine.code == 2
    assert "'q'" in mine.err


def test_one_can_see_what_is_remembered(trained: tuple[Path, Said]) -> None:
    memory = ["lens", "memory", trained[0]]
    for found in told(
        Line([*memory, "--live", "--json"], typed="play some music\n"),
        Line([*memory, "play some music", "--json"]),
        Line([*memory, "play some music", "--measure", "jacobian", "--json"]),
        Line([*memory, "play some music", "--measure", "integrated", "--json"]),
        before=REFUSE,
    ):
        assert found.code == 0, found.err
        assert sum(json.loads(found.out)["arrays"]["share"]["values"][-1]) == pytest.approx(1.0, abs=0.01)


def test_one_can_see_the_gradient(trained: tuple[Path, Said]) -> None:
    for found in told(
        Line(["lens", "gradient", trained[0], "--json"]),
        Line(["lens", "gradient", trained[0], "play some music", "--json"]),
        Line(["lens", "gradient", "--cell", "rnn,lstm", "--hidden", "8", "--steps", "9", "--json"]),
        before=REFUSE,
    ):
        assert found.code == 0, found.err
        assert json.loads(found.out)["verdict"]


def test_what_needs_more_says_what_to_install(trained: tuple[Path, Said], in_tmp: Path) -> None:
    train, demo, evaluate = told(
        Line(["train", "classify", "--data", "starter", "--out", "new"]),
        Line(["demo", "--out", "new"]),
        Line(["evaluate", trained[0]]),
        before=REFUSE,
    )
    for found, what in (
        (train, "training a classifier needs torch"),
        (demo, "training a classifier needs torch"),
        (evaluate, "evaluating a classifier needs matplotlib"),
    ):
        assert found.code == 1
        expected = (
            f"hiddenstate: {what}, which is not installed; install it with: pip install 'hiddenstate[train]'"
        )
        assert found.err.splitlines()[-1] == expected
    assert not (in_tmp / "new").exists()


def test_in_python_too() -> None:
    asked = "import hiddenstate\nfor name in ('LSTM', 'TextClassifier'):\n    try:\n"
    asked += "        getattr(hiddenstate, name)\n"
    asked += "    except hiddenstate.MissingExtra as error:\n        print(error)"
    said = python(REFUSE + asked).stdout.splitlines()
    assert len(said) == 2
    for line in said:
        assert "pip install 'hiddenstate[train]'" in line


def test_a_fitted_estimator_is_carried_to_where_there_is_no_torch(tmp_path: Path) -> None:
    settings = {"embedding": 4, "letter_buckets": 16, "wide_buckets": 16, "epochs": 1, "least_steps": 2}
    fitted = TextClassifier(hidden=4, settings=settings).fit(
        ["a b", "a c", "d e", "d f"] * 3, [1, 1, 2, 2] * 3
    )
    (tmp_path / "fitted").write_bytes(pickle.dumps(fitted))
    refuse = REFUSE.replace(repr(HEAVY), repr(("torch",)))
    program = (
        "import pickle, sys\nwith open(sys.argv[1], 'rb') as file:\n    fitted = pickle.load(file)\n"
        "print(fitted.predict_proba(['a b', 'd'])[:, 0].tolist())\nfitted.fit(['a'], [1])"
    )
    done = python(refuse + program, tmp_path / "fitted")
    assert json.loads(done.stdout) == pytest.approx(fitted.predict_proba(["a b", "d"])[:, 0], abs=1e-6)
    assert "MissingExtra: fitting a TextClassifier needs torch" in done.stderr


def test_an_answer_imports_nothing_heavy(trained: tuple[Path, Said]) -> None:
    """Where all of it is installed: torch alone takes longer to import than everything else together."""
    folder, _ = trained
    for found in told(
        Line(["predict", folder, "what time is it"]),
        Line(["chat", folder], typed="what time\n"),
        Line(["lens", "memory", folder, "what time is it"]),
        watched=HEAVY,
    ):
        assert (found.code, found.err.strip(), found.loaded) == (0, "", [])
        assert "time" in found.out


def needed() -> set[str]:
    """Every distribution that installing hiddenstate without extras brings."""
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting, found = [Requirement(line) for line in project["dependencies"]], set()
    while waiting:
        name = waiting.pop().name
        if name not in found:
            found.add(name)
            below = [Requirement(line) for line in importlib.metadata.requires(name) or ()]
            waiting += [each for each in below if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


@pytest.mark.slow
def test_what_is_declared_is_enough(trained: tuple[Path, Said], tmp_path: Path) -> None:
    """A folder with nothing but hiddenstate and what its dependencies bring answers the same."""
    folder, _ = trained
    site = tmp_path / "site"
    shutil.copytree(HOUSE / "src" / "hiddenstate", site / "hiddenstate")
    for name in needed():
        for file in importlib.metadata.files(name) or ():
            if ".." not in file.parts and (source := Path(file.locate())).is_file():
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, site / file)
    command = [sys.executable, "-S", "-m", "hiddenstate", "predict", str(folder), *TEXTS, "--json"]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=environment, cwd=site
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line)["probability"] for line in done.stdout.splitlines()]
    here = [found.probability for found in classify.load(folder).predict(list(TEXTS))]
    np.testing.assert_allclose(answers, here, atol=1e-5)
    asked = "import importlib.util; print(importlib.util.find_spec('torch'))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", asked], capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "None"
