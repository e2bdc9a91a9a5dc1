"""Suites whose tables sweep are the suites with every entry written out."""

from __future__ import annotations

from typing import Any

import pytest

from harness.core.errors import InputError
from harness.core.specs import Suite
from harness.suites.loading import parse_suite

HEAD = """
name = "swept"
description = ""
datasets = ["a.npz"]
sizes = [10]
seeds = [0]
learners = [{ name = "dqn", sweep = { steps = [800, 1600] }, datasets = ["a.npz"] }]

[[reducers]]
name = "bellman"
"""


def entries(tables: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(table.label, table.parameters) for table in tables]


def test_a_sweep_stands_for_the_product_of_its_values() -> None:
    suite = parse_suite(
        f"""{HEAD}
        label = "{{actions}}-k{{predictors}}"
        parameters = {{ iterations = 9 }}
        sweep = {{ actions = ["additive", "product"], predictors = [5, 20] }}
        [[reducers]]
        name = "random"
        """,
        "swept",
    )
    assert entries(suite.reducers) == [
        ("additive-k5", {"iterations": 9, "actions": "additive", "predictors": 5}),
        ("additive-k20", {"iterations": 9, "actions": "additive", "predictors": 20}),
        ("product-k5", {"iterations": 9, "actions": "product", "predictors": 5}),
        ("product-k20", {"iterations": 9, "actions": "product", "predictors": 20}),
        ("random", {}),
    ]
    assert entries(suite.learners) == [
        ("dqn-steps800", {"steps": 800}),
        ("dqn-steps1600", {"steps": 1600}),
    ]
    assert {learner.datasets for learner in suite.learners} == {("a.npz",)}
    kept = suite.model_dump_json()
    assert "sweep" not in kept
    assert Suite.model_validate_json(kept) == suite


@pytest.mark.parametrize(
    ("sweep", "labels"),
    [
        ("predictors = [5, 20]", ["bellman-predictors5", "bellman-predictors20"]),
        (
            "terminated_share = [0.02, 1e-5]",
            ["bellman-terminated-share0.02", "bellman-terminated-share1e-05"],
        ),
        ('law = ["gaussian-unit"], predictors = [5]', ["bellman-lawgaussian-unit-predictors5"]),
    ],
)
def test_labels_are_made_of_names_and_values(sweep: str, labels: list[str]) -> None:
    suite = parse_suite(f"{HEAD}sweep = {{ {sweep} }}", "swept")
    assert [reducer.label for reducer in suite.reducers] == labels


def test_values_that_labels_cannot_hold_are_written_by_what_they_can() -> None:
    suite = parse_suite(
        HEAD.replace("steps = [800, 1600]", "hidden_units = [[64, 64], [8]]"), "swept"
    )
    assert [learner.label for learner in suite.learners] == [
        "dqn-hidden-units64-64",
        "dqn-hidden-units8",
    ]


@pytest.mark.parametrize(
    ("table", "rule"),
    [
        ("sweep = { predictors = [] }", "'bellman' sweeps predictors = []: give a list"),
        ("sweep = { predictors = 5 }", "'bellman' sweeps predictors = 5: give a list"),
        ('sweep = { law = "network" }', "'bellman' sweeps law = 'network': give a list"),
        ("sweep = {}", "must map parameters to lists"),
        ("sweep = [5]", "must map parameters to lists"),
        (
            "sweep = { predictors = [5, 6] }\nparameters = { predictors = 7 }",
            "has predictors in sweep and in parameters",
        ),
        ('sweep = { predictors = [5, 6] }\nlabel = "b{k}"', "has 'k' in braces"),
        ('sweep = { predictors = [5, 6] }\nlabel = "b"', "label 'b' is the same for two"),
        ("sweep = { predictors = [5, 5] }", "is the same for two"),
        ('sweep = { predictors = [5, 6] }\nlabel = "B{predictors}"', "'B5': String should match"),
        ('sweep = { predictors = [5, 6] }\nlabel = "b{"', "is the same for two"),
        ("sweep = { predictors = [5, 6] }\nlabel = 3", "label = 3: Input should be a valid string"),
        ("sweep = { predictors = [5, 6] }\nparameters = 3", "parameters = 3: Input should be"),
        ('label = "b{predictors}"', "'b{predictors}': String should match"),
        ("sweep = { predicors = [5, 6] }", "did you mean 'predictors'"),
        (
            'sweep = { predictors = [5] }\n[[reducers]]\nname = "random"\n'
            'label = "bellman-predictors5"',
            "is the id of two runs",
        ),
    ],
)
def test_bad_sweeps_are_refused_in_a_line(table: str, rule: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_suite(HEAD + table, "swept")
    assert rule in str(caught.value)
    assert "\n" not in str(caught.value)


def test_default_labels_of_a_sweep_say_labels_and_control() -> None:
    suite = parse_suite(
        f"""{HEAD}
        labels = "advantage"
        control = "constant"
        sweep = {{ predictors = [5, 20] }}
        """,
        "swept",
    )
    assert [reducer.label for reducer in suite.reducers] == [
        "bellman-predictors5-advantage-constant",
        "bellman-predictors20-advantage-constant",
    ]
