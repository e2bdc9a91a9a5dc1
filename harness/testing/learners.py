"""The contract of every learner that yields policies."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from harness.core.arrays import ActionArray, FloatArray
from harness.core.classes.registry import import_class, reference_to
from harness.core.errors import InputError
from harness.core.learner import Learner, TrainedPolicy
from harness.core.transitions import Transitions
from harness.labels.base import QFunction
from harness.testing.rows import bandit, random_transitions, with_codes


class LearnerContract:
    """What a learner keeps to: inherit, and set ``subject`` to one that trains in a second."""

    subject: ClassVar[Learner]
    learns_values: ClassVar[bool] = True  # False for what imitates actions, whatever they pay

    @pytest.fixture
    def learner(self) -> Learner:
        """Return the learner under test; override it for several."""
        return self.subject

    def test_it_yields_policies_in_order(self, learner: Learner) -> None:
        transitions = rows_taken(learner, random_transitions(np.random.default_rng(0), 30))
        trained = list(learner.fit(transitions, 0))
        steps = [checkpoint.step for checkpoint in trained]
        assert steps
        assert steps == sorted(set(steps))
        for checkpoint in trained:
            assert all(np.isfinite(value) for value in checkpoint.metrics.values())
            actions = checkpoint.policy.act(transitions.observations)
            assert actions.shape == transitions.actions.shape
            assert actions.dtype.kind == ("f" if learner.continuous else "i")
            assert np.isfinite(actions).all()
            assert set(numbers_of(learner, actions, 2)) <= {0, 1}

    def test_it_takes_actions_of_its_kind_alone(self, learner: Learner) -> None:
        """Codes may stand for vectors, but nothing tells what numbers without codes measure."""
        numbered = random_transitions(np.random.default_rng(0), 30)
        vectors = with_codes(numbered).in_vectors("a test")
        if learner.continuous:
            assert learner.rows_for(vectors) is vectors
            with pytest.raises(InputError, match="actions must be continuous"):
                learner.rows_for(numbered)
        else:
            assert learner.rows_for(numbered) is numbered
            with pytest.raises(InputError, match=r"actions must be discrete.*give a codebook"):
                learner.rows_for(vectors)

    def test_it_prefers_the_larger_reward(self, learner: Learner) -> None:
        if self.learns_values:
            for rewards, best in (([1.0, 2.0], 1), ([2.0, 1.0], 0)):
                data = bandit(rewards, [1, 1])
                assert final_actions(learner, data, np.ones((1, 1))) == [best]

    def test_weights_decide_between_contradicting_rows(self, learner: Learner) -> None:
        """Action 0 pays 0; action 1 pays 4 on one row and −4 on another: weights tell which."""
        if self.learns_values:
            rewards, ones = [0.0, 4.0, 0.0, -4.0], np.ones((1, 1))
            assert final_actions(learner, bandit(rewards, [1, 9, 1, 1]), ones) == [1]
            assert final_actions(learner, bandit(rewards, [1, 1, 1, 9]), ones) == [0]

    def test_the_same_seed_gives_the_same_training(self, learner: Learner) -> None:
        transitions = rows_taken(learner, random_transitions(np.random.default_rng(0), 30))
        elsewhere = np.random.default_rng(1).normal(size=(500, 3))
        first, second = (
            [
                (dict(trained.metrics), trained.policy.act(elsewhere).tolist())
                for trained in learner.fit(transitions, 5)
            ]
            for _ in range(2)
        )
        assert first == second

    def test_it_acts_by_its_values_if_it_has_any(self, learner: Learner) -> None:
        """A policy with Q-values may teach, see `harness.labels.learned`."""
        transitions = rows_taken(learner, random_transitions(np.random.default_rng(0), 30))
        for trained in learner.fit(transitions, 0):
            if isinstance(trained.policy, QFunction):
                values = trained.policy.values(transitions.observations)
                assert values.shape == (30, 2)
                chosen = trained.policy.act(transitions.observations)
                np.testing.assert_array_equal(values.argmax(axis=1), chosen)

    def test_an_action_that_no_row_takes_is_known(self, learner: Learner) -> None:
        transitions = random_transitions(np.random.default_rng(0), 30, action_count=2)
        wider = Transitions(**{**vars(transitions), "action_count": 5})
        assert set(final_actions(learner, wider, wider.observations)) <= set(range(5))

    def test_it_leaves_the_data_alone(self, learner: Learner) -> None:
        transitions = rows_taken(learner, random_transitions(np.random.default_rng(0), 30))
        before = transitions.content_hash()
        list(learner.fit(transitions, 0))
        assert transitions.content_hash() == before

    def test_its_parameters_make_it_again(self, learner: Learner) -> None:
        assert type(learner).model_validate(learner.model_dump(mode="json")) == learner

    def test_workers_find_it_by_its_name(self, learner: Learner) -> None:
        reference = reference_to(type(learner))
        assert reference
        if ":" in reference:
            assert import_class(reference, "learner") is type(learner)


def final_actions(
    learner: Learner, transitions: Transitions, observations: FloatArray, seed: int = 0
) -> list[int]:
    """Train to the end, and return the numbers of what the last policy does."""
    last: TrainedPolicy | None = None
    for trained in learner.fit(rows_taken(learner, transitions), seed):
        last = trained
    assert last is not None
    return numbers_of(learner, last.policy.act(observations), transitions.action_count)


def rows_taken(learner: Learner, transitions: Transitions) -> Transitions:
    """Return rows as a learner takes them: continuous actions are numbers' codes in −1..1."""
    return learner.rows_for(with_codes(transitions))


def numbers_of(learner: Learner, actions: ActionArray, count: int) -> list[int]:
    """Number the actions of a learner's policy, ``(B,)``, by the nearest of ``count`` codes."""
    if learner.continuous:
        actions = np.clip(np.rint((actions[:, 0] + 1) * (count - 1) / 2), 0, count - 1)
    return [int(action) for action in actions]
