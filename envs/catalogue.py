"""The catalogue of embedded classic-control datasets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Tier = Literal["random", "medium", "expert", "mixed"]
TIERS: tuple[Tier, ...] = get_args(Tier)


@dataclass(frozen=True)
class ClassicEnvironment:
    """A classic-control environment and the number of episodes to collect in it."""

    environment_id: str  # in gymnasium
    namespace: str  # of its dataset ids
    episodes: int  # in each of its datasets


@dataclass(frozen=True)
class ClassicDataset:
    """One embedded dataset: an environment and the tier of its behaviour policy."""

    dataset_id: str
    environment: ClassicEnvironment
    tier: Tier


CLASSIC_ENVIRONMENTS = (
    ClassicEnvironment("CartPole-v1", "classic/cartpole", episodes=200),
    ClassicEnvironment("MountainCar-v0", "classic/mountaincar", episodes=100),
    ClassicEnvironment("Acrobot-v1", "classic/acrobot", episodes=100),
    ClassicEnvironment("Pendulum-v1", "classic/pendulum", episodes=100),  # continuous actions
)

_DATASETS = {
    dataset_id: ClassicDataset(dataset_id, environment, tier)
    for environment in CLASSIC_ENVIRONMENTS
    for tier in TIERS
    for dataset_id in [f"{environment.namespace}/{tier}-v0"]
}


def classic_dataset(dataset_id: str) -> ClassicDataset | None:
    """Return the embedded dataset with an id, or None."""
    return _DATASETS.get(dataset_id)


def classic_dataset_ids() -> list[str]:
    """Return the ids of all embedded datasets, by environment and then by tier."""
    return list(_DATASETS)
