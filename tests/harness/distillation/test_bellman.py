from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.neighbors import NearestNeighbors

from envs.dataset import Dataset
from envs.loading import load_dataset
from harness import distill
from harness.core.arrays import Float64Array
from harness.core.transitions import Transitions
from harness.distillation.bellman import BellmanDistiller
from harness.distillation.solvers.group_matching import GroupMatching
from harness.numerics.fresh_predictors import FreshPredictors
from harness.numerics.predictors import Predictors, sample_networks
from harness.numerics.standardising import Standardised
from harness.testing.rows import random_transitions

pytestmark = pytest.mark.slow


@pytest.fixture
def source() -> Transitions:
    return random_transitions(np.random.default_rng(0), 200)


def group(discount: float, means: Float64Array | None) -> tuple[GroupMatching, Float64Array]:
    rng = np.random.default_rng(0)
    predictors = sample_networks(3, 2, 6, 4, rng)
    points = rng.normal(size=(5, 7))
    matching = GroupMatching(
        predictors, rng.integers(0, 2, 5), discount, rng.dirichlet(np.ones(5)),
        rng.uniform(1, 2, 4), rng.uniform(1, 2, 4), means,
    )  # fmt: skip
    return matching, points


@pytest.mark.parametrize("discount", [0.0, 0.9])
@pytest.mark.parametrize("means", [None, np.array([0.1, np.nan, 0, 0, 0, 0, 0.3])])
def test_slopes_are_those_of_the_residuals(discount: float, means: Float64Array | None) -> None:
    matching, points = group(discount, means)
    slopes = matching.gradients(points)
    for residual in range(len(slopes)):
        numeric = approx_fprime(
            points.ravel(),
            lambda x, residual=residual: matching.residuals(x.reshape(5, 7))[residual],
            1e-7,
        )
        np.testing.assert_allclose(slopes[residual].ravel(), numeric, atol=1e-4)


def test_rows_that_end_do_not_see_what_follows() -> None:
    matching, points = group(0.0, None)
    elsewhere = points.copy()
    elsewhere[:, 3:6] += 7
    np.testing.assert_array_equal(matching.residuals(points), matching.residuals(elsewhere))


@pytest.mark.parametrize("environment", ["cartpole", "mountaincar", "acrobot"])
@pytest.mark.parametrize(
    ("parameters", "limit"),
    [
        ({"actions": "additive"}, 1e-3),
        ({"actions": "product", "predictors": 300}, 0.02),
    ],
)
def test_it_matches_predictors_that_it_has_not_seen(
    environment: str, parameters: dict[str, Any], limit: float
) -> None:
    """The median gap is small, and smaller than that of random and stratified rows."""
    full = load_dataset(f"classic/{environment}/medium-v0")
    predictors = FreshPredictors.draw(full, parameters["actions"], 0.99, count=400)
    found = {
        method: float(np.median(predictors.gaps(reduced)))
        for method, reduced in (
            ("bellman", distill(full, "bellman", size=100, seed=1, **parameters).transitions),
            *(
                (method, distill(full, method, size=100, seed=1).transitions)
                for method in ("exact", "stratified", "random")
            ),
        )
    }
    assert found["bellman"] < limit
    assert found["bellman"] < 0.5 * min(found["stratified"], found["random"])
    if parameters["actions"] == "product":
        assert found["bellman"] < found["exact"]
    else:
        assert found["exact"] < 1e-10


@pytest.mark.parametrize(
    "parameters",
    [
        {"law": "gaussian-unit", "actions": "product"},
        {"law": "localised", "actions": "product"},
        {"law": "localised", "actions": "additive"},
        {"law": "network", "feature_count": 16},
        {"features": "fourier", "feature_count": 20, "actions": "product"},
        {"features": "polynomial"},
        {"features": "relu2", "feature_count": 10},
        {"gaps": "absolute"},
        {"start": "random"},
        {"start": "exact", "actions": "product"},
        {"domain": "manifold"},
        {"domain": "neighbours", "actions": "product"},
        {"domain": "neighbours", "rewards": "fixed"},
        {"rewards": "fixed"},
    ],
    ids=str,
)
def test_every_variant_lowers_its_own_loss(source: Transitions, parameters: dict[str, Any]) -> None:
    found = distill(source, "bellman", size=40, predictors=30, discount=0.8, **parameters)
    assert found.diagnostics["loss_after"] < 0.1 * found.diagnostics["loss_before"]
    if parameters.get("start") == "exact" or parameters.get("domain") == "neighbours":
        return  # an exact start may lie outside the box, and so may the corners of other boxes
    low, high = source.observations.min(axis=0), source.observations.max(axis=0)
    assert (found.transitions.observations >= low - 1e-9).all()
    assert (found.transitions.observations <= high + 1e-9).all()


def test_unit_scales_leave_the_predictors_as_they_were(source: Transitions) -> None:
    def sample(law: str) -> Predictors:
        distiller = BellmanDistiller.model_validate({"law": law, "predictors": 5})
        data, rng = Standardised.of(source), np.random.default_rng(0)
        return distiller.sample_predictors(source, data, rng)

    drawn, unit = sample("gaussian"), sample("gaussian-unit")
    states = np.random.default_rng(1).normal(size=(7, source.obs_dim))
    np.testing.assert_array_equal(unit.values(states), drawn.values(states))
    assert (unit.reward_scales == 1).all()
    assert not (drawn.reward_scales == 1).any()


def test_first_moments_are_kept_exactly_with_additive_features(cartpole: Dataset) -> None:
    full = cartpole.transitions
    reduced = distill(full, "bellman", size=100).transitions
    for ended in (False, True):
        goal, found = full.terminations == ended, reduced.terminations == ended
        for name in ("observations", "next_observations", "rewards"):
            wanted = np.average(
                getattr(full, name)[goal].astype(float), axis=0, weights=full.weights[goal]
            )
            mean = np.average(getattr(reduced, name)[found], axis=0, weights=reduced.weights[found])
            np.testing.assert_allclose(mean, wanted, rtol=1e-9, atol=1e-12)


def test_cells_keep_actions_and_shares(cartpole: Dataset) -> None:
    full = cartpole.transitions
    reduced = distill(full, "bellman", size=60).transitions
    for action in range(2):
        for ended in (False, True):
            share = full.shares[(full.actions == action) & (full.terminations == ended)].sum()
            kept = (reduced.actions == action) & (reduced.terminations == ended)
            assert reduced.shares[kept].sum() == pytest.approx(share, rel=1e-9)


def test_terminated_and_other_rows_keep_to_their_own_ranges(source: Transitions) -> None:
    shifted = replace(
        source, rewards=np.where(source.terminations, source.rewards + 100, source.rewards)
    )
    reduced = distill(shifted, "bellman", size=40).transitions
    assert reduced.rewards[reduced.terminations].min() > 90
    assert reduced.rewards[~reduced.terminations].max() < 10


def test_fixed_rewards_stay_those_of_the_start(source: Transitions) -> None:
    fixed = distill(source, "bellman", size=30, rewards="fixed").transitions
    start = distill(source, "stratified", size=30).transitions
    assert set(np.round(fixed.rewards, 9)) <= set(np.round(source.rewards, 9))
    assert len(start) == len(fixed)


def test_the_manifold_keeps_angles_on_their_circle() -> None:
    """Free points leave the circle of cosine and sine, which no observation does."""
    full = load_dataset("classic/acrobot/medium-v0")

    def deviation(domain: str) -> float:
        reduced = distill(full, "bellman", size=100, actions="product", domain=domain).transitions
        both = np.concatenate([reduced.observations, reduced.next_observations])
        squares = both[:, :4] ** 2
        return float(np.abs(squares[:, [0, 2]] + squares[:, [1, 3]] - 1).max())

    assert deviation("manifold") <= 0.02
    assert deviation("box") > 0.1


@pytest.mark.parametrize("environment", ["cartpole", "mountaincar", "acrobot"])
def test_among_neighbours_transitions_stay_those_of_the_environment(environment: str) -> None:
    """What follows an action from a state is what is learned; in the box matching bends it."""
    full = load_dataset(f"classic/{environment}/medium-v0")

    def in_spreads(transitions: Transitions) -> Float64Array:
        steps = transitions.next_observations - transitions.observations
        far = full.next_observations - full.observations
        apart = 1e3 * transitions.actions  # rows of other actions are no neighbours
        return np.column_stack(
            [transitions.observations / full.observations.std(0), steps / far.std(0), apart]
        )

    real = NearestNeighbors(n_neighbors=1).fit(in_spreads(full))
    distances = {
        domain: np.median(real.kneighbors(in_spreads(reduced.transitions))[0])
        for domain in ("box", "neighbours")
        for reduced in [distill(full, "bellman", size=100, actions="product", domain=domain)]
    }
    assert 0 < distances["neighbours"] < 0.5 * distances["box"]


def test_an_exact_start_stays_exact(cartpole: Dataset) -> None:
    full = cartpole.transitions
    fresh = FreshPredictors.draw(full, "additive", 0.99, count=200)
    reduced = distill(full, "bellman", size=50, start="exact").transitions
    assert fresh.gaps(reduced).max() < 1e-9


def test_the_search_is_on_record(source: Transitions) -> None:
    diagnostics = distill(source, "bellman", size=20).diagnostics
    for prefix in ("", "terminated_"):
        trace = diagnostics[f"{prefix}loss_trace"]
        assert isinstance(trace, list)
        assert len(trace) == diagnostics[f"{prefix}steps"] + 1
        assert trace == sorted(trace, reverse=True)
        assert trace[-1] == diagnostics[f"{prefix}loss_after"]
    mean = source.shares @ source.observations
    np.testing.assert_allclose(diagnostics["state_mean"], mean)


def test_a_longer_search_does_not_end_worse(source: Transitions) -> None:
    losses = [
        distill(source, "bellman", size=20, iterations=count).diagnostics["loss_after"]
        for count in (1, 5, 100)
    ]
    assert losses[0] > losses[1] > losses[2]


def test_an_action_that_never_occurs_is_no_obstacle(source: Transitions) -> None:
    reduced = distill(replace(source, action_count=4), "bellman", size=20).transitions
    assert set(reduced.actions) == {0, 1}


def test_a_reward_that_never_changes_is_kept(source: Transitions) -> None:
    constant = replace(source, rewards=np.full(200, -1.0))
    reduced = distill(constant, "bellman", size=20).transitions
    np.testing.assert_allclose(reduced.rewards, -1.0, rtol=1e-12)


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_rounding_errors_do_not_decide_where_points_go(cartpole: Dataset, seed: int) -> None:
    """States that differ in the last digit have nearly the same set, also of few ended rows."""
    full = cartpole.transitions
    exact = full.observations.astype(np.float64), full.next_observations.astype(np.float64)
    errors = 1 + np.finfo(float).eps * np.random.default_rng(seed).integers(-1, 2, exact[0].shape)
    found, other = (
        distill(
            replace(full, observations=now * by, next_observations=then * by),
            "bellman", size=100, seed=seed,
        ).transitions
        for (now, then), by in ((exact, np.ones_like(errors)), (exact, errors))
    )  # fmt: skip
    np.testing.assert_allclose(found.observations, other.observations, atol=1e-8)
    np.testing.assert_allclose(found.next_observations, other.next_observations, atol=1e-8)
