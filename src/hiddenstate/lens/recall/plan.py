"""WHAT IS COMPARED? Cells x activations x initialisations within one budget of parameters, checked first."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hiddenstate.cells import FUNCTIONS, Cell, resolve
from hiddenstate.errors import InvalidArgument, Unsupported, nearest
from hiddenstate.lens.initialisation import INITIALISATIONS, Sizes, initialised, keeping_gates
from hiddenstate.lens.recall.task import Recall

OWN = "own"  # the activations that a cell has
USUAL = "usual"  # the initialisation that suits the cell
BUDGET = 5000
MOST_NETWORKS = 24
LONGEST = 2000


@dataclass(frozen=True)
class Network:
    """One contender: a cell with its activations, how it begins, and its size.

    `init` is the name that was asked for, `begins` that of INITIALISATIONS which it means for this cell.
    """

    cell: Cell
    activation: str
    init: str
    begins: str
    units: int
    parameters: int

    @property
    def replaced(self) -> tuple[str, ...]:
        """The equations in which another activation stands for the cell's own."""
        slots = self.cell.slots
        return tuple(name for name, call in self.cell.activations.items() if slots.get(name) != call)


@dataclass(frozen=True)
class Size:
    """How large networks are: within a budget of parameters, or of so many units.

    The parameters are those of the recurrent layer and the readout together.

    >>> from hiddenstate.cells import CELLS
    >>> Size(parameters=5000).of(CELLS["lstm"], Recall()), Size(units=29).of(CELLS["rnn"], Recall())
    ((29, 4880), (29, 1400))
    """

    parameters: int | None = None
    units: int | None = None

    def __post_init__(self) -> None:
        if self.parameters is not None and self.units is not None:
            raise InvalidArgument("give either a budget of parameters or a number of units, not both")
        for name, value in (("parameters", self.parameters), ("units", self.units)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise InvalidArgument(f"{name}: expected a whole number of at least 1, came {value!r}")

    def of(self, cell: Cell, recall: Recall) -> tuple[int, int]:
        """The units that a cell gets, and its parameters."""
        if self.units is not None:
            return self.units, _parameters(cell, self.units, recall)
        budget = self.parameters or BUDGET
        if (least := _parameters(cell, 1, recall)) > budget:
            raise InvalidArgument(
                f"{budget} parameters are too few: {cell.name} with a single unit has {least}"
            )
        low, high = 1, 2
        while _parameters(cell, high, recall) <= budget:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _parameters(cell, middle, recall) <= budget else (low, middle)
        return low, _parameters(cell, low, recall)


def _parameters(cell: Cell, units: int, recall: Recall) -> int:
    return cell.parameter_count(recall.features, units) + (units + 1) * recall.symbols


@dataclass(frozen=True)
class Effort:
    """How each network learns each delay: at most so many steps, fewer where it is right before.

    It is right when `learned` of the last 20 batches were; sequences are drawn afresh for every batch.
    """

    steps: int = 2000
    batch: int = 32
    learning_rate: float = 3e-3
    warmup: int = 50
    clip: float = 1.0
    learned: float = 0.995
    judged: int = 1000  # sequences


@dataclass(frozen=True)
class Plan:
    """Everything that is going to be done; `left_out` says which combinations cannot be, and why."""

    networks: tuple[Network, ...]
    delays: tuple[int, ...]
    seeds: tuple[int, ...]
    left_out: tuple[str, ...]
    recall: Recall
    effort: Effort
    together: bool = False  # one network for all delays, in place of one for each

    @property
    def labels(self) -> tuple[str, ...]:
        """Each network's name, as short as tells it from the others: rnn; rnn relu; rnn relu identity."""
        several = [len(set(words)) > 1 for words in zip(*map(_words, self.networks), strict=True)]
        return tuple(
            " ".join([network.cell.name, *itertools.compress(_words(network), several)])
            for network in self.networks
        )


def _words(network: Network) -> tuple[str, str]:
    return network.activation, network.init


def planned(
    cells: Sequence[str | Path | Cell],
    activations: Sequence[str],
    inits: Sequence[str],
    delays: Sequence[int],
    seeds: Sequence[int],
    *,
    together: bool = False,
    size: Size | None = None,
    effort: Effort | None = None,
    recall: Recall | None = None,
) -> Plan:
    """Check what is asked for, and choose each network's size.

    Raises InvalidArgument for what cannot be compared. What a cell cannot have is left out, and said; it is
    an error where it leaves no network at all.
    """
    recall, size = recall or Recall(), size or Size()
    delays, seeds = checked_delays(delays), _checked_seeds(seeds)
    found = _once("cells", [resolve(cell) for cell in cells])
    for init in _once("init", list(inits)):
        if init != USUAL and init not in INITIALISATIONS:
            known = [USUAL, *INITIALISATIONS]
            raise InvalidArgument(f"unknown initialisation {init!r}: {nearest(str(init), known)}")
    networks: list[Network] = []
    left_out: list[str] = []
    for cell in found:
        why: list[str] = []
        for activation in _once("activation", list(activations)):
            if lacking := _without(cell, activation):
                why.append(lacking)
                continue
            changed = cell if activation == OWN else cell.with_activations(activation)
            for init in inits:
                if lacking := _cannot_begin(changed, init):
                    why.append(lacking)
                else:
                    begins = usual(changed) if init == USUAL else init
                    networks.append(Network(changed, activation, init, begins, *size.of(changed, recall)))
        left_out += list(dict.fromkeys(why))
    if not networks:
        raise InvalidArgument(f"nothing of what is asked for can be compared: {'; '.join(left_out)}")
    if len(networks) > MOST_NETWORKS:
        raise InvalidArgument(
            f"that would be {len(networks)} networks, and {MOST_NETWORKS} at most are compared; ask for "
            "fewer cells, activations or initialisations"
        )
    return Plan(tuple(networks), delays, seeds, tuple(left_out), recall, effort or Effort(), together)


def usual(cell: Cell) -> str:
    """The initialisation that suits a cell: chrono where a gate keeps its state, else orthogonal.

    >>> from hiddenstate.cells import CELLS
    >>> usual(CELLS["gru"]), usual(CELLS["rnn"]), usual(CELLS["indrnn"])
    ('chrono', 'orthogonal', 'default')
    """
    if any(keeping_gates(cell)) and cell.matrices[0].bias:
        return "chrono"
    fed_back = any(n.args[0].name != "x" for n in cell.matmuls())
    return "orthogonal" if fed_back else "default"


def _cannot_begin(cell: Cell, init: str) -> str:
    """In words, why a cell cannot begin so; "" where it can."""
    if init == USUAL:
        return ""
    try:
        initialised(cell, Sizes(1, 1), init, seed=0)
    except Unsupported as error:
        return str(error)
    return ""


def checked_delays(delays: Sequence[int]) -> tuple[int, ...]:
    """The delays in order; raises InvalidArgument for fewer than two, and for what is no delay."""
    for delay in delays:
        if isinstance(delay, bool) or not isinstance(delay, int) or not 1 <= delay <= LONGEST:
            raise InvalidArgument(
                f"delays are whole numbers of steps from 1 to {LONGEST}, such as 5,20,100; came {delay!r}"
            )
    if len(set(delays)) < len(delays):
        raise InvalidArgument(f"expected each delay once, came {', '.join(map(str, delays))}")
    if len(delays) < 2:
        raise InvalidArgument(
            f"recall is compared over at least two delays, such as 5,20,100; came {list(delays)}"
        )
    return tuple(sorted(delays))


def _checked_seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    right = all(isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0 for seed in seeds)
    if not seeds or not right or len(set(seeds)) < len(seeds):
        raise InvalidArgument(f"expected at least one seed, each once and not negative; came {list(seeds)}")
    return tuple(seeds)


def _once(what: str, given: list) -> list:
    if not given:
        raise InvalidArgument(f"{what}: expected at least one, came none")
    names = [each.name if isinstance(each, Cell) else str(each) for each in given]
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise InvalidArgument(f"{what}: {twice[0]!r} is asked for twice; once is enough")
    return given


def _without(cell: Cell, activation: str) -> str:
    """In words, why a cell cannot have an activation in place of its tanh; "" where it can."""
    name = activation.partition("(")[0].strip()
    if name != OWN and name not in FUNCTIONS:
        raise InvalidArgument(f"unknown activation {activation!r}: {nearest(name, [*FUNCTIONS, OWN])}")
    if name == OWN or "tanh" in cell.slots.values():
        return ""
    has = ", ".join(sorted(set(cell.slots.values()))) or "no activation"
    return (
        f"{cell.name} has no tanh that {activation} could stand for, but {has}; compare it as it is with the "
        f"activation {OWN!r}"
    )
