"""A dataset: transitions with their environment, reference scores and codebook."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import cast

from envs.actions.codebook import Codebook, QuantisationError, number_actions
from envs.actions.policies import NeighbourPolicy
from envs.formats.played import PlayedEpisode, played_episodes
from envs.formats.recording import Recording
from envs.reference import Reference, name_environments
from harness.core.arrays import FloatArray
from harness.core.classes.environments import EnvironmentSpec, named_again
from harness.core.errors import naming
from harness.core.specs import CodebookSpec
from harness.core.transitions import Transitions


@dataclass(frozen=True)
class Dataset:
    """Transitions with their environment, reference scores and codebook."""

    dataset_id: str  # the id or path that it was opened with
    transitions: Transitions  # N rows
    environment: EnvironmentSpec | None  # in which policies are evaluated
    reference_min: float | None  # mean return of the random policy
    reference_max: float | None  # mean return of the expert
    content_hash: str  # of the transitions, with discretised actions
    codebook: Codebook | None = None  # None: actions are as recorded
    quantisation_error: QuantisationError | None = None  # of the recorded actions, if known
    neighbours: NeighbourPolicy | None = None  # of the recorded actions, if known
    played: tuple[PlayedEpisode, ...] = ()  # a sample, to be replayed
    recorded_in: EnvironmentSpec | None = None  # the transitions
    action_start: int = 0  # the environment's number of action 0, if the source says it
    is_environment_named: bool = False  # by the user, and not by the source

    @property
    def reference(self) -> Reference:
        """What else it takes to use the transitions, as files keep it."""
        return Reference(
            **name_environments(self.environment, self.recorded_in),
            reference_min=self.reference_min,
            reference_max=self.reference_max,
            codebook=self.codebook.to_json() if self.codebook else None,
            action_start=self.action_start,
        )

    def in_environment(self, environment_id: str) -> Dataset:
        """Return the dataset with an environment that the user names; see `named_again`."""
        return replace(
            self,
            environment=named_again(self.environment, environment_id),
            recorded_in=named_again(self.recorded_in, environment_id),
            is_environment_named=True,
        )

    @cached_property
    def quantisation(self) -> dict[str, float] | None:
        """Quantisation error of the codebook and what it costs a policy, by name; None without one.

        The first call plays episodes.
        """
        if self.codebook is None:
            return None
        facts = {"codes": float(len(self.codebook))}
        if self.quantisation_error is not None:
            facts["root_mean_square"] = self.quantisation_error.root_mean_square
            facts["variance_share"] = self.quantisation_error.variance_share
        if self.environment is None or self.neighbours is None:
            return facts
        from envs.actions.cost import codebook_cost  # imports gymnasium

        cost = codebook_cost(self.environment, self.neighbours, self.codebook)
        return facts if cost is None else facts | asdict(cost)


def make_dataset(recording: Recording, codebook: CodebookSpec | Codebook | None) -> Dataset:
    """Turn a recording into a dataset, with continuous actions discretised if there is a codebook.

    Raises:
        InputError: If a value cannot be used, or the codebook does not suit the actions.
    """
    transitions, fitted = number_actions(recording, codebook)
    reference, error, neighbours = recording.reference, None, None
    if fitted is not None:
        actions = cast(FloatArray, recording.actions)
        error, neighbours = fitted.error(actions), NeighbourPolicy.fit(transitions, actions)
    elif reference.codebook is not None:
        fitted = Codebook.from_json(reference.codebook, recording.source)
        with naming(recording.source):
            transitions = replace(transitions, codes=fitted.codes)
    return Dataset(
        dataset_id=recording.source,
        transitions=transitions,
        environment=reference.environment,
        reference_min=reference.reference_min,
        reference_max=reference.reference_max,
        content_hash=transitions.content_hash(),
        codebook=fitted,
        quantisation_error=error,
        neighbours=neighbours,
        played=played_episodes(recording),
        recorded_in=reference.source_environment,
        action_start=reference.action_start,
    )
