"""What is measured of a policy at every checkpoint of its training."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import cast

import numpy as np

from envs.actions.policies import CodedPolicy
from envs.dataset import Dataset
from envs.dynamics.episodes import compile_environment
from envs.evaluation import evaluate
from harness.core.classes.environments import EnvironmentSpec
from harness.core.errors import InputError
from harness.core.learner import ContinuousPolicy, Learner, Policy, TrainedPolicy, no_policy
from harness.core.records import Checkpoint, Use
from harness.core.seeding import derive_seed
from harness.core.specs import RunSpec
from harness.tasks.teaching.judging import assess, judge_of, numbered


class Evaluation:
    """The checkpoints of a run: returns in the environment, and the use of the last policy."""

    def __init__(
        self, spec: RunSpec, source: Dataset, environment: EnvironmentSpec, learner: Learner
    ) -> None:
        """Fit who judges the policies, and fix the seed of the episodes.

        The fast engine plays in compiled code where that gives the digits of gymnasium.

        Args:
            spec: The run.
            source: Its dataset.
            environment: Where policies are evaluated.
            learner: Whose policies they are.
        """
        self.seconds = 0.0  # spent on evaluating
        self.use: Use | None = None  # of the last policy so far
        self._spec = spec
        self._codebook = source.codebook
        self._learner = learner
        compiled = compile_environment(environment) if spec.engine == "fast" else None
        self._place = compiled or environment
        self._seed = derive_seed("evaluation", environment.id, spec.seed) % 2**31
        self._judge = judge_of(spec, source.transitions)
        self._taken: list[Checkpoint] = []

    def take(self, trained: TrainedPolicy) -> None:
        """Evaluate the policy of a checkpoint, before training changes it.

        Raises:
            InputError: If it is no trained policy, or its step does not come after the last one.
        """
        started = time.perf_counter()
        _check_checkpoint(trained, self._taken, self._spec.learner.label)
        policy: Policy | ContinuousPolicy = trained.policy
        if self._codebook is not None and not self._learner.continuous:
            policy = CodedPolicy(cast(Policy, policy), self._codebook)
        episodes = cast(int, self._spec.episodes)  # every control spec has them
        returns = evaluate(policy, self._place, episodes, self._seed)
        judged = numbered(trained.policy, self._learner, self._codebook)
        self.use = assess(self._judge, judged)  # any may be the last
        self._taken.append(
            Checkpoint(
                step=int(trained.step), returns=tuple(returns), metrics=dict(trained.metrics)
            )
        )
        self.seconds += time.perf_counter() - started

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Those that were taken.

        Raises:
            InputError: If there is none.
        """
        if not self._taken:
            raise no_policy(self._spec.learner.label)
        return tuple(self._taken)


def _check_checkpoint(trained: object, before: Sequence[Checkpoint], learner: str) -> None:
    """Check what a learner yields, as a class of the user's may yield anything.

    Raises:
        InputError: If it is no trained policy, or its step does not come after the last one.
    """
    rule = "fit yields TrainedPolicy objects whose steps are integers that increase from 0"
    if not isinstance(trained, TrainedPolicy):
        found = f"a {type(trained).__name__}"
    elif not isinstance(trained.step, int | np.integer) or trained.step < 0:
        found = f"step {trained.step!r}"
    elif before and trained.step <= before[-1].step:
        found = f"step {trained.step} after step {before[-1].step}"
    else:
        return
    raise InputError(f"learner {learner!r} yielded {found}: {rule}; correct the class")
