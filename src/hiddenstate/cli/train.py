"""hiddenstate train TASK: from data to a run's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hiddenstate import native
from hiddenstate.cli import options, screen
from hiddenstate.errors import InvalidArgument, Unsupported

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130  # what shells use for a program that ended by Ctrl-C
# the options of settings that not every task has
FLAGS = {
    "text_column": "--text", "label_column": "--label", "int8": "--int8", "vectors": "--vectors",
    "balance": "--balance", "preset": "--preset", "commands": "--commands", "skip_bad": "--skip-bad",
}  # fmt: skip


def _task_names(incomplete: str) -> list[str]:
    from hiddenstate.tasks import TASKS

    return [name for name in TASKS if name.startswith(incomplete)]


def _presets(incomplete: str) -> list[str]:
    return [name for name in ("small", "base") if name.startswith(incomplete)]


TaskName = Annotated[
    str | None,
    typer.Argument(
        metavar="TASK",
        show_default=False,
        autocompletion=_task_names,
        help="What to learn: classify (intents), tag (slots) or speech (words in recordings).",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", show_default=False, help="Where the run goes.  [default: runs/TASK-DATA-1, -2, ...]"
    ),
]
Hidden = Annotated[int | None, typer.Option(metavar="N", help="Hidden units of each layer.")]
Layers = Annotated[int | None, typer.Option(metavar="N", help="Layers upon one another.")]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="small|base",
        autocompletion=_presets,
        help="The size of a recogniser: under 1 million parameters, or about 5.",
    ),
]
Seed = Annotated[int | None, typer.Option(metavar="N", help="The same seed gives the same run.")]
Int8 = Annotated[
    bool, typer.Option("--int8", help="Keep weights in 8 bits, not 16, and word tables in 4: a smaller file.")
]
Vectors = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Word vectors to begin with: .vec, .txt or .npz, on this disk."),
]
Balance = Annotated[
    str | None,
    typer.Option(metavar="auto|none", help="Let rare intents weigh more where sizes are far apart, or not."),
]
Commands = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Answer with one of these commands alone, one a line, and refuse all else."
    ),
]
Pairs = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any other setting, such as epochs=30; may be repeated."),
]
TimeLimit = Annotated[
    str | None, typer.Option(metavar="TIME", help="Stop and keep the best after 90 (seconds), 10m or 2h.")
]
Resume = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Go on with a run that was stopped, as if it never was."),
]
From = Annotated[
    Path | None,
    typer.Option(
        "--from", metavar="RUN", help="Begin with what a run has learned; --data is new data beside its."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run that --out holds.")]


def train(
    task: TaskName = None,
    data: options.DataName = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    out: Out = None,
    cell: options.CellName = None,
    preset: Preset = None,
    hidden: Hidden = None,
    layers: Layers = None,
    activation: options.Activation = None,
    seed: Seed = None,
    int8: Int8 = False,
    vectors: Vectors = None,
    balance: Balance = None,
    skip_bad: options.SkipBad = False,
    commands: Commands = None,
    settings: Pairs = None,
    time_limit: TimeLimit = None,
    resume: Resume = None,
    origin: From = None,
    overwrite: Overwrite = False,
    json: options.Json = False,
) -> None:
    """Train a model on your data and keep it in a folder.

    hiddenstate train classify --data tickets.csv --out runs/tickets

    hiddenstate train tag --data nlu.yml --out runs/assistant

    hiddenstate train speech --data recordings/ --out runs/heating

    hiddenstate train speech --data recordings/ --commands words.txt --out runs/commands

    hiddenstate train classify --from runs/tickets --data new.csv --out runs/tickets-2

    Ctrl-C stops after the step and keeps the best; --resume goes on from there.
    """
    named: dict[str, object] = {
        "data": data, "text_column": text, "label_column": label, "seed": seed, "balance": balance,
        "cell": cell, "preset": preset, "hidden": hidden, "layers": layers, "activation": activation,
        "int8": int8 or None,
        "vectors": None if vectors is None else str(vectors),
        "skip_bad": skip_bad or None,
        "commands": commands,
    }  # fmt: skip
    given = options.settings(settings or (), named)
    limit = options.seconds(time_limit)
    if resume is not None:
        _refuse_beside_resume(given, task, resume, out, overwrite, origin)
        summary = go_on(resume, limit)
    else:
        if commands is not None:
            given["commands"] = _listed(commands, task, given)
        summary = begin(task, given, out, overwrite, limit, origin)
    show(summary, json=json)
    if summary["stopped"] == "interrupted":
        raise typer.Exit(INTERRUPTED)


def _listed(path: Path, task: str | None, given: Mapping[str, object]) -> tuple[str, ...]:
    """The commands of a file, for the task that has some."""
    from hiddenstate.tasks.speech.commands.listed import read_commands

    if task not in (None, "speech"):
        raise Unsupported(f"--commands is a list for train speech; leave it out for {task}.")

    def said() -> list[str]:
        if given.get("data") is None:
            return []
        from hiddenstate.data.recordings import read_recordings

        corpus = read_recordings(str(given["data"]), skip_bad=True)
        return corpus.texts("train")

    return read_commands(path, said)


def begin(
    task: str | None,
    given: Mapping[str, object],
    out: Path | None,
    overwrite: bool,
    limit: float | None,
    origin: Path | None = None,
) -> dict[str, Any]:
    """Train a new run, from what another has learned where there is one, and return its summary."""
    from hiddenstate import tasks

    if origin is not None:
        module = _updated(task, origin)
        folder = out or options.new_folder("classify", str(given.get("data") or origin.name))
        _say_if_slower()
        updated: dict[str, Any] = module.update(origin, given, folder, overwrite=overwrite, time_limit=limit)
        return updated
    if task is None:
        listed = ", ".join(tasks.TASKS)
        raise InvalidArgument(
            f"train expects a task ({listed}), or --resume with a run to go on with. "
            "For example: hiddenstate train classify --data tickets.csv"
        )
    module = tasks.find(task).load()
    _refuse_of_others(task, [key for key in given if key not in module.SPEC.model_fields])
    spec = module.SPEC.from_options(given)
    folder = out or options.new_folder(task, spec.data)
    _say_if_slower()
    summary: dict[str, Any] = module.train(spec, folder, overwrite=overwrite, time_limit=limit)
    return summary


def _refuse_of_others(task: str, unknown: Sequence[str]) -> None:
    """Raise InvalidArgument for a setting that other tasks have, among those that this one has not."""
    from hiddenstate import tasks

    for key in unknown:
        if owners := [name for name, each in tasks.TASKS.items() if key in each.load().SPEC.model_fields]:
            flag = FLAGS.get(key, f"--set {key}=...")
            raise InvalidArgument(
                f"{task} has no setting {key!r}: {flag} is for train {' and '.join(owners)}. Leave it out."
            )


def _updated(task: str | None, origin: Path) -> Any:
    """The module of the task that a run was trained for; raises where it cannot go on with new data."""
    from hiddenstate import tasks

    module = tasks.of_run(origin)
    name = module.SPEC.model_fields["task"].default
    if task not in (None, name):
        raise InvalidArgument(f"{origin} was trained for {name}, and cannot become a run of {task}.")
    if "update" not in module.__all__:
        raise Unsupported(f"--from goes on with runs of train classify; {origin} was trained for {name}.")
    return module


def go_on(folder: Path, limit: float | None) -> dict[str, Any]:
    """Train a stopped run to its end, and return its summary."""
    from hiddenstate import tasks
    from hiddenstate.runs import Run

    module = tasks.of_run(folder)
    spec = module.SPEC.from_run(Run.open(folder).spec().get("spec", {}), str(folder / "spec.json"))
    _say_if_slower()
    summary: dict[str, Any] = module.train(spec, folder, resume=True, time_limit=limit)
    return summary


def _say_if_slower() -> None:
    """Say on stderr, once, where the compiled core is missing."""
    if told := native.notice():
        screen.tell(told)


def show(summary: Mapping[str, Any], *, json: bool) -> None:
    """Print what came of training: model and snapshot baseline, the verdict, where everything lies."""
    from hiddenstate import tasks

    on = screen.console(for_program=json)
    screen.say(on)
    judged(on, summary)
    screen.say(on)
    for sentence in since(summary):
        screen.say(on, screen.printable(sentence))
    for sentence in summary["warnings"]:
        screen.say(on, screen.printable(sentence))
    where(on, summary)
    screen.say(on)
    if summary["stopped"] in ("interrupted", "time limit"):
        screen.say(on, f"Stopped early ({summary['stopped']}); the best so far is kept. Go on with:")
        screen.line(on, f"  {options.command()} train --resume {summary['run']}")
    items = screen.shown_of(tasks.find(summary["task"]).load(), summary).ITEMS
    screen.say(on, items.invitation)
    screen.line(on, f"  {options.command()} {items.command.format(run=summary['run'])}")
    if json:
        screen.emit(summary)


def since(summary: Mapping[str, Any]) -> list[str]:
    """In words, what a run that goes on from another does better and worse on the test texts of that one."""
    if not summary.get("from"):
        return []
    from hiddenstate.cli import compare

    found = summary["from"]
    told = [f"Beside {found['run']}, on its {found['n']} test texts, refusals counted:"]
    told.append(compare.verdict(found, 0.0, worse=False))
    if summary["new_labels"]:
        told.append(f"New intents: {', '.join(summary['new_labels'])}.")
    return told


def judged(on: Console, summary: Mapping[str, Any]) -> None:
    """Print the model beside the snapshot baseline, in the words of its task."""
    from hiddenstate import tasks

    shown = screen.shown_of(tasks.find(summary["task"]).load(), summary)
    screen.comparison(on, shown.HEADLINE, summary, shown.ITEMS.one)
    screen.say(on)
    screen.measures(on, shown, summary, summary["baseline"])


def where(on: Console, summary: Mapping[str, Any]) -> None:
    """Print where a run, its report and its pictures lie."""
    screen.line(on, f"Run       {summary['run']}")
    screen.line(on, f"Report    {summary['report']}")
    for picture in summary["pictures"]:
        screen.line(on, f"Picture   {picture}")


def _refuse_beside_resume(
    given: Mapping[str, object],
    task: str | None,
    resume: Path,
    out: Path | None,
    overwrite: bool,
    origin: Path | None,
) -> None:
    """Raise InvalidArgument for what a run that goes on has already decided; its task may be said again."""
    from hiddenstate import tasks

    if task is not None:
        own = tasks.of_run(resume).SPEC.model_fields["task"].default
        if task != own:
            raise InvalidArgument(f"{resume} was trained for {own}, and cannot go on as a run of {task}.")
    flags = {"--out": out, "--overwrite": overwrite or None, "--from": origin}
    found = [name for name, value in flags.items() if value is not None] + sorted(given)
    if found:
        raise InvalidArgument(
            f"--resume goes on with the settings the run began with, and cannot take {', '.join(found)}. "
            "Leave them out, or train a new run."
        )
