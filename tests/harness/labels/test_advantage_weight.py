from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from harness.core.arrays import Float64Array, FloatArray
from harness.core.errors import InputError
from harness.labels.advantage_weight import AdvantageWeightLabels
from harness.labels.base import FittedTeacher
from harness.testing.rows import random_transitions

ROWS = random_transitions(np.random.default_rng(0), 300)


@dataclass(frozen=True)
class Leaning:
    """Action 1 is worth a state's first column, action 0 its negative."""

    def values(self, observations: FloatArray) -> Float64Array:
        found: Float64Array = np.outer(observations[:, 0], [-1.0, 1.0])
        return found


@pytest.mark.parametrize(("temperature", "largest"), [(0.25, 3.0), (2.0, 1e9)])
def test_weights_grow_with_the_exponential_of_the_advantage(
    temperature: float, largest: float
) -> None:
    labels = AdvantageWeightLabels(temperature=temperature, largest=largest)
    weighed = labels.make(FittedTeacher(Leaning(), 1.0), ROWS, 0.9)(ROWS)
    first = ROWS.observations[:, 0]
    advantage = np.where(ROWS.actions == 1, first, -first)
    gap = np.median(2 * np.abs(first))
    factor = np.minimum(np.exp(advantage / (temperature * gap)), largest)
    np.testing.assert_allclose(weighed.weights, ROWS.weights * factor)
    assert (factor == largest).any() == (largest == 3.0)
    for name in ("actions", "rewards", "terminations", "next_observations"):
        np.testing.assert_array_equal(getattr(weighed, name), getattr(ROWS, name))


class Steering:
    """The best action is a state's first column, and others are worth their distance less."""

    def act(self, observations: FloatArray) -> FloatArray:
        return observations[:, :1]

    def value_of(self, observations: FloatArray, actions: FloatArray) -> Float64Array:
        found: Float64Array = 7.0 - np.abs(actions[:, 0] - observations[:, 0])
        return found


def test_of_continuous_actions_it_is_the_advantage_over_the_actors() -> None:
    torques = np.random.default_rng(1).normal(size=(300, 1))
    rows = replace(ROWS, actions=torques, action_count=0)
    labels = AdvantageWeightLabels(temperature=0.5)
    weighed = labels.make(FittedTeacher(Steering(), 1.0), rows, 0.9)(rows)
    distance = np.abs(torques[:, 0] - rows.observations[:, 0])
    factor = np.exp(-distance / (0.5 * np.median(distance)))
    np.testing.assert_allclose(weighed.weights, rows.weights * factor)
    np.testing.assert_array_equal(weighed.actions, torques)


def test_an_actor_that_does_what_was_done_has_nothing_to_tell() -> None:
    done = ROWS.observations[:, :1]
    rows = replace(ROWS, actions=done, action_count=0)
    with pytest.raises(InputError, match="finds no action better than another"):
        AdvantageWeightLabels().make(FittedTeacher(Steering(), 1.0), rows, 0.9)
