"""Learners that stay near the data's actions: d3rlpy's discrete offline algorithms."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, NonNegativeFloat

from harness.learners.networks import NetworkLearner, QLearner


class CQLLearner(QLearner):
    """Conservative Q-learning (Kumar et al., arXiv 2006.04779) with a double Q-network.

    Q-values of actions that the data do not take are pushed down. They are in units of mean reward
    a step, for rewards are scaled by ``1 - discount``.
    """

    name: ClassVar[str] = "cql"

    conservatism: NonNegativeFloat = 0.1  # weight α of the push beside the TD error

    def make_config(self, algos: Any, **shared: Any) -> Any:
        """CQL for discrete actions."""
        return algos.DiscreteCQLConfig(alpha=self.conservatism, **self.bootstrapping, **shared)


class BCQLearner(QLearner):
    """Batch-constrained Q-learning for discrete actions (Fujimoto et al., arXiv 1910.01708).

    Only actions that an imitator finds likely enough are chosen.
    """

    name: ClassVar[str] = "bcq"

    action_flexibility: Annotated[float, Field(gt=0, le=1)] = 0.3  # τ: least share of the likeliest
    imitation_penalty: NonNegativeFloat = 1e-2  # on the imitator's squared logits

    def make_config(self, algos: Any, **shared: Any) -> Any:
        """BCQ for discrete actions."""
        return algos.DiscreteBCQConfig(
            action_flexibility=self.action_flexibility,
            beta=self.imitation_penalty,
            **self.bootstrapping,
            **shared,
        )


class BCLearner(NetworkLearner):
    """Behaviour cloning: the action that the data take most, by weight, and no value."""

    name: ClassVar[str] = "bc"

    imitation_penalty: NonNegativeFloat = 1e-2  # on the imitator's squared logits

    def make_config(self, algos: Any, **shared: Any) -> Any:
        """Cloning for discrete actions."""
        return algos.DiscreteBCConfig(beta=self.imitation_penalty, **shared)
