"""Speed and memory of regression distillation, as ratios taken in one run."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from baselines.recombination import TreeRecombinationRegression
from envs.regression.datasets import open_tabular, split
from harness.core.arrays import Float64Array
from harness.core.regression_set import RegressionSet
from harness.distillation.exact_regression import ExactRegression
from harness.distillation.loss_matching import LossGap, match_losses
from harness.distillation.sampled_regressors import sample_regressors
from harness.numerics.certificates.regression import regression_moments
from tests.benchmarks.timing import seconds
from tests.support.regressions import equally_weighted, losses

pytestmark = pytest.mark.benchmark

MEBIBYTE = 2**20


@pytest.fixture(scope="module", params=[0.0, 1e6], ids=["centred", "far from zero"])
def million(request: pytest.FixtureRequest) -> RegressionSet:
    rng = np.random.default_rng(0)
    return equally_weighted(
        rng.normal(size=(1_000_000, 20)) + request.param, rng.normal(size=1_000_000)
    )


def peak_bytes(task: Callable[[], object]) -> int:
    """Most memory that a task held above what was there before it."""
    tracemalloc.start()
    task()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_exact_takes_at_most_two_gram_matrices(million: RegressionSet) -> None:
    rows = million.features
    distil, gram = seconds(
        lambda: ExactRegression().reduce(million, 100, np.random.default_rng(0)),
        lambda: rows.T @ rows,
    )
    print(f"exact / gram matrix = {distil / gram:.2f}")
    assert distil <= 2 * gram


def test_exact_needs_little_memory(million: RegressionSet) -> None:
    peak = peak_bytes(lambda: ExactRegression().reduce(million, 100, np.random.default_rng(0)))
    print(f"exact needs {peak / MEBIBYTE:.1f} MiB above its input")
    assert peak <= 64 * MEBIBYTE


@dataclass(frozen=True, eq=False)
class LossGapFromRows(LossGap):
    """The same objective with training losses taken from the rows at every evaluation."""

    rows: Float64Array

    def value_and_gradient(self, packed: Float64Array) -> tuple[float, Float64Array]:
        losses = np.mean((self.rows @ self.regressors.T) ** 2, axis=0)
        return LossGap(self.regressors, losses).value_and_gradient(packed)


def test_loss_matching_gains_from_moments() -> None:
    """Shaped like the training part of Wine white: 3,918 rows, eleven features, 100 points.

    A step of the objective is what moments make faster; a search also pays for the bookkeeping of
    L-BFGS-B, which is the same on both sides. One thread, so that neither side waits for others.
    """
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3918, 12)) @ rng.normal(size=(12, 12)) / np.sqrt(12)
    regressors = sample_regressors(100, 12, rng)
    box = (rows.min(axis=0), rows.max(axis=0))
    moments = regression_moments(equally_weighted(rows[:, :-1], rows[:, -1]))
    ours = LossGap.build(moments.second_moment, regressors)
    theirs = LossGapFromRows(regressors, ours.losses, rows)

    def steps(objective: LossGap) -> None:
        for _ in range(100):
            objective.value_and_gradient(rows[:100].ravel())

    def search(objective: LossGap) -> Float64Array:
        return match_losses(objective, rows[:100], box, 100, 0.0).points

    np.testing.assert_allclose(search(ours), search(theirs), atol=1e-3)
    with threadpool_limits(1):
        fast, slow = seconds(lambda: steps(ours), lambda: steps(theirs))
        fast_search, slow_search = seconds(lambda: search(ours), lambda: search(theirs))
    print(
        f"from rows / from moments: step {slow / fast:.1f}, search {slow_search / fast_search:.1f}"
    )
    assert slow >= 20 * fast
    assert slow_search >= 3 * fast_search


def wine_red() -> RegressionSet:
    """The training part of Wine red, or a set of its shape where there is no copy of it."""
    if os.environ.get("BELLMAN_BENCH_DATA"):
        return split(open_tabular("regression/wine-red"), seed=0).train
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1279, 12)) @ rng.normal(size=(12, 12)) / np.sqrt(12)
    return equally_weighted(rows[:, :-1], rows[:, -1])


def recombinations(rows: Float64Array) -> tuple[Callable[[], object], Callable[[], object]]:
    """coreax's recombination of all second moments: as its users call it, and as one program.

    The library's own call traces and compiles its loops anew each time; inside `filter_jit` it
    does so once for a shape, and what is then left is its arithmetic.
    """
    import equinox
    import jax
    from coreax import Data
    from coreax.solvers import TreeRecombination

    left, right = np.triu_indices(rows.shape[1])
    with jax.enable_x64(True):
        data = Data(jax.numpy.asarray(rows))
    solver = TreeRecombination(test_functions=lambda row: row[left] * row[right])
    compiled = equinox.filter_jit(TreeRecombination.reduce)

    def run(reduce: Callable[..., object]) -> None:
        with jax.enable_x64(True):
            jax.block_until_ready(reduce(solver, data))

    return lambda: run(TreeRecombination.reduce), lambda: run(compiled)


@pytest.mark.skipif(find_spec("coreax") is None, reason="coreax is not installed")
def test_exact_against_recombination() -> None:
    """One call of a new process is what a study pays; the two warm times say what compiling hides.

    Exact distillation runs twenty times a turn: one run is too short to time beside long tasks.
    """
    data = wine_red()
    size = data.features.shape[1] + 2
    tree = TreeRecombinationRegression().reduce(data, 100, np.random.default_rng(0))
    exact = ExactRegression().reduce(data, size, np.random.default_rng(0))

    def twenty() -> None:
        for _ in range(20):
            ExactRegression().reduce(data, size, np.random.default_rng(0))

    call, compiled_call = recombinations(np.column_stack([data.features, data.targets]))
    (first,) = seconds(call, repeats=1)
    compiled_call()
    ours, again, compiled = seconds(twenty, call, compiled_call)
    first, again, compiled = (20 * slow / ours for slow in (first, again, compiled))
    print(f"recombination / exact: first {first:.0f}, again {again:.0f}, compiled {compiled:.0f}")
    assert first >= 1000
    assert again >= 200
    assert compiled >= 5

    regressors = sample_regressors(2000, size - 1, np.random.default_rng(1))
    goal = losses(data, regressors)
    gap, tree_gap = (np.abs(losses(found, regressors) / goal - 1).max() for found in (exact, tree))
    print(f"{len(exact.rows)} points, gap {gap:.1e}; {len(tree.rows)} points, gap {tree_gap:.1e}")
    assert len(exact.rows) < len(tree.rows)
    assert gap <= 1e-12
