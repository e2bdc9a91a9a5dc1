"""What Weights & Biases and MLflow are told, by stand-ins of both that keep it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from harness.core.errors import InputError
from harness.core.records import RunRecord
from harness.execution.tracking.base import Tracker
from harness.execution.tracking.mlflow import MLflow
from harness.execution.tracking.tensorboard import TensorBoard
from harness.execution.tracking.wandb import WeightsAndBiases
from tests.support.records.control import make_run
from tests.support.records.regression import make_regression

DONE = make_run([10.0, 40.0], arm="random", size=50, seed=3)
FAILED = make_run(None, seed=1)
CURVE = [  # the episodes of `make_run` return one less and one more than their mean
    (500, {"mean_return": 10.0, "min_return": 9.0, "max_return": 11.0}),
    (1000, {"mean_return": 40.0, "min_return": 39.0, "max_return": 41.0}),
]


def stand_in(patch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    vars(module).update(members)
    patch.setitem(sys.modules, name, module)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Every call of either library, in order."""
    calls: list[tuple[Any, ...]] = []

    def keep(name: str) -> Any:
        return lambda *values, **named: calls.append((name, *values, *named.values()))

    run = SimpleNamespace(
        log=keep("log"), summary=SimpleNamespace(update=keep("summary")), finish=keep("finish")
    )

    def init(**named: Any) -> Any:
        calls.append(("init", named))
        return run

    stand_in(monkeypatch, "wandb", init=init)
    names = ("set_experiment", "start_run", "log_params", "log_metrics", "set_tag", "end_run")
    stand_in(monkeypatch, "mlflow", **{name: keep(name) for name in names})
    monkeypatch.delenv("WANDB_MODE", raising=False)
    return calls


def test_wandb_gets_settings_curve_and_measurements(told: list[tuple[Any, ...]]) -> None:
    WeightsAndBiases("study").write(DONE)
    (_, begun), *curve, (_, summary), end = told
    assert (begun["project"], begun["name"], begun["mode"]) == ("study", DONE.run_id, "offline")
    settings = {"arm": "random", "size": 50, "learner": "fqi", "seed": 3, "labels": "recorded"}
    assert settings.items() <= begun["config"].items()
    assert curve == [("log", values, step) for step, values in CURVE]
    assert (summary["headline"], summary["seconds_training"]) == (25.0, 1.0)
    assert end == ("finish", 0)


def test_wandb_goes_online_where_the_environment_says(
    told: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    WeightsAndBiases("study").write(FAILED)
    (_, begun), *rest = told
    assert begun["mode"] == "online"
    assert rest == [
        ("summary", {}),
        ("summary", {"failure": "ValueError: diverged"}),
        ("finish", 1),
    ]


def test_mlflow_gets_settings_curve_and_measurements(told: list[tuple[Any, ...]]) -> None:
    MLflow("study").write(DONE)
    experiment, start, (_, settings), *curve, (_, final), end = told
    assert (experiment, start) == (("set_experiment", "study"), ("start_run", DONE.run_id))
    assert (settings["arm"], settings["seed"]) == ("random", 3)
    assert "control" not in settings  # MLflow would write the word None
    assert curve == [("log_metrics", values, step) for step, values in CURVE]
    assert final["headline"] == 25.0
    assert end == ("end_run", "FINISHED")


def test_mlflow_ends_a_failed_run_as_such(told: list[tuple[Any, ...]]) -> None:
    MLflow("study").write(FAILED)
    assert told[-2:] == [("set_tag", "failure", "ValueError: diverged"), ("end_run", "FAILED")]


def test_a_run_without_checkpoints_has_its_value_alone(told: list[tuple[Any, ...]]) -> None:
    record = make_regression(0.25)
    MLflow("study").write(record)
    assert [call[0] for call in told].count("log_metrics") == 1
    assert told[-2][1]["headline"] == 0.25


def test_records_pass_when_writing_fails(
    told: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        told.append(("refused",))
        raise ConnectionError("no route\nto host")

    def pass_on(_: Mapping[str, float], records: Iterator[RunRecord]) -> Iterator[RunRecord]:
        return records

    monkeypatch.setattr(sys.modules["wandb"], "init", refuse)
    watch = WeightsAndBiases("study").watched_by(pass_on)
    with caplog.at_level(logging.WARNING, "bellman_bench"):
        assert list(watch({}, iter([DONE, FAILED]))) == [DONE, FAILED]
    assert told == [("refused",)]
    (line,) = caplog.messages
    assert line.startswith("wandb 'study' failed (ConnectionError: no route)")


@pytest.mark.parametrize("tracker", [TensorBoard, WeightsAndBiases, MLflow])
def test_a_missing_library_is_said_before_any_run(
    tracker: type[Tracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.execution.tracking.base.find_spec", lambda _: None)
    with pytest.raises(InputError, match=rf"install bellman-bench\[{tracker.option}\]"):
        tracker("anywhere")
