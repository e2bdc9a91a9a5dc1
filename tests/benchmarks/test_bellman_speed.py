"""Speed of Bellman matching, as ratios taken in one run."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from threadpoolctl import threadpool_limits

from envs.dataset import Dataset
from harness.distillation.bellman import BellmanDistiller
from harness.numerics.features import draw_features
from harness.numerics.predictors import bellman_losses, sample_linear
from harness.numerics.standardising import Standardised
from tests.benchmarks.timing import seconds

pytestmark = pytest.mark.benchmark

SIZE, PREDICTORS, STEPS = 100, 200, 1000


def test_steps_cost_nothing_in_the_number_of_training_rows(cartpole: Dataset) -> None:
    """Against the same search that takes the training losses from the rows at every step."""
    full = cartpole.transitions
    data = Standardised.of(full)
    rng = np.random.default_rng(0)
    features = draw_features("identity", full.obs_dim, 0, rng)
    predictors = sample_linear(features, full.action_count, "product", PREDICTORS, rng)
    distiller = BellmanDistiller(
        actions="product", predictors=PREDICTORS, iterations=STEPS, tolerance=0.0
    )
    steps = 0.0

    def search() -> None:
        nonlocal steps
        found = distiller.reduce(full, SIZE, np.random.default_rng(1)).diagnostics
        prefixes = ("", "terminated_")
        steps = sum(found[f"{p}steps"] + found[f"{p}rejected_steps"] for p in prefixes)

    # The least that a step needs: the normal equations of the larger group, formed and solved.
    jacobian = rng.normal(size=(PREDICTORS, (2 * full.obs_dim + 1) * int(0.9 * SIZE)))
    normal = jacobian @ jacobian.T + np.eye(PREDICTORS)

    def floor() -> None:
        scipy.linalg.cho_factor(jacobian @ jacobian.T + np.eye(PREDICTORS))

    assert np.linalg.cond(normal) < 1e12
    with threadpool_limits(1):
        searching, rows, products = seconds(
            search,
            lambda: bellman_losses(predictors, data.rows, full.shares[None], 0.99),
            floor,
            repeats=3,
        )
    step = searching / steps
    print(f"rows / moments = {(step + rows) / step:.1f} a step, over {steps:.0f} steps")
    print(f"step / its matrix products = {step / products:.1f}")
    assert (step + rows) / step >= 20
