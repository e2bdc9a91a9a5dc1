"""The contract of every learner that yields predictors."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from harness.core.classes.registry import import_class, reference_to
from harness.core.learner import RegressionLearner
from harness.core.regression_set import RegressionSet


class RegressionLearnerContract:
    """What a regression learner keeps to: inherit, and set ``subject``."""

    subject: ClassVar[RegressionLearner]
    tolerance: ClassVar[float] = 1e-5  # of predictions that must agree; larger for what searches

    @pytest.fixture
    def learner(self) -> RegressionLearner:
        """Return the learner under test; override it for several."""
        return self.subject

    def test_it_predicts_a_target_for_each_row(self, learner: RegressionLearner) -> None:
        data = random_set(np.random.default_rng(0))
        predictor = learner.fit(data, 0)
        for rows in (1, 7):
            predicted = predictor.predict(data.features[:rows])
            assert predicted.shape == (rows,)
            assert predicted.dtype == np.float64
            assert np.isfinite(predicted).all()

    def test_the_same_data_and_seed_give_the_same_predictor(
        self, learner: RegressionLearner
    ) -> None:
        data = random_set(np.random.default_rng(1))
        first, second = (learner.fit(data, 2**62 + 1).predict(data.features) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_a_weight_of_two_is_the_row_twice(self, learner: RegressionLearner) -> None:
        data = replace(random_set(np.random.default_rng(2)), weights=np.ones(40))
        doubled = data.take(np.array([*range(40), *range(10)]))
        weighted = replace(data, weights=np.where(np.arange(40) < 10, 2.0, 1.0))
        for seed in range(3):
            found = learner.fit(weighted, seed).predict(data.features)
            twice = learner.fit(doubled, seed).predict(data.features)
            np.testing.assert_allclose(found, twice, atol=self.tolerance)
            gap = found - learner.fit(data, seed).predict(data.features)
            assert np.abs(gap).max() > 1e-2

    def test_the_unit_of_the_weights_is_immaterial(self, learner: RegressionLearner) -> None:
        data = random_set(np.random.default_rng(3))
        scaled = replace(data, weights=data.weights * 1e6)
        np.testing.assert_allclose(
            learner.fit(scaled, 0).predict(data.features),
            learner.fit(data, 0).predict(data.features),
            atol=self.tolerance,
        )

    def test_weights_decide_between_contradicting_rows(self, learner: RegressionLearner) -> None:
        ones = np.ones((1, 1))
        for weights, expected in (([9.0, 1.0], 0.8), ([1.0, 9.0], -0.8)):
            data = RegressionSet(np.ones((2, 1)), np.array([1.0, -1.0]), np.array(weights))
            assert learner.fit(data, 0).predict(ones)[0] == pytest.approx(expected, abs=0.15)

    @pytest.mark.parametrize("rows", [1, 2, 5])
    def test_dependent_constant_and_few_rows_are_no_obstacle(
        self, learner: RegressionLearner, rows: int
    ) -> None:
        """More columns than rows, one of zeros, one that is twice another; equal targets."""
        rng = np.random.default_rng(rows)
        first = rng.normal(size=rows)
        features = np.column_stack([first, 2 * first, np.zeros(rows), rng.normal(size=(rows, 4))])
        for targets in (rng.normal(size=rows), np.zeros(rows), np.ones(rows)):
            data = RegressionSet(features, targets, np.ones(rows))
            predicted = learner.fit(data, 0).predict(features)
            assert np.isfinite(predicted).all()
            assert np.abs(predicted).max() < 5

    def test_it_learns_from_single_precision(self, learner: RegressionLearner) -> None:
        data = random_set(np.random.default_rng(4))
        single = RegressionSet(
            data.features.astype(np.float32), data.targets.astype(np.float32), data.weights
        )
        np.testing.assert_allclose(
            learner.fit(single, 0).predict(data.features),
            learner.fit(data, 0).predict(data.features),
            atol=self.tolerance,
        )

    def test_its_parameters_make_it_again(self, learner: RegressionLearner) -> None:
        assert type(learner).model_validate(learner.model_dump(mode="json")) == learner

    def test_workers_find_it_by_its_name(self, learner: RegressionLearner) -> None:
        reference = reference_to(type(learner))
        assert reference
        if ":" in reference:
            assert import_class(reference, "learner") is type(learner)


def random_set(rng: np.random.Generator, rows: int = 40, columns: int = 3) -> RegressionSet:
    """Draw features about zero, a noisy linear target about zero and unequal weights."""
    features = rng.normal(size=(rows, columns))
    targets = features @ rng.normal(size=columns) + 0.3 * rng.normal(size=rows)
    return RegressionSet(features, targets, rng.uniform(0.5, 2, size=rows))
