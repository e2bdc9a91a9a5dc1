from __future__ import annotations

import json
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.actions.codebook import Codebook, fit_codebook, number_actions, parse_codebook
from envs.actions.policies import CodedPolicy, NumberedPolicy
from envs.formats.recording import Recording
from envs.reference import Reference
from harness.core.arrays import FloatArray, IntArray
from harness.core.errors import InputError
from harness.core.specs import CodebookSpec

seeds = st.integers(0, 2**32 - 1)
KMEANS = CodebookSpec(method="kmeans", size=8)
BINS = CodebookSpec(method="bins", size=8)
PRODUCT = CodebookSpec(method="product", size=8)


def actions_of(seed: int, rows: int = 200) -> FloatArray:
    """Two dimensions of very different units, and one that is constant."""
    columns = np.random.default_rng(seed).normal(size=(rows, 3)) * [0.01, 100.0, 0.0] + [0, 5, 0.1]
    return columns.astype(np.float32)


def recording(actions: Any, action_count: int | None, **changes: Any) -> Recording:
    rows = len(actions)
    rng = np.random.default_rng(0)
    arrays = {
        "observations": rng.normal(size=(rows, 2)),
        "rewards": rng.normal(size=rows),
        "next_observations": rng.normal(size=(rows, 2)),
        "terminations": np.zeros(rows, dtype=bool),
        "truncations": np.zeros(rows, dtype=bool),
        "episodes": np.arange(rows) // 3,
        "weights": rng.uniform(0.5, 2, size=rows),
    }
    return Recording(
        source="made",
        actions=np.asarray(actions),
        action_count=action_count,
        reference=Reference(),
        **(arrays | changes),
    )


@settings(max_examples=25, deadline=None)
@given(seeds, st.sampled_from([KMEANS, BINS]))
def test_the_code_of_an_action_is_the_nearest_in_deviations(seed: int, spec: CodebookSpec) -> None:
    actions = actions_of(seed)
    codebook = fit_codebook(actions, spec)
    units = actions.std(axis=0, dtype=np.float64)
    distances = [
        [np.sum(((action - code)[:2] / units[:2]) ** 2) for code in codebook.codes]
        for action in actions[:20]
    ]
    chosen = codebook.encode(actions[:20])
    np.testing.assert_allclose(
        [row[number] for row, number in zip(distances, chosen, strict=True)],
        np.min(distances, axis=1),
    )


@settings(max_examples=25, deadline=None)
@given(seeds, st.sampled_from([KMEANS, BINS]))
def test_codes_lie_in_the_datas_range_and_stand_for_themselves(
    seed: int, spec: CodebookSpec
) -> None:
    actions = actions_of(seed)
    codebook = fit_codebook(actions, spec)
    assert 2 <= len(codebook) <= spec.size
    assert (codebook.codes >= actions.min(axis=0)).all()
    assert (codebook.codes <= actions.max(axis=0)).all()
    numbers = np.arange(len(codebook))
    np.testing.assert_array_equal(codebook.encode(codebook.decode(numbers)), numbers)
    assert set(codebook.encode(actions)) == set(numbers)  # none is further from every action


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_the_error_does_not_depend_on_units_and_falls_with_more_codes(seed: int) -> None:
    actions = actions_of(seed)
    few, many = (fit_codebook(actions, CodebookSpec(size=size)) for size in (4, 32))
    assert 0 < many.error(actions).variance_share < few.error(actions).variance_share < 1
    scaled = actions.astype(np.float64) * 1024
    again = fit_codebook(scaled, CodebookSpec(size=4))
    assert again.error(scaled).variance_share == pytest.approx(few.error(actions).variance_share)


def test_the_error_of_known_codes() -> None:
    codebook = Codebook(np.array([[-1.0], [1.0]]), np.array([1.0]))
    error = codebook.error(np.array([[-2.0], [0.5], [2.0], [-0.5]]))
    assert error.root_mean_square == pytest.approx(np.sqrt((1 + 0.25 + 1 + 0.25) / 4))
    assert error.variance_share == pytest.approx((1 + 0.25 + 1 + 0.25) / 4)


def test_kmeans_finds_clusters_and_bins_keep_the_extremes() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([-1.0, 0.2, 0.9])
    actions = (centres[rng.integers(3, size=900)] + rng.normal(0, 1e-3, 900))[:, None]
    found = fit_codebook(actions, CodebookSpec(method="kmeans", size=3)).codes[:, 0]
    np.testing.assert_allclose(found, centres, atol=1e-3)
    grid = fit_codebook(actions, CodebookSpec(method="bins", size=4)).codes[:, 0]
    np.testing.assert_allclose(grid[[0, -1]], [actions.min(), actions.max()])


def test_bins_drop_codes_that_no_action_is_near() -> None:
    actions = np.concatenate([np.linspace(0, 1, 50), np.linspace(9, 10, 50)])[:, None]
    codes = fit_codebook(actions, CodebookSpec(method="bins", size=11)).codes[:, 0]
    np.testing.assert_allclose(codes, [0, 1, 9, 10])


def test_bins_have_as_many_levels_in_each_dimension_as_fit() -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, size=(5000, 3))
    codes = fit_codebook(actions, CodebookSpec(method="bins", size=60)).codes
    assert [len(np.unique(codes[:, axis])) for axis in range(3)] == [3, 3, 3]
    assert len(codes) == 27
    with pytest.raises(InputError, match=r"bins-7 for 3 action dimensions.*8 codes.*kmeans-7"):
        fit_codebook(actions, CodebookSpec(method="bins", size=7))


def test_a_product_combines_the_clusters_of_each_dimension() -> None:
    rng = np.random.default_rng(0)
    columns = [
        np.array(levels)[rng.integers(len(levels), size=900)] + rng.normal(0, 1e-3, 900)
        for levels in ([-1.0, 0.8, 1.0], [5.0, 50.0, 80.0])
    ]
    actions = np.stack([*columns, np.full(900, 7.0)], axis=1)  # a dimension may be constant
    codes = fit_codebook(actions, CodebookSpec(method="product", size=11)).codes
    expected = list(product([-1.0, 0.8, 1.0], [5.0, 50.0, 80.0], [7.0]))
    np.testing.assert_allclose(codes, expected, atol=1e-3)
    with pytest.raises(InputError, match=r"product-3 for 2 action dimensions.*kmeans-3"):
        fit_codebook(actions, CodebookSpec(method="product", size=3))


@pytest.mark.parametrize("spec", [KMEANS, BINS, PRODUCT], ids=lambda spec: spec.method)
def test_few_distinct_actions_are_their_own_codes(spec: CodebookSpec) -> None:
    kinds = np.array([[-1.0, 1.0], [1.0, 1.0], [0.0, -1.0]], dtype=np.float32)
    actions = np.concatenate([np.repeat(kinds[:2], 20_000, axis=0), kinds[2:]])  # one is rare
    codebook = fit_codebook(actions, spec)
    np.testing.assert_array_equal(codebook.codes, sorted(kinds.tolist()))
    assert codebook.error(actions).variance_share == 0


def test_a_million_actions_are_fitted_from_a_fixed_subsample() -> None:
    actions = np.tanh(np.random.default_rng(0).normal(size=(200_000, 2)))
    first, second = (fit_codebook(actions, KMEANS) for _ in range(2))
    np.testing.assert_array_equal(first.codes, second.codes)
    whole = Codebook(first.codes, first.scale).error(actions).variance_share
    part = fit_codebook(actions[:32_768], KMEANS).error(actions).variance_share
    assert whole == pytest.approx(part, rel=0.03)


def test_a_policy_acts_with_codes_and_is_numbered_by_them() -> None:
    codebook = fit_codebook(actions_of(0), KMEANS)

    class Last:
        def act(self, observations: FloatArray) -> IntArray:
            return np.full(len(observations), len(codebook) - 1)

    chosen = CodedPolicy(Last(), codebook).act(np.zeros((5, 4)))
    np.testing.assert_array_equal(chosen, np.tile(codebook.codes[-1], (5, 1)))
    again = NumberedPolicy(CodedPolicy(Last(), codebook), codebook).act(np.zeros((5, 4)))
    np.testing.assert_array_equal(again, Last().act(np.zeros((5, 4))))


def test_a_codebook_survives_json() -> None:
    codebook = fit_codebook(actions_of(3), KMEANS)
    again = Codebook.from_json(json.loads(json.dumps(codebook.to_json())), "made")
    np.testing.assert_array_equal(again.codes, codebook.codes)
    np.testing.assert_array_equal(again.scale, codebook.scale)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"codes": [[1.0]], "scale": [0.0]},
        {"codes": [[1.0, 2.0]], "scale": [1.0]},
        {"codes": [[float("nan")]], "scale": [1.0]},
        {"codes": [[1.0], [1.0, 2.0]], "scale": [1.0]},
        {"codes": [], "scale": []},
        {"codes": "many", "scale": [1.0]},
    ],
)
def test_a_broken_codebook_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="'made': its codebook is invalid"):
        Codebook.from_json(content, "made")


def test_continuous_actions_become_numbers_and_rows_keep_their_episodes() -> None:
    source = recording(actions_of(1), None)
    transitions, codebook = number_actions(source, KMEANS)
    assert codebook is not None
    np.testing.assert_array_equal(transitions.actions, codebook.encode(actions_of(1)))
    assert transitions.action_count == len(codebook)
    vectors = transitions.in_vectors("a test").actions
    np.testing.assert_array_equal(vectors, codebook.decode(codebook.encode(actions_of(1))))
    np.testing.assert_array_equal(transitions.episodes, source.episodes)
    for name in ("observations", "rewards", "next_observations", "terminations", "weights"):
        np.testing.assert_array_equal(getattr(transitions, name), getattr(source, name))


def test_a_fitted_codebook_numbers_other_rows_alike() -> None:
    codebook = fit_codebook(actions_of(1), KMEANS)
    transitions, used = number_actions(recording(actions_of(2), None), codebook)
    assert used is codebook
    np.testing.assert_array_equal(transitions.actions, codebook.encode(actions_of(2)))
    narrow = recording(actions_of(2)[:, :2], None)
    with pytest.raises(InputError, match=r"\(200, 2\).*3 dimensions"):
        number_actions(narrow, codebook)


def test_continuous_actions_stay_as_they_are_without_a_codebook() -> None:
    transitions, codebook = number_actions(recording(actions_of(1), None), None)
    assert codebook is None
    assert transitions.is_continuous
    np.testing.assert_array_equal(transitions.actions, actions_of(1))


def test_numbered_actions_pass() -> None:
    source = recording(np.arange(30) % 4, 5)
    transitions, codebook = number_actions(source, None)
    assert codebook is None
    assert transitions.action_count == 5
    np.testing.assert_array_equal(transitions.actions, source.actions)


@pytest.mark.parametrize(
    ("source", "spec", "message"),
    [
        (recording(np.arange(9) % 2, 2), KMEANS, "2 discrete actions"),
        (recording(np.full((9, 1), np.nan), None), KMEANS, "actions: 9 rows hold NaN"),
        (recording(np.full((9, 1), np.nan), None), None, "actions: 9 rows hold NaN"),
        (
            recording(actions_of(0), None, rewards=np.full(200, np.inf)),
            KMEANS,
            "rewards: 200 rows hold NaN or infinity",
        ),
    ],
)
def test_what_cannot_be_numbered_is_refused_in_one_line(
    source: Recording, spec: CodebookSpec | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        number_actions(source, spec)
    assert "'made'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("method", ["kmeans", "bins", "product"])
@pytest.mark.parametrize("size", [2, 32, 256])
def test_short_names(method: Any, size: int) -> None:
    assert parse_codebook(f"{method}-{size}") == CodebookSpec(method=method, size=size)


@pytest.mark.parametrize(
    "text", ["", "kmeans", "kmeans-", "kmeans-1", "bins-257", "Kmeans-8", "tree-8", "kmeans-8 "]
)
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="write for instance kmeans-32") as caught:
        parse_codebook(text)
    assert repr(text) in str(caught.value)
