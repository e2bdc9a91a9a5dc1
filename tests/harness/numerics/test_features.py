"""The contract of every feature map: a new one gets these tests by being a subclass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pytest

from harness import distill
from harness.core.arrays import Float64Array, FloatArray
from harness.core.errors import InputError
from harness.numerics.features import FEATURE_MAPS, FeatureMap, additive_rows, draw_features
from harness.numerics.standardising import Standardiser
from harness.testing.rows import random_transitions


@pytest.fixture(params=sorted(FEATURE_MAPS))
def features(request: pytest.FixtureRequest) -> FeatureMap:
    return draw_features(request.param, 3, 9, np.random.default_rng(0))


@pytest.fixture
def states() -> Float64Array:
    return np.random.default_rng(1).normal(size=(20, 3))


def test_widths_and_shapes_agree(features: FeatureMap, states: Float64Array) -> None:
    assert features(states).shape == (20, features.width)
    assert features.jacobian(states).shape == (20, features.width, 3)


def test_the_jacobian_is_that_of_the_map(features: FeatureMap, states: Float64Array) -> None:
    step = 1e-6
    for axis, unit in enumerate(np.eye(3)):
        slope = (features(states + step * unit) - features(states - step * unit)) / (2 * step)
        np.testing.assert_allclose(features.jacobian(states)[:, :, axis], slope, atol=1e-7)


def test_rows_do_not_depend_on_each_other(features: FeatureMap, states: Float64Array) -> None:
    np.testing.assert_allclose(features(states)[5:7], features(states[5:7]), atol=1e-12)


def test_a_bias_is_among_the_features(features: FeatureMap, states: Float64Array) -> None:
    mapped = features(states)
    residual = np.linalg.lstsq(mapped, np.ones(20), rcond=None)[0] @ mapped.T - 1
    np.testing.assert_allclose(residual, 0, atol=1e-8)


def test_features_are_of_order_one(features: FeatureMap) -> None:
    many = np.random.default_rng(2).normal(size=(5000, 3))
    squares = (features(many) ** 2).mean(axis=0)
    if features.name == "kernel":  # all of its waves together count as one feature
        squares = np.append(squares[9:], squares[:9].sum())
    assert 0.2 < squares.mean() < 5


def test_polynomials_hold_every_product(states: Float64Array) -> None:
    mapped = draw_features("polynomial", 3, 0, np.random.default_rng(0))(states)
    quadratic = np.einsum("ni,nj->nij", states, states).reshape(20, 9)
    wanted = np.column_stack([np.ones(20), states, quadratic])
    fitted = mapped @ np.linalg.lstsq(mapped, wanted, rcond=None)[0]
    np.testing.assert_allclose(fitted, wanted, atol=1e-10)


def test_fourier_features_approximate_their_kernel() -> None:
    features = draw_features("fourier", 2, 20_000, np.random.default_rng(0))
    pair = np.array([[0.3, -0.5], [-0.4, 1.0]])
    waves = features(pair)[:, :20_000]
    product = (waves @ waves.T / 20_000)[0, 1]
    assert product == pytest.approx(np.exp(-np.sum((pair[0] - pair[1]) ** 2) / 8), abs=0.03)


def test_unknown_features_are_named() -> None:
    source = random_transitions(np.random.default_rng(0), 40)
    with pytest.raises(InputError, match=r"unknown features 'forier'.*did you mean 'fourier'"):
        distill(source, "bellman", size=10, features="forier")


def test_a_map_of_ones_own_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.numerics.features.FEATURE_MAPS", dict(FEATURE_MAPS))

    @dataclass(frozen=True)
    class Sines(FeatureMap):
        name: ClassVar[str] = "sines"

        obs_dim: int

        @classmethod
        def draw(cls, obs_dim: int, count: int, rng: np.random.Generator) -> Self:  # noqa: ARG003
            return cls(obs_dim)

        @property
        def width(self) -> int:
            return self.obs_dim

        def __call__(self, states: Float64Array) -> Float64Array:
            return np.sin(states)

        def jacobian(self, states: Float64Array) -> Float64Array:
            return np.cos(states)[:, :, None] * np.eye(self.obs_dim)

    source = random_transitions(np.random.default_rng(0), 40)
    assert len(distill(source, "bellman", size=10, features="sines").transitions) == 10


def test_additive_rows_make_the_residual_linear() -> None:
    rng = np.random.default_rng(0)
    transitions = random_transitions(rng, 30, obs_dim=2, action_count=3)
    standardiser = Standardiser.fit(transitions)
    w, c, reward_scale = rng.normal(size=3), rng.normal(size=3), rng.normal()
    u = np.concatenate([w, c, [-reward_scale, -0.9 * c.max()]])

    def value(observations: FloatArray, action: int) -> Float64Array:
        z = (observations - standardiser.mean) / standardiser.scale
        values: Float64Array = z @ w[:2] + w[2] + c[action]
        return values

    then = np.max([value(transitions.next_observations, a) for a in range(3)], axis=0)
    now = np.choose(transitions.actions, [value(transitions.observations, a) for a in range(3)])
    target = reward_scale * transitions.rewards + 0.9 * ~transitions.terminations * then
    rows = additive_rows(transitions, standardiser, 0.9)
    np.testing.assert_allclose(rows @ u, now - target, atol=1e-12)


def test_standardising_is_undone() -> None:
    transitions = random_transitions(np.random.default_rng(0), 50)
    standardiser = Standardiser.fit(transitions)
    z = standardiser.apply(transitions.observations)
    np.testing.assert_allclose(transitions.shares @ z, 0, atol=1e-12)
    np.testing.assert_allclose(transitions.shares @ z**2, 1, atol=1e-12)
    np.testing.assert_allclose(standardiser.invert(z), transitions.observations, atol=1e-12)
