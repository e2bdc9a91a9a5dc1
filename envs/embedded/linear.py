"""Linear policies with trained weights, which lie in this package."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import fsum
from operator import mul
from typing import Literal

import numpy as np

from harness.core.arrays import FloatArray

Checkpoint = Literal["medium", "expert"]


@dataclass(frozen=True)
class LinearPolicy:
    """Actions that are linear in observations, clipped to -1..1.

    Sums are rounded once, so that every processor gives the same digits: a gait would carry the
    smallest difference to another episode.
    """

    weights: tuple[tuple[float, ...], ...]  # (action_dim, obs_dim)
    bias: tuple[float, ...]  # (action_dim,)

    def __call__(self, observation: FloatArray) -> FloatArray:
        """Return the action ``(action_dim,)`` for an observation ``(obs_dim,)``."""
        values = observation.tolist()
        rows = zip(self.weights, self.bias, strict=True)
        sums = [fsum([*map(mul, row, values), bias]) for row, bias in rows]
        return np.clip(sums, -1, 1).astype(np.float32)


@dataclass(frozen=True)
class TrainedPolicy:
    """A policy of `envs.embedded.train`, whose weights are read when it first acts."""

    environment_id: str
    checkpoint: Checkpoint

    def __call__(self, observation: FloatArray) -> FloatArray:
        """Return the action ``(action_dim,)`` for an observation ``(obs_dim,)``."""
        return _stored_policies(self.environment_id)[self.checkpoint](observation)


@cache
def _stored_policies(environment_id: str) -> dict[str, LinearPolicy]:
    text = files("envs.embedded").joinpath("weights", f"{environment_id}.json").read_text("utf-8")
    return {
        name: LinearPolicy(tuple(map(tuple, stored["weights"])), tuple(stored["bias"]))
        for name, stored in json.loads(text)["policies"].items()
    }
