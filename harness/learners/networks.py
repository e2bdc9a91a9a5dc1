"""Deep Q-learning and fitted Q-iteration with small networks, trained by d3rlpy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from harness.core.learner import Learner, TrainedPolicy
from harness.core.transitions import Transitions

if TYPE_CHECKING:
    from harness.learners.d3rlpy_backend import Training


class NetworkLearner(Learner):
    """A small network trained by gradient steps, with a policy at evenly spaced checkpoints."""

    hidden_units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 64)
    learning_rate: PositiveFloat = 1e-3  # initial, with cosine decay to zero
    batch_size: PositiveInt = 64
    steps: PositiveInt = 4000  # gradient steps in all
    checkpoints: PositiveInt = 8  # evenly spaced, the last after the last step

    @model_validator(mode="after")
    def _checkpoints_divide_steps(self) -> Self:
        if self.steps % self.checkpoints:
            raise ValueError(
                f"{self.steps} steps cannot be divided into {self.checkpoints} equal parts: make "
                "steps a multiple of checkpoints"
            )
        return self

    def prepare(self) -> None:
        """Import d3rlpy."""
        from harness.learners import d3rlpy_backend  # noqa: F401

    def fit(self, transitions: Transitions, seed: int) -> Iterator[TrainedPolicy]:
        """Train on mini-batches drawn in proportion to the rows' weights."""
        from harness.learners import d3rlpy_backend  # slow to import

        return d3rlpy_backend.train(self.training, transitions, seed)

    @property
    def training(self) -> Training:
        """What d3rlpy is told."""
        from harness.learners import d3rlpy_backend  # slow to import

        return d3rlpy_backend.Training(
            make_config=self.make_config,
            hidden_units=self.hidden_units,
            learning_rate=self.learning_rate,
            weight_decay=self.decay,
            batch_size=self.batch_size,
            steps=self.steps,
            checkpoints=self.checkpoints,
            reward_scale=self.reward_scale,
        )

    @property
    def decay(self) -> float:
        """Weight decay per gradient step, times the learning rate."""
        return 0.0

    @property
    def reward_scale(self) -> float:
        """Factor that rewards are multiplied by for training; it changes no greedy action."""
        return 1.0

    @abstractmethod
    def make_config(self, algos: Any, **shared: Any) -> Any:
        """Return the d3rlpy configuration of the algorithm.

        Args:
            algos: The module `d3rlpy.algos`, which is slow to import.
            shared: Fields that the configurations of all algorithms share.
        """


class QLearner(NetworkLearner):
    """Q-learning with a target network."""

    discount: Annotated[float, Field(ge=0, lt=1)] = 0.99
    target_interval: PositiveInt = 25  # gradient steps between updates of the target network

    @property
    def reward_scale(self) -> float:
        """``1 - discount``, which keeps TD errors in the quadratic part of d3rlpy's Huber loss."""
        return 1 - self.discount

    @property
    def bootstrapping(self) -> dict[str, Any]:
        """Fields of d3rlpy's configurations for Q-learning."""
        return {"gamma": self.discount, "target_update_interval": self.target_interval}


class DQNLearner(QLearner):
    """Deep Q-learning with a frequently updated target network.

    The defaults were chosen on the full CartPole data only, see ``results/learner-search``.
    """

    name: ClassVar[str] = "dqn"

    def make_config(self, algos: Any, **shared: Any) -> Any:
        """One Q-network."""
        return algos.DQNConfig(**self.bootstrapping, **shared)


class FQILearner(DQNLearner):
    """Neural fitted Q-iteration: many gradient steps on fixed Bellman targets per iteration."""

    name: ClassVar[str] = "fqi"

    target_interval: PositiveInt = 50


class EnsembleDQNLearner(DQNLearner):
    """Q-learning with an ensemble of networks and weight decay, for small datasets.

    The target is the minimum over the ensemble of the Q-values of the action that is greedy for
    their mean; the policy is greedy for their mean as well. Weight decay is that of AdamW.
    """

    name: ClassVar[str] = "ensemble-dqn"

    critics: PositiveInt = 4  # networks
    weight_decay: NonNegativeFloat = 0.3  # per gradient step, times the learning rate

    @property
    def decay(self) -> float:
        """Weight decay of all weights."""
        return self.weight_decay

    def make_config(self, algos: Any, **shared: Any) -> Any:
        """Several Q-networks."""
        return algos.DQNConfig(n_critics=self.critics, **self.bootstrapping, **shared)
