"""What the attributes of ONNX's RNN, GRU and LSTM say, read and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from hiddenstate.cells import FUNCTIONS
from hiddenstate.errors import InvalidArgument, nearest

DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
SHARED = (
    "activations",
    "activation_alpha",
    "activation_beta",
    "clip",
    "direction",
    "hidden_size",
    "layout",
)
# ONNX's own operators of these names give these values; what stands in none of them has to be given
_DEFAULTS: Mapping[str, Mapping[str, float]] = {
    "LeakyRelu": {"alpha": 0.01},
    "Elu": {"alpha": 1.0},
    "ThresholdedRelu": {"alpha": 1.0},
    "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
}
_FUNCTIONS = {row.onnx: row for row in FUNCTIONS.values() if row.onnx}
_SPELLED = {name.lower(): name for name in _FUNCTIONS}  # files of old versions write "tanh"


@dataclass(frozen=True)
class Operator:
    """One of ONNX's recurrent operators.

    `gates` counts the blocks of its matrices; `activations` gives, in ONNX's order (f, g, h), the default of
    each and the equations of ours it stands in; `own` are the attributes that the others lack, `states` the
    carried states in the order of ours.
    """

    gates: int
    activations: tuple[tuple[str, str], ...]
    states: tuple[str, ...] = ("h",)
    own: tuple[str, ...] = ()
    peepholes: bool = False

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of all attributes."""
        return (*SHARED, *self.own)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of all inputs, in ONNX's order."""
        first = tuple(f"initial_{state}" for state in self.states)
        return ("X", "W", "R", "B", "sequence_lens", *first, *(("P",) if self.peepholes else ()))


OPERATORS = {
    "RNN": Operator(1, (("Tanh", "h"),)),
    "GRU": Operator(3, (("Sigmoid", "z r"), ("Tanh", "n")), own=("linear_before_reset",)),
    "LSTM": Operator(
        4,
        (("Sigmoid", "i f o"), ("Tanh", "g"), ("Tanh", "h")),
        states=("h", "c"),
        own=("input_forget",),
        peepholes=True,
    ),
}


@dataclass(frozen=True)
class Attributes:
    """The attributes of one node. Activations are in our notation, for each direction in ONNX's order; `clip`
    and `hidden_size` are None where not given."""

    direction: str
    activations: tuple[tuple[str, ...], ...]
    hidden_size: int | None
    clip: float | None
    layout: int
    linear_before_reset: bool
    input_forget: bool

    @property
    def reverse(self) -> tuple[bool, ...]:
        """For each direction whether it reads the sequence from its end."""
        return DIRECTIONS[self.direction]


def operator_of(op_type: Any) -> Operator:
    """The operator of a name; InvalidArgument for another."""
    if not isinstance(op_type, str) or op_type not in OPERATORS:
        raise InvalidArgument(
            f"expected a recurrent operator of ONNX, came {op_type!r}; {nearest(str(op_type), OPERATORS)}"
        )
    return OPERATORS[op_type]


def read(op_type: str, given: Mapping[str, Any]) -> Attributes:
    """The attributes of a node, or InvalidArgument for the first that cannot be."""
    operator = operator_of(op_type)
    for name in given:
        if name not in operator.attributes:
            raise InvalidArgument(
                f"ONNX's {op_type} has no attribute {name!r}; {nearest(str(name), operator.attributes)}"
            )
    direction = _text(given.get("direction", "forward"))
    if not isinstance(direction, str) or direction not in DIRECTIONS:
        raise InvalidArgument(
            f"expected a direction of {op_type}, came {direction!r}; {nearest(str(direction), DIRECTIONS)}"
        )
    size, clip = given.get("hidden_size"), given.get("clip")
    if size is not None and not (_is_whole(size) and size > 0):
        raise InvalidArgument(
            f"expected hidden_size of {op_type} to be a positive whole number, came {size!r}"
        )
    if clip is not None and not (_is_number(clip) and clip > 0):
        raise InvalidArgument(
            f"expected clip of {op_type} to be a positive number, came {clip!r}; leave it out not to clip"
        )
    return Attributes(
        direction,
        _activations(op_type, len(DIRECTIONS[direction]), given),
        None if size is None else int(size),
        None if clip is None or math.isinf(clip) else float(clip),
        _flag(op_type, "layout", given),
        bool(_flag(op_type, "linear_before_reset", given)),
        bool(_flag(op_type, "input_forget", given)),
    )


def _text(value: Any) -> Any:
    """Text as it is, and the bytes that stand for it in ONNX's own messages as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _flag(op_type: str, name: str, given: Mapping[str, Any]) -> int:
    value = given.get(name, 0)
    if not isinstance(value, Integral) or value not in (0, 1):
        raise InvalidArgument(f"expected {name} of {op_type} to be 0 or 1, came {value!r}")
    return int(value)


def _list(op_type: str, name: str, given: Mapping[str, Any]) -> list[Any]:
    value = given.get(name, ())
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise InvalidArgument(f"expected {name} of {op_type} as a list, came {value!r}")
    return [_text(entry) for entry in value]


def _activations(op_type: str, directions: int, given: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """The activations of each direction, with the constants they take from the two lists, in order."""
    defaults = [name for name, _ in OPERATORS[op_type].activations]
    names = _list(op_type, "activations", given) or defaults * directions
    if len(names) != len(defaults) * directions:
        raise InvalidArgument(
            f"expected {len(defaults) * directions} activations of {op_type} ({len(defaults)} for each "
            f"direction), came {len(names)}: {names}"
        )
    constants = {}
    for parameter in ("alpha", "beta"):
        constants[parameter] = _list(op_type, f"activation_{parameter}", given)
        for value in constants[parameter]:
            if not _is_number(value) or not math.isfinite(value):
                raise InvalidArgument(
                    f"expected numbers in activation_{parameter} of {op_type}, came {value!r}"
                )
    written = [_activation(op_type, name, constants) for name in names]
    for parameter, left in constants.items():
        if left:
            raise InvalidArgument(
                f"activation_{parameter} of {op_type} has {len(left)} more than {', '.join(names)} take; "
                f"give one for each activation that has {parameter}, and none for the others"
            )
    each = len(defaults)
    return tuple(tuple(written[k : k + each]) for k in range(0, len(written), each))


def _activation(op_type: str, name: Any, constants: Mapping[str, list[Any]]) -> str:
    """An activation in our notation; it takes its constants off the lists."""
    known = _SPELLED.get(name.lower(), "") if isinstance(name, str) else ""
    if not known:
        raise InvalidArgument(
            f"ONNX's {op_type} has no activation {name!r}; {nearest(str(name), _FUNCTIONS)}"
        )
    values = []
    for parameter in _FUNCTIONS[known].parameters:
        defaults = _DEFAULTS.get(known, {})
        if not constants[parameter] and parameter not in defaults:
            raise InvalidArgument(
                f"{known} has no default {parameter} in ONNX; add activation_{parameter}, a list with one "
                "for each activation that takes it"
            )
        value = constants[parameter].pop(0) if constants[parameter] else defaults[parameter]
        values.append(repr(float(value)))
    row = _FUNCTIONS[known]
    return f"{row.name}({', '.join(values)})" if values else row.name
