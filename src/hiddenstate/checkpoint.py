"""WHERE WERE WE? Everything that changes while training, to a run and back, bit for bit.

One file, state.safetensors, is enough to go on: tensors by name below, and scalars as JSON in its metadata.

    module/NAME  average/NAME  best/NAME                          weights, their average, the best so far
    first_moment/NAME  second_moment/NAME  moments_step/NAME      of AdamW
    momentum/NAME                                                 of gradient descent
    random                                                        torch's generator
"""

from __future__ import annotations

import json
import math
import platform
import time
import warnings
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hiddenstate import __version__, native
from hiddenstate.errors import RunError
from hiddenstate.intact import AGAIN, to_json
from hiddenstate.learner import Learner, Position, tensors_of
from hiddenstate.runs import Run

SHAPELESS = {"time_limit", "checkpoint_seconds", "checkpoint_steps"}  # settings that change no bit
MOMENTS = {  # ours: torch's
    "first_moment": "exp_avg",
    "second_moment": "exp_avg_sq",
    "moments_step": "step",
    "momentum": "momentum_buffer",
}


def environment() -> dict[str, Any]:
    """Name what the bits of a result depend on beside the settings."""
    return {
        "threads": torch.get_num_threads(),
        "isa": native.isa() if native.available() else None,  # of the compiled core, where it was built
        "torch_isa": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
        "torch": torch.__version__,
        "hiddenstate": __version__,
    }


def note_environment(run: Run, values: Mapping[str, Any]) -> None:
    """Say in spec.json, whose values these are, that a run goes on with other threads, instructions or
    versions."""
    known = [values.get("environment"), *values.get("gone_on_with", ())]
    if environment() != known[-1]:
        run.write_spec({**values, "gone_on_with": [*known[1:], environment()]})


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say in words what differs.

    >>> changes({"threads": 1, "torch": "2.13.0"}, {"threads": 2, "torch": "2.13.0"})
    'threads was 1 and is 2'
    """
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    return ", ".join(f"{name} was {before.get(name)!r} and is {now.get(name)!r}" for name in names)


class Keeper:
    """Keeps a run's state and log in step with a learner; without a run it keeps the log in memory alone."""

    def __init__(self, run: Run | None, learner: Learner, settings: Mapping[str, Any]) -> None:
        self.run, self.learner = run, learner
        self.every_seconds, self.every_steps = settings["checkpoint_seconds"], settings["checkpoint_steps"]
        shaping = {name: value for name, value in settings.items() if name not in SHAPELESS}
        self.settings = json.loads(to_json(shaping))  # as they will be read: a tuple comes back as a list
        self.history: list[dict[str, Any]] = []
        self.saved_step: int | None = None
        self.saved_at, self.saving_took = time.monotonic(), 0.0

    def resume(self) -> None:
        """Bring the learner to where the run is; warn where the same bits cannot be promised."""
        if self.run is None or not self.run.has_state():
            return
        scalars = restore(self.run, self.learner)
        self.saved_step = self.learner.position.step
        self.history = self.run.cut_log(self.saved_step)
        for what, now in (("settings", self.settings), ("environment", environment())):
            if words := changes(scalars[what], now):
                warnings.warn(
                    f"{self.run.path} goes on with other {what}: {words}. The result may differ from that of "
                    "a run never stopped; use the same again for the same bits.",
                    stacklevel=4,
                )

    def log(self, entry: dict[str, Any]) -> None:
        """Add a line to the log."""
        self.history.append(entry)
        if self.run is not None:
            self.run.log(entry)

    def write_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Write the weights for use."""
        if self.run is not None:
            self.run.write_weights(to_arrays(weights))

    def save(self) -> None:
        """Write the state now."""
        if self.run is not None:
            began = time.monotonic()
            save(self.run, self.learner, self.settings)
            self.saved_step, self.saved_at = self.learner.position.step, time.monotonic()
            self.saving_took = self.saved_at - began

    def save_if_due(self, *, epoch_end: bool = False) -> None:
        """Write the state where the settings ask for it."""
        since = time.monotonic() - self.saved_at
        by_steps = self.every_steps is not None and self.learner.position.step % self.every_steps == 0
        # A tenth of the time at most: otherwise a run of many short epochs would mostly write.
        by_time = since >= (0.0 if epoch_end else self.every_seconds) and since >= 10 * self.saving_took
        if by_steps or by_time:
            self.save()

    def what_remains(self) -> str:
        """Say what is on the disk and how to go on."""
        if self.run is None:
            return "No run was given, so nothing is on the disk."
        if self.saved_step is None:
            return f"Nothing is in {self.run.path} yet: start again."
        epoch, path = self.learner.position.best_epoch, self.run.path
        best = f"The best weights (of epoch {epoch}) are in {path}. " if epoch else ""
        return f"{best}Go on from step {self.saved_step}: --resume {path}"


def save(run: Run, learner: Learner, settings: Mapping[str, Any]) -> None:
    """Write the state; the one before it stays until this one is whole."""
    module, state = learner.module, _state(learner)
    tensors = {f"module/{name}": tensor for name, tensor in tensors_of(module).items()}
    tensors |= {f"average/{name}": tensor for name, tensor in (learner.average or {}).items()}
    tensors |= {f"best/{name}": tensor for name, tensor in learner.best.items()}
    for name, parameter in module.named_parameters():
        if parameter in state:  # a parameter that has had no gradient yet has no moments
            kept = state[parameter]
            tensors |= {f"{ours}/{name}": kept[torchs] for ours, torchs in MOMENTS.items() if torchs in kept}
    tensors["random"] = torch.get_rng_state()
    scalars = {"position": vars(learner.position), "settings": dict(settings), "environment": environment()}
    run.write_state(to_arrays(tensors), scalars)


def restore(run: Run, learner: Learner) -> dict[str, Any]:
    """Bring a learner to where the state says, and return the state's scalars.

    Raises RunError where the state is damaged, or belongs to a model of other names, sizes or types.
    """
    arrays, scalars = run.state()
    path = run.path / "state.safetensors"
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        kind, _, own = name.partition("/")
        found.setdefault(kind, {})[own] = array
    known = {"module", "average", "best", "random", *MOMENTS}
    if not found.keys() <= known:
        raise RunError(f"{path} is damaged: it holds {sorted(found.keys() - known)}. {AGAIN}")
    if ("average" in found) != (learner.average is not None):
        had = "with" if "average" in found else "without"
        raise RunError(
            f"{path} comes from training {had} an average (ema_decay); go on with the same setting."
        )

    weights = tensors_of(learner.module)
    _fill(weights, found.get("module", {}), f"{path}, module")
    if learner.average is not None:
        _fill(learner.average, found["average"], f"{path}, average")
    if "best" in found:
        learner.best = {name: torch.empty_like(tensor) for name, tensor in weights.items()}
        _fill(learner.best, found["best"], f"{path}, best")
    _restore_moments(learner, found, str(path))
    learner.position = _position(scalars.get("position"), str(path))
    if (learner.position.best is None) != (not learner.best):
        raise RunError(f"{path} is damaged: the best weights and their number do not go together. {AGAIN}")
    try:
        torch.set_rng_state(torch.tensor(arrays["random"]))
    except (KeyError, RuntimeError, TypeError) as error:
        raise RunError(f"{path} is damaged: no random state that torch accepts ({error}). {AGAIN}") from error
    if not all(isinstance(scalars.get(name), dict) for name in ("settings", "environment")):
        raise RunError(f"{path} is damaged: it does not say how the training was set. {AGAIN}")
    return scalars


def load_weights(module: nn.Module, run: Run) -> None:
    """Fill a module with a run's best weights; raises RunError unless every name and shape agrees."""
    weights = tensors_of(module)
    arrays = run.weights({name: tuple(tensor.shape) for name, tensor in weights.items()})
    _fill(weights, arrays, str(run.path / "weights.safetensors"))


def to_arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Bring tensors to NumPy, each whole and in order."""
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}


def _fill(tensors: Mapping[str, Tensor], arrays: Mapping[str, np.ndarray], where: str) -> None:
    """Copy arrays into tensors of the same names, shapes and types."""
    if tensors.keys() != arrays.keys():
        names = ", ".join(sorted(tensors.keys() ^ arrays.keys())[:3])
        raise RunError(
            f"{where} does not fit the model: {names} on one side only. Use the run's own settings."
        )
    values = {name: torch.tensor(array) for name, array in arrays.items()}
    for name, tensor in tensors.items():
        came = values[name]
        if came.shape != tensor.shape or came.dtype != tensor.dtype:
            raise RunError(
                f"{where} does not fit the model: {name} should be {list(tensor.shape)} of {tensor.dtype} "
                f"and is {list(came.shape)} of {came.dtype}. Use the run's own sizes."
            )
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(values[name])


def _state(learner: Learner) -> dict[Tensor, dict[str, Tensor]]:
    """What the optimisers keep for each parameter."""
    return {each: kept for optimiser in learner.optimisers for each, kept in optimiser.state.items()}


def _restore_moments(learner: Learner, found: Mapping[str, Mapping[str, np.ndarray]], where: str) -> None:
    parameters = dict(learner.module.named_parameters())
    adam, momentum = found.get("first_moment", {}).keys(), found.get("momentum", {}).keys()
    names = adam | momentum
    if not names <= parameters.keys() or adam & momentum:
        raise RunError(
            f"{where} does not fit the model: moments of {sorted(names - parameters.keys())[:3]}. {AGAIN}"
        )
    of = {
        each: optimiser
        for optimiser in learner.optimisers
        for g in optimiser.param_groups
        for each in g["params"]
    }
    for ours, torchs in MOMENTS.items():
        kept = momentum if ours == "momentum" else adam
        if ours == "moments_step":
            moments = {name: torch.zeros(()) for name in kept}
        else:
            moments = {name: torch.empty_like(parameters[name], requires_grad=False) for name in kept}
        _fill(moments, found.get(ours, {}), f"{where}, {ours}")
        for name, moment in moments.items():
            of[parameters[name]].state[parameters[name]][torchs] = moment


def _position(saved: object, where: str) -> Position:
    wanted = {item.name: item.default for item in fields(Position)}
    if not isinstance(saved, dict) or saved.keys() != wanted.keys():
        raise RunError(f"{where} is damaged: its position should have {', '.join(wanted)}. {AGAIN}")
    for name, default in wanted.items():
        value = saved[name]
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        number = isinstance(value, float) and math.isfinite(value)
        if not (whole if isinstance(default, int) else number or (default is None and value is None)):
            raise RunError(f"{where} is damaged: position {name} is {value!r}. {AGAIN}")
    position = Position(**saved)
    begun, trained = position.epoch + position.batch > 0, position.step > 0
    if (position.batch > 0) != (position.items > 0) or begun != trained:
        raise RunError(f"{where} is damaged: its position contradicts itself. {AGAIN}")
    return position
