"""The catalogue of embedded datasets, which are collected on first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Tier = Literal["random", "medium", "expert", "mixed"]
TIERS: tuple[Tier, ...] = get_args(Tier)


@dataclass(frozen=True, eq=False)
class EmbeddedEnvironment:
    """An environment in which datasets are collected, and the number of episodes in each."""

    environment_id: str  # in gymnasium
    namespace: str  # of its dataset ids
    episodes: Mapping[Tier, int]

    @property
    def name(self) -> str:
        """The last word of its namespace, such as ``hopper``."""
        return self.namespace.rpartition("/")[2]


@dataclass(frozen=True)
class EmbeddedDataset:
    """One embedded dataset: an environment and the tier of its behaviour policies."""

    dataset_id: str
    environment: EmbeddedEnvironment
    tier: Tier

    @property
    def episodes(self) -> int:
        """Number of its episodes."""
        return self.environment.episodes[self.tier]


def _in_each(episodes: int, **others: int) -> dict[Tier, int]:
    """Episodes of every tier; others where the episodes of a tier are short or long."""
    return {tier: others.get(tier, episodes) for tier in TIERS}


EMBEDDED_ENVIRONMENTS = (
    EmbeddedEnvironment("CartPole-v1", "classic/cartpole", _in_each(200)),
    EmbeddedEnvironment("MountainCar-v0", "classic/mountaincar", _in_each(100)),
    EmbeddedEnvironment("Acrobot-v1", "classic/acrobot", _in_each(100)),
    EmbeddedEnvironment("Pendulum-v1", "classic/pendulum", _in_each(100)),
    EmbeddedEnvironment(
        "LunarLander-v3", "box2d/lunarlander", _in_each(100, random=250, medium=80)
    ),
    # Not `mujoco/…`, which are datasets of Minari's hub, of other policies.
    EmbeddedEnvironment(
        "InvertedPendulum-v5",
        "mujoco-bench/invertedpendulum",
        _in_each(60, random=1000, medium=50, expert=25),
    ),
    EmbeddedEnvironment(
        "InvertedDoublePendulum-v5",
        "mujoco-bench/inverteddoublependulum",
        _in_each(60, random=1000, medium=50, expert=25),
    ),
    EmbeddedEnvironment("Reacher-v5", "mujoco-bench/reacher", _in_each(500)),
    EmbeddedEnvironment(
        "Hopper-v5", "mujoco-bench/hopper", _in_each(90, random=1000, medium=60, expert=30)
    ),
    EmbeddedEnvironment("HalfCheetah-v5", "mujoco-bench/halfcheetah", _in_each(25, mixed=24)),
)

_DATASETS = {
    dataset_id: EmbeddedDataset(dataset_id, environment, tier)
    for environment in EMBEDDED_ENVIRONMENTS
    for tier in TIERS
    for dataset_id in [f"{environment.namespace}/{tier}-v0"]
}


def embedded_dataset(dataset_id: str) -> EmbeddedDataset | None:
    """Return the embedded dataset with an id, or None."""
    return _DATASETS.get(dataset_id)


def embedded_dataset_ids() -> list[str]:
    """Return the ids of all embedded datasets, by environment and then by tier."""
    return list(_DATASETS)
