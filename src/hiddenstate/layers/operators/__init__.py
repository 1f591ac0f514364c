"""The bridge between layers and computation."""

from hiddenstate.layers.operators.bridge import autocast_to, choose_backend, unroll
from hiddenstate.layers.operators.calls import Inputs, Plan, key_of

__all__ = ["Inputs", "Plan", "autocast_to", "choose_backend", "key_of", "unroll"]
