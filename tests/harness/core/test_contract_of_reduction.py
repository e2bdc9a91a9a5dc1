"""What a reducer of the user's returns and does to its rows, looked at whenever it runs."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from harness import distill
from harness.core.classes.specs import ReducerSpec
from harness.core.errors import InputError
from harness.core.reduction import Reducer, reduce_seeded
from harness.core.transitions import Transitions
from harness.tasks.builtin import REDUCERS
from harness.testing.rows import random_transitions

SIZE = 5


class Sound(Reducer[Transitions]):
    """Keeps the first rows; subclasses break one rule each."""

    name: ClassVar[str] = "sound"
    diagnostic: ClassVar[Any] = 1.0

    def _reduce(self, rows: Transitions, size: int, rng: np.random.Generator) -> Any:  # noqa: ARG002
        kept = np.arange(size)
        return rows.take(kept), kept, {"found": self.diagnostic}


class Changing(Sound):
    """Writes into the data that it was given, though they are read-only."""

    name: ClassVar[str] = "changing"

    def _reduce(self, rows: Transitions, size: int, rng: np.random.Generator) -> Any:
        rewards: Any = rows.rewards
        base = rewards if rewards.base is None else rewards.base
        base.flags.writeable = True
        base[:] = 7.0
        return super()._reduce(rows, size, rng)


class OtherRows(Sound):
    name: ClassVar[str] = "other-rows"

    def _reduce(self, rows: Transitions, size: int, rng: np.random.Generator) -> Any:
        reduced, kept, found = super()._reduce(rows, size, rng)
        return reduced, kept + 1, found


class Narrow(Sound):
    name: ClassVar[str] = "narrow"

    def _reduce(self, rows: Transitions, size: int, rng: np.random.Generator) -> Any:
        reduced, _, found = super()._reduce(rows, size, rng)
        arrays = {
            name: getattr(reduced, name)[:, :1] for name in ("observations", "next_observations")
        }
        return Transitions(**{**vars(reduced), **arrays}), None, found


class Infinite(Sound):
    name: ClassVar[str] = "infinite"

    def _reduce(self, rows: Transitions, size: int, rng: np.random.Generator) -> Any:
        reduced, _, found = super()._reduce(rows, size, rng)
        return Transitions(**{**vars(reduced), "rewards": np.full(size, np.nan)}), None, found


class Exiting(Sound):
    """Exits in its check, as a script might."""

    name: ClassVar[str] = "exiting"

    def check_usable(self, rows: Transitions) -> None:  # noqa: ARG002
        raise SystemExit(0)


class Random(Sound):
    name: ClassVar[str] = "random"


@pytest.fixture
def data() -> Transitions:
    return random_transitions(np.random.default_rng(0), 20)


def test_data_that_a_reducer_writes_into_stay_as_they_are(data: Transitions) -> None:
    before = data.content_hash()
    plain = reduce_seeded(data, REDUCERS.make("random", {}), SIZE, 0).rows.content_hash()
    with pytest.raises(InputError, match=r"'changing' .*not those of the source rows"):
        reduce_seeded(data, Changing(), SIZE, 0)
    assert data.content_hash() == before
    again = reduce_seeded(data, REDUCERS.make("random", {}), SIZE, 0).rows.content_hash()
    assert again == plain


@pytest.mark.parametrize(
    ("diagnostic", "kept"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.ones(2), [1.0, 1.0]),
        ([1, 2], [1, 2]),
        (True, True),
    ],
)
def test_diagnostics_of_numpy_become_plain_numbers(
    data: Transitions, monkeypatch: pytest.MonkeyPatch, diagnostic: Any, kept: Any
) -> None:
    monkeypatch.setattr(Sound, "diagnostic", diagnostic)
    found = reduce_seeded(data, Sound(), SIZE, 0).diagnostics["found"]
    assert found == kept
    assert not isinstance(found, np.ndarray | np.generic)


@pytest.mark.parametrize(
    "diagnostic", [np.nan, np.inf, "text", {1, 2}, object(), None, np.ones((2, 2)), [1.0, np.nan]]
)
def test_diagnostics_that_no_record_holds_are_refused(
    data: Transitions, monkeypatch: pytest.MonkeyPatch, diagnostic: Any
) -> None:
    monkeypatch.setattr(Sound, "diagnostic", diagnostic)
    with pytest.raises(InputError, match=r"(?s)'sound' .*'found' = .*finite numbers"):
        reduce_seeded(data, Sound(), SIZE, 0)


@pytest.mark.parametrize(
    ("reducer", "message"),
    [
        (OtherRows(), r"'other-rows' .*not those of the source rows it names"),
        (Narrow(), r"'narrow' .*rows of \(1, 2\) .*\(3, 2\), those of the source"),
        (Infinite(), r"method 'infinite': rewards"),
    ],
)
def test_rows_that_are_none_of_the_dataset_are_refused(
    data: Transitions, reducer: Sound, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        reduce_seeded(data, reducer, SIZE, 0)


def test_a_name_of_the_package_is_taken(data: Transitions) -> None:
    with pytest.raises(InputError, match="calls itself 'random'"):
        distill(data, Random(), SIZE)


def test_a_class_in_place_of_an_object_is_refused(data: Transitions) -> None:
    with pytest.raises(InputError, match=r"give an object of it, Sound\(\)"):
        distill(data, Sound, SIZE)  # type: ignore[arg-type]


@pytest.mark.parametrize("reducer", ["random", {"name": "full", "labels": "shaped"}])
def test_the_label_of_all_rows_is_for_all_rows(reducer: Any) -> None:
    table = {"name": reducer} if isinstance(reducer, str) else reducer
    with pytest.raises(ValueError, match="label 'full'"):
        ReducerSpec.model_validate({**table, "label": "full"})
