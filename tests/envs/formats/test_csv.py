"""Tables of transitions: families of columns, names of one's own, and what a cell may hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.formats.csv import CsvFormat
from envs.formats.recording import Recording
from harness.core.classes.reading import Reading
from harness.core.errors import InputError

HEADER = "pos,vel,push,r,next_pos,next_vel,ended,trip\n"
TRIP = """1.5,0.25,0,-1,1.75,0.5,False,north
1.75,0.5,2,-1,2.25,0.75,True,north
0.5,1,1,-2,0.5,1.5,False,south
"""
NAMES = {
    "observations": "pos,vel",
    "next_observations": "next_pos, next_vel",
    "actions": "push",
    "rewards": "r",
    "terminations": "ended",
    "episodes": "trip",
}


def read(folder: Path, text: str | bytes, **said: object) -> Recording:
    path = folder / "rows.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return CsvFormat().read(str(path), Reading.model_validate(said))


def refusal(folder: Path, text: str, **said: object) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, text, **said)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_columns_of_any_name_are_put_side_by_side(tmp_path: Path, mark: bytes) -> None:
    found = read(tmp_path, mark + (HEADER + TRIP).encode(), map=NAMES)
    np.testing.assert_array_equal(found.observations, [[1.5, 0.25], [1.75, 0.5], [0.5, 1]])
    np.testing.assert_array_equal(found.next_observations, [[1.75, 0.5], [2.25, 0.75], [0.5, 1.5]])
    assert found.actions.tolist() == [0, 2, 1]
    assert found.episodes is not None
    assert found.episodes.tolist() == [0, 0, 1]
    assert found.terminations.tolist() == [False, True, False]
    assert found.truncations.tolist() == [False, False, True]
    assert "not read" not in found.notes[0]


def test_numbered_columns_are_one_array_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    header = ",".join([f"obs_{column}" for column in (10, *range(10))])
    text = f"{header},action_1,action_0,reward,done_1,terminated\n"
    text += ",".join(map(str, (10, *range(10)))) + ",0.5,-0.5,1,7,1\n"
    found = read(tmp_path, text)
    np.testing.assert_array_equal(found.observations, [np.arange(11)])
    np.testing.assert_array_equal(found.actions, [[-0.5, 0.5]])
    assert found.terminations.tolist() == [True]
    assert "not read: 'done_1'" in found.notes[0]


def test_a_single_observation_is_a_vector_of_one(tmp_path: Path) -> None:
    text = "state,action,reward,next_state,terminated,truncated\n1,0,1,2,0,0\n2,1,1,3,0,1\n"
    found = read(tmp_path, text)
    np.testing.assert_array_equal(found.observations, [[1.0], [2.0]])
    assert found.action_count == 2


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=200) * 10.0 ** np.arange(-100, 100)
    lines = [f"{value!r},0,{value!r},{value!r},1" for value in values.tolist()]
    text = "observation,action,reward,next_observation,terminated\n" + "\n".join(lines) + "\n"
    np.testing.assert_array_equal(read(tmp_path, text).rewards, values)


@pytest.mark.parametrize(
    ("text", "said", "reason"),
    [
        (HEADER + TRIP, {}, "--map observations=NAME"),
        (HEADER + TRIP, {}, "PATH.csv#COLUMN"),
        (HEADER + TRIP, {"map": NAMES | {"rewards": "s"}}, "'s'"),
        (HEADER + TRIP, {"map": NAMES | {"observations": "pos,vl"}}, "did you mean 'vel'"),
        (HEADER, {"map": NAMES}, "holds no row"),
        ("", {}, "is empty"),
        (HEADER + TRIP.replace("True", "maybe"), {"map": NAMES}, "0 or 1"),
        (HEADER + TRIP.replace("True", ""), {"map": NAMES}, "0 or 1"),
        (HEADER + TRIP.replace("1.75", "far"), {"map": NAMES}, "numbers are needed"),
        (HEADER + TRIP.replace(",2,", ",2.0,"), {"map": NAMES}, "--discrete"),
        (HEADER + TRIP + "1,2\n1,2,3,4,5,6,7,8,9\n", {"map": NAMES}, "cannot be read"),
    ],
)
def test_unusable_tables_are_refused(
    tmp_path: Path, text: str, said: dict[str, object], reason: str
) -> None:
    assert reason in refusal(tmp_path, text, **said)


def test_what_is_said_of_actions_is_heeded(tmp_path: Path) -> None:
    text = HEADER + TRIP.replace(",2,", ",2.0,")
    numbered = read(tmp_path, text, map=NAMES, actions="discrete", action_count=7)
    assert (numbered.actions.tolist(), numbered.action_count) == ([0, 2, 1], 7)
    pushed = read(tmp_path, text, map=NAMES, actions="continuous")
    assert (pushed.actions.tolist(), pushed.action_count) == ([[0.0], [2.0], [1.0]], None)
