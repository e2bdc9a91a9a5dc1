"""Training of networks with d3rlpy; beside it only fitted Q-evaluation imports that library."""

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
    from d3rlpy.algos.qlearning import BC, DiscreteBCQ, QLearningAlgoBase
    from d3rlpy.algos.qlearning.torch.dqn_impl import DQNImpl
    from d3rlpy.dataset import TransitionMiniBatch

from harness.core.arrays import BoolArray, Float64Array, FloatArray, IntArray
from harness.core.errors import InputError
from harness.core.learner import TrainedPolicy
from harness.core.transitions import Transitions
from harness.numerics.standardising import Standardiser

LOSSES = ("loss", "critic_loss", "actor_loss")  # that d3rlpy's algorithms report, of all it does
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
        self._actions = _columns(transitions.actions)
        self._rewards = _columns(transitions.rewards * reward_scale)
        self._terminals = _columns(transitions.terminations)
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


class ContinuousNetworkPolicy:
    """The deterministic policy of a trained d3rlpy algorithm of continuous actions."""

    def __init__(self, algo: QLearningAlgoBase[Any, Any]) -> None:
        self.algo = algo

    def act(self, observations: FloatArray) -> FloatArray:
        """Choose an action within the data's range, ``(B, obs_dim) -> (B, action_dim)``."""
        actions: FloatArray = self.algo.predict(observations.astype(np.float32))
        return actions


class CriticNetworkPolicy(ContinuousNetworkPolicy):
    """The policy of an actor that was trained beside critics."""

    def __init__(self, algo: QLearningAlgoBase[Any, Any], reward_scale: float) -> None:
        super().__init__(algo)
        self._reward_scale = reward_scale

    def value_of(self, observations: FloatArray, actions: FloatArray) -> Float64Array:
        """Value of an action at each state in units of the rewards, ``(B,)``."""
        states, vectors = (one.astype(np.float32) for one in (observations, actions))
        values: Float64Array = self.algo.predict_value(states, vectors).astype(np.float64)
        return values / self._reward_scale


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
        _check_single("actions", transitions.actions)
        torch.set_num_threads(1)  # fastest for such small networks, and equal on every machine
        d3rlpy.seed(seed % 2**32)
        config = self.make_config(d3rlpy.algos, **self.shared, **scalers_of(transitions))
        algo: QLearningAlgoBase[Any, Any] = config.create(device=False)
        algo.create_impl((transitions.obs_dim,), action_size(transitions))
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

    def policy_of(
        self, algo: QLearningAlgoBase[Any, Any], action_count: int
    ) -> NetworkPolicy | ContinuousNetworkPolicy:
        """Return the policy of an algorithm, with Q-values if it is greedy for them."""
        if action_count == 0:
            if isinstance(algo, BC):
                return ContinuousNetworkPolicy(algo)
            return CriticNetworkPolicy(algo, self.reward_scale)
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
        found = [algo.update(buffer.sample(training.batch_size)) for _ in range(steps)]
        losses = {name: [one[name] for one in found] for name in LOSSES if name in found[0]}
        means = {name: float(np.mean(values)) for name, values in losses.items()}
        yield TrainedPolicy(part * steps, policy, means)


def scalers_of(transitions: Transitions) -> dict[str, Any]:
    """Fields of d3rlpy's configurations for continuous actions; none for discrete ones.

    Policies give actions in ``[-1, 1]``, which becomes the range of the data's. Observations are
    z-scored, as TD3+BC asks.
    """
    if not transitions.is_continuous:
        return {}
    standardiser = Standardiser.fit(transitions)
    vectors = transitions.actions.astype(np.float64)
    low, high = vectors.min(axis=0), vectors.max(axis=0)
    half = np.where(high > low, (high - low) / 2, 1.0)  # a constant action is the middle of a range
    middle = (high + low) / 2
    return {
        "observation_scaler": d3rlpy.preprocessing.StandardObservationScaler(
            mean=standardiser.mean, std=standardiser.scale, eps=0.0
        ),
        "action_scaler": d3rlpy.preprocessing.MinMaxActionScaler(
            minimum=middle - half, maximum=middle + half
        ),
    }


def action_size(transitions: Transitions) -> int:
    """What d3rlpy calls so: the number of discrete actions, the dimension of continuous ones."""
    return transitions.action_count or transitions.action_dim


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


def _columns(values: FloatArray | IntArray | BoolArray) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32).reshape(len(values), -1)
