"""Certificates of use: a policy of a run, judged by a teacher of the full data as recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import cast

from envs.actions.codebook import Codebook
from envs.actions.policies import NumberedPolicy
from harness.core.classes.specs import TeacherSpec
from harness.core.errors import InputError, blaming
from harness.core.learner import ContinuousPolicy, Learner, Policy, no_policy
from harness.core.metric import ReductionMetric
from harness.core.records import Use
from harness.core.rows import evenly_spaced, private_copy
from harness.core.seeding import derive_seed
from harness.core.specs import RunSpec
from harness.core.transitions import Transitions
from harness.labels.base import Teacher
from harness.labels.builtin import TEACHERS
from harness.labels.signal import check_signal
from harness.labels.use import ActorJudge, Judge
from harness.learners.networks import NetworkLearner
from harness.tasks.builtin import LEARNERS
from harness.tasks.teachers.fitting import fit_once
from harness.tasks.teaching.labelling import Named

JUDGED_ROWS = 100_000  # that a judge is fitted to, at most: 20 s, half a gigabyte


def judge_of(spec: RunSpec, rows: Transitions) -> Judge | None:
    """Fit who judges the policies of a run, once a process for all runs that share it.

    That is the teacher of the run's labels, or the default one, at the run's discount, fitted to
    the full dataset, or to ``JUDGED_ROWS`` evenly spaced rows of it.

    Returns:
        None if nobody can judge: the data hold no signal, the teacher fails on them, or actions are
        continuous, for records keep how often a policy acts as the teacher does.
    """
    if rows.is_continuous:
        return None
    with suppress(InputError):
        labels = spec.reducer.labels
        teacher = labels.teacher if labels is not None else None
        return cast(Judge, make_judge(teacher, rows, cast(float, spec.discount)))
    return None


def assess(judge: Judge | None, policy: Policy | ContinuousPolicy) -> Use | None:
    """Judge a policy; None where there is no judge, or the policy fails at states of the data."""
    if judge is not None:
        with suppress(InputError), blaming("the policy failed", "correct it"):
            return judge.assess(policy)
    return None


def make_judge(
    named: TeacherSpec | Named | None, rows: Transitions, discount: float
) -> Judge | ActorJudge:
    """Fit a judge of policies of such actions as the rows have; see `judge_of`.

    Args:
        named: The teacher; None: the default one.
        rows: The full dataset as it was recorded.
        discount: γ.

    Raises:
        InputError: If the teacher is unknown, does not value such actions, or cannot judge.
    """
    named = named or TeacherSpec()
    teacher: Teacher = TEACHERS.make(named.name, named.parameters)
    # parameters as JSON, for they may hold tables, which have no hash
    found = _judge_once(type(teacher), teacher.model_dump_json(), rows, discount)
    if isinstance(found, InputError):
        raise found
    return found


@lru_cache(maxsize=4)
def _judge_once(
    kind: type[Teacher], parameters: str, rows: Transitions, discount: float
) -> Judge | ActorJudge | InputError:
    """Fit a judge, or say why none can be: a failure, too, takes its seconds only once."""
    if len(rows) > JUDGED_ROWS:
        rows = rows.take(evenly_spaced(len(rows), JUDGED_ROWS))
    try:
        check_signal(rows, None)
        with blaming(f"teacher {kind.name!r} failed", "correct the class"):
            teacher = kind.model_validate_json(parameters)
            judge = ActorJudge if rows.is_continuous else Judge
            return judge.of(fit_once(teacher, rows, discount), rows)
    except InputError as error:
        return error


def make_learner(name: str, discount: float) -> Learner:
    """Build a learner of policies with its defaults.

    Raises:
        InputError: If there is none of that name.
    """
    made = LEARNERS.make(name, {}, discount=discount)
    if isinstance(made, ReductionMetric):
        raise InputError(
            f"learner {name!r} is a metric: a certificate of use is of a policy; give a learner "
            "such as dqn"
        )
    return cast(Learner, made)


def report_use(
    learner: Learner,
    judge: Judge | ActorJudge | None,
    full: Transitions,
    reduced: Transitions,
    discount: float,
    seed: int,
    codebook: Codebook | None = None,
) -> Iterator[str]:
    """Train on a reduction and say, line by line, what its policy is worth to the full data.

    Args:
        learner: Learns the policy; of d3rlpy's, fitted Q-evaluation judges too.
        judge: Of the full dataset; None: nobody can judge, for actions are continuous and no
            teacher of such is named.
        full: The full dataset as it was recorded.
        reduced: The reduction.
        discount: γ.
        seed: Of the learner and of the evaluation.
        codebook: That numbers the dataset's actions, if any does.

    Raises:
        InputError: If a class of the user's fails.
    """
    seeds = [derive_seed("learner", learner.name, seed), derive_seed("evaluation", seed)]
    with blaming(f"learner {learner.name!r} failed", "correct the class"):
        policy, told = _train(learner, judge, codebook, reduced, seeds[0])
    by = ", judged by a teacher of the full data" if told else ""
    yield f"policy of {learner.name} trained on it{by}:"
    yield from told
    if isinstance(learner, NetworkLearner):
        yield from _report_evaluation(policy, learner.rows_for(full), discount, seeds[1])


def _told(judge: Judge | ActorJudge, policy: Policy | ContinuousPolicy) -> list[str]:
    """Say what a policy is worth to a judge, beside actions that took no learning."""
    if isinstance(judge, ActorJudge):
        told = f"{judge.assess(policy):.3f} median action gaps"
        by = "as the teacher of its labels estimates it"
        return [f"  regret, {by}, {told}, of the recorded actions {judge.of_recorded:.3f}"]
    use, chance = judge.assess(policy), judge.of_random
    return [
        f"  regret {use.regret:.3f} median action gaps, of random actions {chance.regret:.3f}",
        f"  acts as the teacher in {use.agreement:.1%}, random actions in {chance.agreement:.1%}",
    ]


def numbered(
    policy: Policy | ContinuousPolicy, learner: Learner, codebook: Codebook | None
) -> Policy | ContinuousPolicy:
    """Number the continuous actions of a learner's policy, if there is a codebook, for a judge."""
    if codebook is None or not learner.continuous:
        return policy
    return NumberedPolicy(cast(ContinuousPolicy, policy), codebook)


def _report_evaluation(
    policy: Policy | ContinuousPolicy, full: Transitions, discount: float, seed: int
) -> Iterator[str]:
    from harness.learners import d3rlpy_backend as backend  # slow to import
    from harness.learners.fitted_q_evaluation import evaluate_by_fitted_q

    if isinstance(policy, backend.NetworkPolicy | backend.ContinuousNetworkPolicy):
        value = evaluate_by_fitted_q(policy, full, discount, seed)
        states = "all states" if full.episodes is None else "first states"
        told = f"{value:.4g}{doubt_of(value, full, discount)}"
        yield f"  discounted return from {states} by d3rlpy's fitted Q-evaluation: {told}"


def doubt_of(value: float, full: Transitions, discount: float) -> str:
    """Say that an estimate is no discounted return of such rewards; empty if it may be."""
    low = min(0.0, float(full.rewards.min())) / (1 - discount)
    high = max(0.0, float(full.rewards.max())) / (1 - discount)
    if low <= value <= high:
        return ""
    return f" (outside of {low:.4g} to {high:.4g}, where returns must lie: do not trust it)"


def _train(
    learner: Learner,
    judge: Judge | ActorJudge | None,
    codebook: Codebook | None,
    rows: Transitions,
    seed: int,
) -> tuple[Policy | ContinuousPolicy, list[str]]:
    """Train on rows; return the last policy and what a judge, if there is one, says of it.

    Raises:
        InputError: If the learner yields no policy, or one that returns no actions.
    """
    learner.prepare()
    last: tuple[Policy | ContinuousPolicy, list[str]] | None = None
    for trained in learner.fit(private_copy(learner.rows_for(rows), type(learner)), seed):
        judged = numbered(trained.policy, learner, codebook)
        last = trained.policy, _told(judge, judged) if judge else []  # before it changes
    if last is None:
        raise no_policy(learner.name)
    return last
