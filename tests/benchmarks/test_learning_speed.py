"""Speed of training and of evaluation, as ratios taken in one run."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable

import gymnasium
import numpy as np
import pytest
import torch

from envs.dataset import Dataset
from envs.evaluation import evaluate
from harness.core.arrays import FloatArray, IntArray
from harness.core.classes.environments import EnvironmentSpec
from harness.core.learner import TrainedPolicy
from harness.core.transitions import Transitions
from harness.learners.networks import DQNLearner
from tests.benchmarks.timing import seconds

pytestmark = pytest.mark.benchmark

with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
    warnings.simplefilter("ignore")  # gym, which d3rlpy imports, complains about NumPy 2
    import d3rlpy
    from d3rlpy.constants import ActionSpace
    from d3rlpy.dataset import Episode, InfiniteBuffer, ReplayBuffer, TransitionMiniBatch

    from harness.learners.d3rlpy_backend import PackedBuffer

ROWS, STEPS = 4096, 300


def one_episode() -> Transitions:
    """An episode that ends in a termination: d3rlpy's buffer loses no row of it."""
    rng = np.random.default_rng(0)
    states = rng.normal(size=(ROWS + 1, 4))
    return Transitions(
        observations=states[:-1],
        actions=rng.integers(2, size=ROWS),
        rewards=rng.normal(size=ROWS),
        next_observations=states[1:],
        terminations=np.arange(ROWS) == ROWS - 1,
        weights=np.ones(ROWS),
        action_count=2,
    )


def stock_buffer(transitions: Transitions) -> ReplayBuffer:
    episode = Episode(
        observations=transitions.observations.astype(np.float32),
        actions=transitions.actions[:, None],
        rewards=transitions.rewards[:, None].astype(np.float32),
        terminated=True,
    )
    return ReplayBuffer(
        InfiniteBuffer(), episodes=[episode], action_space=ActionSpace.DISCRETE, action_size=2
    )


class Given:
    """Stands in for a packed buffer's generator: numbers at which it draws given rows."""

    def __init__(self, rows: IntArray) -> None:
        self._batches = iter((rows + 0.5) / ROWS)

    def random(self, _: int) -> FloatArray:
        return next(self._batches)


def losses(sample: Callable[[], TransitionMiniBatch]) -> list[float]:
    """Losses of a network that is made anew."""
    d3rlpy.seed(0)  # of numpy's global generator as well, by which d3rlpy's buffer draws
    encoder = d3rlpy.models.VectorEncoderFactory([32])
    algo = d3rlpy.algos.DQNConfig(encoder_factory=encoder).create(device=False)
    algo.create_impl((4,), 2)
    return [algo.update(sample())["loss"] for _ in range(STEPS)]


@pytest.mark.parametrize(("batch", "limit"), [(32, 1.2), (256, 2.0)])
def test_packed_rows_train_faster_than_d3rlpys_own_buffer(
    batch: int, limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradient steps cost the same on both sides: the smaller a batch, the more they weigh."""
    torch.set_num_threads(1)
    stock, packed = stock_buffer(one_episode()), PackedBuffer(one_episode(), 1.0, seed=0)

    def draw_stock() -> TransitionMiniBatch:
        return stock.sample_transition_batch(batch)

    def draw_packed() -> TransitionMiniBatch:
        return packed.sample(batch)

    slow, fast, drawing, packed_drawing = seconds(
        lambda: losses(draw_stock),
        lambda: losses(draw_packed),
        lambda: [draw_stock() for _ in range(STEPS)],
        lambda: [draw_packed() for _ in range(STEPS)],
    )
    print(f"batch {batch}: {STEPS / slow:.0f} steps/s by d3rlpy, {STEPS / fast:.0f} packed")
    print(f"stock / packed = {slow / fast:.2f}; drawing alone {drawing / packed_drawing:.1f}")
    d3rlpy.seed(0)
    rows = [[np.random.randint(ROWS) for _ in range(batch)] for _ in range(STEPS)]  # noqa: NPY002
    expected = losses(draw_stock)
    monkeypatch.setattr(packed, "_rng", Given(np.array(rows)))
    assert losses(draw_packed) == expected
    assert drawing >= 8 * packed_drawing
    assert slow >= limit * fast


def one_after_another(
    trained: TrainedPolicy, environment_id: str, episodes: int, seed: int
) -> FloatArray:
    environment = gymnasium.make(environment_id)
    returns = np.zeros(episodes)
    for episode in range(episodes):
        observation, _ = environment.reset(seed=seed + episode)
        over = False
        while not over:
            action = int(trained.policy.act(observation[None])[0])
            observation, reward, terminated, truncated, _ = environment.step(action)
            returns[episode] += float(reward)
            over = terminated or truncated
    return returns


def test_parallel_episodes_are_faster_than_one_after_another(cartpole: Dataset) -> None:
    learner = DQNLearner(steps=1000, checkpoints=1)
    (trained,) = learner.fit(cartpole.transitions, seed=0)
    found: list[FloatArray] = []
    fast, slow = seconds(
        lambda: found.append(
            evaluate(trained.policy, EnvironmentSpec(id="CartPole-v1"), 20, seed=7)
        ),
        lambda: found.append(one_after_another(trained, "CartPole-v1", 20, seed=7)),
        repeats=3,
    )
    for returns in found:
        np.testing.assert_array_equal(returns, found[0])
    print(f"one after another / parallel = {slow / fast:.1f}, mean return {found[0].mean():.0f}")
    assert len(set(found[0])) > 1
    assert slow >= 5 * fast
