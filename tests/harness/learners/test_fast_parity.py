"""What the fast engine trains is what d3rlpy trains.

In double precision, step by step, to the last few digits. In single precision, in which d3rlpy
works, rounding can switch a rectified unit on or off, after which no two orders of summation agree:
d3rlpy departs from itself then, when the rows of its mini-batches are merely reversed. Losses are
compared up to there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from d3rlpy.torch_utility import TorchMiniBatch
from numpy.typing import NDArray

from envs.loading import open_dataset
from harness.core.arrays import FloatArray
from harness.core.transitions import Transitions
from harness.learners import d3rlpy_backend as reference
from harness.learners.fast import training as fast
from harness.learners.fast.exchange import parameters_of
from harness.learners.networks import DQNLearner, EnsembleDQNLearner, FQILearner
from harness.numerics.q_networks.layers import Shape
from harness.numerics.q_networks.steps import take_steps

pytestmark = pytest.mark.slow

STEPS = 500
TOLERANCE = 1e-4
LEARNERS = {
    "dqn": DQNLearner(checkpoints=1, steps=STEPS),
    "fqi": FQILearner(batch_size=256, checkpoints=1, steps=STEPS),
    "ensemble-dqn": EnsembleDQNLearner(checkpoints=1, steps=STEPS),
}
ROWS = 90  # of the small sets: fewer than a mini-batch of fqi, more than one of dqn
SEED = 7


def weighted(task: str, size: int | None) -> Transitions:
    """Rows of a dataset, with terminations among them, and weights that differ threefold."""
    rows = open_dataset(f"classic/{task}/medium-v0").transitions
    rng = np.random.default_rng(0)
    if size is not None:
        ends = np.flatnonzero(rows.terminations)[:5]
        rows = rows.take(np.concatenate([ends, rng.integers(len(rows), size=size - len(ends))]))
    assert rows.terminations.any()
    return replace(rows, weights=rng.uniform(0.5, 1.5, len(rows)))


def losses_of_d3rlpy(learner: DQNLearner, rows: Transitions, reverse: bool = False) -> FloatArray:
    algo = learner.training.create(rows, SEED)
    buffer = reference.PackedBuffer(rows, learner.reward_scale, SEED)
    losses = []
    for _ in range(STEPS):
        batch = buffer.sample(learner.batch_size)
        losses.append(algo.update(reversed_rows(batch) if reverse else batch)["loss"])
    return np.array(losses)


def reversed_rows(batch: Any) -> Any:
    names = ("observations", "actions", "rewards", "next_observations", "next_actions", "terminals")
    return replace(batch, **{name: getattr(batch, name)[::-1].copy() for name in names})


def losses_of_fast(learner: DQNLearner, rows: Transitions) -> FloatArray:
    algo = learner.training.create(rows, SEED)
    shape = Shape.of(rows.obs_dim, learner.hidden_units, rows.action_count)
    networks = fast.start_networks(parameters_of(algo))
    packed = fast.pack_rows(rows, learner.reward_scale, learner.discount)
    planner = fast.Planner(learner.training, learner.target_interval, rows, SEED)
    losses: FloatArray = take_steps(
        networks, shape, packed, planner.plan(0, STEPS), len(rows) == ROWS
    )
    return losses


@pytest.mark.parametrize("size", [ROWS, None])
@pytest.mark.parametrize("task", ["cartpole", "mountaincar", "acrobot"])
@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_losses_are_d3rlpys(name: str, task: str, size: int | None) -> None:
    learner, rows = LEARNERS[name], weighted(task, size)
    expected = losses_of_d3rlpy(learner, rows)
    again = losses_of_d3rlpy(learner, rows, reverse=True)
    apart = np.abs(again - expected) > TOLERANCE / 10 * expected
    until = int(apart.argmax()) if apart.any() else STEPS
    assert until >= STEPS // 5
    found = losses_of_fast(learner, rows)
    np.testing.assert_allclose(found[:until], expected[:until], rtol=TOLERANCE)


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("task", ["cartpole", "mountaincar", "acrobot"])
@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_parameters_are_d3rlpys_in_double_precision(name: str, task: str, ahead: bool) -> None:
    learner, rows = LEARNERS[name], weighted(task, ROWS)
    algo = learner.training.create(rows, SEED)
    algo.impl.modules.q_funcs.double()
    algo.impl.modules.targ_q_funcs.double()
    shape = Shape.of(rows.obs_dim, learner.hidden_units, rows.action_count)
    networks = fast.start_networks(parameters_of(algo))
    packed = fast.pack_rows(rows, learner.reward_scale, learner.discount, np.float64)
    planner = fast.Planner(learner.training, learner.target_interval, rows, SEED)
    plan = planner.plan(0, 200, np.float64)
    take_steps(networks, shape, packed, plan, ahead)
    for step, drawn in enumerate(plan.draws):
        algo.impl.inner_update(double_batch(rows, learner.reward_scale, drawn), step)
    assert networks.parameters.dtype == np.float64
    np.testing.assert_allclose(networks.parameters, parameters_of(algo), rtol=1e-7, atol=1e-10)


def double_batch(rows: Transitions, reward_scale: float, drawn: NDArray[np.int64]) -> Any:
    """A mini-batch of d3rlpy's in double precision."""
    column = {
        "actions": rows.actions,
        "rewards": rows.rewards * reward_scale,
        "next_actions": rows.actions,
        "returns_to_go": rows.rewards,
        "terminals": rows.terminations,
        "intervals": np.ones(len(rows)),
    }
    columns = {
        name: torch.tensor(np.asarray(values, np.float64)[drawn][:, None])
        for name, values in column.items()
    }
    states = {
        name: torch.tensor(getattr(rows, name)[drawn].astype(np.float64))
        for name in ("observations", "next_observations")
    }
    return TorchMiniBatch(**states, **columns, device="cpu")


def test_mini_batches_are_d3rlpys() -> None:
    rows = weighted("cartpole", ROWS)
    learner = DQNLearner()
    planner = fast.Planner(learner.training, 25, rows, SEED)
    buffer = reference.PackedBuffer(rows, 1.0, SEED)
    for begin in (0, 3):
        for drawn in planner.plan(begin, begin + 3).draws:
            batch = buffer.sample(learner.batch_size)
            np.testing.assert_array_equal(batch.rewards[:, 0], rows.rewards[drawn])
            np.testing.assert_array_equal(batch.observations, rows.observations[drawn])


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_d3rlpy_goes_on_from_where_it_stopped(name: str, tmp_path: Path) -> None:
    """As a model in memory, and as one that d3rlpy has saved and loaded."""
    rows = weighted("cartpole", None)
    learner = LEARNERS[name].model_copy(update={"steps": 400, "checkpoints": 2})
    alone = learner.training.create(rows, SEED)
    buffer = reference.PackedBuffer(rows, learner.reward_scale, SEED)
    batches = [buffer.sample(learner.batch_size) for _ in range(400)]
    expected = [alone.update(batch)["loss"] for batch in batches]
    half = next(fast.train(learner.training, rows, SEED))
    algo = half.policy.algo  # type: ignore[union-attr]
    algo.save_model(str(tmp_path / "model.pt"))
    loaded = learner.training.create(rows, SEED + 1)
    loaded.load_model(str(tmp_path / "model.pt"))
    loaded.set_grad_step(200)
    for model in (algo, loaded):
        found = [model.update(batch)["loss"] for batch in batches[200:]]
        np.testing.assert_allclose(found, expected[200:], rtol=1e-3)
    states = rows.observations[:1000].astype(np.float32)
    agreement = np.mean(algo.predict(states) == alone.predict(states))
    assert agreement > 0.99


def test_a_policy_is_that_of_its_d3rlpy_model() -> None:
    rows = weighted("acrobot", None)
    learner = EnsembleDQNLearner(steps=200, checkpoints=1)
    (trained,) = fast.train(learner.training, rows, SEED)
    model = learner.training.policy_of(trained.policy.algo, 3)  # type: ignore[union-attr]
    states = rows.observations[:500]
    np.testing.assert_allclose(
        trained.policy.values(states),  # type: ignore[union-attr]
        model.values(states),  # type: ignore[union-attr]
        rtol=1e-4,
        atol=1e-4,
    )
    assert np.mean(trained.policy.act(states) == model.act(states)) > 0.99
