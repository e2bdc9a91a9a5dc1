"""The behaviour policies of each tier of the embedded datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from envs.catalogue import EmbeddedEnvironment, Tier
from envs.embedded import controllers
from envs.embedded.behaviour import Behaviour, Controller
from envs.embedded.linear import TrainedPolicy

RANDOM: Final = 1.0  # share of random actions of every random tier
TRAINED: Final = 0.02  # and of the others of trained policies, which differ by their checkpoint

Behaviours = Mapping[Tier, Behaviour]  # of random, medium and expert episodes


def _scripted(
    controller: Controller, medium: float = 0.5, expert: float = 0.05, spread: float = 1.0
) -> Behaviours:
    """One controller, which acts at random with these shares, within that spread."""
    return {
        "random": Behaviour(controller, RANDOM),
        "medium": Behaviour(controller, medium, spread),
        "expert": Behaviour(controller, expert, spread),
    }


def _trained(environment_id: str) -> Behaviours:
    """Two checkpoints of one training, which act at random equally often."""
    medium, expert = (TrainedPolicy(environment_id, tier) for tier in ("medium", "expert"))
    return {
        "random": Behaviour(expert, RANDOM, origin="linear policy"),
        "medium": Behaviour(medium, TRAINED, origin="linear policy, an early checkpoint,"),
        "expert": Behaviour(expert, TRAINED, origin="linear policy"),
    }


BEHAVIOURS: Mapping[str, Behaviours] = {
    "CartPole-v1": _scripted(controllers.balance_pole),
    "MountainCar-v0": _scripted(controllers.rock_car),
    "Acrobot-v1": _scripted(controllers.swing_links),
    "Pendulum-v1": _scripted(controllers.swing_pendulum),
    "LunarLander-v3": _scripted(controllers.land, medium=0.3),
    # One push of full force is all but the end of an episode.
    "InvertedPendulum-v5": _scripted(controllers.balance_cart, 0.28, 0.18, spread=0.5),
    "InvertedDoublePendulum-v5": _scripted(controllers.balance_two_links, 0.17, 0.11, spread=0.2),
    "Reacher-v5": _scripted(controllers.reach),
    "Hopper-v5": _trained("Hopper-v5"),
    "HalfCheetah-v5": _trained("HalfCheetah-v5"),
}


def episode_behaviours(
    environment: EmbeddedEnvironment, tier: Tier, episodes: int
) -> list[Behaviour]:
    """Return the behaviour policy of each episode of a dataset, in order.

    The mixed tier has random episodes, then medium, then expert ones, split as evenly as possible
    with the larger parts first: 67, 67 and 66 of 200.
    """
    behaviours = BEHAVIOURS[environment.environment_id]
    if tier != "mixed":
        return [behaviours[tier]] * episodes
    parts = np.array_split(np.arange(episodes), len(behaviours))
    return [each for each, part in zip(behaviours.values(), parts, strict=True) for _ in part]
