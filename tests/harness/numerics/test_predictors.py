from __future__ import annotations

import numpy as np
import pytest

from harness.numerics.features import draw_features
from harness.numerics.fitted_q import fit_q
from harness.numerics.predictors import (
    Actions,
    Predictors,
    bellman_losses,
    sample_around,
    sample_linear,
    sample_networks,
    td_errors,
)
from harness.numerics.standardising import StandardRows
from harness.testing.rows import random_transitions


def rows(count: int = 300, obs_dim: int = 3, action_count: int = 3) -> StandardRows:
    source = random_transitions(np.random.default_rng(0), count, obs_dim, action_count)
    return StandardRows(
        source.observations.astype(np.float64),
        source.actions,
        source.rewards.astype(np.float64),
        source.next_observations.astype(np.float64),
        source.terminations,
    )


def sample(kind: str, count: int = 5) -> Predictors:
    rng = np.random.default_rng(1)
    if kind == "network":
        return sample_networks(3, 3, 8, count, rng)
    actions: Actions = "additive" if kind == "additive" else "product"
    features = draw_features("fourier" if kind == "fourier" else "identity", 3, 10, rng)
    return sample_linear(features, 3, actions, count, rng)


@pytest.fixture(params=["additive", "product", "fourier", "network"])
def predictors(request: pytest.FixtureRequest) -> Predictors:
    return sample(request.param)


def test_slopes_are_those_of_the_values(predictors: Predictors) -> None:
    rng = np.random.default_rng(2)
    states, actions = rng.normal(size=(6, 3)), rng.integers(0, 3, size=(6, 5))
    slopes = predictors.gradients(states, actions)
    step = 1e-6
    for axis, unit in enumerate(np.eye(3)):
        change = predictors.values(states + step * unit) - predictors.values(states - step * unit)
        taken = np.take_along_axis(change, actions[:, :, None], axis=2)[:, :, 0] / (2 * step)
        np.testing.assert_allclose(slopes[:, :, axis], taken, atol=1e-7)


def test_td_errors_follow_their_definition(predictors: Predictors) -> None:
    data = rows(12)
    errors = td_errors(predictors, data, 0.9)
    now, then = predictors.values(data.states), predictors.values(data.next_states)
    for i in range(12):
        for j in range(5):
            target = predictors.reward_scales[j] * data.rewards[i]
            if not data.terminated[i]:
                target += 0.9 * max(then[i, j])
            assert errors[i, j] == pytest.approx(now[i, j, data.actions[i]] - target)


def test_losses_are_taken_in_slices_of_any_size(
    predictors: Predictors, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = rows()
    shares = np.random.default_rng(3).dirichlet(np.ones(300), size=2)
    whole = bellman_losses(predictors, data, shares, 0.9)
    np.testing.assert_allclose(whole, shares @ td_errors(predictors, data, 0.9) ** 2)
    monkeypatch.setattr("harness.numerics.predictors.ROWS", 7)
    np.testing.assert_allclose(bellman_losses(predictors, data, shares, 0.9), whole)


def test_additive_predictors_prefer_the_same_action_everywhere() -> None:
    best = sample("additive").values(np.random.default_rng(4).normal(size=(50, 3))).argmax(axis=2)
    assert (best == best[0]).all()


def test_predictions_are_of_order_one(predictors: Predictors) -> None:
    many = sample_spread(predictors)
    assert 0.2 < many < 5


def sample_spread(predictors: Predictors) -> float:
    return float(predictors.values(np.random.default_rng(5).normal(size=(2000, 3))).std())


@pytest.mark.parametrize("actions", ["additive", "product"])
def test_fitted_q_is_the_fixed_point_of_its_regression(actions: Actions) -> None:
    data = rows(400)
    shares = np.full(400, 1 / 400)
    features = draw_features("identity", 3, 0, np.random.default_rng(0))
    fitted = fit_q(data, shares, features, 3, actions, 0.8)
    targets = data.rewards + 0.8 * ~data.terminated * fitted.values(data.next_states)[:, 0].max(1)
    one_hot = np.eye(3)[data.actions]
    phi = features(data.states)
    design = np.einsum("np,na->npa", phi, one_hot).reshape(400, -1)
    if actions == "additive":
        design = np.column_stack([phi, one_hot])
    regressed = design @ np.linalg.lstsq(design, targets, rcond=None)[0]
    found = np.take_along_axis(fitted.values(data.states)[:, 0], data.actions[:, None], 1)[:, 0]
    np.testing.assert_allclose(found, regressed, atol=5e-3 * np.abs(regressed).max())


def test_localised_predictors_surround_their_centre() -> None:
    data = rows(400)
    features = draw_features("identity", 3, 0, np.random.default_rng(0))
    centre = fit_q(data, np.full(400, 1 / 400), features, 3, "product", 0.8)
    around = sample_around(centre, 2.0, "product", 4000, np.random.default_rng(0))
    distance = around.values(data.states) - centre.values(data.states)
    spread = distance.std(axis=(0, 2))
    assert (around.reward_scales == 1).all()
    assert 0.005 < np.quantile(spread, 0.01) < np.quantile(spread, 0.99) < 5
    assert np.abs(distance.mean(axis=1)).max() < 0.1
