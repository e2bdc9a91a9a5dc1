"""The learners of transitions that come with the package; a new one is a line here."""

from __future__ import annotations

from typing import Final

from harness.core.classes.registry import Registry, listed
from harness.core.learner import Learner
from harness.core.transitions import Transitions
from harness.learners.continuous import (
    ContinuousBCLearner,
    ContinuousCQLLearner,
    IQLLearner,
    TD3BCLearner,
)
from harness.learners.linear_fqi import LinearFQILearner
from harness.learners.networks import DQNLearner, EnsembleDQNLearner, FQILearner
from harness.learners.offline import BCLearner, BCQLearner, CQLLearner

LEARNER_GROUP: Final = "bellman_bench.learners"

OFFLINE_LEARNERS: Final[Registry[type[Learner]]] = Registry(
    kind="learner",
    groups=(LEARNER_GROUP,),
    bases=(Learner,),
    rows=Transitions,
    builtin=listed(
        DQNLearner,
        FQILearner,
        EnsembleDQNLearner,
        CQLLearner,
        BCQLearner,
        BCLearner,
        ContinuousBCLearner,
        TD3BCLearner,
        IQLLearner,
        ContinuousCQLLearner,
        LinearFQILearner,
    ),
)
