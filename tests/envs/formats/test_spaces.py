from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import (
    Box,
    Dict,
    Discrete,
    Graph,
    MultiBinary,
    MultiDiscrete,
    OneOf,
    Sequence,
    Space,
    Text,
    Tuple,
)
from gymnasium.spaces.utils import flatten, flatten_space
from hypothesis import given
from hypothesis import strategies as st

from envs.formats.spaces import check_actions, flat_size, flatten_steps
from harness.core.errors import InputError

shapes = st.lists(st.integers(1, 3), max_size=3).map(tuple)
boxes = st.builds(
    lambda shape, dtype: Box(-4, 4, shape, dtype),
    shapes,
    st.sampled_from([np.float32, np.float64, np.int16]),
)
discrete = st.builds(Discrete, st.integers(1, 5), start=st.integers(-3, 3))
multi_binary = st.builds(MultiBinary, st.lists(st.integers(1, 3), min_size=1, max_size=2))
counts = st.lists(st.integers(1, 4), min_size=1, max_size=3)
multi_discrete = st.builds(
    lambda nvec, start: MultiDiscrete(nvec, start=[start] * len(nvec)), counts, st.integers(-2, 2)
)
leaves = st.one_of(boxes, discrete, multi_binary, multi_discrete)
spaces: st.SearchStrategy[Space[Any]] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(Tuple),
        st.dictionaries(
            st.sampled_from(["observation", "desired_goal", "achieved_goal", "z"]),
            inner,
            min_size=1,
            max_size=3,
        ).map(Dict),
    ),
    max_leaves=5,
)


def stack(space: Space[Any], samples: list[Any]) -> Any:
    """Lay samples along a first axis, as Minari stores them."""
    if isinstance(space, Dict):
        return {key: stack(part, [s[key] for s in samples]) for key, part in space.spaces.items()}
    if isinstance(space, Tuple):
        parts = enumerate(space.spaces)
        return tuple(stack(part, [s[place] for s in samples]) for place, part in parts)
    return np.array(samples)


def flatten_all(space: Space[Any], values: Any, rows: int) -> Any:
    return flatten_steps(
        space, values, rows, steps=rows - 1, name="observations", where="'made', episode 2"
    )


@given(spaces, st.integers(1, 4), st.integers(0, 2**31))
def test_steps_are_flattened_as_gymnasium_flattens_each(
    space: Space[Any], rows: int, seed: int
) -> None:
    space.seed(seed)
    samples = [space.sample() for _ in range(rows)]
    found = flatten_all(space, stack(space, samples), rows)
    assert found.shape == (rows, flat_size(space, "made"))
    assert found.dtype in (np.float32, np.float64)
    np.testing.assert_array_equal(found, [flatten(space, sample) for sample in samples])
    assert found[0].shape == flatten_space(space).shape


def test_a_flat_box_is_not_copied() -> None:
    values = np.zeros((3, 2), np.float32)
    found = flatten_all(Box(-1, 1, (2,), np.float32), values, 3)
    assert np.shares_memory(found, values)


@pytest.mark.parametrize(
    ("space", "values", "rule"),
    [
        (Box(-1, 1, (2, 2)), np.zeros((3, 2)), "observations of shape (3, 2), but 2 actions need"),
        (Box(-1, 1, (2,)), np.zeros((2, 2)), "need (3, 2)"),
        (Discrete(3), np.array([0, 3, 1]), "span 0..3"),
        (Discrete(3, start=1), np.array([0, 1, 1]), "span 0..1"),
        (Discrete(3), np.array([0.0, 1.0, 1.5]), "float64"),
        (MultiDiscrete([2, 3]), np.array([[0, 1], [2, 1], [0, 0]]), "span 0..2"),
        (Dict(a=Box(-1, 1, (2,))), {"b": np.zeros((3, 2))}, "observations['a'] is missing"),
        (Dict(a=Tuple([Discrete(2)])), {"a": ()}, "observations['a'][0] is missing"),
        (Dict(a=Discrete(2)), {"a": np.zeros(2, int)}, "observations['a'] of shape (2,)"),
        (Box(-1, 1, (1,)), np.array([["a"], ["b"], ["c"]]), "numbers are needed"),
    ],
)
def test_values_that_do_not_fit_their_space_are_refused(
    space: Space[Any], values: Any, rule: str
) -> None:
    with pytest.raises(InputError, match=r"^'made', episode 2: ") as caught:
        flatten_all(space, values, 3)
    assert rule in str(caught.value)
    assert "\n" not in str(caught.value)


UNFIT = [
    Text(4),
    Sequence(Discrete(2)),
    OneOf([Discrete(2), Box(-1, 1, (1,))]),
    Graph(Box(-1, 1, (2,)), None),
]
IMAGES = [Box(0, 255, (8, 8, 3), np.uint8), Box(0, 255, (84, 84), np.uint8)]


@pytest.mark.parametrize("space", [*UNFIT, *IMAGES], ids=str)
@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: Dict(a=Discrete(2), b=Tuple([s]))])
def test_spaces_that_make_no_vector_are_refused_by_name(space: Any, wrap: Any) -> None:
    name = "images" if space in IMAGES else type(space).__name__
    with pytest.raises(InputError, match=f"^'made' has observations .*{name}") as caught:
        flat_size(wrap(space), "made")
    assert "\n" not in str(caught.value)


def test_observations_without_a_number_are_refused() -> None:
    with pytest.raises(InputError, match="hold no number"):
        flat_size(Dict({}), "made")


def test_bytes_that_are_no_image_are_read() -> None:
    assert flat_size(Box(0, 255, (128,), np.uint8), "made") == 128
    assert flat_size(Box(0, 9, (4, 4), np.uint8), "made") == 16


@pytest.mark.parametrize(
    "space", [MultiDiscrete([2, 2]), MultiBinary(2), Dict(a=Discrete(2)), *UNFIT], ids=str
)
def test_actions_that_are_neither_numbers_nor_vectors_are_refused(space: Any) -> None:
    with pytest.raises(InputError, match="the rule is Discrete or Box") as caught:
        check_actions(space, "made")
    assert type(space).__name__ in str(caught.value)
