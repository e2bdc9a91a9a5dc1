"""What trains the networks of a learner: d3rlpy, the reference, or the fast engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from harness.core.computing.compiling import check_compiler_installed
from harness.core.errors import InputError
from harness.core.learner import Learner, TrainedPolicy
from harness.core.specs import Engine
from harness.core.transitions import Transitions
from harness.learners.networks import DQNLearner, NetworkLearner


def check_engine(learner: Learner, engine: Engine) -> None:
    """Check that an engine can train a learner; those without networks train themselves.

    Raises:
        InputError: If it cannot, or a library that it needs is missing.
    """
    if engine == "d3rlpy":
        return
    check_compiler_installed("engine 'fast'")
    if isinstance(learner, NetworkLearner) and not isinstance(learner, DQNLearner):
        raise InputError(
            f"learner {learner.name!r}: the engine 'fast' trains dqn, fqi and ensemble-dqn alone; "
            "use the engine 'd3rlpy' for it (a learner's key engine in a suite), or leave it out"
        )


def prepare(learner: Learner, engine: Engine) -> None:
    """Import what training needs, and compile it, neither of which counts as training."""
    learner.prepare()
    if _is_fast(learner, engine):
        from harness.learners.fast import training  # imports and compiles

        training.prepare()


def fit(
    learner: Learner, engine: Engine, transitions: Transitions, seed: int
) -> Iterator[TrainedPolicy]:
    """Train a learner, and yield a policy at every checkpoint.

    Raises:
        InputError: If the engine cannot train it, or it does not learn such actions.
    """
    check_engine(learner, engine)
    rows = learner.rows_for(transitions)
    if not _is_fast(learner, engine):
        return learner.fit(rows, seed)
    from harness.learners.fast import training

    return training.train(learner.training, rows, seed)


def _is_fast(learner: Learner, engine: Engine) -> TypeGuard[DQNLearner]:
    own = isinstance(learner, DQNLearner) and type(learner).fit is NetworkLearner.fit
    return engine == "fast" and own
