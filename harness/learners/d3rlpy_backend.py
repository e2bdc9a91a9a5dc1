"""The one module that speaks to d3rlpy."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import structlog
import torch
from numpy.typing import NDArray

with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
    warnings.simplefilter("ignore")  # gym, which d3rlpy imports, complains about NumPy 2
    import d3rlpy
    from d3rlpy.algos.qlearning import DQN
    from d3rlpy.dataset import TransitionMiniBatch
    from d3rlpy.logging import TensorboardAdapterFactory

from harness.learners.deep_q import DQNLearner, EnsembleDQNLearner
from harness.learners.protocol import TrainedPolicy, sampling_table
from harness.transitions import BoolArray, FloatArray, IntArray, Transitions

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


class PackedBuffer:
    """Draws d3rlpy's mini-batches from packed arrays: every row arrives, whatever its episode.

    d3rlpy's own buffer is built from episodes, which arbitrary transitions do not form.
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
        """Draw rows with replacement, in proportion to their weights."""
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


class GreedyPolicy:
    """Acts greedily on a Q-network."""

    def __init__(self, algo: DQN) -> None:
        self._algo = algo

    def act(self, observations: FloatArray) -> IntArray:
        """Choose the action of largest Q-value, ``(B, obs_dim) -> (B,)``."""
        actions: IntArray = self._algo.predict(observations.astype(np.float32))
        return actions


def train(learner: DQNLearner, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:
    """Train a Q-network with d3rlpy and yield it after every part of its steps.

    Rewards are scaled by ``1 - discount``, which keeps TD errors in the quadratic part of
    d3rlpy's Huber loss and changes no greedy action.
    """
    torch.set_num_threads(1)  # fastest for networks this small, and the same on every machine
    d3rlpy.seed(seed % 2**32)
    buffer = PackedBuffer(transitions, 1 - learner.discount, seed)
    algo = _create(learner, transitions)
    policy = GreedyPolicy(algo)
    steps = learner.steps // learner.checkpoints
    for part in range(1, learner.checkpoints + 1):
        losses = [algo.update(buffer.sample(learner.batch_size))["loss"] for _ in range(steps)]
        yield TrainedPolicy(part * steps, policy, {"loss": float(np.mean(losses))})


def _create(learner: DQNLearner, transitions: Transitions) -> DQN:
    config = d3rlpy.algos.DQNConfig(
        batch_size=learner.batch_size,
        learning_rate=learner.learning_rate,
        gamma=learner.discount,
        target_update_interval=learner.target_interval,
        encoder_factory=d3rlpy.models.VectorEncoderFactory(list(learner.hidden_units)),
        **_regularisation(learner),
    )
    algo = config.create(device=False)
    algo.create_impl((transitions.obs_dim,), transitions.action_count)
    return algo


def _regularisation(learner: DQNLearner) -> dict[str, Any]:
    if not isinstance(learner, EnsembleDQNLearner):
        return {}
    return {
        "n_critics": learner.critics,
        "optim_factory": d3rlpy.optimizers.AdamWFactory(weight_decay=learner.weight_decay),
    }


def _column(values: FloatArray | IntArray | BoolArray) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32).reshape(-1, 1)


def write_scalars(
    directory: Path, name: str, curve: Iterable[tuple[int, Mapping[str, float]]]
) -> None:
    """Write named values for TensorBoard with d3rlpy's own adapter, below ``directory/runs/name``.

    Args:
        directory: TensorBoard's ``--logdir``.
        name: Of the curve; a folder is called so.
        curve: Gradient steps so far, and the values there.
    """
    no_algo = cast(Any, None)  # the adapter wants it for gradients only
    adapter = TensorboardAdapterFactory(str(directory)).create(no_algo, name, n_steps_per_epoch=1)
    for step, values in curve:
        for key, value in values.items():
            adapter.write_metric(step, step, key, value)  # its axis is the epoch: ours are steps
    adapter.close()
