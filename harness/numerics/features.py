"""State feature maps φ₁, one-hot actions, and the Bellman features of additive predictors.

Feature maps act on z-scored states. To add one, subclass `FeatureMap`: its name is then valid for
every distiller with the parameter ``features``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from harness.core.arrays import Float64Array, IntArray
from harness.core.errors import unknown_name
from harness.core.transitions import Transitions
from harness.numerics.standardising import Standardiser


class FeatureMap(ABC):
    """A map φ₁ from z-scored states ``(N, obs_dim)`` to features ``(N, width)``."""

    name: ClassVar[str]

    def __init_subclass__(cls) -> None:
        FEATURE_MAPS[cls.name] = cls

    @classmethod
    @abstractmethod
    def draw(cls, obs_dim: int, count: int, rng: np.random.Generator) -> Self:
        """Draw a map for states of dimension ``obs_dim``.

        Args:
            obs_dim: Dimension of a state.
            count: Number of random features; deterministic maps ignore it.
            rng: Draws the random features.
        """

    @property
    @abstractmethod
    def width(self) -> int:
        """Dimension of the features."""

    @abstractmethod
    def __call__(self, states: Float64Array) -> Float64Array:
        """Map states ``(N, obs_dim)`` to features ``(N, width)``."""

    @abstractmethod
    def jacobian(self, states: Float64Array) -> Float64Array:
        """Jacobian of the features with respect to the states, ``(N, width, obs_dim)``."""


FEATURE_MAPS: dict[str, type[FeatureMap]] = {}


def draw_features(name: str, obs_dim: int, count: int, rng: np.random.Generator) -> FeatureMap:
    """Draw a feature map by name.

    Raises:
        InputError: If no map has that name.
    """
    if name not in FEATURE_MAPS:
        raise unknown_name("features", name, FEATURE_MAPS)
    return FEATURE_MAPS[name].draw(obs_dim, count, rng)


@dataclass(frozen=True)
class IdentityFeatures(FeatureMap):
    """The state itself and a bias."""

    name: ClassVar[str] = "identity"

    obs_dim: int

    @classmethod
    def draw(cls, obs_dim: int, count: int, rng: np.random.Generator) -> Self:  # noqa: ARG003
        """Nothing is random."""
        return cls(obs_dim)

    @property
    def width(self) -> int:
        """State dimension plus one."""
        return self.obs_dim + 1

    def __call__(self, states: Float64Array) -> Float64Array:
        """Append a one."""
        return np.column_stack([states, np.ones(len(states))])

    def jacobian(self, states: Float64Array) -> Float64Array:
        """The identity matrix above a row of zeros."""
        unit = np.eye(self.width, self.obs_dim)
        return np.broadcast_to(unit, (len(states), *unit.shape))


@dataclass(frozen=True)
class PolynomialFeatures(FeatureMap):
    """All monomials of degree at most two."""

    name: ClassVar[str] = "polynomial"

    obs_dim: int

    @classmethod
    def draw(cls, obs_dim: int, count: int, rng: np.random.Generator) -> Self:  # noqa: ARG003
        """Nothing is random."""
        return cls(obs_dim)

    @property
    def width(self) -> int:
        """Squares and products, the state, and a bias."""
        return self.obs_dim * (self.obs_dim + 1) // 2 + self.obs_dim + 1

    def __call__(self, states: Float64Array) -> Float64Array:
        """Append products and a one to the states."""
        rows, columns = np.triu_indices(self.obs_dim)
        return np.column_stack([states[:, rows] * states[:, columns], states, np.ones(len(states))])

    def jacobian(self, states: Float64Array) -> Float64Array:
        """Product rule for the products, identity for the states, zeros for the bias."""
        rows, columns = np.triu_indices(self.obs_dim)
        unit = np.eye(self.obs_dim)
        products = states[:, rows, None] * unit[columns] + states[:, columns, None] * unit[rows]
        rest = np.broadcast_to(
            np.eye(self.obs_dim + 1, self.obs_dim), (len(states), self.obs_dim + 1, self.obs_dim)
        )
        return np.concatenate([products, rest], axis=1)


@dataclass(frozen=True)
class FourierFeatures(FeatureMap):
    """Random Fourier features of a Gaussian kernel, the scaled-down state, and a bias.

    The kernel's length-scale is two standard deviations, between the 1.5 and 3 at which linear
    Q-functions solve the classic tasks; the state represents the linear trend.
    """

    name: ClassVar[str] = "fourier"
    LENGTH_SCALE: ClassVar[float] = 2.0
    STATE_SCALE: ClassVar[float] = 0.3

    frequencies: Float64Array  # (count, obs_dim)
    phases: Float64Array  # (count,)

    @classmethod
    def draw(cls, obs_dim: int, count: int, rng: np.random.Generator) -> Self:
        """Draw Gaussian frequencies and uniform phases."""
        frequencies = rng.normal(size=(count, obs_dim)) / cls.LENGTH_SCALE
        return cls(frequencies, rng.uniform(0, 2 * np.pi, size=count))

    @property
    def width(self) -> int:
        """One feature per frequency, the state, and a bias."""
        return len(self.phases) + int(self.frequencies.shape[1]) + 1

    def __call__(self, states: Float64Array) -> Float64Array:
        """Cosines of unit mean square, the scaled state, and a one."""
        waves = np.sqrt(2) * np.cos(states @ self.frequencies.T + self.phases)
        return np.column_stack([waves, self.STATE_SCALE * states, np.ones(len(states))])

    def jacobian(self, states: Float64Array) -> Float64Array:
        """Sines times frequencies, a scaled identity matrix, zeros for the bias."""
        waves = -np.sqrt(2) * np.sin(states @ self.frequencies.T + self.phases)
        d = states.shape[1]
        rest = np.broadcast_to(self.STATE_SCALE * np.eye(d + 1, d), (len(states), d + 1, d))
        return np.concatenate([waves[:, :, None] * self.frequencies, rest], axis=1)


@dataclass(frozen=True)
class KernelFeatures(FourierFeatures):
    """The same with waves of total mean square one, as a kernel has: a penalty sees one function.

    The penalty on a function does not fall as waves are added, as it does in `FourierFeatures`.
    """

    name: ClassVar[str] = "kernel"

    def __call__(self, states: Float64Array) -> Float64Array:
        """Cosines of total mean square one, the state, and a one."""
        features = super().__call__(states)
        features[:, : len(self.phases)] /= np.sqrt(len(self.phases))
        return features

    def jacobian(self, states: Float64Array) -> Float64Array:
        """Those of the waves scaled alike."""
        jacobian = super().jacobian(states)
        jacobian[:, : len(self.phases)] /= np.sqrt(len(self.phases))
        return jacobian


@dataclass(frozen=True)
class ReluFeatures(FeatureMap):
    """The hidden layer of a random ReLU network, and a bias."""

    name: ClassVar[str] = "relu"

    weights: Float64Array  # (count, obs_dim)
    offsets: Float64Array  # (count,)

    @classmethod
    def draw(cls, obs_dim: int, count: int, rng: np.random.Generator) -> Self:
        """Draw weights that preserve the mean square of the inputs (He initialisation)."""
        weights = rng.normal(size=(count, obs_dim)) * np.sqrt(2 / obs_dim)
        return cls(weights, rng.normal(size=count))

    @property
    def width(self) -> int:
        """One feature per unit, and a bias."""
        return len(self.offsets) + 1

    def __call__(self, states: Float64Array) -> Float64Array:
        """Activations of the units, and a one."""
        units = np.maximum(states @ self.weights.T + self.offsets, 0)
        return np.column_stack([units, np.ones(len(states))])

    def jacobian(self, states: Float64Array) -> Float64Array:
        """Weights of the active units, zeros for the others and the bias."""
        active = states @ self.weights.T + self.offsets > 0
        slopes = active[:, :, None] * self.weights
        return np.concatenate([slopes, np.zeros((len(states), 1, states.shape[1]))], axis=1)


@dataclass(frozen=True)
class DeepReluFeatures(FeatureMap):
    """The second hidden layer of a random ReLU network, and a bias."""

    name: ClassVar[str] = "relu2"

    first: ReluFeatures
    second: ReluFeatures

    @classmethod
    def draw(cls, obs_dim: int, count: int, rng: np.random.Generator) -> Self:
        """Draw two layers of ``count`` units."""
        first = ReluFeatures.draw(obs_dim, count, rng)
        return cls(first, ReluFeatures.draw(first.width, count, rng))

    @property
    def width(self) -> int:
        """One feature per unit of the second layer, and a bias."""
        return self.second.width

    def __call__(self, states: Float64Array) -> Float64Array:
        """Activations of the second layer, and a one."""
        return self.second(self.first(states))

    def jacobian(self, states: Float64Array) -> Float64Array:
        """Chain rule."""
        hidden = self.first(states)
        return self.second.jacobian(hidden) @ self.first.jacobian(states)


def one_hot(actions: IntArray, count: int) -> Float64Array:
    """One-hot encoding of actions, ``(N,) -> (N, count)``."""
    return np.eye(count)[actions]


def action_columns(transitions: Transitions) -> Float64Array:
    """Actions as columns ``(N, k)``: numbers one-hot, continuous ones z-scored."""
    if not transitions.is_continuous:
        return one_hot(transitions.actions, transitions.action_count)
    vectors, shares = transitions.actions.astype(np.float64), transitions.shares
    centred = vectors - shares @ vectors
    deviation = np.sqrt(shares @ centred**2)
    scaled: Float64Array = centred / np.where(deviation > 0, deviation, 1.0)
    return scaled


def additive_rows(
    transitions: Transitions, standardiser: Standardiser, discount: float
) -> Float64Array:
    """Bellman features ξ, in which the TD error of an additive linear Q-function is linear.

    With φ₁ identity and bias, ``f(s, a) = w·φ₁(s) + c[a]`` has the TD error ``u·ξ`` for
    ``u = (w, c, -λ, -γ max c)`` and ``ξ = [φ₁(s) - γ(1-b)φ₁(s'); onehot(a); r; 1-b]``.

    Returns:
        Rows of shape ``(N, obs_dim + 1 + action_count + 2)``.
    """
    features = IdentityFeatures(transitions.obs_dim)
    alive = 1.0 - transitions.terminations
    now = features(standardiser.apply(transitions.observations))
    then = features(standardiser.apply(transitions.next_observations))
    return np.column_stack(
        [
            now - discount * alive[:, None] * then,
            one_hot(transitions.actions, transitions.action_count),
            transitions.rewards,
            alive,
        ]
    )
