from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from harness.core.classes.specs import LearnerSpec, ReducerSpec
from harness.core.specs import Suite, slug


def suite(**changes: Any) -> Suite:
    values: dict[str, Any] = {
        "name": "tiny",
        "description": "",
        "datasets": ["classic/cartpole/medium-v0"],
        "reducers": [{"name": "full"}, {"name": "random"}],
        "sizes": [10, 20],
        "learners": [{"name": "dqn"}, {"name": "fqi"}],
        "seeds": [0, 1],
    }
    return Suite.model_validate(values | changes)


def test_a_suite_is_the_product_of_its_values_with_full_data_once() -> None:
    runs = list(suite().runs())
    assert len(runs) == 2 * (1 + 2) * 2
    assert [run.size for run in runs if run.reducer.name == "full"] == [None] * 4


def test_run_ids_are_made_of_values() -> None:
    ids = [run.run_id for run in suite().runs()]
    assert ids[0] == "classic-cartpole-medium-v0__full__all__dqn__seed0"
    assert ids[2] == "classic-cartpole-medium-v0__random__n10__dqn__seed0"
    assert len(set(ids)) == len(ids)


def test_adding_runs_changes_no_other_run() -> None:
    more = suite(sizes=[5, 10, 20], seeds=[0, 1, 2])
    wider = {run.run_id: run for run in more.runs()}
    for run in suite().runs():
        assert wider[run.run_id] == run


def test_replicates_share_everything_but_the_learner_seed() -> None:
    twice = {run.run_id: run for run in suite(replicates=2).runs()}
    assert len(twice) == 2 * len(list(suite().runs()))
    for run in suite().runs():
        assert twice[run.run_id] == run
        assert twice[f"{run.run_id}__rep1"] == run.model_copy(update={"replicate": 1})


def test_a_learner_may_be_for_some_datasets_alone() -> None:
    some = suite(
        datasets=["a.npz", "b.npz"],
        learners=[
            {"name": "dqn", "datasets": ["a.npz"], "parameters": {"steps": 80}},
            {"name": "dqn", "datasets": ["b.npz"], "parameters": {"steps": 160}},
            {"name": "fqi"},
        ],
    )
    runs = list(some.runs())
    assert {(run.dataset, run.learner.label) for run in runs} == {
        (dataset, learner) for dataset in ("a.npz", "b.npz") for learner in ("dqn", "fqi")
    }
    for run in runs:
        if run.learner.name == "dqn":
            assert run.learner.parameters == {"steps": 80 if run.dataset == "a.npz" else 160}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"sizes": [0]}, "greater than 0"),
        ({"sizes": []}, "at least 1 item"),
        ({"seeds": [-1]}, "greater than or equal to 0"),
        ({"seeds": [0, 0]}, "is the id of two runs"),
        ({"datasets": ["é.npz", "ä.npz"]}, "'é.npz' and 'ä.npz' are both 'npz' in .*rename one"),
        ({"reducers": [{"name": "random"}, {"name": "random"}]}, "different labels"),
        ({"reducers": [{"name": "random", "label": "../up"}]}, "match pattern"),
        ({"discount": 1.0}, "less than 1"),
        ({"episode": 3}, "Extra inputs"),
        ({"learners": [{"name": "dqn", "datasets": ["elsewhere"]}]}, "must be among the suite's"),
        ({"learners": [{"name": "dqn", "datasets": []}]}, "for datasets none"),
        ({"learners": [{"name": "dqn", "reducers": ["exact"]}]}, "must be among the suite's"),
        ({"reducers": [{"name": "random", "sizes": [7]}]}, "must be among the suite's"),
        ({"reducers": [{"name": "random", "datasets": ["b"]}]}, "must be among the suite's"),
        ({"reducers": [{"name": "random", "learners": ["bc"]}]}, "must be among the suite's"),
        ({"learners": [{"name": "dqn", "reducers": ["full"]}]}, "no learner for reducer 'random'"),
        ({"reducers": [{"name": "random", "sizes": [10]}]}, r"no reducer for sizes \[20\]"),
        (
            {
                "learners": [{"name": "dqn", "reducers": ["full"]}, "fqi"],
                "reducers": ["random", {"name": "full", "learners": ["fqi"]}],
            },
            "nothing for learner 'dqn'",
        ),
        ({"reducers": [{"name": "full", "sizes": [10]}]}, "leave sizes out"),
        ({"reducers": [{"name": "random", "control": "loud"}]}, "'constant' or 'permuted'"),
        ({"reducers": [{"name": "random", "control": True}]}, "'constant' or 'permuted'"),
        ({"reducers": [{"name": "random", "labels": 3}]}, "valid dictionary"),
        ({"reducers": [{"name": "random", "labels": ["advantage"]}]}, "valid dictionary"),
        ({"reducers": [{"name": "random", "labels": {"teacher": "learner"}}]}, "required"),
        (
            {"reducers": [{"name": "random", "labels": {"name": "recorded", "when": "before"}}]},
            "give the name alone",
        ),
        ({"reducers": [{"name": "full", "label": "full", "control": "constant"}]}, "stands for"),
        ({"codebook": {"method": "guess"}}, "'kmeans', 'bins' or 'product'"),
        ({"codebook": {"size": 1}}, "greater than or equal to 2"),
        ({"replicates": 0}, "greater than 0"),
    ],
)
def test_bad_suites_are_refused(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        suite(**changes)


def test_labels_tell_variants_of_a_reducer_apart() -> None:
    variants = [
        {"name": "bellman", "label": f"bellman-k{k}", "parameters": {"predictors": k}}
        for k in (20, 100)
    ]
    labels = {run.reducer.label for run in suite(reducers=variants).runs()}
    assert labels == {"bellman-k20", "bellman-k100"}
    assert ReducerSpec(name="bellman").label == "bellman"
    assert LearnerSpec(name="dqn").label == "dqn"


def test_slugs_are_fit_for_file_names() -> None:
    assert slug("../data/My set (1).npz") == "data-My-set-1-.npz"


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        ("recorded", "random"),
        ({"name": "recorded"}, "random"),
        ("advantage", "random-advantage"),
        ({"name": "shaped", "parameters": {"gap": 1.0}}, "random-shaped"),
    ],
)
def test_labels_are_part_of_a_reducer_and_its_label(labels: Any, label: str) -> None:
    reducer = ReducerSpec.model_validate({"name": "random", "labels": labels})
    assert reducer.label == label
    assert (reducer.labels is None) == (label == "random")
    assert ReducerSpec.model_validate_json(reducer.model_dump_json()) == reducer


def test_arms_that_differ_by_labels_alone_are_two() -> None:
    both = suite(reducers=["random", {"name": "random", "labels": "advantage"}])
    assert {run.reducer.label for run in both.runs()} == {"random", "random-advantage"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "regression", "learners": ["ridge"]}, "neither rewards nor actions"),
        ({"learners": [{"name": "dqn", "labels": "advantage"}]}, "labels"),
    ],
)
def test_labels_are_refused_where_there_are_none(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        suite(reducers=[{"name": "random", "labels": "advantage"}], **changes)


def test_labels_of_somebody_need_a_label() -> None:
    with pytest.raises(ValidationError, match="needs a label"):
        ReducerSpec.model_validate({"name": "random", "labels": "mine:Labels"})


@pytest.mark.parametrize(
    ("reducer", "label"),
    [
        ({"name": "full", "control": "constant"}, "full-constant"),
        ({"name": "random", "control": "permuted"}, "random-permuted"),
        ({"name": "random", "labels": "shaped", "control": "constant"}, "random-shaped-constant"),
    ],
)
def test_a_control_is_an_arm_of_its_own(reducer: dict[str, Any], label: str) -> None:
    arm = ReducerSpec.model_validate(reducer)
    assert arm.label == label
    assert ReducerSpec.model_validate_json(arm.model_dump_json()) == arm


def test_controls_are_refused_where_there_is_no_reward() -> None:
    arm = {"name": "random", "control": "constant"}
    with pytest.raises(ValidationError, match="neither rewards nor actions"):
        suite(task="regression", reducers=[arm], learners=["ridge"])


def test_an_arm_may_be_for_some_datasets_alone() -> None:
    some = suite(
        datasets=["a.npz", "b.npz"], reducers=["full", {"name": "random", "datasets": ["a.npz"]}]
    )
    found = {(run.dataset, run.reducer.label) for run in some.runs()}
    assert found == {("a.npz", "full"), ("b.npz", "full"), ("a.npz", "random")}


def test_an_arm_may_be_for_some_sizes_and_learners_alone() -> None:
    some = suite(
        reducers=["full", {"name": "random", "sizes": [20]}, {"name": "exact", "learners": ["bc"]}],
        learners=["dqn", {"name": "bc", "reducers": ["exact", "full"]}],
        seeds=[0],
    )
    found = {(run.reducer.label, run.size, run.learner.label) for run in some.runs()}
    assert found == {
        ("full", None, "dqn"),
        ("full", None, "bc"),
        ("random", 20, "dqn"),
        ("exact", 10, "bc"),
        ("exact", 20, "bc"),
    }
    assert all(type(run.reducer) is ReducerSpec for run in some.runs())


def test_the_engine_is_the_suites_unless_a_learner_names_one() -> None:
    learners = [{"name": "dqn"}, {"name": "dqn", "engine": "d3rlpy"}]
    runs = list(suite(engine="fast", learners=learners).runs())
    assert {(run.learner.label, run.engine) for run in runs} == {
        ("dqn", "fast"),
        ("dqn-d3rlpy", "d3rlpy"),
    }
    assert {run.engine for run in suite().runs()} == {"d3rlpy"}
    assert "engine" not in runs[0].learner.model_dump()


@pytest.mark.parametrize(
    "changes",
    [
        {"engine": "fast"},
        {"learners": [{"name": "ridge", "engine": "fast"}]},
    ],
)
def test_regression_has_no_engine(changes: dict[str, Any]) -> None:
    values: dict[str, Any] = {"task": "regression", "learners": [{"name": "ridge"}]}
    with pytest.raises(ValidationError, match="engine: remove them"):
        suite(**(values | changes))


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValidationError, match="'d3rlpy' or 'fast'"):
        suite(engine="quick")
