"""Training of networks with d3rlpy; no other module imports it."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog
import torch
import torch._dynamo  # else torch imports it with its first optimiser, where a time-out breaks it
from numpy.typing import NDArray

with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
    warnings.simplefilter("ignore")  # gym, which d3rlpy imports, warns about NumPy 2
    import d3rlpy
    from d3rlpy.algos.qlearning import DiscreteBCQ, QLearningAlgoBase
    from d3rlpy.algos.qlearning.torch.dqn_impl import DQNImpl
    from d3rlpy.dataset import TransitionMiniBatch
    from d3rlpy.ope import DiscreteFQE, FQEConfig

from harness.core.arrays import BoolArray, Float64Array, FloatArray, IntArray
from harness.core.errors import InputError
from harness.core.learner import TrainedPolicy
from harness.core.transitions import Transitions

LARGEST_SINGLE = 1e18  # whose square float32 still holds, times a mini-batch's size

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


class PackedBuffer:
    """A replay buffer of independent transitions, from which d3rlpy samples its mini-batches.

    d3rlpy's own buffer is built from episodes, which reduced transitions do not form.
    """

    def __init__(self, transitions: Transitions, reward_scale: float, seed: int) -> None:
        """Pack ``transitions`` as float32, rewards times ``reward_scale``."""
        self._observations = transitions.observations.astype(np.float32)
        self._next_observations = transitions.next_observations.astype(np.float32)
        self._actions = _column(transitions.actions)
        self._rewards = _column(transitions.rewards * reward_scale)
        self._terminals = _column(transitions.terminations)
        self._table = sampling_table(transitions)
        self._rng = np.random.default_rng(seed)

    def sample(self, batch_size: int) -> TransitionMiniBatch:
        """Sample rows with replacement, in proportion to their weights."""
        rows = np.searchsorted(self._table, self._rng.random(batch_size), side="right")
        actions = self._actions[rows]
        return TransitionMiniBatch(
            observations=self._observations[rows],
            actions=actions,
            rewards=self._rewards[rows],
            next_observations=self._next_observations[rows],
            next_actions=actions,  # unused by Q-learning
            terminals=self._terminals[rows],
            intervals=np.ones((batch_size, 1), dtype=np.float32),
            transitions=(),
        )


class NetworkPolicy:
    """The greedy policy of a trained d3rlpy algorithm."""

    def __init__(self, algo: QLearningAlgoBase[Any, Any]) -> None:
        self.algo = algo

    def act(self, observations: FloatArray) -> IntArray:
        """Choose the action of maximum Q-value or probability, ``(B, obs_dim) -> (B,)``."""
        actions: IntArray = self.algo.predict(observations.astype(np.float32))
        return actions


class GreedyNetworkPolicy(NetworkPolicy):
    """The policy of a network of Q-values, greedy for their mean over its critics."""

    def __init__(
        self, algo: QLearningAlgoBase[Any, Any], action_count: int, reward_scale: float
    ) -> None:
        super().__init__(algo)
        self._action_count = action_count
        self._reward_scale = reward_scale

    def values(self, observations: FloatArray) -> Float64Array:
        """Values of every action in units of the rewards, ``(B, obs_dim) -> (B, action_count)``."""
        states = observations.astype(np.float32)
        columns = [
            self.algo.predict_value(states, np.full(len(states), action))
            for action in range(self._action_count)
        ]
        return np.stack(columns, axis=1).astype(np.float64) / self._reward_scale


@dataclass(frozen=True)
class Training:
    """The settings that a d3rlpy algorithm is trained with."""

    make_config: Callable[..., Any]  # d3rlpy.algos and shared fields -> configuration
    hidden_units: tuple[int, ...]
    learning_rate: float  # initial, with cosine decay to zero
    weight_decay: float  # per gradient step, times the learning rate
    batch_size: int
    steps: int  # gradient steps in all
    checkpoints: int  # evenly spaced, the last after the last step
    reward_scale: float  # factor that rewards are multiplied by

    @property
    def shared(self) -> dict[str, Any]:
        """Fields that d3rlpy's configurations of all algorithms share."""
        return {
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            # Decay to zero: the last policies are compared, and a constant rate makes them noisy.
            "optim_factory": d3rlpy.optimizers.AdamWFactory(
                weight_decay=self.weight_decay,
                lr_scheduler_factory=d3rlpy.optimizers.CosineAnnealingLRFactory(self.steps),
            ),
            "encoder_factory": d3rlpy.models.VectorEncoderFactory(list(self.hidden_units)),
        }

    def create(self, transitions: Transitions, seed: int) -> QLearningAlgoBase[Any, Any]:
        """Make the algorithm with a seed's weights for the data's observations and actions.

        Raises:
            InputError: If values are too large for float32.
        """
        for name in ("observations", "next_observations"):
            _check_single(name, getattr(transitions, name))
        _check_single("rewards", transitions.rewards * self.reward_scale)
        torch.set_num_threads(1)  # fastest for such small networks, and equal on every machine
        d3rlpy.seed(seed % 2**32)
        config = self.make_config(d3rlpy.algos, **self.shared)
        algo: QLearningAlgoBase[Any, Any] = config.create(device=False)
        algo.create_impl((transitions.obs_dim,), transitions.action_count)
        return algo

    def is_plain_dqn(self, config: Any) -> bool:
        """Tell whether a configuration says no more than these settings and those of plain DQN."""
        if not isinstance(config, d3rlpy.algos.DQNConfig):
            return False
        own = ("gamma", "n_critics", "target_update_interval")
        plain = d3rlpy.algos.DQNConfig(
            **self.shared, **{name: getattr(config, name) for name in own}
        )
        return type(config) is type(plain) and bool(config == plain)

    def policy_of(self, algo: QLearningAlgoBase[Any, Any], action_count: int) -> NetworkPolicy:
        """Return the policy of an algorithm, with Q-values if it is greedy for them."""
        if isinstance(algo.impl, DQNImpl) and not isinstance(algo, DiscreteBCQ):
            return GreedyNetworkPolicy(algo, action_count, self.reward_scale)
        return NetworkPolicy(algo)


def train(training: Training, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:
    """Train a network with d3rlpy and yield its policy at every checkpoint.

    Raises:
        InputError: If values are too large for float32.
    """
    algo = training.create(transitions, seed)
    buffer = PackedBuffer(transitions, training.reward_scale, seed)
    policy = training.policy_of(algo, transitions.action_count)
    steps = training.steps // training.checkpoints
    for part in range(1, training.checkpoints + 1):
        losses = [algo.update(buffer.sample(training.batch_size))["loss"] for _ in range(steps)]
        yield TrainedPolicy(part * steps, policy, {"loss": float(np.mean(losses))})


EVALUATION_STEPS = 10_000  # gradient steps of fitted Q-evaluation
EVALUATION_INTERVAL = 50  # of them between updates of the target network; at 20 values diverge


def evaluate_by_fitted_q(
    policy: NetworkPolicy, transitions: Transitions, discount: float, seed: int
) -> float:
    """Estimate a policy's discounted return from recorded transitions alone.

    d3rlpy's fitted Q-evaluation (Le et al., arXiv 1903.08738) with a small network; ten seconds.
    Values start at zero and 200 iterations look 200 steps ahead, so that at a discount of 0.99 an
    eighth of an endless return is missing; what the data do not show is extrapolated.

    Args:
        policy: The policy of one of this module's algorithms.
        transitions: The full dataset.
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
    )
    evaluation = DiscreteFQE(policy.algo, config, device=False)
    evaluation.create_impl((transitions.obs_dim,), transitions.action_count)
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


def sampling_table(transitions: Transitions) -> NDArray[np.float64]:
    """Cumulative shares ``(N,)``, from which `numpy.searchsorted` draws rows by weight."""
    table: NDArray[np.float64] = np.cumsum(transitions.shares)
    table /= table[-1]
    return table


def _check_single(name: str, values: FloatArray) -> None:
    """Check that squares of values are finite in float32, in which networks compute.

    Raises:
        InputError: If not.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if largest >= LARGEST_SINGLE:
        raise InputError(
            f"{name} of {largest:.3g} as networks see them: from {LARGEST_SINGLE:g} on, squares "
            "overflow in float32; rescale them, or choose a learner without networks such as "
            "linear-fqi"
        )


def _column(values: FloatArray | IntArray | BoolArray) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32).reshape(-1, 1)
