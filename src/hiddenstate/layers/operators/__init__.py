"""The bridge between layers and computation."""

from hiddenstate.layers.operators.bridge import autocast_to, choose_backend, decided, unroll
from hiddenstate.layers.operators.calls import Inputs, Plan, key_of, plan_of

__all__ = ["Inputs", "Plan", "autocast_to", "choose_backend", "decided", "key_of", "plan_of", "unroll"]
