"""d3rlpy's offline algorithms for continuous actions: cloning, TD3+BC, IQL and CQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat

from harness.learners.networks import NetworkLearner


class ContinuousBCLearner(NetworkLearner):
    """Behaviour cloning of continuous actions: regression on the dataset's actions."""

    name: ClassVar[str] = "bc-continuous"
    continuous: ClassVar[bool] = True

    def make_config(self, algos: Any, **shared: Any) -> Any:
        """Behaviour cloning by a deterministic policy."""
        return algos.BCConfig(**shared)


class ActorCriticLearner(NetworkLearner):
    """An actor of continuous actions beside two critics, whose targets follow them slowly."""

    continuous: ClassVar[bool] = True

    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99
    target_rate: Annotated[float, Field(gt=0, le=1)] = 0.02  # at which targets follow, a step

    @property
    def reward_scale(self) -> float:
        """``1 - discount``: Q-values are in units of mean reward per step."""
        return 1 - self.discount

    def fields_of(self, shared: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of d3rlpy's configurations of actor and critic, which share what is optimised."""
        split = ("learning_rate", "optim_factory", "encoder_factory")
        return {
            "gamma": self.discount,
            "tau": self.target_rate,
            **{name: value for name, value in shared.items() if name not in split},
            **{f"{part}_{name}": shared[name] for part in ("actor", "critic") for name in split},
        }


class TD3BCLearner(ActorCriticLearner):
    """TD3 with cloning (Fujimoto and Gu, arXiv 2106.06860).

    The actor is updated at every step, where the paper waits for two of the critics, so that its
    learning rate is cooled to zero with theirs.
    """

    name: ClassVar[str] = "td3+bc"

    boldness: PositiveFloat = 2.5  # the paper's α: weight of the Q-values relative to cloning

    def make_config(self, algos: Any, **shared: Any) -> Any:
        """TD3+BC."""
        return algos.TD3PlusBCConfig(
            alpha=self.boldness, update_actor_interval=1, **self.fields_of(shared)
        )


class IQLLearner(ActorCriticLearner):
    """Implicit Q-learning (Kostrikov et al., arXiv 2110.06169), which values no unseen action."""

    name: ClassVar[str] = "iql"

    expectile: Annotated[float, Field(gt=0, lt=1)] = 0.7  # of Q-values, as the state's value
    inverse_temperature: NonNegativeFloat = 10.0  # β, per unit of mean reward per step

    def make_config(self, algos: Any, **shared: Any) -> Any:
        """IQL."""
        return algos.IQLConfig(
            expectile=self.expectile,
            weight_temp=self.inverse_temperature,
            value_encoder_factory=shared["encoder_factory"],
            **self.fields_of(shared),
        )


class ContinuousCQLLearner(ActorCriticLearner):
    """Conservative Q-learning (Kumar et al., arXiv 2006.04779) of continuous actions.

    The weight of the penalty and the temperature of the entropy stay as they are given: to adapt
    them takes more steps than small sets are worth.
    """

    name: ClassVar[str] = "cql-continuous"

    conservatism: NonNegativeFloat = 0.01  # weight of the penalty relative to the TD error
    temperature: PositiveFloat = 0.01  # of the actor's entropy, in units of mean reward per step

    def make_config(self, algos: Any, **shared: Any) -> Any:
        """CQL with fixed weights."""
        return algos.CQLConfig(
            conservative_weight=self.conservatism,
            alpha_learning_rate=0.0,
            initial_temperature=self.temperature,
            temp_learning_rate=0.0,
            **self.fields_of(shared),
        )
