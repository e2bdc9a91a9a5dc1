"""Fitted Q-evaluation by d3rlpy: what a policy's discounted return is by recorded rows alone."""

from __future__ import annotations

import numpy as np

from harness.core.arrays import IntArray
from harness.core.transitions import Transitions
from harness.learners.d3rlpy_backend import (  # first, for it imports d3rlpy quietly
    ContinuousNetworkPolicy,
    NetworkPolicy,
    PackedBuffer,
    action_size,
)

# isort: split
import d3rlpy
from d3rlpy.ope import FQE, DiscreteFQE, FQEConfig

EVALUATION_STEPS = 10_000  # gradient steps of fitted Q-evaluation
EVALUATION_INTERVAL = 50  # of them between updates of the target network; at 20 values diverge


def evaluate_by_fitted_q(
    policy: NetworkPolicy | ContinuousNetworkPolicy,
    transitions: Transitions,
    discount: float,
    seed: int,
) -> float:
    """Estimate a policy's discounted return from recorded transitions alone.

    d3rlpy's fitted Q-evaluation (Le et al., arXiv 1903.08738) with a small network; ten seconds.
    Values start at zero and 200 iterations look 200 steps ahead, so that at a discount of 0.99 an
    eighth of an endless return is missing; what the data do not show is extrapolated.

    Args:
        policy: The policy of one of d3rlpy's algorithms, see `d3rlpy_backend`.
        transitions: The full dataset, its actions of the policy's kind.
        discount: γ.
        seed: Fixes the network's initial weights and the mini-batches.

    Returns:
        The mean over the first states of episodes, or over all states where episodes are unknown.
    """
    d3rlpy.seed(seed % 2**32)
    config = FQEConfig(
        learning_rate=1e-3,
        encoder_factory=d3rlpy.models.VectorEncoderFactory([64, 64]),
        gamma=discount,
        target_update_interval=EVALUATION_INTERVAL,
        observation_scaler=policy.algo.config.observation_scaler,  # its next actions are asked for
        action_scaler=policy.algo.config.action_scaler,  # and given in the policy's units
    )
    kind = FQE if transitions.is_continuous else DiscreteFQE
    evaluation = kind(policy.algo, config, device=False)
    evaluation.create_impl((transitions.obs_dim,), action_size(transitions))
    buffer = PackedBuffer(transitions, 1 - discount, seed)  # values are means of rewards
    for _ in range(EVALUATION_STEPS):
        evaluation.update(buffer.sample(config.batch_size))
    rows = first_rows(transitions)
    states = transitions.observations[rows].astype(np.float32)
    values = evaluation.predict_value(states, policy.act(states))
    return float(np.average(values, weights=transitions.weights[rows])) / (1 - discount)


def first_rows(transitions: Transitions) -> IntArray:
    """Rows at which episodes begin, ``(E,)``; all of them where episodes are unknown."""
    if transitions.episodes is None:
        return np.arange(len(transitions))
    return np.flatnonzero(np.diff(transitions.episodes, prepend=transitions.episodes[0] - 1))
