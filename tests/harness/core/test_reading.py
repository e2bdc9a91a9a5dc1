"""What suites and runs say of datasets, and that they keep silent where nothing is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from harness.core.classes.reading import Reading
from harness.core.errors import InputError
from harness.core.specs import RunSpec, Suite
from harness.suites.loading import as_read

SAID = {
    "environment": "mine:E-v0",
    "reference_min": 0.0,
    "reference_max": 2.5,
    "actions": "discrete",
    "action_count": 4,
    "map": {"rewards": "r"},
}


def suite(*datasets: Any, **others: Any) -> Suite:
    values = {
        "name": "s",
        "description": "For a test.",
        "datasets": datasets,
        "sizes": [5],
        "seeds": [0],
        "reducers": ["full"],
        "learners": ["dqn"],
    }
    return Suite.model_validate(values | others)


@pytest.mark.parametrize("key", [*SAID, None])
def test_what_a_table_says_is_part_of_every_run(key: str | None) -> None:
    said = {key: SAID[key]} if key else SAID
    made = suite("b.npz", {"id": "a.npz", **said})
    assert made.datasets == ("b.npz", "a.npz")
    plain, run = made.runs()
    assert plain == next(suite("b.npz").runs())
    assert run.full_reading == Reading.model_validate(said)
    assert run != next(suite("a.npz").runs())
    assert run.run_id == next(suite("a.npz").runs()).run_id
    for spec, kind in ((run, RunSpec), (made, Suite)):
        assert kind.model_validate_json(spec.model_dump_json()) == spec


def test_where_nothing_is_said_nothing_is_written() -> None:
    """Records, the files of suites and the identities of reductions stay what they were."""
    made = suite("a.npz", {"id": "b.npz", "environment": "E-v0"})
    assert "reading" not in made.model_dump_json()
    assert made.environments == {"b.npz": "E-v0"}
    for run in made.runs():
        assert "reading" not in json.loads(run.model_dump_json())
    assert Reading(reference_min=0.0).model_dump() == {"reference_min": 0.0}


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ({"environment": "E-v0"}, "an id is needed"),
        ({"id": 3, "environment": "E-v0"}, "an id is needed"),
        ({"id": "a.npz", "reward": "r"}, "reference_min, reference_max, actions"),
        ({"id": "a.npz", "actions": "both"}, "'discrete' or 'continuous'"),
        ({"id": "a.npz", "action_count": 0}, "greater than 0"),
        ({"id": "a.npz", "reference_min": 2, "reference_max": 1}, "swap or correct them"),
        ({"id": "a.npz", "actions": "continuous", "action_count": 2}, "leave one out"),
    ],
)
def test_wrong_tables_are_refused(entry: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        suite(entry)


@pytest.mark.parametrize(
    ("others", "rule"),
    [
        ({"readings": {"b.npz": {"actions": "discrete"}}}, "not in the suite's datasets"),
        ({"readings": {"a.npz": {"environment": "E-v0"}}}, "it is said in environments"),
        ({"readings": ["a.npz"]}, "a table by dataset"),
        ({"environments": 3}, "a table by dataset"),
        (
            {"readings": {"a.npz": {"actions": "discrete"}}, "task": "regression"},
            "neither discount",
        ),
    ],
)
def test_what_is_said_of_no_dataset_is_refused(others: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        suite("a.npz", **others)


def test_options_say_more_of_a_suites_only_dataset() -> None:
    made = suite({"id": "a.npz", "environment": "E-v0", "reference_max": 9, "actions": "discrete"})
    told = as_read(made, Reading(reference_max=7.0, environment="F-v0", map={"rewards": "r"}))
    (run,) = told.runs()
    assert run.full_reading == Reading(
        environment="F-v0", reference_max=7.0, actions="discrete", map={"rewards": "r"}
    )
    with pytest.raises(InputError, match="swap or correct"):
        as_read(made, Reading(reference_min=9.5))
    with pytest.raises(InputError, match="environment 'F-v0' for 2 datasets of control"):
        as_read(suite("a.npz", "b.npz"), Reading(environment="F-v0"))
