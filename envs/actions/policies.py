"""Policies over codes as policies over continuous actions, and the other way round."""

from __future__ import annotations

from dataclasses import dataclass

from envs.actions.codebook import Codebook
from harness.core.arrays import Float64Array, FloatArray, IntArray
from harness.core.learner import ContinuousPolicy, Policy


@dataclass(frozen=True, eq=False)
class CodedPolicy:
    """A continuous policy that takes the codes chosen by a discrete policy."""

    policy: Policy
    codebook: Codebook

    def act(self, observations: FloatArray) -> Float64Array:
        """Choose a code for each observation, ``(B, obs_dim) -> (B, action_dim)``."""
        return self.codebook.decode(self.policy.act(observations))


@dataclass(frozen=True, eq=False)
class NumberedPolicy:
    """A discrete policy that takes the codes nearest to the actions of a continuous policy."""

    policy: ContinuousPolicy
    codebook: Codebook

    def act(self, observations: FloatArray) -> IntArray:
        """Choose an action for each observation, and number it, ``(B, obs_dim) -> (B,)``."""
        return self.codebook.encode(self.policy.act(observations))
