from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from harness.core.arrays import Float64Array
from harness.distillation.solvers.domains import (
    Box,
    Manifold,
    Neighbourhoods,
    Relations,
    shift_to_mean,
)

NONE = np.array([], dtype=np.int64)


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 12), where=st.floats(0, 1))
def test_a_prescribed_mean_holds_exactly_inside_the_bounds(
    seed: int, size: int, where: float
) -> None:
    rng = np.random.default_rng(seed)
    values, shares = rng.normal(size=size), rng.dirichlet(np.ones(size))
    low, high = -rng.uniform(0, 1, size), rng.uniform(0, 1, size)
    mean = float(shares @ (low + where * (high - low)))
    shifted = shift_to_mean(values, shares, mean, low, high)
    assert shares @ shifted == pytest.approx(mean, abs=1e-12)
    assert (shifted >= low - 1e-12).all()
    assert (shifted <= high + 1e-12).all()


def test_the_shift_is_the_nearest_such_point() -> None:
    rng = np.random.default_rng(0)
    values, shares = rng.normal(size=5), rng.dirichlet(np.ones(5))
    low, high = np.full(5, -1.0), np.full(5, 1.0)
    nearest = minimize(
        lambda x: shares @ (x - values) ** 2,
        np.zeros(5),
        bounds=[(-1, 1)] * 5,
        constraints={"type": "eq", "fun": lambda x: shares @ x - 0.3},
        options={"ftol": 1e-14},
    ).x
    np.testing.assert_allclose(shift_to_mean(values, shares, 0.3, low, high), nearest, atol=1e-5)


def test_without_a_mean_values_are_clipped() -> None:
    shifted = shift_to_mean(np.array([-3.0, 0.2]), np.ones(2) / 2, np.nan, -np.ones(2), np.ones(2))
    np.testing.assert_array_equal(shifted, [-1.0, 0.2])


def test_a_box_bounds_what_may_move_and_holds_what_may_not() -> None:
    data = np.random.default_rng(0).normal(size=(50, 3))
    box = Box.around(data, data[:4], np.ones(4) / 4, None, np.array([2]))
    moved = box.points(box.project(np.full(12, 99.0)))
    np.testing.assert_array_equal(moved[:, :2], np.broadcast_to(data[:, :2].max(axis=0), (4, 2)))
    np.testing.assert_array_equal(moved[:, 2], data[:4, 2])


def circle_rows(rng: np.random.Generator, count: int) -> Float64Array:
    """States (cos, sin, speed) that turn by their speed, and a constant reward."""
    angle, speed = rng.uniform(0, 7, count), rng.normal(size=count)
    following, faster = angle + 0.3 * speed, speed + 0.1 * rng.normal(size=count)
    return np.column_stack(
        [np.cos(angle), np.sin(angle), speed, np.cos(following), np.sin(following), faster,
         np.full(count, -1.0)]
    )  # fmt: skip


def test_relations_of_the_data_are_found_and_kept() -> None:
    rng = np.random.default_rng(0)
    data = circle_rows(rng, 500)
    relations = Relations.of(data, 3)
    assert np.abs(relations.values(data)).max() < 1e-6
    assert relations.quadratic.shape[1] == 1
    box = Box.around(data, data[:20], np.full(20, 0.05), None, NONE)
    manifold = Manifold(box, relations)
    away = data[:20] + 0.3 * rng.normal(size=(20, 7))
    back = manifold.points(manifold.project(away.ravel()))
    np.testing.assert_allclose(back[:, 0] ** 2 + back[:, 1] ** 2, 1, atol=0.02)
    np.testing.assert_allclose(back[:, 3] ** 2 + back[:, 4] ** 2, 1, atol=0.02)
    np.testing.assert_allclose(back[:, 6], -1, atol=1e-6)
    assert np.abs(back - away)[:, :6].mean() < 0.3


def test_data_without_relations_are_free() -> None:
    data = np.random.default_rng(0).normal(size=(500, 7))
    relations = Relations.of(data, 3)
    assert relations.values(data).shape == (500, 0)
    box = Box.around(data, data[:5], np.full(5, 0.2), None, NONE)
    moved = data[5:10].ravel()
    np.testing.assert_array_equal(Manifold(box, relations).project(moved), box.project(moved))


def test_gradients_are_those_of_the_relations() -> None:
    rng = np.random.default_rng(0)
    relations = Relations.of(circle_rows(rng, 500), 3)
    points, step = rng.normal(size=(4, 7)), 1e-6
    for axis, unit in enumerate(np.eye(7)):
        change = relations.values(points + step * unit) - relations.values(points - step * unit)
        np.testing.assert_allclose(
            relations.gradients(points)[:, :, axis], change / (2 * step), atol=1e-6
        )


def test_steps_on_the_manifold_are_tangent() -> None:
    rng = np.random.default_rng(0)
    data = circle_rows(rng, 500)
    relations = Relations.of(data, 3)
    manifold = Manifold(Box.around(data, data[:5], np.full(5, 0.2), None, NONE), relations)
    slopes = rng.normal(size=(2, 5, 7))
    tangent = manifold.vector_jacobian(data[:5].ravel(), slopes).reshape(2, 5, 7)
    along = np.einsum("mnp,rmp->rmn", relations.gradients(data[:5]), tangent)
    np.testing.assert_allclose(along, 0, atol=1e-9)


def among(data: Float64Array, start: Float64Array, count: int, fixed: np.ndarray) -> Neighbourhoods:
    kinds = np.zeros(len(data), dtype=np.int64)
    return Neighbourhoods.around(data, kinds, start, kinds[: len(start)], count, fixed)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 30))
def test_points_stay_among_their_neighbours(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 3))
    domain = among(data, data[:4], count, NONE)
    np.testing.assert_allclose(domain.points(domain.start), data[:4])
    moved = domain.points(domain.project(100 * rng.normal(size=12)))
    for point, first in zip(moved, data[:4], strict=True):
        near = data[np.argsort(np.linalg.norm(data - first, axis=1))[:count]]
        _, vectors = np.linalg.eigh(np.cov(near.T))
        along, reached = near @ vectors, point @ vectors
        kept = np.ptp(along, axis=0) > 1e-4 * np.ptp(along)
        assert (reached[kept] >= along.min(axis=0)[kept] - 1e-6).all()
        assert (reached[kept] <= along.max(axis=0)[kept] + 1e-6).all()


def test_a_unit_move_is_a_standard_deviation_of_the_neighbours() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(60, 3)) @ rng.normal(size=(3, 3))
    domain = among(data, data[:1], 60, NONE)
    covariance = np.cov(data.T, bias=True)
    for unit in np.eye(3):
        move = domain.points(unit)[0] - data[0]
        assert move @ np.linalg.solve(covariance, move) == pytest.approx(1)


def test_what_neighbours_share_and_what_is_fixed_stays() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(50, 4))
    data[:, 2] = data[:, 0] + 0.02 * data[:, 1]  # as a position follows from a velocity
    domain = among(data, data[:6], 20, np.array([-1]))
    moved = domain.points(domain.project(rng.normal(size=24)))
    assert np.abs(moved[:, 0] - data[:6, 0]).min() > 0
    np.testing.assert_allclose(moved[:, 2], moved[:, 0] + 0.02 * moved[:, 1], atol=1e-9)
    np.testing.assert_array_equal(moved[:, 3], data[:6, 3])


def test_neighbours_are_of_the_same_kind() -> None:
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 2, 80)
    data = rng.normal(size=(80, 2)) * [1, 0.01] + np.where(kinds, 0.3, 0)[:, None] * [0, 1]
    domain = Neighbourhoods.around(data, kinds, data[:10], kinds[:10], 15, NONE)
    moved = domain.points(domain.project(100 * rng.normal(size=20)))
    np.testing.assert_array_equal(moved[:, 1] > 0.15, kinds[:10] == 1)


@pytest.mark.parametrize("count", [1, 2])
def test_few_real_rows_of_a_kind_are_all_its_neighbours(count: int) -> None:
    data = np.arange(3.0 * count).reshape(count, 3) ** 2
    domain = among(data, data[:1], 50, NONE)
    moved = domain.points(domain.project(np.full(3, 9.0)))[0]
    ends = np.stack([data.min(axis=0), data.max(axis=0)])
    assert (moved >= ends[0] - 1e-9).all()
    assert (moved <= ends[1] + 1e-9).all()


def test_slopes_are_those_of_the_points() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(50, 3))
    domain = among(data, data[:4], 10, NONE)
    slopes, here, step = rng.normal(size=(2, 4, 3)), rng.normal(size=12), 1e-6
    for axis, unit in enumerate(np.eye(12)):
        change = (domain.points(here + step * unit) - domain.points(here - step * unit)) / (
            2 * step
        )
        expected = np.einsum("rmp,mp->r", slopes, change)
        np.testing.assert_allclose(
            domain.vector_jacobian(here, slopes)[:, axis], expected, atol=1e-8
        )
