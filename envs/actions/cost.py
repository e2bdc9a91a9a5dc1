"""What a codebook costs: the return of a policy as it is, and with its actions quantised."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

import numpy as np
from gymnasium.spaces import Box

from envs.actions.codebook import Codebook
from envs.actions.policies import CodedPolicy, NeighbourPolicy, NumberedPolicy
from envs.environment import NAME_IT, spaces_of, time_limit
from envs.evaluation import evaluate
from harness.core.classes.environments import EnvironmentSpec
from harness.core.errors import InputError

logger = logging.getLogger("bellman_bench")

EPISODES: Final = 20
MOST_STEPS: Final = 1000  # of an episode


@dataclass(frozen=True)
class CodebookCost:
    """Mean returns of a policy from the same starts, with its own actions and with their codes."""

    neighbour_return: float
    coded_return: float
    standard_error: float  # of the difference, over pairs of episodes from one start
    episodes: int


def codebook_cost(
    environment: EnvironmentSpec, policy: NeighbourPolicy, codebook: Codebook
) -> CodebookCost | None:
    """Evaluate a policy of recorded actions as it is, and with the code of each action.

    The policy sees where its codes lead, as one that is learned over them does; recorded actions
    that were replayed in their order would not. Episodes start from ``reset(seed=0)`` on, and are
    truncated after a thousand steps, if not before.

    Returns:
        None if the environment cannot be made or is not the data's; the reason is logged.
    """
    steps = min(time_limit(environment) or MOST_STEPS, MOST_STEPS)
    bounded = environment.model_copy(update={"max_episode_steps": steps})
    coded = CodedPolicy(NumberedPolicy(policy, codebook), codebook)
    try:
        _check_spaces(environment, policy)
        own, quantised = (evaluate(each, bounded, EPISODES, seed=0) for each in (policy, coded))
    except InputError as error:
        logger.warning("the return with quantised actions is left out: %s", error)
        return None
    error_of_mean = np.std(quantised - own, ddof=1) / np.sqrt(EPISODES)
    return CodebookCost(float(own.mean()), float(quantised.mean()), float(error_of_mean), EPISODES)


def _check_spaces(environment: EnvironmentSpec, policy: NeighbourPolicy) -> None:
    observations, actions = spaces_of(environment)
    recorded = policy.states.shape[1], policy.actions.shape[1]
    takes = np.prod(actions.shape) if isinstance(actions, Box) else 0
    if recorded != (np.prod(observations.shape), takes):
        raise InputError(
            f"observations of {recorded[0]} numbers and actions of {recorded[1]}, but "
            f"{environment} has observations {observations} and actions {actions}: name the "
            f"environment that the data are of {NAME_IT}"
        )
