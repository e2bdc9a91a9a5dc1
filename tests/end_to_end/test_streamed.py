"""Datasets that are distilled without being held whole."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.dataset import Dataset
from harness.core.errors import InputError
from harness.core.parts import merge_in_pairs, reduce_in_parts
from harness.core.storage.npz import load_arrays
from harness.core.transitions import ARRAY_NAMES, Transitions
from harness.distillation.exact import ExactDistiller
from harness.numerics.cell_moments import CellMoments
from harness.numerics.certificates.bellman import certify_bellman
from harness.tasks import streaming as streamed
from harness.tasks.distilling import Order, distill_file, distill_streamed_file, local_workers
from harness.tasks.streaming import StoredParts

MEDIUM = "classic/cartpole/medium-v0"


def depth(tree: Any) -> int:
    return 1 + max(map(depth, tree)) if isinstance(tree, tuple) else 0


def leaves(tree: Any) -> list[int]:
    return [leaf for part in tree for leaf in leaves(part)] if isinstance(tree, tuple) else [tree]


@given(st.integers(1, 200))
def test_parts_are_merged_in_order_and_in_a_shallow_tree(count: int) -> None:
    tree: Any = merge_in_pairs(range(count), lambda one, two: (one, two))  # type: ignore[arg-type,return-value]
    assert leaves(tree) == list(range(count))
    assert depth(tree) == math.ceil(math.log2(count))


class Watched(Executor):
    """Works at once, and counts the results that somebody still holds."""

    def __init__(self) -> None:
        self.parts = self.most = 0
        self._alive: weakref.WeakSet[Any] = weakref.WeakSet()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        self._alive.add(future.result())
        self.parts += 1
        self.most = max(self.most, len(self._alive))
        return future


@pytest.mark.usefixtures("cartpole")
def test_few_sketches_are_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "PART_ROWS", 400)
    executor = Watched()
    reduce_in_parts(ExactDistiller(), StoredParts(MEDIUM, executor, in_flight=3), 50, 0)
    assert executor.parts >= 64
    assert executor.most <= 3 + math.log2(executor.parts) + 1


def arrays(transitions: Transitions) -> dict[str, bytes]:
    return {name: getattr(transitions, name).tobytes() for name in ARRAY_NAMES}


@pytest.mark.usefixtures("cartpole")
def test_neither_workers_nor_what_is_in_flight_change_a_bit() -> None:
    found = []
    for workers, in_flight in [(1, 1), (3, 2), (3, 50)]:
        with ThreadPoolExecutor(workers) as executor:
            parts = StoredParts(MEDIUM, executor, parts=13, in_flight=in_flight)
            reduction = reduce_in_parts(ExactDistiller(), parts, 100, 7)
        found.append(arrays(reduction.transitions))
    assert found[0] == found[1] == found[2]


def test_a_streamed_file_says_what_a_distilled_file_says(
    cartpole: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed, "PART_ROWS", 5000)
    order = Order(
        dataset_id=MEDIUM,
        destination=str(tmp_path / "whole.npz"),
        method="exact",
        size=100,
        seed=3,
        parameters={"terminated_share": 0.2},
        discount=0.9,
    )
    distill_file(order)
    for jobs in (1, 2):
        other = replace(order, destination=str(tmp_path / f"{jobs}.npz"))
        line = distill_streamed_file(other, partial(local_workers, jobs))
        assert "100 synthetic of 29523 transitions by exact" in line
    whole, about_whole = load_arrays(tmp_path / "whole.npz")
    one, about_one = load_arrays(tmp_path / "1.npz")
    two, about_two = load_arrays(tmp_path / "2.npz")
    assert {name: array.tobytes() for name, array in one.items()} == {
        name: array.tobytes() for name, array in two.items()
    }
    del about_one["seconds"], about_two["seconds"], about_whole["seconds"]
    assert about_one == about_two
    assert about_one.pop("source_hash") is None
    assert about_whole.pop("source_hash") == cartpole.content_hash
    measured, expected = about_one.pop("diagnostics"), about_whole.pop("diagnostics")
    assert about_one == about_whole
    assert measured["points_needed"] == expected["points_needed"]
    np.testing.assert_array_equal(one["actions"], whole["actions"])
    np.testing.assert_array_equal(one["terminations"], whole["terminations"])
    np.testing.assert_allclose(one["weights"], whole["weights"], rtol=1e-12)
    assert_same_moments(Transitions(**one, action_count=2), Transitions(**whole, action_count=2))


def assert_same_moments(one: Transitions, two: Transitions) -> None:
    """Points near different real rows, with the same mean and covariance in every cell."""
    for mine, theirs in zip(CellMoments.of(one).cells, CellMoments.of(two).cells, strict=True):
        assert mine is not None
        assert theirs is not None
        np.testing.assert_allclose(mine.mean, theirs.mean, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(mine.covariance, theirs.covariance, rtol=1e-9, atol=1e-12)
    assert certify_bellman(two, one, 0.9).bound < 1e-12


@pytest.mark.usefixtures("cartpole")
@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"method": "bellman"}, "cannot stream: .*choose exact, random, stratified or leverage"),
        ({"method": "exactly"}, "did you mean 'exact'"),
        ({"dataset_id": "regression/diabetes"}, "leave out --stream"),
        ({"dataset_id": "some.npz"}, "leave out --stream"),
        ({"dataset_id": "classic/cartpol/medium-v0"}, "did you mean"),
        ({"destination": "distilled/a-v0"}, "must end in .npz"),
        ({"size": 10**6}, "size 1000000: .*29523"),
        ({"discount": 1.0}, "discount 1.0"),
        ({"workers": partial(local_workers, 0)}, "jobs 0"),
    ],
)
def test_what_cannot_be_streamed_is_refused(
    changed: dict[str, Any], rule: str, tmp_path: Path
) -> None:
    changed = dict(changed)
    words = {
        "dataset_id": MEDIUM,
        "destination": str(tmp_path / "out.npz"),
        "method": "exact",
        "size": 10,
        "seed": 0,
        "discount": 0.99,
        "parameters": {},
    }
    workers = changed.pop("workers", partial(local_workers, 1))
    with pytest.raises(InputError, match=rule):
        distill_streamed_file(Order(**{**words, **changed}), workers)
    assert not list(tmp_path.iterdir())
