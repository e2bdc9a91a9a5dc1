"""The whole path of continuous actions: Minari, codebook, reduction, learner, evaluation."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from envs.dataset import Dataset
from envs.embedded.behaviour import Behaviour
from envs.embedded.collect import play_episode
from envs.environment import make_environment
from envs.formats.minari import store as minari_store
from envs.loading import open_dataset
from envs.reference import Reference
from harness.core.arrays import FloatArray
from harness.core.classes.environments import EnvironmentSpec
from harness.core.classes.specs import LearnerSpec, ReducerSpec
from harness.core.errors import InputError
from harness.core.records import RunResult
from harness.core.reduction import Reducer, Reduction
from harness.core.specs import CodebookSpec, RunSpec
from harness.core.transitions import Transitions
from harness.tasks.builtin import LEARNERS, REDUCERS
from harness.tasks.control import ControlTask, check_evaluable
from harness.tasks.saving import save_reduction

CODES = CodebookSpec(method="kmeans", size=12)
REFERENCE = {"reference_min": 0.0, "reference_max": 3000.0}


def sway(observation: FloatArray) -> FloatArray:
    """Some torques that follow from the posture."""
    return np.sin(4 * observation[:3]).astype(np.float32)


@pytest.fixture(scope="module", params=["Hopper-v4", "Hopper-v5"])
def hopper(request: pytest.FixtureRequest) -> Dataset:
    pytest.importorskip("mujoco")
    rng = np.random.default_rng(0)
    with closing(make_environment(EnvironmentSpec(id=request.param))) as environment:
        swaying = Behaviour(sway, random_share=0.5)
        episodes = [play_episode(environment, swaying, seed, rng) for seed in range(12)]
    reference = Reference(environment_id=request.param, **REFERENCE)
    dataset_id = f"test/{request.param.lower()}"
    minari_store.write_dataset(
        dataset_id, episodes, reference, algorithm="swaying", description="For a test."
    )
    return open_dataset(dataset_id, CODES)


def reduce(dataset: Dataset, method: str) -> Reduction[Transitions]:
    reducer: Reducer[Transitions] = REDUCERS.make(method, {}, discount=0.9)
    return reducer.reduce(dataset.transitions, 40, np.random.default_rng(0))


def run(dataset: Dataset, method: str, learner: str) -> RunResult:
    spec = RunSpec(
        dataset=dataset.dataset_id,
        reducer=ReducerSpec(name=method),
        size=40,
        learner=LearnerSpec(name=learner),
        seed=0,
        discount=0.9,
        episodes=2,
        codebook=CODES,
    )
    made = LEARNERS.make(learner, {"steps": 100, "checkpoints": 1}, discount=0.9)
    return ControlTask().train(spec, dataset, reduce(dataset, method), made)


@pytest.mark.parametrize("method", ["stratified", "exact", "bellman"])
def test_mujoco_data_are_reduced_learned_from_and_evaluated(hopper: Dataset, method: str) -> None:
    result = run(hopper, method, "dqn")
    assert result.reduction.rows == 40
    assert len(result.checkpoints[-1].returns) == 2
    assert np.isfinite(result.checkpoints[-1].returns).all()
    facts = result.dataset.quantisation
    assert facts is not None
    assert facts["codes"] == 12
    assert 0 < facts["variance_share"] < 1
    assert np.isfinite([facts["neighbour_return"], facts["coded_return"]]).all()


def test_a_reduction_on_disk_remembers_its_codebook(tmp_path: Path) -> None:
    dataset = open_dataset("classic/pendulum/medium-v0", CODES)
    path = tmp_path / "set.npz"
    save_reduction(reduce(dataset, "stratified"), path, dataset, 0, 0.9)
    again = open_dataset(str(path))
    assert again.codebook is not None
    assert dataset.codebook is not None
    np.testing.assert_array_equal(again.codebook.codes, dataset.codebook.codes)
    assert again.quantisation == {"codes": 12.0}
    returns = run(again, "full", "bc").checkpoints[-1].returns
    assert all(-2000 < value < 0 for value in returns)


def test_actions_that_the_environment_does_not_take_are_refused() -> None:
    dataset = open_dataset("classic/pendulum/medium-v0", CODES)
    assert check_evaluable(dataset) == EnvironmentSpec(id="Pendulum-v1")
    with pytest.raises(InputError, match="no codebook, but Pendulum-v1 has a continuous action"):
        check_evaluable(replace(dataset, codebook=None))
    with pytest.raises(InputError, match="3 numbers, but CartPole-v1 has observations of 4"):
        check_evaluable(replace(dataset, environment=EnvironmentSpec(id="CartPole-v1")))
    with pytest.raises(InputError, match="'Nowhere-v0' cannot be made"):
        check_evaluable(replace(dataset, environment=EnvironmentSpec(id="Nowhere-v0")))
