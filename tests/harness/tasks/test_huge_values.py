"""Values at the edge of what can be computed with: a result or one true line, and no warning."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import InputError
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.learners.builtin import OFFLINE_LEARNERS
from harness.learners.engines import fit
from harness.tasks.builtin import REDUCERS
from harness.testing.rows import random_transitions
from tests.support.commands import Command

METHODS = ("exact", "bellman", "operator", "random", "stratified", "leverage")


def huge(factor: float) -> Transitions:
    data = random_transitions(np.random.default_rng(0), 80, 3, 2)
    return replace(data, rewards=data.rewards * factor)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("labels", ["recorded", "advantage"])
def test_what_is_too_large_is_said_before_anything_is_computed(
    method: str, labels: str, bench: Command, tmp_path: Path
) -> None:
    arrays = {name: getattr(huge(1.0), name) for name in ARRAY_NAMES}
    path = tmp_path / "huge.npz"
    np.savez(path, **{**arrays, "rewards": arrays["rewards"] * 1e300})
    words = ("--method", method, "--labels", labels, "--size", "20")
    refused = bench("distill", path, *words, "--output", tmp_path / "set.npz")
    assert refused.status == 2
    assert "rewards: 80 rows hold values of 1e70 or more" in refused.errors
    assert refused.errors.count("\n") == 1
    assert not (tmp_path / "set.npz").exists()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_just_not_too_large_gives_rows(method: str) -> None:
    data = huge(1e69)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reduction = REDUCERS.make(method, {}, discount=0.9).reduce(
            data, 20, np.random.default_rng(0)
        )
    assert np.isfinite(reduction.rows.rewards).all()
    assert np.abs(reduction.rows.rewards).max() > 1e67


@pytest.mark.parametrize("engine", ["d3rlpy", "fast"])
def test_networks_say_what_single_precision_cannot_hold(engine: str) -> None:
    learner = OFFLINE_LEARNERS.make("dqn", {"steps": 8}, discount=0.9)
    with pytest.raises(InputError, match=r"rewards of .*e\+29.* overflow in float32; rescale"):
        next(fit(learner, engine, huge(1e30), 0))  # type: ignore[arg-type]
