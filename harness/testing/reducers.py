"""The contract of every reducer, of transitions and of regression sets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from harness.core.classes.registry import import_class, reference_to
from harness.core.errors import InputError
from harness.core.reduction import Reducer, Reduction, reduce_seeded
from harness.core.regression_set import RegressionSet
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.execution.cache import cache_key, fetch, in_rows
from harness.testing.rows import (
    in_episodes,
    random_regression,
    random_transitions,
    with_codes,
)

COLUMNS = {
    Transitions: ("observations", "rewards", "next_observations"),
    RegressionSet: ("features", "targets"),
}


class ReducerContract:
    """What a reducer keeps to, whatever its rows: inherit, and set ``subject``."""

    subject: ClassVar[Reducer[Any]]

    @pytest.fixture
    def reducer(self) -> Reducer[Any]:
        """Return the reducer under test; override it for several."""
        return self.subject

    @pytest.fixture
    def kind(self, reducer: Reducer[Any]) -> type[Any]:
        """Return the type of the rows to reduce: transitions if it takes any."""
        return reducer.row_type() or Transitions

    @pytest.fixture
    def source(self, kind: type[Any]) -> Any:
        """Return rows to reduce, of both actions, terminated or not, in episodes."""
        return small_source(kind, 120)

    def test_it_keeps_to_the_size(self, reducer: Reducer[Any], kind: type[Any]) -> None:
        source = small_source(kind)
        for size in (1, 5, 40, 60):
            rows = len(reduce_seeded(source, reducer, size, 0).rows)
            if reducer.sizes == "at most":
                assert 1 <= rows <= size
            else:
                assert rows == (len(source) if reducer.sizes == "all rows" else size)

    @pytest.mark.parametrize("size", [0, -1, 61])
    def test_a_size_that_the_data_cannot_give_is_refused(
        self, reducer: Reducer[Any], kind: type[Any], size: int
    ) -> None:
        rule = rf"size {size}: .*between 1 and the dataset's 60 {kind.noun}"
        with pytest.raises(InputError, match=rule):
            reduce_seeded(small_source(kind), reducer, size, 0)

    def test_it_says_what_made_it(self, reducer: Reducer[Any], source: Any) -> None:
        reduction = reduce_seeded(source, reducer, 40, 3)
        assert reduction.method == reducer.name
        assert reduction.seconds > 0
        assert type(reducer).model_validate(dict(reduction.parameters)) == reducer
        json.dumps([dict(reduction.parameters), dict(reduction.diagnostics)], allow_nan=False)

    def test_it_keeps_to_the_source(
        self, reducer: Reducer[Any], kind: type[Any], source: Any
    ) -> None:
        reduction = reduce_seeded(source, reducer, 40, 3)
        if isinstance(source, Transitions):
            assert reduction.rows.action_count == source.action_count
        if reduction.source_indices is None:
            check_synthetic(reduction, source, kind)
        else:
            check_subset(reduction, source, kind)

    def test_the_seed_decides(self, reducer: Reducer[Any], source: Any) -> None:
        hashes = [
            reduce_seeded(source, reducer, 40, seed).rows.content_hash() for seed in (0, 0, 1, 2)
        ]
        assert hashes[0] == hashes[1]
        assert len(set(hashes)) == (1 if reducer.deterministic else 3)

    def test_it_leaves_the_source_alone(self, reducer: Reducer[Any], kind: type[Any]) -> None:
        source = small_source(kind)
        before = source.content_hash()
        reduce_seeded(source, reducer, 5, 0)
        assert source.content_hash() == before

    def test_source_weights_count(self, reducer: Reducer[Any], kind: type[Any]) -> None:
        """A row of weight w stands for w rows: heavy rows must dominate the reduction's mean."""
        source = small_source(kind, 400)
        measure = measured(source)
        heavy = measure > np.median(measure)
        source = replace(source, weights=np.where(heavy, 1000.0, 1.0))
        reduced = reduce_seeded(source, reducer, 100, 0).rows
        light, dominated = measure.mean(), measure[heavy].mean()
        assert reduced.shares @ measured(reduced) > light + 0.4 * (dominated - light)

    def test_a_column_that_says_nothing_is_no_obstacle(
        self, reducer: Reducer[Any], kind: type[Any]
    ) -> None:
        source = small_source(kind)
        constant = {name: getattr(source, name).copy() for name in COLUMNS[kind]}
        for array in constant.values():
            array.reshape(len(source), -1)[:, 0] = 0.1
        reduced = reduce_seeded(replace(source, **constant), reducer, 12, 0).rows
        assert np.isfinite(column(reduced)).all()

    def test_single_precision_works(self, reducer: Reducer[Any], kind: type[Any]) -> None:
        source = small_source(kind)
        single = {name: getattr(source, name).astype(np.float32) for name in COLUMNS[kind]}
        reduced = reduce_seeded(replace(source, **single), reducer, 10, 0).rows
        assert np.isfinite(column(reduced)).all()

    def test_rows_that_form_no_episodes_are_reduced_or_refused(self, reducer: Reducer[Any]) -> None:
        if reducer.row_type() is RegressionSet:
            return  # they never form any
        loose = replace(small_source(Transitions), episodes=None)
        try:
            reducer.check_usable(loose)
        except InputError:
            with pytest.raises(InputError, match=reducer.name):
                reduce_seeded(loose, reducer, 10, 0)
        else:
            assert reduce_seeded(loose, reducer, 10, 0).rows.action_count == 2

    def test_data_without_terminations_work(self, reducer: Reducer[Any]) -> None:
        if reducer.row_type() is RegressionSet:
            return  # nothing terminates
        source = small_source(Transitions)
        kept = np.flatnonzero(~source.terminations)
        alive = in_episodes(source.take(kept))
        assert not reduce_seeded(alive, reducer, 10, 0).rows.terminations.any()

    def test_continuous_actions_are_reduced_or_refused(self, reducer: Reducer[Any]) -> None:
        if reducer.row_type() is RegressionSet:
            return  # nothing acts
        source = with_codes(small_source(Transitions))
        made = reduce_seeded(source, reducer, 10, 0).rows
        np.testing.assert_array_equal(made.codes, source.codes)
        vectors = replace(source.in_vectors("a test"), episodes=source.episodes)
        if reducer.takes_continuous:
            check_subset(reduce_seeded(vectors, reducer, 10, 0), vectors, Transitions)
        else:
            with pytest.raises(InputError, match=r"actions must be discrete.*give a codebook"):
                reduce_seeded(vectors, reducer, 10, 0)

    def test_it_comes_back_from_the_cache(
        self, reducer: Reducer[Any], kind: type[Any], tmp_path: Path
    ) -> None:
        source = small_source(kind)
        made = replace(in_rows(reduce_seeded(source, reducer, 10, 0)), seconds=1.0)
        key = cache_key(reducer, source, 10, 0)
        assert key is not None
        fetch(tmp_path, key, lambda: made, kind)
        again = fetch(tmp_path, key, lambda: pytest.fail("it is not in the cache"), kind)
        assert again.rows.content_hash() == made.rows.content_hash()
        assert again.diagnostics == made.diagnostics

    def test_workers_find_it_by_its_name(self, reducer: Reducer[Any]) -> None:
        found = type(reducer)
        reference = reference_to(found)
        assert reference
        if ":" in reference:
            assert reference_to(import_class(reference, "method")) == reference


def small_source(kind: type[Any], rows: int = 60) -> Any:
    """Return rows of a kind; transitions form episodes."""
    rng = np.random.default_rng(1)
    if kind is RegressionSet:
        return random_regression(rng, rows)
    return in_episodes(random_transitions(rng, rows))


def column(rows: Any) -> np.ndarray[Any, Any]:
    """Return the first column of observations or features, ``(N,)``."""
    found = rows.observations if isinstance(rows, Transitions) else rows.features
    return np.asarray(found[:, 0], dtype=np.float64)


def measured(rows: Any) -> np.ndarray[Any, Any]:
    """Return what a reduction keeps the mean of: the column itself, in regression its square."""
    first = column(rows)
    return first if isinstance(rows, Transitions) else first**2


def check_synthetic(reduction: Reduction[Any], source: Any, kind: type[Any]) -> None:
    """Synthetic rows are float64 and lie in the data's box, but for what the diagnostics say."""
    outside = reduction.diagnostics.get("outside_box", np.inf if kind is RegressionSet else 0.0)
    for name in COLUMNS[kind]:
        made, given = getattr(reduction.rows, name), getattr(source, name)
        assert made.dtype == np.float64
        low, high = given.min(axis=0), given.max(axis=0)
        margin = 1e-9 + (1e-9 + outside) * np.maximum(np.abs(high - low), 1e-9)
        assert (made >= low - margin).all()
        assert (made <= high + margin).all()


def check_subset(reduction: Reduction[Any], source: Any, kind: type[Any]) -> None:
    """Kept rows are distinct rows of the source, but for their weights."""
    indices = reduction.source_indices
    assert indices is not None
    assert len(np.unique(indices)) == len(reduction.rows)
    names = set(ARRAY_NAMES) - {"weights"} if kind is Transitions else COLUMNS[kind]
    for name in names:
        np.testing.assert_array_equal(getattr(reduction.rows, name), getattr(source, name)[indices])
