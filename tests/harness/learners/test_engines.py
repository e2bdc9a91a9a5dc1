"""Which engine trains what."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.core.errors import InputError
from harness.core.learner import Learner, TrainedPolicy
from harness.core.transitions import Transitions
from harness.learners.engines import check_engine, fit, prepare
from harness.learners.linear_fqi import LinearFQILearner
from harness.learners.networks import DQNLearner
from harness.learners.offline import BCLearner, BCQLearner, CQLLearner
from harness.testing import LearnerContract
from harness.testing.rows import bandit, random_transitions

SHORT: dict[str, Any] = {"steps": 300, "checkpoints": 3, "learning_rate": 3e-3}


class FastDQN(Learner):
    """DQN by the fast engine, as a learner that the contract can be put to."""

    name: ClassVar[str] = "fast-dqn"

    def fit(self, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:
        return fit(DQNLearner(discount=0.9, **SHORT), "fast", transitions, seed)


class TestFastEngine(LearnerContract):
    subject = FastDQN()


class Doubled(DQNLearner):
    """Another algorithm of d3rlpy's, which a subclass may name."""

    name: ClassVar[str] = "doubled"

    def make_config(self, algos: Any, **shared: Any) -> Any:
        return algos.DoubleDQNConfig(**self.bootstrapping, **shared)


class Quantiles(DQNLearner):
    """DQN with another kind of Q-function."""

    name: ClassVar[str] = "quantiles"

    def make_config(self, algos: Any, **shared: Any) -> Any:
        import d3rlpy

        kind = d3rlpy.models.QRQFunctionFactory(n_quantiles=8)
        return algos.DQNConfig(q_func_factory=kind, **self.bootstrapping, **shared)


class OwnTraining(DQNLearner):
    """Trains by code of its own."""

    name: ClassVar[str] = "own-training"

    def fit(self, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:
        for trained in super().fit(transitions, seed):
            yield TrainedPolicy(trained.step, trained.policy, {"mine": 1.0})


@pytest.mark.parametrize("learner", [CQLLearner(), BCQLearner(), BCLearner()])
def test_what_the_fast_engine_cannot_train_is_refused_by_name(learner: Learner) -> None:
    with pytest.raises(InputError, match=rf"{learner.name}.*fast.*use the engine 'd3rlpy'"):
        check_engine(learner, "fast")
    check_engine(learner, "d3rlpy")


@pytest.mark.parametrize("learner", [Doubled(**SHORT), Quantiles(**SHORT)])
def test_another_algorithm_is_not_trained_as_plain_dqn(learner: DQNLearner) -> None:
    rows = random_transitions(np.random.default_rng(0), 30)
    with pytest.raises(InputError, match=r"trains d3rlpy's DQN.*use the engine 'd3rlpy'"):
        list(fit(learner, "fast", rows, 0))
    assert len(list(fit(learner, "d3rlpy", rows, 0))) == 3


def test_training_of_its_own_stays_its_own() -> None:
    rows = random_transitions(np.random.default_rng(0), 30)
    trained = list(fit(OwnTraining(**SHORT), "fast", rows, 0))
    assert [one.metrics for one in trained] == [{"mine": 1.0}] * 3


def test_what_trains_no_network_is_the_same_by_either() -> None:
    rows = bandit([1.0, 2.0], [1, 1])
    learner = LinearFQILearner(iterations=20)
    check_engine(learner, "fast")
    prepare(learner, "fast")
    slow, quick = (
        list(fit(learner, engine, rows, 0))[-1].policy.act(rows.observations)
        for engine in ("d3rlpy", "fast")
    )
    np.testing.assert_array_equal(slow, quick)


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(InputError, match=r"needs Numba.*bellman-bench\[fast\]"):
        check_engine(DQNLearner(), "fast")
    check_engine(DQNLearner(), "d3rlpy")
