"""d3rlpy's offline algorithms for discrete actions: CQL, BCQ and behaviour cloning."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, NonNegativeFloat

from harness.learners.networks import NetworkLearner, QLearner


class CQLLearner(QLearner):
    """Conservative Q-learning (Kumar et al., arXiv 2006.04779) with a double Q-network.

    It penalises high Q-values of actions that are not in the dataset. Q-values are in units of mean
    reward per step, since rewards are scaled by ``1 - discount``.
    """

    name: ClassVar[str] = "cql"

    conservatism: NonNegativeFloat = 0.1  # weight α of the penalty relative to the TD error

    def make_config(self, algos: Any, **shared: Any) -> Any:
        """CQL for discrete actions."""
        return algos.DiscreteCQLConfig(alpha=self.conservatism, **self.bootstrapping, **shared)


class BCQLearner(QLearner):
    """Batch-constrained Q-learning for discrete actions (Fujimoto et al., arXiv 1910.01708).

    The policy only chooses actions that a behaviour-cloning network finds likely enough.
    """

    name: ClassVar[str] = "bcq"

    action_flexibility: Annotated[float, Field(gt=0, le=1)] = 0.3  # τ: ratio to the likeliest
    imitation_penalty: NonNegativeFloat = 1e-2  # on squared logits of the cloning network

    def make_config(self, algos: Any, **shared: Any) -> Any:
        """BCQ for discrete actions."""
        return algos.DiscreteBCQConfig(
            action_flexibility=self.action_flexibility,
            beta=self.imitation_penalty,
            **self.bootstrapping,
            **shared,
        )


class BCLearner(NetworkLearner):
    """Behaviour cloning: supervised learning of the dataset's actions, without a Q-function."""

    name: ClassVar[str] = "bc"

    imitation_penalty: NonNegativeFloat = 1e-2  # on squared logits of the cloning network

    def make_config(self, algos: Any, **shared: Any) -> Any:
        """Behaviour cloning for discrete actions."""
        return algos.DiscreteBCConfig(beta=self.imitation_penalty, **shared)
