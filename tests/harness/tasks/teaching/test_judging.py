"""Certificates of use in runs: who judges, what a record keeps, and when there is none."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from envs.dataset import Dataset
from harness.core.errors import InputError
from harness.core.learner import TrainedPolicy
from harness.core.records import MeasuredResult, RunResult, Use
from harness.core.specs import RunSpec
from harness.core.transitions import Transitions
from harness.labels.base import FittedTeacher
from harness.labels.closed_form import ClosedFormTeacher
from harness.labels.use import Judge
from harness.learners import fitted_q_evaluation
from harness.learners.continuous import ContinuousBCLearner
from harness.learners.linear_fqi import LinearFQILearner
from harness.learners.networks import DQNLearner
from harness.suites.verify import _compare
from harness.tasks.kinds import task_of
from harness.tasks.teaching import judging
from harness.tasks.teaching.judging import make_judge, make_learner, report_use
from harness.testing.rows import bandit, in_episodes, random_transitions
from tests.support.records.control import make_record

SPEC = RunSpec.model_validate(
    {
        **{"dataset": "a.npz", "reducer": "random", "size": 30, "learner": "linear-fqi"},
        **{"seed": 3000, "discount": 0.9, "episodes": 1},
    }
)
QUICK = {"name": "closed-form", "parameters": {"feature_count": 40, "iterations": 30}}


@pytest.fixture
def small(cartpole: Dataset) -> Dataset:
    rows = cartpole.transitions.take(np.arange(1500))
    return replace(cartpole, transitions=rows, content_hash=rows.content_hash())


def run(source: Dataset, reducer: Any = "random", learner: Any = "linear-fqi") -> RunResult:
    spec = RunSpec.model_validate(SPEC.model_dump() | {"reducer": reducer, "learner": learner})
    result = task_of(spec).run(spec, source)
    assert isinstance(result, RunResult)
    return result


def test_a_record_keeps_what_the_teacher_of_the_full_data_says(
    small: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    last: list[Any] = []
    fit = LinearFQILearner.fit

    def watched(self: LinearFQILearner, transitions: Transitions, seed: int) -> Any:
        for trained in fit(self, transitions, seed):
            last.append(trained.policy)
            yield trained

    monkeypatch.setattr(LinearFQILearner, "fit", watched)
    found = run(small)
    q = ClosedFormTeacher().fit(small.transitions, 0.9).q
    values = q.values(small.transitions.observations)
    chosen = last[0].act(small.transitions.observations)
    gap = np.median(values.max(axis=1) - values.min(axis=1))
    lost = (values.max(axis=1) - values[np.arange(len(values)), chosen]) / gap
    assert found.use is not None
    assert found.use.regret == pytest.approx(lost.mean(), rel=1e-9)
    assert found.use.agreement == pytest.approx((chosen == values.argmax(axis=1)).mean())
    assert run(small).use == found.use  # the same seed gives the same certificate


def test_the_last_policy_is_judged(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(self: Any, transitions: Any, seed: int) -> Any:  # noqa: ARG001
        for step in range(2):
            yield TrainedPolicy(step, Always(step))

    monkeypatch.setattr(LinearFQILearner, "fit", fit)
    judge = make_judge(None, small.transitions, 0.9)
    assert run(small).use == judge.assess(Always(1)) != judge.assess(Always(0))


class Always:
    """Takes one action wherever it is."""

    def __init__(self, action: int) -> None:
        self.action = action

    def act(self, observations: Any) -> Any:
        return np.full(len(observations), self.action)


def test_labels_and_the_judge_share_one_teacher(
    small: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[ClosedFormTeacher] = []
    fit = ClosedFormTeacher.fit

    def counted(self: ClosedFormTeacher, transitions: Transitions, discount: float) -> Any:
        assert transitions is small.transitions
        fitted.append(self)
        return fit(self, transitions, discount)

    monkeypatch.setattr(ClosedFormTeacher, "fit", counted)
    labelled = {"name": "stratified", "labels": {"name": "advantage", "teacher": QUICK}}
    assert run(small, labelled).use is not None
    assert [teacher.feature_count for teacher in fitted] == [40]
    assert run(small).use is not None
    assert run(small, "stratified").use is not None
    assert [teacher.feature_count for teacher in fitted] == [40, 300]


def test_its_seconds_are_no_stage(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = run(small).seconds

    def slow(*_: Any) -> Any:
        clock[0] += 1000
        return None

    clock = [0.0]
    monkeypatch.setattr("harness.tasks.checkpoints.judge_of", slow)
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])
    found = run(small).seconds
    assert (found.training, found.evaluation) == (0.0, 0.0)
    assert found.reduction == quick.reduction  # of the same reduction


def test_training_that_another_run_has_saved_counts(
    small: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(self: Any, transitions: Any, seed: int) -> Any:  # noqa: ARG001
        for step, saved in enumerate((2000.0, 5000.0)):
            yield TrainedPolicy(step, Always(0), saved_seconds=saved)

    monkeypatch.setattr(LinearFQILearner, "fit", fit)
    assert 5000 < run(small).seconds.training < 5600


@pytest.mark.parametrize("damage", ["no signal", "diverging teacher", "refuted teacher"])
def test_where_nobody_can_judge_the_run_goes_on(
    small: Dataset, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    rows = small.transitions
    if damage == "no signal":
        still: dict[str, Any] = {
            "rewards": np.ones(len(rows)),
            "terminations": np.zeros(len(rows), dtype=bool),
        }
        small = replace(small, transitions=replace(rows, **still))
    elif damage == "diverging teacher":

        def fit(*_: Any) -> FittedTeacher:
            raise InputError("diverged")

        monkeypatch.setattr(ClosedFormTeacher, "fit", fit)
    else:
        q = ClosedFormTeacher().fit(rows, 0.9).q
        refuted = FittedTeacher(q, 0.0, {"left_out_error": 1.0})
        monkeypatch.setattr(ClosedFormTeacher, "fit", lambda *_: refuted)
    assert run(small).use is None


class Narrow:
    """A policy of the user's that can act in the environment alone."""

    def act(self, observations: Any) -> Any:
        if len(observations) > 1:
            raise RuntimeError("too many")
        return np.zeros(1, dtype=int)


class Vast(Narrow):
    """A policy with actions that the data do not have."""

    def act(self, observations: Any) -> Any:
        return np.full(len(observations), 7 if len(observations) > 1 else 0)


@pytest.mark.parametrize("policy", [Narrow(), Vast()])
def test_a_policy_that_fails_at_states_of_the_data_has_no_certificate(
    small: Dataset, monkeypatch: pytest.MonkeyPatch, policy: Any
) -> None:
    monkeypatch.setattr(LinearFQILearner, "fit", lambda *_: iter([TrainedPolicy(1, policy)]))
    found = run(small)
    assert found.use is None
    assert len(found.checkpoints) == 1


def test_large_data_are_judged_by_a_teacher_of_a_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows: list[int] = []
    fit = ClosedFormTeacher.fit

    def watched(self: ClosedFormTeacher, transitions: Transitions, discount: float) -> Any:
        rows.append(len(transitions))
        return fit(self, transitions, discount)

    monkeypatch.setattr(judging, "JUDGED_ROWS", 150)
    monkeypatch.setattr(ClosedFormTeacher, "fit", watched)
    large = random_transitions(np.random.default_rng(0), 400)
    with pytest.MonkeyPatch.context() as trusting:
        trusting.setattr(FittedTeacher, "refuted", False)  # the data are noise
        assert make_judge(None, large, 0.9) is make_judge(None, large, 0.9)
    assert rows == [150]


def test_a_warning_of_a_refuted_teacher_speaks_of_its_values(
    caplog: pytest.LogCaptureFixture,
) -> None:
    noise = random_transitions(np.random.default_rng(1), 60)
    with caplog.at_level(logging.WARNING), pytest.raises(InputError, match="to judge a policy"):
        make_judge(None, noise, 0.9)
    assert "do not trust its values" in caplog.text


class Idle(LinearFQILearner):
    """Yields no policy."""

    name: ClassVar[str] = "idle"

    def fit(self, transitions: Any, seed: int) -> Any:  # noqa: ARG002
        return iter(())


def test_a_learner_without_a_policy_cannot_be_certified() -> None:
    data, judge = in_episodes(random_transitions(np.random.default_rng(0), 40)), noisy_judge()
    with pytest.raises(InputError, match="'idle' yielded no policy"):
        list(report_use(Idle(), judge, data, data, 0.9, 0))


def noisy_judge() -> Judge:
    rng = np.random.default_rng(0)
    return Judge(rng.normal(size=(9, 3)), np.ones(9), np.tile([0.0, 1.0], (9, 1)))


def test_random_actions_are_expected_to_lose_the_mean() -> None:
    assert noisy_judge().of_random == Use(regret=0.5, agreement=0.5)


@pytest.mark.parametrize(("version", "problems"), [(4, 0), (5, 1)])
def test_a_record_of_before_certificates_is_repeated_without(
    small: Dataset, version: int, problems: int
) -> None:
    result = run(small)
    record = make_record(SPEC, result)
    bare = result.model_copy(update={"use": None})
    old = record.model_copy(update={"schema_version": version, "result": bare})
    assert len(list(_compare(old, record))) == problems


def test_a_metric_is_no_learner_of_policies() -> None:
    with pytest.raises(InputError, match="'fresh-predictors' is a metric"):
        make_learner("fresh-predictors", 0.9)


@pytest.mark.slow
@pytest.mark.parametrize(("ends", "value"), [(True, 3.0), (False, 6.0)])
def test_fitted_q_evaluation_finds_what_a_policy_earns(
    monkeypatch: pytest.MonkeyPatch, ends: bool, value: float
) -> None:
    """One state, where the better action pays 3 once, or at every step of discount 1/2."""
    monkeypatch.setattr(fitted_q_evaluation, "EVALUATION_STEPS", 1500)
    data = replace(bandit([1.0, 3.0] * 4, [1.0] * 8), terminations=np.full(8, ends))
    learner = DQNLearner(discount=0.5, steps=300, checkpoints=1, learning_rate=3e-3)
    (trained,) = learner.fit(data, 3000)
    policy: Any = trained.policy
    assert policy.act(data.observations[:1])[0] == 1
    found = [fitted_q_evaluation.evaluate_by_fitted_q(policy, data, 0.5, 3000) for _ in range(2)]
    assert found[0] == found[1] == pytest.approx(value, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("ends", "value"), [(True, 3.0), (False, 6.0)])
def test_fitted_q_evaluation_finds_what_a_continuous_policy_earns(
    monkeypatch: pytest.MonkeyPatch, ends: bool, value: float
) -> None:
    """A clone of the better action, in units of its own, evaluated on rows of both."""
    monkeypatch.setattr(fitted_q_evaluation, "EVALUATION_STEPS", 1500)
    data = replace(bandit([1.0, 3.0] * 4, [1.0] * 8), terminations=np.full(8, ends))
    data = replace(data, codes=np.array([[40.0], [70.0]])).in_vectors("a test")
    weights = np.where(data.actions[:, 0] == 70.0, 1.0, 1e-6)
    clone = ContinuousBCLearner(steps=300, checkpoints=1, learning_rate=3e-3)
    (trained,) = clone.fit(replace(data, weights=weights), 3000)
    policy: Any = trained.policy
    assert policy.act(data.observations[:1])[0, 0] == pytest.approx(70.0, abs=1.0)
    found = fitted_q_evaluation.evaluate_by_fitted_q(policy, data, 0.5, 3000)
    assert found == pytest.approx(value, rel=0.1)


def test_episodes_begin_at_first_rows() -> None:
    data = random_transitions(np.random.default_rng(0), 6)
    assert fitted_q_evaluation.first_rows(data).tolist() == list(range(6))
    numbered = replace(data, episodes=np.array([0, 0, 2, 2, 2, 3]))
    assert fitted_q_evaluation.first_rows(numbered).tolist() == [0, 2, 5]


@pytest.mark.parametrize("control", [None, "constant", "permuted"])
@pytest.mark.parametrize("labels", ["shaped", "advantage"])
def test_a_metric_compares_a_labelled_set_with_data_that_are_labelled_alike(
    small: Dataset, labels: str, control: str | None
) -> None:
    reducer = {"name": "full", "labels": labels, "control": control}
    learner = {"name": "fresh-predictors", "parameters": {"predictors": 20}}
    spec = RunSpec.model_validate(
        SPEC.model_dump() | {"reducer": reducer, "size": None, "learner": learner}
    )
    found = task_of(spec).run(spec, small)
    assert isinstance(found, MeasuredResult)
    assert found.value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("value", "trusted"), [(0.0, True), (10.0, True), (10.1, False), (-5.1, False), (np.nan, False)]
)
def test_an_estimate_that_no_return_can_be_is_doubted(value: float, trusted: bool) -> None:
    data = random_transitions(np.random.default_rng(0), 4)
    data = replace(data, rewards=np.array([1.0, -0.5, 0.0, 0.5]))
    assert (judging.doubt_of(value, data, 0.9) == "") == trusted
