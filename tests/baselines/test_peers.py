"""Methods of other papers, against their formulas written out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax, softmax

from baselines.peers.behavior_distillation import (
    BehaviorDistillation,
    draw_set,
    greedy_policy,
    weigh,
)
from baselines.peers.cloning import (
    Decisions,
    Demonstrations,
    clone,
    cloning_losses,
    draw_networks,
    gradient_distance,
)
from baselines.peers.gradient_matching import GradientMatching
from harness import distill
from harness.core.arrays import Float64Array
from harness.core.errors import InputError
from harness.core.reduction import Reduction, reduce_seeded
from harness.core.transitions import Transitions
from harness.testing.rows import in_episodes, random_transitions

tables = arrays(
    np.float64, st.tuples(st.integers(1, 6), st.integers(2, 4)), elements=st.floats(-9, 9)
)


def demonstrations(rng: np.random.Generator, count: int, actions: int = 3) -> Demonstrations:
    taken = np.eye(actions)[np.arange(count) % actions]
    return Demonstrations.of(rng.normal(size=(count, 2)), taken, rng.uniform(1, 2, count))


def forward(networks: list[Any], states: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Hidden units and logits of networks of one hidden layer, written out."""
    first, first_bias, last, last_bias = (each.detach().numpy() for each in networks)
    hidden = np.maximum(np.einsum("nd,kdh->knh", states, first) + first_bias, 0)
    return hidden, np.einsum("knh,kha->kna", hidden, last) + last_bias


def gradients_by_hand(networks: list[Any], set_: Demonstrations, action: int) -> list[Float64Array]:
    """Gradients of the mean cross-entropy over the rows of an action, by the chain rule."""
    states, targets, shares = (
        each.detach().numpy() for each in (set_.states, set_.targets, set_.shares)
    )
    mine = targets[:, action] == 1
    states, targets, shares = states[mine], targets[mine], shares[mine] / shares[mine].sum()
    hidden, outputs = forward(networks, states)
    errors = shares[:, None] * (softmax(outputs, axis=2) - targets)
    below = np.einsum("kna,kha->knh", errors, networks[2].detach().numpy()) * (hidden > 0)
    return [
        np.einsum("nd,knh->kdh", states, below),
        below.sum(axis=1, keepdims=True),
        np.einsum("knh,kna->kha", hidden, errors),
        errors.sum(axis=1, keepdims=True),
    ]


def test_the_distance_is_that_of_gradients_by_the_chain_rule() -> None:
    rng = np.random.default_rng(0)
    networks = draw_networks((2, 5, 3), 4, rng)
    made, given_ = demonstrations(rng, 7), demonstrations(rng, 30)
    wanted = sum(
        np.square(ours - theirs).sum()
        for action in range(3)
        for ours, theirs in zip(
            gradients_by_hand(networks, made, action),
            gradients_by_hand(networks, given_, action),
            strict=True,
        )
    )
    assert np.isclose(gradient_distance(networks, made, given_).item(), wanted / 4, rtol=1e-10)
    assert gradient_distance(networks, given_, given_).item() == 0


def test_an_action_that_one_side_lacks_is_not_matched() -> None:
    rng = np.random.default_rng(1)
    networks, given_ = draw_networks((2, 5, 3), 2, rng), demonstrations(rng, 30)
    made = demonstrations(rng, 2)  # of actions 0 and 1
    assert torch.isfinite(gradient_distance(networks, made, given_))


def test_cloning_lowers_the_cross_entropy() -> None:
    rng = np.random.default_rng(2)
    networks, few = draw_networks((2, 16, 3), 3, rng), demonstrations(rng, 9)
    outputs = forward(networks, few.states.numpy())[1]
    by_hand = -(few.targets.numpy() * log_softmax(outputs, axis=2)).sum(axis=2) @ few.shares.numpy()
    before = cloning_losses(networks, few).detach().numpy()
    np.testing.assert_allclose(before, by_hand, rtol=1e-12)
    after = cloning_losses(clone(networks, few, 200, 0.5), few).detach().numpy()
    assert (after < 0.5 * before).all()


@given(worth=tables)
def test_weights_are_action_values_less_their_minimum_in_units_of_the_mean(
    worth: Float64Array,
) -> None:
    weights = weigh(worth)
    assert np.isclose(weights.mean(), 1.0)
    if np.ptp(worth) > 0:
        lowest = worth.min()
        np.testing.assert_allclose(
            weights * np.mean(worth - lowest), worth - lowest, rtol=1e-9, atol=1e-12
        )


@given(worth=tables)
def test_the_policy_is_greedy_and_equal_values_share_it(worth: Float64Array) -> None:
    policy = greedy_policy(worth)
    np.testing.assert_allclose(policy.sum(axis=1), 1.0)
    for row, probabilities in zip(worth, policy, strict=True):
        chosen = probabilities > 0
        assert (row[chosen] == row.max()).all()
        assert np.ptp(probabilities[chosen]) == 0
        assert (row[~chosen] < row.max()).all()


def test_the_difference_is_equation_6() -> None:
    rng = np.random.default_rng(3)
    networks = draw_networks((2, 5, 3), 4, rng)
    states, worth, shares = rng.normal(size=(8, 2)), rng.normal(size=(8, 3)), np.full(8, 1 / 8)
    policy, weights = greedy_policy(worth), weigh(worth)
    decisions = Decisions.of(states, policy, weights, shares)
    found = softmax(forward(networks, states)[1], axis=2)
    by_hand = np.mean((weights * (found - policy) ** 2).sum(axis=2))
    assert np.isclose(decisions.difference(networks).item(), by_hand, rtol=1e-12)


def test_gradients_go_back_through_all_steps_of_cloning() -> None:
    rng = np.random.default_rng(4)
    networks, few = draw_networks((2, 5, 3), 2, rng), demonstrations(rng, 4)
    worth = rng.normal(size=(6, 3))
    decisions = Decisions.of(
        rng.normal(size=(6, 2)), greedy_policy(worth), weigh(worth), np.full(6, 1 / 6)
    )

    def difference(states: Any) -> Any:
        return decisions.difference(clone(networks, replace(few, states=states), 7, 0.2))

    assert torch.autograd.gradcheck(difference, few.states.clone().requires_grad_())


def test_initial_states_are_drawn_by_weight_with_actions_of_the_policy() -> None:
    rng = np.random.default_rng(5)
    data = random_transitions(rng, 40)
    data = replace(data, weights=np.where(np.arange(40) < 20, 1.0, 1e-9))
    policy = greedy_policy(np.eye(2)[np.arange(40) % 2])
    drawn = draw_set(data, policy, 20, rng)
    place = {state.tobytes(): row for row, state in enumerate(data.observations)}
    rows = np.array([place[state.tobytes()] for state in drawn.observations])
    assert sorted(rows.tolist()) == list(range(20))
    np.testing.assert_array_equal(drawn.actions, rows % 2)
    tied = draw_set(data, np.full((40, 2), 0.5), 60, rng)
    assert 15 < np.count_nonzero(tied.actions) < 45


def turning(rng: np.random.Generator, count: int) -> Transitions:
    """States on the plane whose action tells the side of a line; those far from it pay more."""
    source = random_transitions(rng, count, obs_dim=2)
    side = (source.observations @ np.array([1.0, -2.0]) > 0).astype(np.int64)
    return in_episodes(replace(source, actions=side, rewards=np.abs(source.observations[:, 0])))


@pytest.mark.slow
@pytest.mark.parametrize(
    "reducer",
    [GradientMatching(share=1.0, initialisations=3), BehaviorDistillation(steps=40)],
    ids=["gradient-matching", "av-pbc"],
)
def test_what_is_lowered_is_lowered_for_networks_that_were_never_used(reducer: Any) -> None:
    made: Reduction[Transitions] = reduce_seeded(
        turning(np.random.default_rng(6), 600), reducer, 12, 0
    )
    found = made.diagnostics
    assert found["fresh_after"] < 0.7 * found["fresh_before"]
    assert found["stored_columns"] == 3
    assert made.rows.observations.dtype == np.float64


def test_only_the_best_episodes_are_matched() -> None:
    source = turning(np.random.default_rng(7), 70)
    assert source.episodes is not None
    best = source.episodes == 3
    source = replace(source, actions=best.astype(np.int64), rewards=np.where(best, 1.0, 0.0))
    reducer = GradientMatching(share=0.1, initialisations=1, updates=2)
    made = reduce_seeded(source, reducer, 5, 0).rows
    assert (made.actions == 1).all()
    low, high = (bound(source.observations[best], axis=0) for bound in (np.min, np.max))
    assert (made.observations >= low - 1e-9).all()
    assert (made.observations <= high + 1e-9).all()


def test_rows_without_episodes_can_be_matched_if_all_are() -> None:
    loose = random_transitions(np.random.default_rng(8), 30)
    with pytest.raises(InputError, match="'gradient-matching' needs episodes"):
        distill(loose, "gradient-matching", size=5)
    brief: dict[str, Any] = {"share": 1.0, "initialisations": 1, "updates": 1}
    assert len(distill(loose, "gradient-matching", size=5, **brief).transitions) == 5
