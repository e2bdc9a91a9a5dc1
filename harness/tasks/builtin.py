"""Names of reducers and learners, and the classes that they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from baselines.coresets import KernelHerdingRegression, TreeRecombinationRegression
from baselines.full import FullReducer
from baselines.herding import HerdingReducer
from baselines.k_centre import KCentreReducer
from baselines.leverage import LeverageReducer
from baselines.random import RandomReducer
from baselines.regression import FullRegression, LeverageRegression, RandomRegression
from baselines.return_filter import ReturnFilterReducer
from baselines.return_weighted import ReturnWeightedReducer
from baselines.stratified import StratifiedReducer
from harness.core.errors import input_error, unknown_name
from harness.core.learner import Learner, RegressionLearner
from harness.core.reduction import Reducer
from harness.core.regression_set import RegressionReducer
from harness.distillation.adversarial import AdversarialRegression
from harness.distillation.bellman import BellmanDistiller
from harness.distillation.exact import ExactDistiller
from harness.distillation.exact_regression import ExactRegression
from harness.distillation.loss_matching import LossMatching
from harness.distillation.operator import OperatorDistiller
from harness.learners.linear_fqi import LinearFQILearner
from harness.learners.networks import DQNLearner, EnsembleDQNLearner, FQILearner
from harness.learners.offline import BCLearner, BCQLearner, CQLLearner
from harness.learners.regressors import REGRESSION_LEARNERS
from harness.tasks.judges import FreshGap, WorstCase

REDUCERS: Mapping[str, type[Reducer]] = {
    reducer.name: reducer
    for reducer in (
        FullReducer,
        RandomReducer,
        StratifiedReducer,
        LeverageReducer,
        ReturnFilterReducer,
        ReturnWeightedReducer,
        KCentreReducer,
        HerdingReducer,
        ExactDistiller,
        BellmanDistiller,
        OperatorDistiller,
    )
}
LEARNERS: Mapping[str, type[Learner]] = {
    learner.name: learner
    for learner in (
        DQNLearner,
        FQILearner,
        EnsembleDQNLearner,
        CQLLearner,
        BCQLearner,
        BCLearner,
        LinearFQILearner,
    )
}
CONTROL_JUDGES: Mapping[str, type[Learner] | type[FreshGap]] = {
    **LEARNERS,
    FreshGap.name: FreshGap,
}
REGRESSION_REDUCERS: Mapping[str, type[RegressionReducer]] = {
    reducer.name: reducer
    for reducer in (
        FullRegression,
        RandomRegression,
        LeverageRegression,
        ExactRegression,
        LossMatching,
        AdversarialRegression,
        TreeRecombinationRegression,
        KernelHerdingRegression,
    )
}
REGRESSION_JUDGES: Mapping[str, type[RegressionLearner] | type[WorstCase]] = {
    **REGRESSION_LEARNERS,
    WorstCase.name: WorstCase,
}

Model = TypeVar("Model", bound=BaseModel)


def make_reducer(name: str, discount: float | None, parameters: Mapping[str, Any]) -> Reducer:
    """Build a reducer; ``discount`` reaches those that have one.

    Raises:
        InputError: If the name or a parameter is unknown, or a value breaks its rule.
    """
    return _make("method", REDUCERS, name, discount, parameters)


def make_judge(
    name: str, discount: float | None, parameters: Mapping[str, Any]
) -> Learner | FreshGap:
    """Build a learner, or a judge in its place; ``discount`` reaches those that have one.

    Raises:
        InputError: If the name or a parameter is unknown, or a value breaks its rule.
    """
    return _make("learner", CONTROL_JUDGES, name, discount, parameters)


def make_regression_reducer(name: str, parameters: Mapping[str, Any]) -> RegressionReducer:
    """Build a regression reducer.

    Raises:
        InputError: If the name or a parameter is unknown, or a value breaks its rule.
    """
    return _make("regression method", REGRESSION_REDUCERS, name, None, parameters)


def make_regression_judge(
    name: str, parameters: Mapping[str, Any]
) -> RegressionLearner | WorstCase:
    """Build a regression learner, or the worst case that stands where a learner stands.

    Raises:
        InputError: If the name or a parameter is unknown, or a value breaks its rule.
    """
    return _make("regression learner", REGRESSION_JUDGES, name, None, parameters)


def _make(
    kind: str,
    classes: Mapping[str, type[Model]],
    name: str,
    discount: float | None,
    parameters: Mapping[str, Any],
) -> Model:
    if name not in classes:
        raise unknown_name(kind, name, classes)
    fields = classes[name].model_fields
    for key in parameters:
        if key not in fields:
            raise unknown_name(f"parameter of {kind} {name!r}:", key, fields or ["none"])
    shared = {"discount": discount} if "discount" in fields and discount is not None else {}
    try:
        return classes[name].model_validate({**shared, **parameters})
    except ValidationError as error:
        raise input_error(f"{kind} {name!r}", error) from error
