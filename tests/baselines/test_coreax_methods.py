from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.herding import KernelHerdingRegression
from baselines.recombination import TreeRecombinationRegression, product_components
from harness.core.arrays import IntArray
from harness.core.errors import InputError
from harness.core.reduction import Reducer
from harness.core.regression_set import RegressionSet
from harness.testing.rows import random_regression
from tests.support.regressions import equally_weighted, losses

pytestmark = pytest.mark.slow

needs_coreax = pytest.mark.skipif(find_spec("coreax") is None, reason="coreax is not installed")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(rows=st.integers(1, 60), columns=st.integers(1, 5), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_components_span_the_products_and_are_uncorrelated(
    rows: int, columns: int, seed: int
) -> None:
    data = random_regression(rng(seed), rows, columns)
    components, shares = product_components(data), data.shares
    count = components.shape[1]
    assert count == min(rows - 1, (columns + 1) * (columns + 2) // 2)
    np.testing.assert_allclose(shares @ components, 0, atol=1e-9)
    np.testing.assert_allclose((components.T * shares) @ components, np.eye(count), atol=1e-9)
    stacked = np.column_stack([data.features, data.targets])
    squares = (stacked @ rng(seed + 1).normal(size=columns + 1)) ** 2
    squares -= shares @ squares
    np.testing.assert_allclose(
        components @ (components.T @ (shares * squares)),
        squares,
        atol=1e-8 * np.ptp(squares) + 1e-9,
    )


def test_constant_and_collinear_columns_add_no_component() -> None:
    values = rng().normal(size=40)
    data = equally_weighted(np.column_stack([values, -3 * values, np.full(40, 0.1)]), np.ones(40))
    assert product_components(data).shape == (40, 2)  # values and their squares


@needs_coreax
@pytest.mark.parametrize("size", [16, 200])
def test_recombination_has_every_loss_on_as_few_rows_as_there_are_moments(size: int) -> None:
    data = random_regression(rng(), 200)
    reduced = TreeRecombinationRegression().reduce(data, size, rng())
    regressors = rng(1).normal(size=(500, 5))
    assert len(reduced.rows) == 5 * 6 / 2 + 1
    assert reduced.weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(losses(reduced, regressors), losses(data, regressors), rtol=1e-11)


@needs_coreax
def test_a_small_recombination_matches_the_leading_components() -> None:
    data = random_regression(rng(), 200)
    reduced = TreeRecombinationRegression().reduce(data, 7, rng())
    means = reduced.rows.shares @ product_components(data)[reduced.source_indices]
    np.testing.assert_allclose(means[:6], 0, atol=1e-12)
    assert np.abs(means[6:]).max() > 0.1
    assert reduced.diagnostics == {"rank": 15, "matched": 6}


@needs_coreax
def test_herding_adds_the_row_that_mends_the_kernel_mean_most() -> None:
    data = random_regression(rng(), 40, columns=2)
    reduced = KernelHerdingRegression().reduce(data, 9, rng())
    rows = np.column_stack([data.features, data.targets])
    rows = (rows - data.shares @ rows) / np.sqrt(data.shares @ rows**2 - (data.shares @ rows) ** 2)
    squares = ((rows[:, None] - rows) ** 2).sum(axis=-1)
    median = np.median(squares[np.triu_indices(40, 1)])
    assert reduced.diagnostics["length_scale"] == pytest.approx(np.sqrt(median / 2))
    kernel = np.exp(-squares / median)
    chosen: list[int] = []
    for count in range(1, 10):
        gain = kernel @ data.shares - kernel[:, chosen].sum(axis=1) / count
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(gain)))
    assert chosen == list(reduced.source_indices if reduced.source_indices is not None else [])
    assert set(reduced.weights) == {1.0}


@needs_coreax
@pytest.mark.parametrize("reducer", [TreeRecombinationRegression(), KernelHerdingRegression()])
def test_units_do_not_count(reducer: Reducer[RegressionSet]) -> None:
    data = random_regression(rng(), 40)
    scaled = RegressionSet(data.features * 2.0 ** np.arange(-9, 3, 3), data.targets, data.weights)
    found: list[IntArray | None] = [
        reducer.reduce(one, 9, rng()).source_indices for one in (data, scaled)
    ]
    assert found[0] is not None
    assert found[1] is not None
    np.testing.assert_array_equal(found[0], found[1])


@needs_coreax
def test_coreax_is_silent_and_leaves_the_process_as_it_was() -> None:
    code = """
import logging
import numpy as np
from baselines.herding import KernelHerdingRegression
from harness.testing.rows import random_regression

rng = np.random.default_rng(0)
KernelHerdingRegression().reduce(random_regression(rng, 9), 2, rng)
import jax
assert logging.root.handlers == []
assert jax.numpy.ones(1).dtype == "float32"
"""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("reducer", [TreeRecombinationRegression(), KernelHerdingRegression()])
def test_a_missing_coreax_is_named_with_the_remedy(
    reducer: Reducer[RegressionSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "coreax", None)
    message = rf"method '{reducer.name}' needs coreax .*pip install 'bellman-bench\[benchmarks\]'"
    with pytest.raises(InputError, match=message):
        reducer.reduce(random_regression(rng(), 20), 5, rng())
