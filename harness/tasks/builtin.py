"""Registries of the built-in reducers, learners and metrics; a new one is a line here."""

from __future__ import annotations

from typing import Any, Final

from baselines.full import FullReducer
from baselines.herding import HerdingReducer, KernelHerdingRegression
from baselines.k_centre import KCentreReducer
from baselines.leverage import LeverageReducer, LeverageRegression
from baselines.peers.behavior_distillation import BehaviorDistillation
from baselines.peers.gradient_matching import GradientMatching
from baselines.random import RandomReducer
from baselines.recombination import TreeRecombinationRegression
from baselines.return_filter import ReturnFilterReducer
from baselines.return_weighted import ReturnWeightedReducer
from baselines.stratified import StratifiedReducer
from harness.core.classes.registry import Registry, listed
from harness.core.learner import Learner, RegressionLearner
from harness.core.metric import ReductionMetric
from harness.core.reduction import Reducer
from harness.core.regression_set import RegressionSet
from harness.core.transitions import Transitions
from harness.distillation.adversarial import AdversarialRegression
from harness.distillation.bellman import BellmanDistiller
from harness.distillation.exact import ExactDistiller
from harness.distillation.exact_regression import ExactRegression
from harness.distillation.forward_selection import ForwardSelection
from harness.distillation.loss_matching import LossMatching
from harness.distillation.moved_points import MovedPoints
from harness.distillation.operator import OperatorDistiller
from harness.distillation.pilot_selection import PilotSelection
from harness.learners.builtin import LEARNER_GROUP, OFFLINE_LEARNERS
from harness.learners.regressors import LassoLearner, LeastSquaresLearner, MLPLearner, RidgeLearner
from harness.tasks.metrics.fresh_gap import FreshGap
from harness.tasks.metrics.worst_case_gap import WorstCaseGap
from harness.tasks.teachers.learner import TeacherLearner

JUDGE_GROUPS: Final = (LEARNER_GROUP, "bellman_bench.metrics")

REDUCERS: Final[Registry[type[Reducer[Any]]]] = Registry(
    kind="method",
    groups=("bellman_bench.reducers",),
    bases=(Reducer,),
    rows=Transitions,
    builtin=listed(
        FullReducer,
        RandomReducer,
        StratifiedReducer,
        LeverageReducer,
        ReturnFilterReducer,
        ReturnWeightedReducer,
        KCentreReducer,
        HerdingReducer,
        GradientMatching,
        BehaviorDistillation,
        ExactDistiller,
        BellmanDistiller,
        OperatorDistiller,
        ForwardSelection,
        PilotSelection,
        MovedPoints,
    ),
)
LEARNERS: Final[Registry[type[Learner | ReductionMetric[Any]]]] = Registry(
    kind="learner",
    groups=JUDGE_GROUPS,
    bases=(Learner, ReductionMetric),
    rows=Transitions,
    builtin={**OFFLINE_LEARNERS.builtin, **listed(TeacherLearner, FreshGap)},
)
REGRESSION_REDUCERS: Final[Registry[type[Reducer[Any]]]] = Registry(
    kind="regression method",
    groups=("bellman_bench.reducers",),
    bases=(Reducer,),
    rows=RegressionSet,
    builtin=listed(
        FullReducer,
        RandomReducer,
        LeverageRegression,
        ExactRegression,
        LossMatching,
        AdversarialRegression,
        TreeRecombinationRegression,
        KernelHerdingRegression,
    ),
)
REGRESSION_LEARNERS: Final[Registry[type[RegressionLearner | ReductionMetric[Any]]]] = Registry(
    kind="regression learner",
    groups=JUDGE_GROUPS,
    bases=(RegressionLearner, ReductionMetric),
    rows=RegressionSet,
    builtin=listed(
        LeastSquaresLearner,
        RidgeLearner,
        LassoLearner,
        MLPLearner,
        WorstCaseGap,
    ),
)
