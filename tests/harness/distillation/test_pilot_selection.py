"""Rows on which small networks, trained on nothing else, act well at the states of all data."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness import distill
from harness.core.arrays import FloatArray, IntArray
from harness.core.errors import InputError
from harness.core.transitions import Transitions
from harness.distillation import pilot_selection
from harness.distillation.pilot_selection import PilotSelection, make_exam, scale_of
from harness.numerics.q_networks.layers import Shape
from harness.numerics.q_networks.pilots import draw_pilots, examine, regressed
from harness.numerics.q_networks.steps import cosine_rates
from tests.support.ring import ring

STEPS, RATE = 60, 5e-3


def losses_of_torch(
    shape: Shape, pilots: FloatArray, rows: Transitions, states: FloatArray
) -> list[FloatArray]:
    """Q-values of every pilot at some states after the same steps, by torch."""
    found = []
    for pilot in pilots:
        layers: list[torch.nn.Module] = []
        for inside, outside in zip(shape.sizes, shape.sizes[1:], strict=False):
            layers += [torch.nn.Linear(int(inside), int(outside)), torch.nn.ReLU()]
        network = torch.nn.Sequential(*layers[:-1])
        torch.nn.utils.vector_to_parameters(torch.tensor(pilot), network.parameters())
        optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0)
        cooling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
        inputs = torch.tensor(rows.observations, dtype=torch.float32)
        chosen, paid = torch.tensor(rows.actions)[:, None], torch.tensor(rows.rewards)[:, None]
        for _ in range(STEPS):
            optimiser.zero_grad()
            values = network(inputs).gather(1, chosen)
            loss = torch.nn.functional.huber_loss(values, paid.float())
            torch.autograd.backward(loss)
            optimiser.step()
            cooling.step()
        found.append(network(torch.tensor(states)).detach().numpy())
    return found


def test_pilots_learn_as_networks_of_torch_do() -> None:
    rng = np.random.default_rng(0)
    rows = replace(few := ring(4), rewards=few.rewards / 100)
    shape = Shape.of(2, (16, 8), 3)
    pilots = draw_pilots(shape, 3, rng)
    exam = make_exam(ring(300, seed=1), 1000)
    packed = regressed(rows.observations, rows.actions, rows.rewards)
    rates = cosine_rates(RATE, STEPS, np.arange(STEPS))
    found = examine(pilots, shape, packed, rates, exam, np.inf)
    expected = [
        exam.losses[np.arange(300), values.argmax(axis=1)].mean()
        for values in losses_of_torch(shape, pilots, rows, exam.states)
    ]
    assert found == pytest.approx(np.mean(expected), abs=0.005)
    assert examine(pilots, shape, packed, rates, exam, 1.01 * found) == found
    assert examine(pilots, shape, packed, rates, exam, 0.99 * found) == np.inf


def test_initial_weights_are_spread_as_torchs() -> None:
    shape = Shape.of(4, (64, 32), 2)
    drawn = draw_pilots(shape, 50, np.random.default_rng(0))
    assert drawn.dtype == np.float32
    for layer, inside in enumerate(shape.sizes[:-1]):
        part = drawn[:, shape.offsets[layer] : shape.offsets[layer + 1]]
        known = torch.nn.Linear(int(inside), 1000).weight.detach().numpy()
        assert part.std() == pytest.approx(known.std(), rel=0.05)
        assert np.abs(part).max() == pytest.approx(np.abs(known).max(), rel=0.02)


def test_an_exam_counts_a_state_once_and_knows_what_each_action_loses() -> None:
    rows = ring(5)
    exam = make_exam(rows, 1000)
    worth = rows.rewards.reshape(5, 3)
    np.testing.assert_allclose(exam.states, rows.observations[::3].astype(np.float32))
    expected = (worth.max(axis=1, keepdims=True) - worth) / scale_of(rows.rewards)
    np.testing.assert_allclose(exam.losses, expected)
    assert len(make_exam(ring(50), 20).states) == 20


def test_an_action_that_nobody_took_is_worth_the_mean() -> None:
    rows = ring(2).take(np.array([0, 4]))
    rows = replace(rows, rewards=np.array([3.0, -1.0]))
    scale = scale_of(rows.rewards)
    losses = make_exam(rows, 10).losses * scale
    np.testing.assert_allclose(losses, [[0.0, 3.0, 3.0], [0.0, 1.0, 0.0]])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_the_scale_follows_the_rewards(rewards: list[float]) -> None:
    scale = scale_of(np.array(rewards))
    assert scale > 0
    if any(rewards):
        assert scale_of(np.array(rewards) * 8) == pytest.approx(8 * scale)
    else:
        assert scale == 1


def test_a_selection_teaches_where_random_rows_do_not() -> None:
    """Judged by networks that took no part in it: other weights, by torch, at other states."""
    data = ring(400)
    selection = distill(data, "pilot-selection", size=6, seed=1, trials=150, pilots=4)
    found = selection.diagnostics
    assert found["regret"] < 0.5 * found["regret_at_random"]
    shape, exam = Shape.of(2, (64, 64), 3), make_exam(ring(300, seed=9), 1000)
    others = draw_pilots(shape, 4, np.random.default_rng(99))

    def lost(rows: Transitions) -> float:
        scaled = replace(rows, rewards=rows.rewards / scale_of(data.rewards))
        values = losses_of_torch(shape, others, scaled, exam.states)
        return float(
            np.mean([exam.losses[np.arange(300), one.argmax(axis=1)].mean() for one in values])
        )

    random = [distill(data, "stratified", size=6, seed=seed).transitions for seed in range(5)]
    assert lost(selection.transitions) < 0.6 * np.median([lost(rows) for rows in random])


def test_rows_are_those_of_the_data() -> None:
    data = ring(40)
    selection = distill(data, "pilot-selection", size=5, seed=0, trials=8, pilots=1, steps=20)
    assert selection.source_indices is not None
    assert len(set(selection.source_indices.tolist())) == 5
    np.testing.assert_array_equal(
        selection.transitions.rewards, data.rewards[selection.source_indices]
    )
    np.testing.assert_array_equal(selection.weights, np.ones(5))


def test_where_no_action_is_better_nothing_is_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = []

    def count(*_: object) -> float:
        judged.append(1)
        return 0.0

    monkeypatch.setattr("harness.numerics.q_networks.pilots.examine", count)
    silent = replace(ring(20), rewards=np.zeros(60))
    assert len(distill(silent, "pilot-selection", size=4).transitions) == 4
    assert len(judged) == 1


def test_a_selection_of_thousands_is_refused() -> None:
    with pytest.raises(InputError, match=r"size 1001: .* at most 1000 rows; lower the size"):
        distill(ring(400), "pilot-selection", size=1001)


def test_it_needs_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(InputError, match=r"'pilot-selection' needs Numba.*bellman-bench\[fast\]"):
        PilotSelection().check_usable(ring(3))
    with pytest.raises(InputError, match="needs Numba"):
        distill(ring(3), "pilot-selection", size=3)


def test_no_trial_is_made_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[float] = []
    judge = pilot_selection._Trials.judge

    def counted(self: pilot_selection._Trials, kept: IntArray, limit: float) -> float:
        judged.append(judge(self, kept, limit))
        return judged[-1]

    monkeypatch.setattr(pilot_selection._Trials, "judge", counted)
    silent = replace(ring(9), rewards=np.zeros(27))
    selection = distill(silent, "pilot-selection", size=3, steps=5, pilots=1)
    assert selection.diagnostics["regret"] == 0
    assert judged == [0]


def test_compilation_is_no_part_of_what_it_costs() -> None:
    PilotSelection().prepare()
    compiled_so_far = set(cast(Any, examine).signatures)
    distill(ring(9), "pilot-selection", size=3, trials=2, steps=5, pilots=1)
    assert set(cast(Any, examine).signatures) == compiled_so_far
