"""What acts: on numbered actions, or on an environment's own continuous ones."""

from __future__ import annotations

from typing import Protocol

from harness.transitions import FloatArray, IntArray


class Policy(Protocol):
    """Maps observations to actions."""

    def act(self, observations: FloatArray) -> IntArray:
        """Choose an action for each observation, ``(B, obs_dim) -> (B,)``."""
        ...


class ContinuousPolicy(Protocol):
    """Maps observations to vectors of continuous actions."""

    def act(self, observations: FloatArray) -> FloatArray:
        """Choose an action for each observation, ``(B, obs_dim) -> (B, action_dim)``."""
        ...
